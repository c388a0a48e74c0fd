"""lamina itself, in the environment that runs this benchmark."""

from peers._keras_api import Job

LABEL = "lamina"
FACE = "model_keras"
REQUIRES = ()
ENVIRON = {}


def load():
    import lamina

    return lamina


start = Job

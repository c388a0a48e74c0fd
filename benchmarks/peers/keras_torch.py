"""Keras 3 on its torch backend."""

from peers._keras_api import PLOTTING, Job

LABEL = "Keras on torch"
FACE = "model_keras"
REQUIRES = ("torch==2.13.0", "keras", *PLOTTING)
ENVIRON = {"KERAS_BACKEND": "torch"}


def load():
    import keras

    return keras


def start(keras, workload):
    return Job(keras, workload, draws=bool(PLOTTING))

"""Keras 3 on its JAX backend."""

from peers._keras_api import PLOTTING, Job

LABEL = "Keras on JAX"
FACE = "model_keras"
REQUIRES = ("keras", "jax", *PLOTTING)
ENVIRON = {"KERAS_BACKEND": "jax"}


def load():
    import keras

    return keras


def start(keras, workload):
    return Job(keras, workload, draws=bool(PLOTTING))

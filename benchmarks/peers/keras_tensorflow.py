"""Keras 3 on its TensorFlow backend."""

from peers._keras_api import PLOTTING, Job

LABEL = "Keras on TensorFlow"
FACE = "model_keras"
REQUIRES = ("keras", "tensorflow-cpu", *PLOTTING)
ENVIRON = {"KERAS_BACKEND": "tensorflow"}


def load():
    import keras

    return keras


def start(keras, workload):
    return Job(keras, workload, draws=bool(PLOTTING))

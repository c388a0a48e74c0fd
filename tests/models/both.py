"""One story told to lamina and to real Keras, which must answer alike."""

import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

import lamina


def answers(story):
    """What the story says in Keras and in lamina."""
    told = []
    for library in (keras, lamina):
        library.utils.clear_session()
        with warnings.catch_warnings():
            if library is keras:
                warnings.simplefilter("ignore")
            told.append(story(library))
    return told


def check(story):
    """Both libraries give the same answers, which `shown` made comparable."""
    theirs, ours = answers(story)
    assert ours == theirs


def shown(x):
    """Arrays and symbolic tensors by shape and dtype, variables by path, layers by name."""
    if isinstance(x, dict):
        return {k: shown(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(shown(v) for v in x)
    if hasattr(x, "path"):
        return x.path
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return (tuple(x.shape), str(x.dtype))
    return x


def outcome(f):
    """What `f` returns, or the kind of its error."""
    try:
        return shown(f())
    except Exception as error:
        return type(error).__name__


def ones(*shape):
    return np.ones(shape, "float32")

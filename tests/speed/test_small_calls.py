"""Calls on a few rows beside Keras on JAX: the fastest of many, taken in turns."""

from time import perf_counter

import jax
import keras
import numpy as np
import pytest

import lamina

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.eye(2, dtype="float32")[(X.sum(1) > 0).astype(int)]

# Call -> the part of Keras' time that it may take. Measured alone: 0.05, 0.7, 0.8, 0.3, 0.2.
CALLS = {
    "predict": (lambda model: model.predict(X[:1], verbose=0), 1 / 4),
    "call": (lambda model: jax.block_until_ready(model(X)), 1.2),
    "evaluate": (lambda model: model.evaluate(X, Y, verbose=0), 1.2),
    "train_on_batch": (lambda model: model.train_on_batch(X, Y), 0.8),
    "test_on_batch": (lambda model: model.test_on_batch(X, Y), 0.8),
}


@pytest.fixture(scope="module")
def models():
    """The same net of three layers, of lamina and of Keras."""

    def make(api):
        dense = api.layers.Dense
        model = api.Sequential(
            [api.Input((3,)), dense(4, "relu"), dense(4, "relu"), dense(2, "softmax")]
        )
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    return make(lamina), make(keras)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_on_a_few_rows_costs_no_more_than_in_keras(models, name):
    call, share = CALLS[name]
    fastest = [np.inf, np.inf]
    for turn in range(60):
        for i, model in enumerate(models):
            begun = perf_counter()
            call(model)
            if turn >= 3:  # the first ones compile
                fastest[i] = min(fastest[i], perf_counter() - begun)
    assert fastest[0] < share * fastest[1]

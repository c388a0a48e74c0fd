"""A net of one layer on 22 rows: batches of 5 leave one of 2."""

import multiprocessing
import threading

import numpy as np
import pytest

import lamina
from lamina import layers

BATCH = 5


@pytest.fixture(scope="session")
def rows():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(22, 3)).astype("float32")
    return x, (x.sum(1, keepdims=True) > 0).astype("float32")


@pytest.fixture
def net():
    def make(**options):
        model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1, activation="sigmoid")])
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        model.compile(
            lamina.optimizers.SGD(0.5), "binary_crossentropy", metrics=["accuracy"], **options
        )
        return model

    return make


@pytest.fixture
def batches(rows):
    x, y = rows
    return [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(x), BATCH)]


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No thread and no process outlives a test."""
    yield
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina")]
    assert not multiprocessing.active_children()

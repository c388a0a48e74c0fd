"""A small data set and small nets. Shapes are few, since each new one compiles."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

import lamina
from lamina._training import program

ROWS = 22  # with batches of 5: four whole ones and one of 2


@pytest.fixture(scope="session")
def people():
    """22 rows of three numbers, one-hot labels `y`, class numbers `number`."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, 3)).astype("float32")
    number = (x.sum(1) > 0).astype("int32")
    return SimpleNamespace(x=x, number=number, y=np.eye(2, dtype="float32")[number])


@pytest.fixture
def net() -> Callable:
    """Makes the tutorial's net, compiled; with fixed weights, so that two of them start alike."""

    def make(optimizer="sgd", metrics=("accuracy",), **options):
        model = lamina.Sequential(
            [
                lamina.Input((3,)),
                lamina.layers.Dense(4, activation="relu"),
                lamina.layers.Dense(2, activation="softmax"),
            ]
        )
        draw = np.random.default_rng(1)
        model.set_weights([draw.normal(size=w.shape) for w in model.weights])
        model.compile(optimizer, loss="categorical_crossentropy", metrics=list(metrics), **options)
        return model

    return make


@pytest.fixture(params=[False, True], ids=["small state", "donated state"])
def both_paths(request, monkeypatch):
    """Run a test with states that are copied, as small ones are, and again with donated ones."""
    if request.param:
        monkeypatch.setattr(program, "DONATE_FROM", 0)
    return request.param

"""What `fit` says about data that it can work with and that still looks like a mistake."""

import re

import numpy as np
import pytest

import lamina
from lamina import layers

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3)).astype("float32")
KIND = DRAW.integers(0, 3, size=60)


def said(capsys, x, y, *middle, last=("softmax", 3), loss="sparse_categorical_crossentropy", **fit):
    activation, units = last
    model = lamina.Sequential(
        [
            lamina.Input(x.shape[1:]),
            *middle,
            layers.Dense(units, activation=activation, name="last"),
        ]
    )
    model.compile("sgd", loss)
    capsys.readouterr()
    model.fit(x, y, **{"verbose": 2, "epochs": 0, **fit})
    first = capsys.readouterr().out
    model.fit(x, y, **{"verbose": 2, "epochs": 0, **fit})
    assert "Note" not in capsys.readouterr().out  # once is enough
    return [line for line in first.splitlines() if line.startswith("Note: ")]


SORTED = np.sort(KIND)
CONSTANT = np.where(np.arange(3) == 1, np.float32(4), X)
BINARY, HOT = (KIND > 0).astype("int32"), np.eye(3, dtype="float32")[KIND]
PICTURES = DRAW.integers(0, 256, size=(60, 2, 2))
CE = "categorical_crossentropy"
SUSPICIOUS = {
    "unscaled table": ({"x": X * 100 + 500}, r"values from .* about 1: as \(x - x.mean\(0\)\)"),
    "unscaled pictures": ({"x": PICTURES, "flat": True}, "as x / 255"),
    "constant column": ({"x": CONSTANT}, "column 1 of x has one value only"),
    "one class": ({"y": KIND * 0 + 2}, "all labels are 2"),
    "sorted": ({"y": SORTED, "validation_split": 0.2}, "sorted by label.* of class 2: shuffle"),
    "sorted one-hot": ({"y": np.eye(3)[SORTED], "loss": CE, "validation_split": 0.2}, "sorted"),
    "no sigmoid": ({"y": BINARY, "last": (None, 1), "loss": "binary_crossentropy"},
                   "'last' has no activation: use activation='sigmoid'"),
    "no softmax": ({"y": HOT, "last": (None, 3), "loss": CE}, "use activation='softmax'"),
    "logits twice": ({"loss": lamina.losses.SparseCategoricalCrossentropy(from_logits=True)},
                     "leave one of both out"),
}  # fmt: skip


@pytest.mark.parametrize("case", SUSPICIOUS)
def test_what_looks_like_a_mistake_is_said_once_in_one_line(capsys, case):
    options, pattern = SUSPICIOUS[case]
    options = {"x": X, "y": KIND, **options}
    flat = [layers.Flatten()] * options.pop("flat", False)
    lines = said(capsys, options.pop("x"), options.pop("y"), *flat, **options)
    assert len(lines) == 1
    assert re.search(pattern, lines[0]), lines[0]


QUIET = {
    "nothing wrong": {},
    "scaled by a layer": {"x": X * 100, "middle": [layers.Rescaling(0.01)]},
    "pictures less their mean": {"x": X * 60},
    "normalized": {"x": X * 100, "middle": [layers.BatchNormalization()]},
    "numbers of words": {"x": KIND[:, None].repeat(3, 1) * 90,
                         "middle": [layers.Embedding(200, 2), layers.Flatten()]},
    "sorted, but held-out data is given": {"y": SORTED, "validation_data": (X, KIND)},
    "a few rows": {"x": X[:4] * 0 + 50, "y": KIND[:4]},
    "a quantity": {"y": np.sort(X[:, :1], axis=0), "last": (None, 1), "loss": "mse",
                   "validation_split": 0.2},
    "logits": {"last": (None, 3),
               "loss": lamina.losses.SparseCategoricalCrossentropy(from_logits=True)},
    "silent": {"y": SORTED, "validation_split": 0.2, "verbose": 0},
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_nothing_is_said_of_what_is_as_it_should_be(capsys, case):
    options = {"x": X, "y": KIND, **QUIET[case]}
    assert (
        said(capsys, options.pop("x"), options.pop("y"), *options.pop("middle", ()), **options)
        == []
    )


def test_notes_can_be_switched_off(capsys):
    lamina.config.disable_data_notes()
    try:
        assert said(capsys, CONSTANT, KIND) == []
    finally:
        lamina.config.enable_data_notes()

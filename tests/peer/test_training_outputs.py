"""Losses, weights and metrics of nested outputs beside real Keras: names, order and values."""

import keras
import numpy as np
import pytest

import lamina

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(22, 3)).astype("float32")
KIND = np.eye(2, dtype="float32")[(X.sum(1) > 0).astype(int)]
SIZE = DRAW.normal(size=(22, 1)).astype("float32")
WEIGHT = DRAW.uniform(size=22).astype("float32")


def model_of(api, form):
    x = api.Input((3,))
    hidden = api.layers.Dense(4, activation="tanh")(x)
    kind = api.layers.Dense(2, activation="softmax", name="kind")(hidden)
    size, extra = (api.layers.Dense(1, name=name)(hidden) for name in ("size", "extra"))
    model = api.Model(x, form(kind, size, extra))
    draw = np.random.default_rng(5)
    model.set_weights([draw.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    return model


CE = "categorical_crossentropy"
NESTED = {
    "dictionary of a list": (
        lambda kind, size, extra: {"group": [kind, size], "single": extra},
        {
            "loss": {"group": [CE, "mse"], "single": "mae"},
            "loss_weights": {"group": [0.5, 2.0], "single": 3.0},
            "metrics": {"group": [["accuracy"], ["mae"]], "single": ["mse"]},
        },
    ),
    "list of a list": (
        lambda kind, size, extra: [kind, [size, extra]],
        {
            "loss": [CE, ["mse", "mae"]],
            "weighted_metrics": ["accuracy", ["mae", ["mse", "mae"]]],
        },
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_outputs(name):
    form, options = NESTED[name]
    labels, results = form(KIND, SIZE, SIZE), []
    for api in (keras, lamina):
        model = model_of(api, form)
        model.compile(api.optimizers.SGD(0.1), **options)
        fitted = model.fit(X, labels, 5, 2, shuffle=False, verbose=0)
        values = model.evaluate(X, labels, batch_size=5, sample_weight=WEIGHT, verbose=0)
        results.append((fitted.history, values))
    (theirs, their_values), (ours, our_values) = results
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        assert ours[key] == pytest.approx(values, abs=1e-4), key
    assert our_values == pytest.approx(their_values, abs=1e-4)

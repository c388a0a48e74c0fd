"""fit, evaluate and predict on what gives batches, beside real Keras on JAX."""

from itertools import cycle

import keras
import numpy as np
import pandas as pd
import pytest

import lamina

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(22, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
WEIGHTS = DRAW.uniform(0.5, 2, 22).astype("float32")
BATCHES = [(X[i : i + 5], Y[i : i + 5]) for i in range(0, 22, 5)]
WEIGHTED = [(x, y, WEIGHTS[5 * i : 5 * i + 5]) for i, (x, y) in enumerate(BATCHES)]


def numbered(api, batches, **options):
    class Numbered(api.utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

    return Numbered(**options)


def endless(batches=BATCHES):
    yield from cycle(batches)


# What fit is given, as a function of the library.
SCENARIOS = {
    "generator": lambda api: ((endless(),), {"steps_per_epoch": 5}),
    "generator, fewer steps": lambda api: ((endless(),), {"steps_per_epoch": 3}),
    "one pass": lambda api: ((iter(map(tuple, BATCHES)),), {"epochs": 1})
    if api is lamina
    else (((b for b in BATCHES),), {"epochs": 1}),
    "weights in batches": lambda api: ((endless(WEIGHTED),), {"steps_per_epoch": 5}),
    "PyDataset": lambda api: ((numbered(api, BATCHES),), {}),
    "PyDataset with threads": lambda api: ((numbered(api, BATCHES, workers=2),), {}),
    "PyDataset, class_weight": lambda api: (
        (numbered(api, BATCHES),), {"class_weight": {0: 1.0, 1: 4.0}},
    ),
    # With several epochs Keras reads the first two batches of a generator again and again.
    "validated by a generator": lambda api: (
        (X, Y), {"validation_data": endless(), "validation_steps": 2, "batch_size": 5, "epochs": 1},
    ),
    "validated by a PyDataset": lambda api: (
        (endless(),),
        {"steps_per_epoch": 5, "validation_data": numbered(api, WEIGHTED), "validation_freq": 2},
    ),
    "frames": lambda api: (
        (pd.DataFrame(X), pd.DataFrame(Y)),
        {"sample_weight": pd.Series(WEIGHTS), "validation_split": 0.3, "batch_size": 5},
    ),
    "arrays by steps": lambda api: ((X, Y), {"steps_per_epoch": 2, "batch_size": 5, "epochs": 2}),
}  # fmt: skip


@pytest.fixture(scope="module")
def models():
    made = []
    for api in (lamina, keras):
        model = api.Sequential([api.Input((3,)), api.layers.Dense(1, activation="sigmoid")])
        model.compile(
            api.optimizers.SGD(0.3), "binary_crossentropy", metrics=["accuracy"],
            weighted_metrics=["mae"],
        )  # fmt: skip
        made.append(model)
    return made


@pytest.mark.filterwarnings("ignore:.*input ran out of data.*")
@pytest.mark.parametrize("name", SCENARIOS)
def test_histories(models, name):
    results = []
    for model, api in zip(models, (lamina, keras), strict=True):
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        arguments, options = SCENARIOS[name](api)
        options = {"epochs": 3, "shuffle": False, "verbose": 0} | options
        results.append((model.fit(*arguments, **options).history, model.get_weights()))
    (ours, weights), (theirs, their_weights) = results
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, atol=1e-4, err_msg=key)
    for a, b in zip(weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_evaluate_and_predict(models):
    results = []
    for model, api in zip(models, (lamina, keras), strict=True):
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        results.append(
            [
                model.evaluate(endless(WEIGHTED), steps=7, verbose=0),
                model.evaluate(numbered(api, BATCHES), steps=2, verbose=0),
                model.predict(endless(), steps=3, verbose=0),
                model.predict(numbered(api, BATCHES, workers=2), verbose=0),
            ]
        )
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)

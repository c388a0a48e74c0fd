"""A small net, compiled, and data for it; shapes are few, since each new one compiles."""

from types import SimpleNamespace

import numpy as np
import pytest

import lamina


@pytest.fixture(scope="session")
def data():
    """40 rows of three numbers, one-hot labels."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 3)).astype("float32")
    y = np.eye(2, dtype="float32")[(x.sum(1) > 0).astype("int32")]
    return SimpleNamespace(x=x, y=y, x_test=x[:16], y_test=y[:16])


@pytest.fixture(scope="module")
def _nets():
    return {}


@pytest.fixture
def net(_nets):
    """Makes the net with fixed weights; nets of one optimizer share one model and its programs."""

    def make(optimizer="sgd", **options):
        key = (str(optimizer), *sorted(options))
        if key not in _nets:
            layers = lamina.layers
            model = lamina.Sequential(
                [
                    lamina.Input((3,)),
                    layers.Dense(4, activation="relu", name="hidden"),
                    layers.Dense(2, activation="softmax", name="out"),
                ],
                name="net",
            )
            model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], **options)
            model.optimizer.build(model.trainable_variables)
            variables = [*model.variables, *model.optimizer.variables]
            draw = np.random.default_rng(1)
            for variable in model.variables:
                variable.assign(draw.normal(size=variable.shape))
            _nets[key] = model, variables, [v.numpy() for v in variables]
        model, variables, start = _nets[key]
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        return model

    return make


@pytest.fixture
def fit(data):
    """Fits on 40 rows in 5 batches, validated on 16 rows in 2."""

    def run(model, *callbacks, validate=True, **options):
        held = {"validation_data": (data.x_test, data.y_test)} if validate else {}
        options = {"batch_size": 8, "epochs": 3, "verbose": 0, **held, **options}
        return model.fit(data.x, data.y, callbacks=list(callbacks), **options)

    return run

"""The names of Keras' tables, and the aliases that its modules have, mean the same here."""

import importlib
import inspect

import keras
import pytest

import lamina

MODULES = ["activations", "constraints", "initializers", "losses", "metrics", "optimizers",
           "regularizers"]  # fmt: skip
# Abstract classes, or classes that need arguments: a name alone makes no object of them.
NO_OBJECTS = {
    "loss", "lossfunctionwrapper", "metric", "optimizer", "constraint", "initializer",
    "regularizer", "lossscaleoptimizer", "multioptimizer", "optimizermap", "constant",
}  # fmt: skip


def table(module):
    source = importlib.import_module(f"keras.src.{module}")
    names = source.ALL_OBJECTS_DICT
    return sorted(n for n in names if isinstance(n, str) and n.lower() not in NO_OBJECTS)


def found(library, module, name):
    """What a name stands for, as the name of a function or class."""
    try:
        item = getattr(library, module).get(name)
    except (TypeError, KeyError):
        return "needs arguments"
    return item.__name__ if inspect.isfunction(item) else type(item).__name__


@pytest.mark.parametrize("module", MODULES)
def test_strings(module):
    ours = {name: found(lamina, module, name) for name in table(module)}
    assert ours == {name: found(keras, module, name) for name in table(module)}


@pytest.mark.parametrize("module", [*MODULES, "optimizers.schedules", "dtype_policies", "random",
                                    "mixed_precision", "utils", "tree", "config"])  # fmt: skip
def test_attributes_that_are_one_object(module):
    """keras.losses.MSE is keras.losses.mean_squared_error, and so on."""
    theirs = importlib.import_module(f"keras.{module}")
    ours = importlib.import_module(f"lamina.{module}")
    by_object = {}
    for name, item in vars(theirs).items():
        if not name.startswith("_") and callable(item) and hasattr(ours, name):
            by_object.setdefault(id(item), []).append(name)
    assert by_object
    for names in by_object.values():
        assert len({id(getattr(ours, name)) for name in names}) == 1, names


# From ten years of scripts; what Keras 3 no longer knows is marked.
OLD = {
    "losses": {"kullback_leibler_divergence": "kl_divergence", "logcosh": "log_cosh",
               "cosine_proximity": "cosine_similarity"},
    "metrics": {"acc": "Accuracy", "accuracy": "Accuracy", "cosine_proximity": "CosineSimilarity"},
    "initializers": {"normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros",
                     "one": "Ones"},
    "optimizers": {"SGD": "SGD", "sgd": "SGD", "RMSprop": "RMSprop", "rmsprop": "RMSprop"},
    "activations": {"swish": "silu", "hard_swish": "hard_silu"},
    "constraints": {"maxnorm": "MaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"},
}  # fmt: skip


@pytest.mark.parametrize("module", OLD)
def test_old_strings(module):
    assert {name: found(lamina, module, name) for name in OLD[module]} == OLD[module]

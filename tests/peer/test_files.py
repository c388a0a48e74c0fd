"""Files of real Keras are read here, and those written here by real Keras: the same models."""

import importlib
import inspect
import os
import warnings
import zipfile

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import pytest

import lamina
from lamina.models import _operations

from .file_models import STORIES

# Tiny nets run once: XLA need not try hard.
_QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def outputs(model, x):
    compiled = jax.jit(lambda x: model(x)).lower(x).compile(compiler_options=_QUICK)
    return [np.asarray(y, "float64") for y in jax.tree.leaves(compiled(x))]


def randomized(weights, seed=1):
    """Other values for every float weight, above zero, as variances must be."""
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(0.1, 0.9, w.shape).astype(w.dtype) if "float" in str(w.dtype) else w
        for w in map(np.asarray, weights)
    ]


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def same(ours, theirs, tolerance=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


def equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(np.asarray(a, "float64"), np.asarray(b, "float64"))


@pytest.fixture(autouse=True)
def _simple_starts(monkeypatch):
    """Keras compiles its initializers for every shape; here all give ones, values are set later."""
    for name in ("VarianceScaling", "RandomUniform", "Zeros", "Ones"):
        kind = getattr(keras.initializers, name)
        monkeypatch.setattr(
            kind, "__call__", lambda self, shape, dtype=None: np.ones(shape, dtype or "float32")
        )


@pytest.mark.parametrize("name", STORIES)
def test_a_model_goes_to_keras_and_comes_back(name, tmp_path):
    story, there, back = STORIES[name], tmp_path / "there.keras", tmp_path / "back.keras"
    if story.own:
        story.make(keras)
    ours = story.make(lamina)
    ours.set_weights(randomized(ours.get_weights()))
    ours.save(there)
    theirs = keras.saving.load_model(there)
    equal(ours.get_weights(), theirs.get_weights())
    theirs.save(back)
    again = lamina.saving.load_model(back)
    equal(again.get_weights(), ours.get_weights())
    assert type(again) is type(ours)
    assert [w.name for w in again.weights] == [w.name for w in ours.weights]
    assert kinds(again) == kinds(theirs)
    x = story.data()
    expected = outputs(ours, x)
    same(expected, outputs(theirs, x))
    same(expected, outputs(again, x))


# --- optimizers and training --------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adam": {"amsgrad": True, "clipnorm": 1.0},
    "AdamW": {"use_ema": True, "ema_overwrite_frequency": 2},
    "Nadam": {},
    "Adamax": {"gradient_accumulation_steps": 2},
    "RMSprop": {"momentum": 0.1, "centered": True},
    "Adagrad": {},
    "Adadelta": {},
    "Adafactor": {},
    "Ftrl": {},
    "Lion": {},
    "Lamb": {},
    "LossScaleOptimizer": {},
}


def small(lib, **options):
    layers = [lib.Input((3,)), lib.layers.Dense(4, "relu"), lib.layers.BatchNormalization()]
    model = lib.Sequential([*layers, lib.layers.Dense(2)])
    model.compile(**{"loss": "mse", **options})
    return model


def optimizer_of(lib, name):
    if name == "LossScaleOptimizer":
        return lib.optimizers.LossScaleOptimizer(lib.optimizers.Adam(0.01))
    return getattr(lib.optimizers, name)(learning_rate=0.01, **OPTIMIZERS[name])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_an_optimizer_goes_along(name, tmp_path):
    path = tmp_path / "model.keras"
    state = {}
    for here, there in ((lamina, keras), (keras, lamina)):
        model = small(here, optimizer=optimizer_of(here, name))
        model.optimizer.build(model.trainable_variables)
        rng = np.random.default_rng(2)
        for v in model.optimizer.variables:
            v.assign(rng.uniform(1, 9, v.shape).astype(str(v.dtype)))
        model.save(path)
        loaded = there.saving.load_model(path)
        kept, found = (
            [np.asarray(v.value) for v in m.optimizer.variables] for m in (model, loaded)
        )
        equal(kept, found)
        state[here] = kept
        assert loaded.optimizer.name == model.optimizer.name
    equal(state[lamina], state[keras])  # the order of the variables is the same


def continued(model, x, y):
    history = model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
    return [history[key] for key in sorted(history)]


@pytest.mark.parametrize(
    "options",
    [
        lambda lib: {"optimizer": lib.optimizers.Adam(0.05), "metrics": ["mae"]},
        lambda lib: {
            "optimizer": lib.optimizers.SGD(
                lib.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9
            ),
            "loss": lib.losses.Huber(),
            "metrics": [lib.metrics.MeanAbsoluteError(name="m")],
        },
    ],
    ids=["adam", "schedule"],
)
def test_training_goes_on_where_it_stopped(options, tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "model.keras"
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    for here, there in ((lamina, keras), (keras, lamina)):
        model = small(here, **options(here))
        model.set_weights(randomized(model.get_weights()))
        continued(model, x, y)
        model.save(path)
        loaded = there.saving.load_model(path)
        same(continued(loaded, x, y), continued(model, x, y), 1e-5)
        assert int(loaded.optimizer.iterations.numpy()) == 8


# --- weights alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("sharded", [False, True])
def test_weights_are_read_by_the_other(sharded, tmp_path):
    path = tmp_path / ("w.weights.json" if sharded else "w.weights.h5")
    for here, there in ((lamina, keras), (keras, lamina)):
        giver, taker = (
            STORIES["nested_sequential"].make(here),
            STORIES["nested_sequential"].make(there),
        )
        giver.set_weights(randomized(giver.get_weights()))
        giver.save_weights(path, max_shard_size=1e-7 if sharded else None)
        taker.load_weights(path)
        equal(giver.get_weights(), taker.get_weights())
        assert len(list(tmp_path.glob("*.h5"))) == (3 if sharded else 1)


def test_a_folder_is_read_by_the_other(tmp_path):
    for here, there in ((lamina, keras), (keras, lamina)):
        model = STORIES["residual"].make(here)
        model.save(tmp_path / here.__name__, zipped=False)
        loaded = there.saving.load_model(tmp_path / here.__name__)
        equal(model.get_weights(), loaded.get_weights())


def test_a_vocabulary_goes_along(tmp_path):
    path = tmp_path / "model.keras"
    tokens = np.array([3, 5, 5, 9, 9, 9], "int32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = lamina.Sequential([lamina.layers.IntegerLookup(output_mode="multi_hot")])
        model.layers[0].adapt(tokens)
        model(tokens[:, None])
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    assert "assets/layers/integer_lookup/vocabulary.txt" in names
    again = lamina.saving.load_model(path)
    assert again.layers[0].get_vocabulary() == model.layers[0].get_vocabulary()


def test_every_op_has_the_parameters_of_keras_class():
    places = _operations._by_class()
    assert len(places) > 300
    for module, name in places:
        kind = _operations.find_kind(module, name)
        assert _operations.kind_of(kind.fn)[:2] == (module, name)
        cls = getattr(importlib.import_module(f"keras.src.ops.{module}"), name)
        made, called = (
            set(inspect.signature(f).parameters) for f in (cls.__init__, cls.call)
        )  # fmt: skip
        ours = inspect.signature(kind.fn).parameters
        config = {p for p in ours if p not in {*kind.call, *_operations._NOT_SAVED}} - {"kwargs"}
        assert config == made - {"self", "name", "kwargs"}, name
        assert set(kind.call) == called - {"self"}, name

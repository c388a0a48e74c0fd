"""Layers that make training harder on purpose: dropouts, noise, penalties of activations."""

import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_masks,
    check_mixed,
    check_shapes,
    check_values,
    refused,
    with_mask,
)  # fmt: skip

FIRST = {"data_format": "channels_first"}
RANDOM = [
    Case("Dropout", {"rate": 0.5, "seed": 3}, (4, 5)),
    Case("Dropout", {"rate": 0.25, "noise_shape": (None, 1, 4)}, (2, 3, 4)),
    Case("AlphaDropout", {"rate": 0.3, "seed": 3}, (4, 5)),
    Case("AlphaDropout", {"rate": 0.3, "noise_shape": (None, 1, 4)}, (2, 3, 4)),
    Case("GaussianDropout", {"rate": 0.2, "seed": 3}, (4, 5)),
    Case("GaussianNoise", {"stddev": 0.4, "seed": 3}, (4, 5)),
    Case("SpatialDropout1D", {"rate": 0.5, "seed": 3}, (2, 3, 4)),
    Case("SpatialDropout2D", {"rate": 0.5}, (2, 3, 2, 4)),
    Case("SpatialDropout2D", {"rate": 0.5, **FIRST}, (2, 4, 3, 2)),
    Case("SpatialDropout3D", {"rate": 0.5}, (2, 2, 3, 2, 4)),
    Case("SpatialDropout3D", {"rate": 0.5, **FIRST}, (2, 4, 2, 3, 2)),
]
CASES = [*RANDOM, Case("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, (3, 4))]
each = pytest.mark.parametrize("case", CASES, ids=str)
each_random = pytest.mark.parametrize("case", RANDOM, ids=str)


@each
def test_off_outside_of_training(case):
    check_values(case)
    x = case.inputs()
    layer = case.make(lamina)
    assert layer(x, training=False) is x if case in RANDOM else True


@each
def test_shapes(case):
    check_shapes(case)


@each
def test_config(case):
    check_config(case)


@each
def test_mixed_precision(case):
    check_mixed(case)
    x = case.inputs()
    layer = case.make(lamina, dtype="mixed_bfloat16")
    y = layer(x, training=True) if case in RANDOM else layer(x)
    assert y.dtype == jnp.bfloat16
    assert np.isfinite(y.astype("float32")).all()


@each
def test_masks_pass_through(case):
    mask = np.random.default_rng(0).random(case.shape[:-1]) > 0.5
    assert check_masks(case, mask) is not None
    if case in RANDOM:
        y = case.make(lamina)(with_mask(case.inputs(), mask), training=True)
        assert np.array_equal(y._keras_mask, mask)


# --- the numbers drawn --------------------------------------------------------------------------


@each_random
def test_seeds_make_numbers_repeatable(case):
    x = case.inputs()

    def draws(seed):
        layer = Case(case.kind, {**case.options, "seed": seed}).make(lamina)
        return [np.asarray(layer(x, training=True)) for _ in range(6)]

    one, again, other = draws(5), draws(5), draws(6)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert any(not np.array_equal(a, b) for a, b in itertools.pairwise(one))  # each call its own


@each_random
def test_gradients_go_where_numbers_go(case):
    """y = a x + b with a and b drawn: the gradient is a, the slope between two calls."""
    layer = case.make(lamina)
    x, seed = jnp.asarray(case.inputs()), layer.seed_generator.state

    def call(x):
        seed.assign(np.array([3, 0], "uint32"))
        return layer(x, training=True)

    slope = np.asarray(call(x + 1.0) - call(x))
    _, pull = jax.vjp(call, x)
    np.testing.assert_allclose(pull(jnp.ones_like(x))[0], slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("kind", ["Dropout", "SpatialDropout1D", "AlphaDropout"])
def test_what_is_kept_and_dropped_has_the_values_of_keras(kind, rate):
    if kind == "AlphaDropout" and rate == 1.0:
        pytest.skip("there is nothing to scale")
    x = np.full((20, 1, 100), 1.5, "float32")
    mine, his = (
        np.asarray(getattr(library.layers, kind)(rate, seed=1)(x, training=True))
        for library in (lamina, keras)
    )
    values, counts = np.unique(mine, return_counts=True)
    np.testing.assert_allclose(values, np.unique(his), rtol=1e-5)
    dropped = counts[0] / counts.sum()
    assert dropped == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / 2000))


@pytest.mark.parametrize(
    ("kind", "value"), [("GaussianNoise", 0.4), ("GaussianDropout", 0.2), ("GaussianDropout", 0.8)]
)
def test_normal_noise_has_the_moments_of_keras(kind, value):
    x = np.full((100, 100), 1.5, "float32")
    mine, his = (
        np.asarray(getattr(library.layers, kind)(value, seed=1)(x, training=True))
        for library in (lamina, keras)
    )
    stddev = value if kind == "GaussianNoise" else 1.5 * np.sqrt(value / (1 - value))
    for y in (mine, his):
        assert y.mean() == pytest.approx(1.5, abs=5 * stddev / 100)
        assert y.std() == pytest.approx(stddev, rel=0.04)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.normal(size=(200, 200)).astype("float32")
    y = np.asarray(layers.AlphaDropout(0.4, seed=1)(x, training=True))
    assert (y.mean(), y.std()) == pytest.approx((0.0, 1.0), abs=0.03)


@pytest.mark.parametrize(
    ("case", "shared"),
    [
        (RANDOM[1], (1,)),
        (RANDOM[3], (1,)),
        (Case("Dropout", {"rate": 0.5, "noise_shape": [4, 1, 1]}, (4, 3, 2)), (1, 2)),
        (Case("Dropout", {"rate": 0.5, "noise_shape": (1, None, 2)}, (4, 3, 2)), (0,)),
        (RANDOM[6], (1,)),
        (RANDOM[7], (1, 2)),
        (RANDOM[8], (2, 3)),
        (RANDOM[9], (1, 2, 3)),
        (RANDOM[10], (2, 3, 4)),
    ],
    ids=lambda x: str(x) if isinstance(x, Case) else "",
)
def test_one_draw_for_all_along_shared_axes(case, shared):
    for library in (lamina, keras):
        y = np.asarray(case.make(library)(np.ones(case.shape, "float32"), training=True))
        assert (y.min(shared) == y.max(shared)).all()
    draws = [case.make(lamina, **({} if "seed" in case.options else {"seed": s}))
             (np.ones(case.shape), training=True).min(shared) for s in range(5)]  # fmt: skip
    assert any(d.min() != d.max() for d in draws)  # of the other axes, each place its own


@pytest.mark.parametrize("kind", ["Dropout", "SpatialDropout1D", "AlphaDropout", "GaussianDropout"])
def test_a_rate_of_0_is_nothing(kind):
    layer = getattr(layers, kind)(0.0)
    x = np.ones((2, 3, 4), "float32")
    assert (layer(x, training=True) == x).all()
    assert not layer.variables


# --- in compiled training -----------------------------------------------------------------------


class Recorder(layers.Layer):
    """Pass x on, and keep what came while training, a row a step."""

    def __init__(self, steps, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def build(self, input_shape):
        self.seen = self.add_weight((self.steps, *input_shape), "zeros", trainable=False)
        self.step = self.add_weight((), "zeros", dtype="int32", trainable=False)
        self.factor = self.add_weight((), "ones")

    def call(self, inputs, training=False):
        if training:
            self.seen.assign(self.seen.value.at[self.step.value].set(inputs))
            self.step.assign_add(1)
        return inputs * self.factor


@pytest.mark.parametrize("kind", ["Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"])
def test_every_step_of_the_compiled_loop_draws_anew(kind):
    runs = []
    for run_eagerly in (False, False, True):
        model = lamina.Sequential([
            layers.Input(batch_shape=(2, 16)), getattr(layers, kind)(0.5, seed=7), Recorder(6),
        ])  # fmt: skip
        model.compile("sgd", "mse", run_eagerly=run_eagerly)
        x = np.ones((6, 16), "float32")
        model.fit(x, x, batch_size=2, epochs=2, shuffle=False, verbose=0)
        rows = model.layers[-1].seen.numpy()
        assert model.layers[-1].step.numpy() == 6
        assert len(np.unique(rows.reshape(6, -1), axis=0)) == 6  # epochs differ, too
        runs.append(rows)
        assert (model.predict(x, verbose=0) == model.predict(x, verbose=0)).all()
    for rows in runs[1:]:
        np.testing.assert_allclose(rows, runs[0], rtol=1e-5, atol=1e-6)


# --- ActivityRegularization ---------------------------------------------------------------------


def test_the_penalty_of_activations_as_in_keras():
    case = CASES[-1]
    x = case.inputs()
    losses = []
    for library in (lamina, keras):
        layer = case.make(library)
        layer(x)
        losses.append([jnp.asarray(loss) for loss in layer.losses])
        assert len(losses[-1]) == 1
    assert_close(*losses)
    layer = case.make(lamina)
    layer(x)
    layer(x)
    assert len(layer.losses) == 1  # of the last call alone


def test_the_penalty_is_part_of_what_fit_minimizes():
    model = lamina.Sequential([layers.Input((2,)), layers.ActivityRegularization(l2=0.5)])
    model.compile("sgd", "mse")
    x = np.array([[1.0, 2.0], [3.0, 0.0]], "float32")
    assert model.evaluate(x, x, verbose=0) == pytest.approx(0.5 * (1 + 4 + 9) / 2)


def test_gradient_of_the_penalty():
    layer = layers.ActivityRegularization(l1=0.1, l2=0.5)

    def penalty(x):
        return layer.stateless_call([], [], x, return_losses=True)[2][0]

    gradient = jax.grad(penalty)(jnp.array([[1.0, -2.0]]))
    np.testing.assert_allclose(gradient, [[1.1, -2.1]], rtol=1e-6)


# --- bad input ----------------------------------------------------------------------------------

RATES = ["Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D"]


@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        *itertools.product(RATES, ["rate"], [-0.1, 1.5, "0.5", None, [0.5]]),
        ("AlphaDropout", "rate", 1.0),
        ("GaussianDropout", "rate", 1.0),
        *itertools.product(["GaussianNoise"], ["stddev"], [-0.1, "0.5", None]),
        *itertools.product(["ActivityRegularization"], ["l1", "l2"], [-0.1, "0.5"]),
        *itertools.product(["Dropout", "AlphaDropout"], ["noise_shape"],
                           [3, "ab", (0, 2), (-1, 2), (1.5, 2)]),
        *itertools.product([*RATES, "GaussianNoise"], ["seed"], [-1, 1.5, "a"]),
    ],
)  # fmt: skip
def test_arguments_that_are_none(kind, argument, value):
    options = {} if kind == "ActivityRegularization" else {"rate": 0.5}
    if kind == "GaussianNoise":
        options = {"stddev": 0.5}
    with refused(kind, argument):
        getattr(layers, kind)(**{**options, argument: value})


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.SpatialDropout1D(0.5), (2, 3), "an input of 3 axes"),
        (lambda: layers.SpatialDropout2D(0.5), (2, 3, 4), "an input of 4 axes"),
        (lambda: layers.SpatialDropout3D(0.5), (2, 3, 4, 5), "an input of 5 axes"),
        (lambda: layers.Dropout(0.5, noise_shape=(2, 1)), (2, 3, 4), "noise_shape"),
        (lambda: layers.AlphaDropout(0.5, noise_shape=(2, 1)), (2, 3, 4), "noise_shape"),
        (lambda: layers.Dropout(0.5, noise_shape=(2, 2)), (2, 3), "noise_shape"),
        (lambda: layers.AlphaDropout(0.5, noise_shape=(2, 2)), (2, 3), "noise_shape"),
    ],
)
def test_shapes_that_do_not_fit(make, shape, words):
    layer = make()
    with refused(f"{layer.name} ({type(layer).__name__})", words):
        layer(np.ones(shape), training=True)

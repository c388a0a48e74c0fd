"""Layers that normalize: batch, layer, group, RMS, unit, spectral."""

import copy

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
    first_of_each,
    refused,
    run,
    share_weights,
    simple_starts,
)  # fmt: skip

PENALIZED = {"beta_regularizer": "l1", "gamma_constraint": "non_neg", "gamma_initializer": "zeros"}
PLAIN = {"center": False, "scale": False}


def around(kind, **options):
    """SpectralNormalization of a layer of that kind."""
    return lambda library: {
        "layer": getattr(library.layers, kind)(name="inner", **options),
        "power_iterations": 2,
    }


BATCH = [
    Case("BatchNormalization", {}, (3, 4)),
    Case("BatchNormalization", {"axis": 1, "epsilon": 0.1, **PENALIZED}, (2, 3, 2, 2)),
    Case("BatchNormalization", {"momentum": 0.5, **PLAIN}, (2, 3, 4)),
    Case("BatchNormalization", {"center": False, "axis": -2}, (2, 3, 4)),
    Case("BatchNormalization", {"renorm": True, "momentum": 0.7}, (5, 4)),
    Case("BatchNormalization", {"renorm": True, "renorm_momentum": 0.6, "renorm_clipping":
                                {"rmin": 0.8, "rmax": 1.1, "dmax": 0.3}}, (2, 3, 4)),
    Case("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 1.0}, **PLAIN}, (5, 4)),
]  # fmt: skip
WITHIN = [
    Case("LayerNormalization", {}, (3, 4)),
    Case("LayerNormalization", {"axis": 1, "epsilon": 0.1, **PENALIZED}, (2, 3, 4)),
    Case("LayerNormalization", {"axis": [2, 1], "center": False}, (2, 3, 4)),
    Case("LayerNormalization", {"axis": (-1, -2), "scale": False}, (2, 3, 4)),
    Case("LayerNormalization", PLAIN, (2, 3, 4)),
    Case("GroupNormalization", {"groups": 2}, (2, 3, 4)),
    Case("GroupNormalization", {"groups": -1, "axis": 1}, (2, 3, 4, 2)),
    Case("GroupNormalization", {"groups": 1, "epsilon": 0.1, **PENALIZED}, (2, 3, 2, 4)),
    Case("GroupNormalization", {"groups": 2, "axis": -2, **PLAIN}, (2, 4, 3)),
    Case("GroupNormalization", {"groups": 2}, (3, 4)),
    Case("RMSNormalization", {}, (3, 4)),
    Case("RMSNormalization", {"axis": -1, "epsilon": 0.1}, (2, 3, 4)),
    Case("RMSNormalization", {"axis": [1, 2]}, (2, 3, 4)),
    Case("UnitNormalization", {}, (3, 4)),
    Case("UnitNormalization", {"axis": [1, 2]}, (2, 3, 4)),
]
SPECTRAL = [
    Case("SpectralNormalization", around("Dense", units=3), (2, 4)),
    Case("SpectralNormalization", around("EinsumDense", equation="abc,cde->abde",
                                         output_shape=(None, 2, 3)), (2, 3, 4)),
]  # fmt: skip
CASES = [*BATCH, *WITHIN, *SPECTRAL]
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@pytest.mark.parametrize("case", [*BATCH, *SPECTRAL], ids=str)
def test_values_gradients_and_state_while_training(case):
    check_values(case, training=True)


@each
def test_shapes(case):
    check_shapes(case)


@each
def test_config(case):
    check_config(case)


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_mixed_precision(case):
    check_mixed(case)


@pytest.mark.parametrize("case", [BATCH[0], BATCH[5]], ids=str)
def test_mixed_precision_of_moving_averages(case):
    check_mixed(Case(case.kind, case.options, case.shape, call={"training": True}))


@pytest.mark.parametrize("case", WITHIN, ids=str)
def test_masks_are_kept_as_in_keras(case):
    if case.kind == "RMSNormalization":
        with pytest.warns(UserWarning, match="mask"):
            assert check_masks(case, np.ones(case.shape[:-1], bool)) is None
    else:
        assert check_masks(case, np.ones(case.shape[:-1], bool)) is not None


# --- BatchNormalization -------------------------------------------------------------------------


@pytest.mark.parametrize("case", [BATCH[2], BATCH[4]], ids=str)
@pytest.mark.parametrize("steps", [[1, 1, 0], [0, 0, 0]])
def test_masked_places_do_not_count(case, steps):
    case = Case(case.kind, case.options, (2, 3, 4))
    mask = np.array([[True, False, True], steps], bool)
    check_values(case, training=True, mask=jnp.asarray(mask))
    check_masks(case, mask, training=True)


def test_a_batch_that_is_masked_whole_gives_numbers():
    check_values(BATCH[2], training=True, mask=jnp.zeros((2, 3), bool))


@pytest.mark.parametrize("case", [BATCH[0], BATCH[4]], ids=str)
def test_frozen_it_uses_its_averages_and_leaves_them(case):
    pair = case.pair()
    share_weights(*pair)
    for layer in pair:
        layer.trainable = False
    x = case.inputs()
    mine, his = (run(layer, x, training=True) for layer in pair)
    assert_close(mine, his)
    assert len(pair[0].trainable_variables) == 0
    assert_close(mine[1], [v.value for v in pair[0].non_trainable_variables])
    pair[0].trainable = True
    assert [v.name for v in pair[0].trainable_variables] == ["gamma", "beta"]


def test_averages_follow_eager_calls_as_in_keras():
    case = BATCH[2]
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    for seed in range(3):
        for layer in (ours, theirs):
            layer(case.inputs(seed), training=True)
    assert_close(
        [v.value for v in ours.weights], [np.asarray(v.value) for v in theirs.weights]
    )  # fmt: skip


def test_averages_start_where_they_are_told():
    layer = layers.BatchNormalization(
        moving_mean_initializer="ones",
        moving_variance_initializer=lamina.initializers.Constant(4.0),
        epsilon=0.0,
    )
    assert layer(np.array([[1.0], [5.0]])).tolist() == [[0.0], [2.0]]


def test_training_moves_the_same_averages_as_keras():
    """Two epochs of a compiled loop, beside Keras' steps."""
    x = np.random.default_rng(0).normal(2.0, 3.0, (10, 3)).astype("float32")
    models = []
    for library in (lamina, keras):
        make = library.layers
        with simple_starts():
            model = library.Sequential(
                [make.Input((3,)), make.BatchNormalization(momentum=0.8), make.Dense(1)]
            )
        models.append(model)
    models[0].set_weights([np.asarray(w) for w in models[1].get_weights()])
    for model in models:
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], batch_size=4, epochs=2, shuffle=False, verbose=0)
    for mine, his in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(mine, his, rtol=1e-4, atol=1e-5)


# --- LayerNormalization, RMSNormalization, UnitNormalization ------------------------------------


@pytest.mark.filterwarnings("ignore:.*rms_scaling=True")
@pytest.mark.parametrize("scale", [True, False])
def test_rms_scaling_as_in_keras(scale):
    case = Case("LayerNormalization", {"rms_scaling": True, "scale": scale}, (2, 3, 4))
    check_values(case)
    check_config(case)


def test_rms_scaling_is_told_to_be_old():
    with pytest.warns(UserWarning, match="use RMSNormalization"):
        layers.LayerNormalization(rms_scaling=True)


def test_rms_normalization_over_an_inner_axis():
    """Keras' own fails there: its scale does not broadcast."""
    x = np.random.normal(size=(2, 3, 4)).astype("float32")
    layer = layers.RMSNormalization(axis=1, epsilon=0.1)
    layer.build(x.shape)
    layer.set_weights([np.array([1.0, 2.0, 3.0])])
    expected = x / np.sqrt((x**2).mean(1, keepdims=True) + 0.1) * np.array([[[1.0], [2.0], [3.0]]])
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["LayerNormalization", "RMSNormalization", "UnitNormalization"])
def test_the_last_axis_is_the_last_of_every_rank(kind):
    layer, x = getattr(layers, kind)(), np.random.normal(size=(2, 3, 4)).astype("float32")
    np.testing.assert_allclose(layer(x[:, 0]), layer(x)[:, 0], rtol=1e-6)


def test_gradients_at_zero_are_finite():
    for layer in (layers.UnitNormalization(), layers.LayerNormalization(), layers.Dot(1, True)):
        x = jnp.zeros((2, 3))
        inputs = [x, x] if isinstance(layer, layers.Dot) else x
        layer(inputs)
        gradient = jax.grad(lambda x, layer=layer: layer(x).sum())(inputs)
        assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradient))


def test_large_numbers_do_not_overflow_in_16_bits():
    x = np.full((2, 4), 3e4) * np.array([1.0, -1.0, 1.0, -1.0])
    for kind in ("LayerNormalization", "RMSNormalization", "UnitNormalization"):
        y = getattr(layers, kind)(dtype="float16")(x)
        assert y.dtype == jnp.float16
        assert np.abs(y).max() > 0.4


# --- SpectralNormalization ----------------------------------------------------------------------


def test_the_kernels_largest_singular_value_becomes_one():
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=30)
    layer(np.ones((1, 4)), training=True)
    assert np.linalg.svd(layer.layer.kernel.numpy())[1][0] == pytest.approx(1.0, abs=1e-3)


def test_a_kernel_of_zeros_stays():
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    assert np.isfinite(layer(np.ones((1, 4)), training=True)).all()
    assert not layer.layer.kernel.numpy().any()


def test_an_embedding_gives_floats():
    """Keras casts them to the dtype of the inputs, whole numbers."""
    layer = layers.SpectralNormalization(layers.Embedding(6, 3))
    assert layer(np.array([[1, 2]]), training=True).dtype == jnp.float32


def test_spectral_normalization_of_what_has_no_kernel():
    with refused("SpectralNormalization", "a `kernel` or `embeddings`", "'flat'"):
        layers.SpectralNormalization(layers.Flatten(name="flat"))(np.ones((1, 4)))
    with refused("a positive integer as `power_iterations`"):
        layers.SpectralNormalization(layers.Dense(1), power_iterations=0)


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.BatchNormalization(axis=3), (2, 3), "has axis 3"),
        (lambda: layers.BatchNormalization(), (2, None), "a fixed size"),
        (lambda: layers.LayerNormalization(axis=[1, 4]), (2, 3), "has axis 4"),
        (lambda: layers.LayerNormalization(axis=1), (2, None, 3), "a fixed size"),
        (lambda: layers.RMSNormalization(axis=-3), (2, 3), "has axis -3"),
        (lambda: layers.UnitNormalization(axis=2), (2, 3), "has axis 2"),
        (lambda: layers.GroupNormalization(3), (2, 4), "3 groups divide"),
        (lambda: layers.GroupNormalization(1, axis=0), (2, 4), "than the batch's"),
        (lambda: layers.GroupNormalization(32), (2, 4), "try groups=4"),
    ],
)
def test_shapes_that_do_not_fit(make, shape, words):
    layer = make()
    with refused(f"{layer.name} ({type(layer).__name__})", words):
        layer(lamina.Input(batch_shape=shape))


@pytest.mark.parametrize(
    "make",
    [
        layers.BatchNormalization,
        layers.LayerNormalization,
        lambda **options: layers.GroupNormalization(2, **options),
        layers.RMSNormalization,
        lambda **options: layers.SpectralNormalization(layers.Dense(2), **options),
    ],
)
def test_sizes_that_it_was_not_built_for(make):
    layer = make(name="norm")
    layer(np.ones((2, 4)))
    with refused("norm (", "last axis of size 4, as at build", "(2, 6)"):
        layer(np.ones((2, 6)))


def test_masks_of_batch_normalization_that_do_not_fit():
    layer = layers.BatchNormalization()
    before = copy.deepcopy(layer(np.ones((2, 3, 4)))), [w.numpy() for w in layer.weights]
    for mask in (np.ones((2, 3, 4), bool), np.ones(2, bool), np.ones((2, 5), bool)):
        with refused("batch_normalization (BatchNormalization)", "a mask of shape"):
            layer(np.ones((2, 3, 4)), training=True, mask=mask)
    assert all((w.numpy() == b).all() for w, b in zip(layer.weights, before[1], strict=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.BatchNormalization(axis=[1, 2]), "the number of an axis"),
        (lambda: layers.BatchNormalization(momentum=1.5), "`momentum`"),
        (lambda: layers.BatchNormalization(epsilon=-1e-3), "`epsilon`"),
        (lambda: layers.BatchNormalization(renorm_clipping={"rmin": 2, "rmax": 1}), "rmin"),
        (lambda: layers.BatchNormalization(renorm_clipping={"dmin": 2}), "dmax"),
        (lambda: layers.LayerNormalization(axis="last"), "`axis`"),
        (lambda: layers.LayerNormalization(epsilon="small"), "`epsilon`"),
        (lambda: layers.GroupNormalization(0), "a positive integer, or -1"),
        (lambda: layers.GroupNormalization(-2), "a positive integer, or -1"),
        (lambda: layers.UnitNormalization(axis=1.5), "`axis`"),
        (lambda: layers.RMSNormalization(epsilon=-1.0), "`epsilon`"),
    ],
)
def test_arguments_that_are_none(make, words):
    with refused(words):
        make()

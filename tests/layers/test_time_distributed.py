"""TimeDistributed beside Keras: values, masks, layers that change while training."""

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_mixed,
    check_shapes,
    check_values,
    run,
    with_mask,
)  # fmt: skip


def around(kind, *arguments, **options):
    return lambda library: {
        "layer": getattr(library.layers, kind)(*arguments, name="inner", **options)
    }


CASES = [
    Case("TimeDistributed", around("Dense", 5, activation="tanh"), (2, 3, 4)),
    Case("TimeDistributed", around("Conv1D", 2, 2), (2, 3, 4, 3)),
    Case("TimeDistributed", around("Flatten"), (2, 3, 2, 2)),
    Case("TimeDistributed", around("LSTM", 2), (2, 3, 4, 3)),
    Case("TimeDistributed", around("BatchNormalization"), (4, 3, 2)),
]
each = pytest.mark.parametrize(
    "case", CASES, ids=["Dense", "Conv1D", "Flatten", "LSTM", "BatchNorm"]
)


@each
def test_values_and_gradients(case):
    check_values(case)


@pytest.mark.parametrize("case", CASES[:3])
def test_shapes(case):
    check_shapes(case)


@pytest.mark.parametrize("case", CASES[:2])
def test_config(case):
    check_config(case)


def test_mixed_precision():
    check_mixed(Case("TimeDistributed", around("Dense", 5, dtype="mixed_bfloat16"), (2, 3, 4)))


def test_layers_that_change_take_one_step_after_the_other():
    check_values(CASES[4], training=True)
    check_values(Case("TimeDistributed", around("Dropout", 0.5, seed=3), (2, 3, 4)), training=True)


def test_masks_are_cut_by_time():
    mask = np.random.default_rng(0).random((2, 3, 4)) < 0.6
    check_values(CASES[3], mask=jnp.asarray(mask))
    layer = layers.TimeDistributed(layers.Dense(2))
    assert (
        layer(with_mask(np.ones((2, 3, 4)), mask[..., 0]))._keras_mask.tolist()
        == mask[..., 0].tolist()
    )


def test_any_number_of_steps():
    layer = CASES[0].make(lamina)
    model = lamina.Sequential([layers.Input((None, 4)), layer])
    assert model.output_shape == (None, None, 5)
    for steps in (2, 6):
        x = np.random.normal(size=(2, steps, 4)).astype("float32")
        assert_close(model(x)[:, 1], layer.layer(x[:, 1]))


def test_activity_losses_are_summed_over_steps():
    layer = layers.TimeDistributed(layers.Dense(2, activity_regularizer="l2"))
    x = np.random.normal(size=(2, 3, 4)).astype("float32")
    y = layer(x)
    (loss,) = layer.losses
    np.testing.assert_allclose(loss, 0.01 * np.sum(np.square(y)) / 2, rtol=1e-5)


def test_a_model_inside():
    inner = lamina.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(1)])
    layer = layers.TimeDistributed(inner)
    x = jnp.asarray(np.random.normal(size=(2, 3, 4)), "float32")
    y, _, (gradients, _) = run(layer, x)
    assert y.shape == (2, 3, 1)
    assert len(gradients) == 4
    assert_close(y, inner(x.reshape(6, 4)).reshape(2, 3, 1))


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: layers.TimeDistributed(np.tanh), "a layer as `layer`"),
        (lambda x: layers.TimeDistributed(layers.Dense(2))(x[0]), "at least 3 axes"),
        (
            lambda x: layers.TimeDistributed(layers.Dense(2))(x, mask=np.ones((2, 2))),
            "a mask whose",
        ),
        (lambda x: layers.TimeDistributed(layers.Dense(2))(x, mask=np.ones(2)), "a mask whose"),
    ],
)
def test_bad_input(attempt, words):
    with pytest.raises(ValueError, match=rf"(?s){words}.*Got "):
        attempt(np.ones((2, 3, 4)))

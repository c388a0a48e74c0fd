"""Regularizers against real Keras, in value and gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import regularizers

keras = pytest.importorskip("keras")

CASES = [
    ("L1", {}), ("L1", {"l1": 0.3}), ("L2", {}), ("L2", {"l2": 0.3}), ("L1L2", {}),
    ("L1L2", {"l1": 0.2, "l2": 0.3}), ("L1L2", {"l1": 0.2}), ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_gradients_and_configs_are_keras(name, options):
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    ours, theirs = (getattr(k.regularizers, name)(**options) for k in (lamina, keras))
    y, slope = jax.jit(jax.value_and_grad(ours))(x)
    expected, expected_slope = jax.jit(jax.value_and_grad(theirs))(jnp.asarray(x))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-5, atol=1e-6)
    assert y.dtype == expected.dtype
    assert (
        ours.get_config() == pytest.approx(theirs.get_config(), rel=1e-6)
        if "mode" not in ours.get_config()
        else True
    )
    assert ours.get_config().keys() == theirs.get_config().keys()
    record = regularizers.serialize(ours)
    assert (record["module"], record["class_name"]) == ("keras.regularizers", name)
    assert regularizers.deserialize(record).get_config() == ours.get_config()
    assert (
        ours(jnp.asarray(x, "bfloat16")).dtype
        == theirs(jnp.asarray(x, "bfloat16")).dtype
        == "bfloat16"
    )


def test_zero_rows_have_a_finite_gradient():
    penalty = regularizers.OrthogonalRegularizer()
    slope = jax.grad(penalty)(jnp.asarray([[0.0, 0.0], [1.0, 2.0]]))
    assert np.isfinite(slope).all()
    assert float(penalty(jnp.ones((1, 3)))) == 0.0  # no pair of rows: Keras divides 0 by 0


def test_names():
    for name, cls in {"l1": "L1", "L2": "L2", "l1_l2": "L1L2", "l1l2": "L1L2", "L1L2": "L1L2",
                      "orthogonal_regularizer": "OrthogonalRegularizer"}.items():  # fmt: skip
        assert type(regularizers.get(name)) is getattr(regularizers, cls)
    assert regularizers.l2 is regularizers.L2
    assert regularizers.get(None) is None
    penalty = regularizers.L2(1)
    assert regularizers.get(penalty) is penalty
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    assert regularizers.L1(None).l1 == 0.01


def test_own_functions_are_regularizers():
    def largest(x):
        return jnp.max(jnp.abs(x))

    assert regularizers.get(largest) is largest
    model = lamina.Sequential(
        [lamina.layers.Dense(1, input_shape=(2,), kernel_regularizer=largest)]
    )
    np.testing.assert_allclose(
        float(model.losses[0]), np.abs(model.layers[0].kernel.numpy()).max(), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regularizers.get("l3"), "expected the name of a known regularizer"),
        (lambda: regularizers.L2(-1), "expected a finite number of 0 or more as `l2`"),
        (lambda: regularizers.L1(float("nan")), "expected a finite number of 0 or more as `l1`"),
        (lambda: regularizers.L1L2(l2="x"), "expected a finite number of 0 or more as `l2`"),
        (lambda: regularizers.OrthogonalRegularizer(mode="all"), "expected 'rows' or 'columns'"),
        (lambda: regularizers.OrthogonalRegularizer()(jnp.ones((2, 2, 2))), "expected a matrix"),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()

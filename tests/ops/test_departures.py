"""Where ops depart from Keras on JAX, and why: each beside numpy, and beside what Keras gives."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from lamina import KerasTensor, ops


def projected(x):
    """The point nearest to the vector `x` whose parts are not negative and sum to 1."""
    ordered = np.sort(x)[::-1]
    excess = (np.cumsum(ordered) - 1) / np.arange(1, x.size + 1)
    return np.maximum(x - excess[ordered > excess][-1], 0)


@pytest.mark.parametrize("axis", [0, -1])
def test_sparsemax_sums_to_one(axis):
    """Keras sums running sums where the paper has the sum (arXiv 1602.02068, algorithm 1)."""
    x = np.random.uniform(-1, 1, (3, 4)).astype("float32")
    ours = ops.sparsemax(x, axis)
    np.testing.assert_allclose(ours, np.apply_along_axis(projected, axis, x), atol=1e-6)
    assert np.abs(np.sum(keras.ops.sparsemax(x, axis), axis) - 1).max() > 0.01
    tensor = ops.sparsemax(KerasTensor((None, 4)), axis)
    assert (tensor.shape, tensor.dtype, ours.dtype) == ((None, 4), "float32", "float32")
    slopes = jax.grad(lambda x: jnp.sum(ops.sparsemax(x, axis) * jnp.arange(4.0)))(x)
    support = np.asarray(ours) > 0
    weight = np.where(support, np.arange(4.0), 0)
    mean = weight.sum(axis, keepdims=True) / support.sum(axis, keepdims=True)
    np.testing.assert_allclose(slopes, np.where(support, weight - mean, 0), atol=1e-6)


def test_scatter_update_mul_has_no_gradient_of_updates():
    """It is jax that has none where places may repeat; neither has Keras."""
    for update in (ops.scatter_update, keras.ops.scatter_update):

        def product(x, y, update=update):
            return update(x, np.array([[0]]), y, "mul").sum()

        one, two = jnp.ones(2), jnp.full(1, 2.0)
        np.testing.assert_array_equal(jax.grad(product)(one, two), [2, 1])
        with pytest.raises(NotImplementedError, match="scatter_mul gradients"):
            jax.grad(product, argnums=1)(one, two)


def test_batch_normalization_keeps_the_dtype():
    """Keras turns numpy's bfloat16 into float32 on the way, against what it says symbolically."""
    x, one = np.ones((2, 3), jnp.bfloat16), np.ones(3, jnp.bfloat16)
    assert ops.batch_normalization(x, one, one, -1).dtype == "bfloat16"
    assert keras.ops.batch_normalization(x, one, one, -1).dtype == "float32"
    assert ops.batch_normalization(KerasTensor((None, 3), "bfloat16"), one, one, -1).dtype == (
        "bfloat16"
    )


def test_lists_are_arrays():
    """Ops of Keras that hand lists on to jax refuse them; here every op takes them."""
    np.testing.assert_array_equal(ops.clip([-5, 0, 5], [-1, 0, 1], 2), [-1, 0, 2])
    np.testing.assert_array_equal(ops.where([True, False])[0], [0])
    np.testing.assert_array_equal(
        ops.select([[True, False], [True, True]], [[1, 2], [3, 4]], 9), [1, 4]
    )
    np.testing.assert_array_equal(ops.in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], 1), [True, False])
    np.testing.assert_array_equal(ops.bincount([[0, 1], [2, 2]]), [[1, 1, 0], [0, 0, 2]])


def test_unknown_sizes_that_cancel_out():
    """Keras cannot tell the size of `correlate` of unknown sizes; here one of them may be."""
    assert ops.correlate(KerasTensor((None,)), KerasTensor((3,))).shape == (None,)
    with pytest.raises(TypeError):
        keras.ops.correlate(keras.KerasTensor((None,)), keras.KerasTensor((3,)))

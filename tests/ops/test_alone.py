"""Ops without a row in the table: beside numpy where Keras 3.15 lacks them, or as defined."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from scipy import special

import lamina
from lamina import KerasTensor, ops


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_column_stack(dtype):
    flat, matrix = np.arange(3).astype(dtype), np.arange(6).reshape(3, 2).astype(dtype)
    for xs in ([flat, flat], [flat, matrix, flat], [matrix[:0], matrix[:0]]):
        found, expected = ops.column_stack(xs), np.column_stack(xs)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    tensor = ops.column_stack([KerasTensor((None,)), KerasTensor((None, 2))])
    assert (tensor.shape, tensor.dtype) == ((None, 3), "float32")


@pytest.mark.parametrize("n", [0, 1, 5, -2])
def test_matrix_power(n):
    x = np.random.uniform(-1, 1, (2, 3, 3)).astype("float32") + 2 * np.eye(3, dtype="float32")
    expected = np.linalg.matrix_power(x.astype("float64"), n)
    np.testing.assert_allclose(ops.matrix_power(x, n), expected, rtol=1e-4, atol=1e-5)
    assert ops.linalg.matrix_power(KerasTensor((None, 3, 3)), n).shape == (None, 3, 3)


def test_gammainc():
    order, end = np.array([[0.5], [2.0], [30.0]], "float32"), np.array([0, 0.1, 2, 25], "float32")
    expected = special.gammainc(order, end)
    np.testing.assert_allclose(ops.gammainc(order, end), expected, rtol=1e-5, atol=1e-7)
    assert ops.gammainc([1, 2], 3).dtype == "float32"
    assert ops.gammainc(KerasTensor((None, 1), "bfloat16"), 2.0).dtype == "bfloat16"
    slope = jax.grad(ops.gammainc, 1)(2.0, 1.5)  # the density of the gamma distribution
    np.testing.assert_allclose(slope, 1.5 * np.exp(-1.5), rtol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("shape", "size", "padding"),
    [
        ((2, 4, 6, 3), (2, 3), "valid"),
        ((5, 7, 2), 3, "same"),
        ((1, 4, 4, 6, 2), (2, 2, 3), "valid"),
    ],
)
def test_reconstruct_patches(shape, size, padding, data_format):
    """It undoes `extract_patches`."""
    images = np.random.uniform(size=shape).astype("float32")
    rank = 2 if isinstance(size, int) else len(size)
    sizes = shape[-1 - rank : -1]
    if data_format == "channels_first":
        images = np.moveaxis(images, -1, -1 - rank)
    options = {"padding": padding, "data_format": data_format}
    patches = ops.image.extract_patches(images, size, **options)
    again = ops.image.reconstruct_patches(patches, size, sizes, **options)
    np.testing.assert_array_equal(again, images)
    tensor = KerasTensor(patches.shape)
    assert ops.image.reconstruct_patches(tensor, size, sizes, **options).shape == images.shape


def test_eig():
    """The order of the pairs and the phases of vectors are free: x v = v w is what counts."""
    x = np.random.uniform(-1, 1, (2, 3, 3)).astype("float32")
    values, vectors = ops.eig(x)
    assert {values.dtype.name, vectors.dtype.name} == {"complex64"}
    np.testing.assert_allclose(x @ vectors, vectors * values[:, None, :], atol=1e-5)
    theirs = keras.ops.eig(jnp.asarray(x))[0]
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(theirs), atol=1e-5)
    values, vectors = ops.linalg.eig(KerasTensor((None, 3, 3)))
    assert (values.shape, vectors.shape) == ((None, 3), (None, 3, 3))
    assert (values.dtype, vectors.dtype) == ("complex64", "complex64")


@pytest.mark.parametrize("has_aux", [False, True])
def test_jvp(has_aux):
    x, change = np.arange(3, dtype="float32"), np.array([1.0, 0.0, 2.0], "float32")

    def run(library):
        def fn(x, y):
            out = {"product": x * y, "sum": library.ops.sum(library.ops.exp(x))}
            return (out, x) if has_aux else out

        return library.ops.jvp(fn, (x, x + 1), (change, x), has_aux=has_aux)

    ours, theirs = run(lamina), run(keras)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool"])
def test_empty_like_dtype_is_tensor(dtype):
    x = np.ones((2, 0, 3), jnp.dtype(dtype))
    for wanted in (None, "int32"):
        ours, theirs = (o.empty_like(jnp.asarray(x), dtype=wanted) for o in (ops, keras.ops))
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    tensor = ops.empty_like(KerasTensor((None, 2), dtype))
    assert (tensor.shape, tensor.dtype) == ((None, 2), dtype)
    for holder in (x, jnp.asarray(x), KerasTensor((2,), dtype)):
        assert ops.dtype(holder) == dtype
    assert ops.dtype(lamina.Variable(x, dtype=dtype, trainable=False)) == dtype
    for value in (x, jnp.asarray(x), [1.0], 2, None):
        assert ops.is_tensor(value) == keras.ops.is_tensor(value) == isinstance(value, jax.Array)


def test_elastic_transform():
    """No pull leaves images as they are, a seed repeats, and all pixels come from within."""
    images = np.random.uniform(size=(2, 6, 5, 3)).astype("float32")
    pulled = ops.image.elastic_transform(images, seed=3)
    assert (pulled.shape, pulled.dtype) == (images.shape, "float32")
    assert np.abs(pulled - images).max() > 0.1
    assert images.min() <= pulled.min() <= pulled.max() <= images.max()
    np.testing.assert_array_equal(pulled, ops.image.elastic_transform(images, seed=3))
    assert np.abs(pulled - ops.image.elastic_transform(images, seed=4)).max() > 0.1
    same = ops.image.elastic_transform(images, alpha=0.0, seed=3)
    np.testing.assert_allclose(same, images, atol=1e-6)
    first = ops.image.elastic_transform(
        np.moveaxis(images, -1, 1), seed=3, data_format="channels_first"
    )
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), pulled, atol=1e-6)
    theirs = keras.ops.image.elastic_transform(jnp.asarray(images), seed=3)
    assert (theirs.shape, theirs.dtype) == (pulled.shape, pulled.dtype)
    assert ops.image.elastic_transform(KerasTensor((None, 6, 5, 3)), seed=3).shape == (
        None,
        6,
        5,
        3,
    )


def test_nothing_in_the_batch():
    """Where Keras divides by the size of the batch, or gives another shape."""
    images, spectra = np.ones((0, 6, 6, 3), "float32"), np.ones((0, 5, 5), "float32")
    assert ops.image.ssim(images, images, filter_size=5).shape == (0,)
    assert ops.istft((spectra, spectra), 6, 3, 8).shape == (0, 12)
    assert ops.stft(np.ones((0, 16), "float32"), 8, 4, 8)[0].shape == (0, 5, 5)
    assert ops.max_pool(images, 2).shape == ops.average_pool(images, 2).shape == (0, 3, 3, 3)

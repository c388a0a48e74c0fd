"""Activation functions, and the encodings and layouts that networks start from."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops import _tails
from lamina.ops._promotion import axes, float_dtype, inexact


@op
def relu(x: Array) -> Array:
    """Return max(x, 0).

    Example:
        >>> relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    return jax.nn.relu(x)


@op
def relu6(x: Array) -> Array:
    """Return min(max(x, 0), 6)."""
    return jax.nn.relu6(x)


@op
def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), between 0 and 1."""
    return jax.nn.sigmoid(inexact(x))


@op
def log_sigmoid(x: Array) -> Array:
    """Return log(1 / (1 + exp(-x))), computed without overflow."""
    return jax.nn.log_sigmoid(inexact(x))


@op
def hard_sigmoid(x: Array) -> Array:
    """Return min(max(x + 3, 0), 6) / 6."""
    return jax.nn.hard_sigmoid(x)


@op
def sparse_sigmoid(x: Array) -> Array:
    """Return min(max(x + 1, 0), 2) / 2."""
    return jax.nn.sparse_sigmoid(x)


@op
def hard_tanh(x: Array) -> Array:
    """Return x, not below -1 and not above 1."""
    return jax.nn.hard_tanh(x)


@op
def tanh_shrink(x: Array) -> Array:
    """Return x - tanh(x)."""
    return x - jnp.tanh(inexact(x))


@op
def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), computed without overflow."""
    return jax.nn.softplus(inexact(x))


@op
def squareplus(x: Array, b: float = 4) -> Array:
    """Return (x + sqrt(x**2 + b)) / 2.

    Args:
        b: how smooth the bend at 0 is; 0 gives relu.

    Reference:
        Barron, "Squareplus", 2021, arXiv 2112.11687.
    """
    return _tails.squareplus(jnp.asarray(inexact(x)), b)


@op
def sparse_plus(x: Array) -> Array:
    """Return 0 for x <= -1, (x + 1)**2 / 4 for -1 < x < 1, x for x >= 1."""
    return _tails.sparse_plus(jnp.asarray(inexact(x)))


@op
def softsign(x: Array) -> Array:
    """Return x / (1 + |x|)."""
    return _tails.softsign(jnp.asarray(inexact(x)))


@op
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """Return x moved towards 0 by `threshold`, and 0 where that would pass it.

    Example:
        >>> soft_shrink([-2.0, 0.3, 2.0]).tolist(), hard_shrink([-2.0, 0.3, 2.0]).tolist()
        ([-1.5, 0.0, 1.5], [-2.0, 0.0, 2.0])
    """
    below = jnp.where(x < -threshold, x + threshold, 0.0)
    return jnp.where(x > threshold, x - threshold, below)


@op
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """Return x, and 0 where |x| <= threshold."""
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: Array, threshold: float, default_value: float) -> Array:
    """Return x where x > threshold, else `default_value`."""
    return jnp.where(x > threshold, x, default_value)


@op
def silu(x: Array) -> Array:
    """Return x * sigmoid(x)."""
    return _tails.silu(jnp.asarray(inexact(x)))


@op
def swish(x: Array) -> Array:
    """Return x * sigmoid(x): another name of `silu`."""
    return _tails.silu(jnp.asarray(inexact(x)))


@op
def hard_silu(x: Array) -> Array:
    """Return x * hard_sigmoid(x)."""
    return jnp.maximum(x, -3) * jax.nn.hard_sigmoid(x)  # -inf times 0 would be NaN


@op
def hard_swish(x: Array) -> Array:
    """Return x * hard_sigmoid(x): another name of `hard_silu`."""
    return jnp.maximum(x, -3) * jax.nn.hard_sigmoid(x)  # -inf times 0 would be NaN


@op
def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where x > 0, else alpha * (exp(x) - 1)."""
    return jax.nn.elu(x, alpha)


@op
def selu(x: Array) -> Array:
    """Return 1.0507 * elu(x, 1.67326): keeps mean 0 and variance 1 through layers."""
    return jax.nn.selu(x)


@op
def celu(x: Array, alpha: float = 1.0) -> Array:
    """Return max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    return jax.nn.celu(x, alpha)


@op
def gelu(x: Array, approximate: bool = True) -> Array:
    """Return x * P(X <= x) for a standard normal X; with a tanh formula if `approximate`."""
    x = jnp.asarray(inexact(x))
    return _tails.gelu_tanh(x) if approximate else _tails.gelu(x)


@op
def glu(x: Array, axis: int = -1) -> Array:
    """Return a * sigmoid(b), a and b the halves of x along `axis`.

    Raises:
        ValueError: the size of the axis is odd.

    Reference:
        Dauphin et al., 2016, arXiv 1612.08083.
    """
    size = x.shape[axis]
    if isinstance(size, int) and size % 2:
        expected = f"expected an even size of axis {axis}, to cut in halves"
        raise ValueError(explain("ops.glu", expected, describe(x)))
    return jax.nn.glu(x, axis=axis)


@op
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """Return x where x > 0, else negative_slope * x."""
    return jax.nn.leaky_relu(x, negative_slope)


@op
def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return exp(x) / sum(exp(x)) along `axis`: probabilities that sum to 1.

    Args:
        axis: one axis or several, over which they sum to 1 together; None for all.

    Example:
        >>> softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            explain(
                "ops.softmax",
                f"expected several values along axis {axis}; of one alone the softmax is always 1",
                describe(x),
                "for one probability use ops.sigmoid",
            ),
            stacklevel=4,
        )
    return _tails.softmax(jnp.asarray(inexact(x)), axes(axis))


@op
def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return log(softmax(x)), computed without overflow."""
    return _tails.log_softmax(jnp.asarray(inexact(x)), axes(axis))


@op
def sparsemax(x: Array, axis: int = -1) -> Array:
    """Return the probabilities nearest to x: like `softmax`, but 0 for what is far behind.

    Args:
        axis: along which they sum to 1.

    Reference:
        Martins and Astudillo, 2016, arXiv 1602.02068.

    Example:
        >>> sparsemax([2.0, 1.5, 0.0]).tolist()
        [0.75, 0.25, 0.0]
    """
    # Of the k largest values those count that stay positive when their mean excess is taken off.
    x = x - jax.lax.stop_gradient(
        jnp.max(x, axis=axis, keepdims=True)
    )  # huge ones would drown the 1
    ordered = jnp.flip(jnp.sort(x, axis=axis), axis=axis)
    excess = jnp.cumsum(ordered, axis=axis) - 1
    rank = jax.lax.broadcasted_iota("int32", x.shape, axis % x.ndim) + 1
    counts = ordered * rank > excess
    k = jnp.sum(counts, axis=axis, keepdims=True)
    total = jnp.sum(jnp.where(counts, ordered, 0.0), axis=axis, keepdims=True)
    return jnp.maximum(x - (total - 1) / k, 0.0).astype(jnp.result_type(x, float))


@op
def one_hot(
    x: Array, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Array:
    """Return vectors of zeros with a one at the place that each integer names.

    Args:
        x: class numbers; others give zeros only.
        num_classes: size of the vectors.
        axis: where the new axis goes.
        dtype: None for the default float.
        sparse: False; the result is dense.

    Example:
        >>> one_hot([1, 0], 3).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    _refuse_sparse("ops.one_hot", sparse)
    return jax.nn.one_hot(jnp.asarray(x), num_classes, axis=axis, dtype=float_dtype(dtype))


@op
def multi_hot(
    inputs: Array,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Array:
    """Return vectors of zeros with ones at all the places that a row of integers names.

    Args:
        inputs: class numbers, (N,) for one vector or (B, N, ...).
        num_classes: size of the vectors.
        axis: where the new axis goes, before those of the numbers are merged.
        dtype: None for the default float.
        sparse: False; the result is dense.

    Example:
        >>> multi_hot([[0, 2], [1, 1]], 3).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    _refuse_sparse("ops.multi_hot", sparse)
    num_classes = kwargs.pop("num_tokens", num_classes)  # its name in early Keras 3
    if num_classes is None or kwargs:
        expected = "expected the number of classes as `num_classes`"
        raise ValueError(explain("ops.multi_hot", expected, f"num_classes={num_classes}, {kwargs}"))
    vectors = jax.nn.one_hot(
        inputs.astype("int32"), num_classes, axis=axis, dtype=float_dtype(dtype)
    )
    return jnp.max(vectors, axis=1 if inputs.ndim > 1 else 0)


def _refuse_sparse(where: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(explain(where, "expected sparse=False; results are dense", "sparse=True"))


@op
def depth_to_space(x: Array, block_size: int, data_format: str | None = "channels_last") -> Array:
    """Return an image with the channels of each pixel laid out as a block of pixels.

    Args:
        block_size: pixels along each side of a block, 2 or more.
        data_format: 'channels_last' or 'channels_first'.

    Shapes:
        x: (N, H, W, b b C). Returns (N, b H, b W, C).

    Example:
        >>> depth_to_space([[[[1, 2, 3, 4]]]], 2)[0, :, :, 0].tolist()
        [[1, 2], [3, 4]]
    """
    b = _block("ops.depth_to_space", x, block_size)
    if config.standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        x = jnp.reshape(x, (n, h, w, b, b, c // b**2))
        x = jnp.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H, b, W, b, C)
        return jnp.reshape(x, (n, h * b, w * b, c // b**2))
    n, c, h, w = x.shape
    x = jnp.reshape(x, (n, c // b**2, b, b, h, w))
    x = jnp.transpose(x, (0, 1, 4, 2, 5, 3))  # (N, C, H, b, W, b)
    return jnp.reshape(x, (n, c // b**2, h * b, w * b))


@op
def space_to_depth(x: Array, block_size: int, data_format: str | None = "channels_last") -> Array:
    """Return an image with each block of pixels as the channels of one; undoes `depth_to_space`.

    Shapes:
        x: (N, b H, b W, C). Returns (N, H, W, b b C).
    """
    b = _block("ops.space_to_depth", x, block_size)
    if config.standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        x = jnp.reshape(x, (n, h // b, b, w // b, b, c))
        x = jnp.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H, W, b, b, C)
        return jnp.reshape(x, (n, h // b, w // b, c * b**2))
    n, c, h, w = x.shape
    x = jnp.reshape(x, (n, c, h // b, b, w // b, b))
    x = jnp.transpose(x, (0, 1, 3, 5, 2, 4))  # (N, C, b, b, H, W)
    return jnp.reshape(x, (n, c * b**2, h // b, w // b))


def _block(where: str, x: Any, block_size: int) -> int:
    if block_size < 2:
        raise ValueError(
            explain(where, "expected blocks of 2 pixels or more", describe(block_size))
        )
    if x.ndim != 4:
        raise ValueError(explain(where, "expected a batch of images, 4 axes", describe(x)))
    return block_size

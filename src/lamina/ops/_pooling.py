"""The largest or the mean of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops import _window_passes
from lamina.ops._conv import Sizes, per_axis, spatial_rank


def _windows(
    where: str, x: Any, pool_size: Sizes, strides: Sizes | None, data_format: str | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Size and stride of windows along every axis of `x`."""
    rank = spatial_rank(where, x)
    size = per_axis(where, "pool size", pool_size, rank)
    stride = size if strides is None else per_axis(where, "stride", strides, rank)
    if config.standardize_data_format(data_format) == "channels_last":
        return (1, *size, 1), (1, *stride, 1)
    return (1, 1, *size), (1, 1, *stride)


def _padding(where: str, padding: str, x: Any, size: Sequence[int]) -> str:
    if str(padding).lower() not in ("same", "valid"):
        raise ValueError(explain(where, "expected padding 'same' or 'valid'", describe(padding)))
    pairs = zip(x.shape, size, strict=True)
    if padding.lower() == "valid" and any(isinstance(n, int) and 0 < n < s for n, s in pairs):
        expected = "expected an input at least as large as a window"
        got = f"inputs of shape {x.shape}, windows of {tuple(size)}"
        raise ValueError(explain(where, expected, got, "use padding='same' or smaller windows"))
    return padding.upper()


@op
def max_pool(
    inputs: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Return the largest element of each window, per channel.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        pool_size: pixels of a window along each spatial axis.
        strides: pixels from one window to the next; None for `pool_size`.
        padding: 'valid' for windows inside only, 'same' for some that reach over the edge.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: shapes or options that do not fit.

    Example:
        >>> max_pool(jnp.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[0, :, 0].tolist()
        [3.0, 2.0]
    """
    return pool_max("ops.max_pool", inputs, pool_size, strides, padding, data_format)


def pool_max(
    where: str,
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    data_format: str | None,
) -> Any:
    """Take the largest of each window; `where` is for errors."""
    size, stride = _windows(where, inputs, pool_size, strides, data_format)
    padding = _padding(where, padding, inputs, size)
    lowest = _lowest(inputs.dtype)
    if _window_passes.fits(inputs, size):
        pads = jax.lax.padtype_to_pads(inputs.shape, size, stride, padding)
        return _window_passes.largest(inputs, size, stride, pads, lowest)
    return jax.lax.reduce_window(inputs, lowest, jax.lax.max, size, stride, padding)


def _lowest(dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.floating):
        return -jnp.inf
    return False if jnp.issubdtype(dtype, bool) else jnp.iinfo(dtype).min


@op
def average_pool(
    inputs: Array,
    pool_size: Sizes,
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Return the mean of each window, per channel; what lies over the edge does not count.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        pool_size, strides, padding, data_format: as for `max_pool`.

    Raises:
        ValueError: shapes or options that do not fit.

    Example:
        >>> average_pool(jnp.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[0, :, 0].tolist()
        [2.0, 1.0]
    """
    return pool_mean("ops.average_pool", inputs, pool_size, strides, padding, data_format)


def pool_mean(
    where: str,
    inputs: Any,
    pool_size: Sizes,
    strides: Sizes | None,
    padding: str,
    data_format: str | None,
) -> Any:
    """Take the mean of each window; `where` is for errors."""
    size, stride = _windows(where, inputs, pool_size, strides, data_format)
    padding = _padding(where, padding, inputs, size)
    total = _add_up(inputs, size, stride, padding)
    if padding == "VALID":
        return total / math.prod(size)
    # How many pixels of a window lie inside is the same for all samples and channels.
    ones = jnp.ones([1 if s == 1 else n for n, s in zip(inputs.shape, size, strict=True)])
    return total / _add_up(ones.astype(total.dtype), size, stride, padding)


def _add_up(x: Any, size: Sequence[int], stride: Sequence[int], padding: str) -> Any:
    if _window_passes.fits(x, size):
        pads = jax.lax.padtype_to_pads(x.shape, size, stride, padding)
        return _window_passes.sums(x, size, stride, pads)
    zero = 0.0 if jnp.issubdtype(x.dtype, jnp.inexact) else 0
    return jax.lax.reduce_window(x, zero, jax.lax.add, size, stride, padding)


@op
def adaptive_average_pool(
    inputs: Array, output_size: Sizes, data_format: str | None = None
) -> Array:
    """Return the means of windows, as many and as large as it takes for `output_size` of them.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        output_size: number of windows along each spatial axis.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> adaptive_average_pool(jnp.arange(5.0)[None, :, None], 2)[0, :, 0].tolist()
        [1.0, 3.0]
    """
    return pool_mean_adaptively("ops.adaptive_average_pool", inputs, output_size, data_format)


def pool_mean_adaptively(
    where: str, inputs: Any, output_size: Sizes, data_format: str | None
) -> Any:
    """Take the means of `output_size` windows; `where` is for errors."""
    return _adaptive(where, inputs, output_size, data_format, _window_mean)


@op
def adaptive_max_pool(inputs: Array, output_size: Sizes, data_format: str | None = None) -> Array:
    """Return the largest elements of windows; see `adaptive_average_pool`."""
    return pool_max_adaptively("ops.adaptive_max_pool", inputs, output_size, data_format)


def pool_max_adaptively(
    where: str, inputs: Any, output_size: Sizes, data_format: str | None
) -> Any:
    """Take the largest of `output_size` windows; `where` is for errors."""
    return _adaptive(where, inputs, output_size, data_format, _window_max)


def _adaptive(where: str, x: Any, output_size: Sizes, data_format: str | None, reduce: Any) -> Any:
    rank = spatial_rank(where, x)
    sizes = per_axis(where, "output size", output_size, rank)
    first = 1 if config.standardize_data_format(data_format) == "channels_last" else 2
    for axis, count in enumerate(sizes, first):
        # Window i of `count` reaches from floor(i n / count) to ceil((i + 1) n / count).
        n, i = int(x.shape[axis]), np.arange(count)
        start, stop = i * n // count, -(-(i + 1) * n // count)
        places = start[:, None] + np.arange(max(stop - start))
        x = reduce(x, places, places < stop[:, None], axis)
    return x


def _window_max(x: Any, places: Any, inside: Any, axis: int) -> Any:
    last = np.max(np.where(inside, places, 0), axis=1, keepdims=True)
    taken = jnp.take(x, np.where(inside, places, last), axis=axis)  # (..., windows, places, ...)
    return jnp.max(taken, axis=axis + 1)


def _window_mean(x: Any, places: Any, inside: Any, axis: int) -> Any:
    weights = inside / inside.sum(axis=1, keepdims=True)
    taken = jnp.take(x, np.where(inside, places, 0), axis=axis)  # (..., windows, places, ...)
    shape = [1] * taken.ndim
    shape[axis : axis + 2] = weights.shape
    dtype = jnp.result_type(x, 1.0)
    return jnp.sum(taken * jnp.reshape(jnp.asarray(weights, dtype), shape), axis=axis + 1)

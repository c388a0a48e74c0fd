"""Moments, and arrays scaled by them or by their length."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import axes as as_axes
from lamina.ops._promotion import inexact, wide
from lamina.ops._tails import root

Axis = int | Sequence[int] | None


@op
def moments(
    x: Array, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Array, Array]:
    """Return mean and variance along `axes`.

    Short floats are added up in float32; what theirs cannot hold becomes their largest number.

    Args:
        axes: one axis or several.
        keepdims: whether the axes stay, with size 1.
        synchronized: True is for replicas that do not see each other's samples; here all do.

    Example:
        >>> [moment.item() for moment in moments([1.0, 3.0], 0)]
        [2.0, 1.0]
    """
    if synchronized:
        expected = "expected synchronized=False: compiled programs see the whole batch"
        raise NotImplementedError(explain("ops.moments", expected, "synchronized=True"))
    x = jnp.asarray(inexact(x))
    mean = jnp.mean(wide(x), axis=as_axes(axes), keepdims=keepdims)
    variance = jnp.var(wide(x), axis=as_axes(axes), keepdims=keepdims)
    if mean.dtype != x.dtype:
        largest = jnp.finfo(x.dtype).max
        mean, variance = (jnp.clip(m, -largest, largest).astype(x.dtype) for m in (mean, variance))
    return mean, variance


@op
def batch_normalization(
    x: Array,
    mean: Array,
    variance: Array,
    axis: int,
    offset: Array | None = None,
    scale: Array | None = None,
    epsilon: float = 1e-3,
) -> Array:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + offset.

    Args:
        x: array of any shape.
        mean, variance, offset, scale: one number per place along `axis`.
        axis: the axis of the channels.
        epsilon: added to the variance.

    Raises:
        ValueError: the size of the axis is not that of the mean.
    """
    if isinstance(x.shape[axis], int) and x.shape[axis] != mean.shape[0]:
        expected = f"expected size {mean.shape[0]} of axis {axis}, as mean and variance have"
        raise ValueError(explain("ops.batch_normalization", expected, describe(x)))
    shape = [1] * x.ndim
    shape[axis] = mean.shape[0]
    factor = jax.lax.rsqrt(variance + epsilon)
    if scale is not None:
        factor = factor * scale
    shift = -mean * factor
    if offset is not None:
        shift = shift + offset
    return x * jnp.reshape(factor, shape) + jnp.reshape(shift, shape)


@op
def layer_normalization(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Array:
    """Return x with mean 0 and variance 1 along `axis`, times gamma, plus beta.

    Args:
        x: array of any shape.
        gamma, beta: of the shape of the normalized axes.
        axis: one axis or several.
        epsilon: added to the variance; None for `config.epsilon()`.
        kwargs: rms_scaling=True keeps the mean (and is out of use: see `rms_normalization`).

    Reference:
        Ba et al., 2016, arXiv 1607.06450.

    Example:
        >>> layer_normalization([[1.0, 3.0]]).round(3).tolist()
        [[-1.0, 1.0]]
    """
    wide_x, epsilon = wide(x), config.epsilon() if epsilon is None else epsilon
    where = sorted(a % x.ndim for a in ([axis] if isinstance(axis, int) else axis or ()))
    gamma, beta = (_spread(v, wide_x, where) for v in (gamma, beta))
    factor = jax.lax.rsqrt(jnp.var(wide_x, tuple(where), keepdims=True) + epsilon)
    factor = factor if gamma is None else factor * gamma
    if kwargs.pop("rms_scaling", False):
        warnings.warn(
            "layer_normalization(rms_scaling=True) divides by the standard deviation, not the root "
            "mean square: use ops.rms_normalization",
            stacklevel=4,
        )
        return (wide_x * factor).astype(x.dtype)
    shift = -jnp.mean(wide_x, tuple(where), keepdims=True) * factor
    return (wide_x * factor + (shift if beta is None else shift + beta)).astype(x.dtype)


def _spread(v: Any, x: Any, where: list[int]) -> Any:
    """`v`, of the sizes of the axes `where` of `x`, such that it broadcasts with `x`."""
    if v is None:
        return None
    v = jnp.asarray(v, x.dtype)
    if v.ndim == x.ndim or where == [x.ndim - 1]:
        return v
    return jnp.reshape(v, [n if i in where else 1 for i, n in enumerate(x.shape)])


@op
def rms_normalization(
    x: Array, scale: Array | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Array:
    """Return x / sqrt(mean(x**2) + epsilon) * scale.

    Args:
        x: array of any shape.
        scale: broadcasts with x; None for 1.
        axis: of the mean: one or several.
        epsilon: None for `config.epsilon()`.

    Reference:
        Zhang and Sennrich, 2019, arXiv 1910.07467.

    Example:
        >>> rms_normalization([[3.0, 3.0]]).round(3).tolist()
        [[1.0, 1.0]]
    """
    x = jnp.atleast_1d(x)
    epsilon = config.epsilon() if epsilon is None else epsilon
    wide_x = wide(x)
    square = jnp.mean(jnp.square(wide_x), axis=as_axes(axis), keepdims=True)
    result = wide_x * jax.lax.rsqrt(square + epsilon)
    if scale is not None:
        result = result * jnp.asarray(scale, result.dtype)
    return result.astype(x.dtype)


@op
def normalize(x: Array, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """Return x divided by its norm along `axis`, (sum(|x|**order))**(1 / order).

    Args:
        axis: one axis or several.
        order: whole number of 1 or more.
        epsilon: the least that x is divided by; None for `config.epsilon()`.

    Raises:
        ValueError: another order.

    Example:
        >>> normalize([[3.0, 4.0]]).round(3).tolist()
        [[0.6000000238418579, 0.800000011920929]]
    """
    if not isinstance(order, int) or order < 1:
        expected = "expected a whole number of 1 or more as order"
        raise ValueError(explain("ops.normalize", expected, describe(order)))
    epsilon = config.epsilon() if epsilon is None else epsilon
    x = jnp.atleast_1d(jnp.asarray(inexact(x)))
    wide_x = wide(x)
    if order == 2:
        # The bound is put on the square, so that the slope at 0 is finite.
        square = jnp.sum(jnp.square(wide_x), axis=as_axes(axis), keepdims=True)
        factor = jax.lax.rsqrt(jnp.maximum(square, epsilon**2))
    else:
        total = jnp.sum(jnp.abs(wide_x) ** order, axis=as_axes(axis), keepdims=True)
        factor = 1.0 / jnp.maximum(root(total, order), epsilon)
    return (wide_x * factor).astype(x.dtype)

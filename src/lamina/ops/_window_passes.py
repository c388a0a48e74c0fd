"""Windows on CPUs: a pass along each axis that combines shifted slices.

XLA:CPU's own windows are slow, the more so backwards in loops. 128 images of 26x26x32, windows of
2x2, two cores: the largest of each and its gradient take 47 ms by `reduce_window`, whose gradient
is a select-and-scatter, and 4 ms this way. Where nobody asks for a gradient `reduce_window` is the
better one: XLA computes it together with the convolution before it, in half the time of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

# Slices of a window along one axis; with more of them a program compiles longer than it saves.
MOST = 16


def fits(x: Any, size: Sequence[int]) -> bool:
    """Return whether windows of `size` over `x` are better slid here than by XLA."""
    known = all(isinstance(n, int) and n > 0 for n in x.shape)
    return jax.default_backend() == "cpu" and known and max(size) <= MOST


def largest(x: Any, size: Sequence[int], stride: Sequence[int], pads: Any, lowest: Any) -> Any:
    """Return the largest element of each window; in the gradient the first of equals counts.

    Args:
        x: array of any rank.
        size, stride: whole numbers, one per axis.
        pads: (before, after) per axis.
        lowest: what counts for nothing.
    """
    if jnp.issubdtype(x.dtype, jnp.floating):
        return _largest(x, tuple(size), tuple(stride), tuple(pads), lowest)
    return _passes(_plain_max, x, size, stride, pads, lowest)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3, 4))
def _largest(x: Any, size: Any, stride: Any, pads: Any, lowest: Any) -> Any:
    return lax.reduce_window(x, jnp.asarray(lowest, x.dtype), lax.max, size, stride, pads)


@_largest.defjvp
def _largest_tangent(
    size: Any, stride: Any, pads: Any, lowest: Any, primals: Any, tangents: Any
) -> Any:
    return jax.jvp(lambda x: _passes(_axis_max, x, size, stride, pads, lowest), primals, tangents)


def slide_largest(x: Any, size: Sequence[int], stride: Sequence[int], pads: Any) -> Any:
    """Return the largest element of each window by slices alone, for those who know no windows."""
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return _passes(_plain_max, x, size, stride, pads, lowest)


def sums(x: Any, size: Sequence[int], stride: Sequence[int], pads: Any) -> Any:
    """Return the sum of each window; arguments as for `largest`."""
    return _passes(_axis_sum, x, size, stride, pads, 0)


def _passes(
    one: Callable[..., Any],
    x: Any,
    size: Sequence[int],
    stride: Sequence[int],
    pads: Any,
    fill: Any,
) -> Any:
    """Slide along the axes from the last to the first: so the first of equals is row by row."""
    if any(p for pad in pads for p in pad):
        x = lax.pad(x, jnp.asarray(fill, x.dtype), [(low, high, 0) for low, high in pads])
    for axis in reversed(range(x.ndim)):
        if size[axis] > 1 or stride[axis] > 1:
            x = one(x, axis, size[axis], stride[axis])
    return x


def _shifts(x: Any, axis: int, size: int, stride: int) -> Iterator[Any]:
    """Yield the first, second, ... element of all windows along an axis."""
    count = (x.shape[axis] - size) // stride + 1
    for i in range(size):
        yield lax.slice_in_dim(x, i, i + (count - 1) * stride + 1, stride, axis)


def _plain_max(x: Any, axis: int, size: int, stride: int) -> Any:
    return reduce(jnp.maximum, _shifts(x, axis, size, stride))


_axis_max = jax.custom_jvp(_plain_max, nondiff_argnums=(1, 2, 3))


@_axis_max.defjvp
def _axis_max_tangent(axis: int, size: int, stride: int, primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    y = _axis_max(x, axis, size, stride)
    free, total = jnp.ones(y.shape, bool), jnp.zeros(y.shape, dx.dtype)
    for here, change in zip(
        _shifts(x, axis, size, stride), _shifts(dx, axis, size, stride), strict=True
    ):
        hit = here == y
        total = total + jnp.where(free & hit, change, 0)
        free = free & ~hit
    return y, total


def _axis_sum(x: Any, axis: int, size: int, stride: int) -> Any:
    return reduce(jnp.add, _shifts(x, axis, size, stride))

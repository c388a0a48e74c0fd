"""Sums, means, extremes along axes, and their running forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.graph import Array, op
from lamina.ops import _tails
from lamina.ops._promotion import as_dtype, axes, inexact, wide

Axis = int | Sequence[int] | None


@op
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the sum along `axis`; truth values are counted.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> sum([[1, 2], [3, 4]], axis=0).tolist(), sum([True, True]).item()
        ([4, 6], 2)
    """
    return jnp.sum(x, axis=axes(axis), keepdims=keepdims)


@op
def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean along `axis`, a float.

    Short floats are added up in float32, and the mean is given in theirs.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> mean([[1, 2], [3, 6]], axis=1).tolist()
        [1.5, 4.5]
    """
    x = jnp.asarray(x)
    result = jnp.mean(wide(x), axis=axes(axis), keepdims=keepdims)
    return result.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else result


@op
def prod(x: Array, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """Return the product along `axis`.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.
        dtype: in which the product is computed; None for that of x.
    """
    return jnp.prod(x, axis=axes(axis), keepdims=keepdims, dtype=as_dtype(dtype))


@op
def max(x: Array, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Array:
    """Return the largest element along `axis`.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.
        initial: the least that is returned; needed where an axis may be empty.
    """
    return jnp.max(x, axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def min(x: Array, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Array:
    """Return the smallest element along `axis`.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.
        initial: the most that is returned; needed where an axis may be empty.
    """
    return jnp.min(x, axis=axes(axis), keepdims=keepdims, initial=initial)


@op
def amax(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element along `axis`: another name of `max`."""
    return jnp.max(x, axis=axes(axis), keepdims=keepdims)


@op
def amin(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element along `axis`: another name of `min`."""
    return jnp.min(x, axis=axes(axis), keepdims=keepdims)


@op
def ptp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element less the smallest along `axis`."""
    return jnp.ptp(x, axis=axes(axis), keepdims=keepdims)


@op
def all(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether all elements along `axis` are true."""
    return jnp.all(x, axis=axes(axis), keepdims=keepdims)


@op
def any(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return whether any element along `axis` is true."""
    return jnp.any(x, axis=axes(axis), keepdims=keepdims)


@op
def count_nonzero(x: Array, axis: Axis = None) -> Array:
    """Return how many elements along `axis` are not 0, int32."""
    return jnp.count_nonzero(x, axis=axes(axis)).astype("int32")


@op
def var(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean squared distance to the mean along `axis`, a float.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> var([1.0, 3.0]).item(), std([1.0, 3.0]).item()
        (1.0, 1.0)
    """
    return jnp.var(wide(x), axis=axes(axis), keepdims=keepdims).astype(_real(x))


@op
def std(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the standard deviation along `axis`: the square root of `var`."""
    return _tails.root(jnp.var(wide(x), axis=axes(axis), keepdims=keepdims)).astype(_real(x))


def _real(x: Any) -> Any:
    """The dtype of squared sizes of elements like those of `x`."""
    dtype = jnp.result_type(inexact(x))
    return jnp.finfo(dtype).dtype


@op
def average(x: Array, axis: Axis = None, weights: Array | None = None) -> Array:
    """Return sum(weights * x) / sum(weights) along `axis`; without weights, the mean.

    Args:
        axis: one axis or several; None for all.
        weights: of the shape of x, or one per place along `axis`.

    Example:
        >>> average([1.0, 4.0], weights=[2.0, 1.0]).item()
        2.0
    """
    x = inexact(x)
    if weights is not None:
        dtype = jnp.result_type(x, inexact(weights))
        x, weights = jnp.asarray(x, dtype), jnp.asarray(weights, dtype)
    return jnp.average(x, axis=axes(axis), weights=weights)


@op
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return log(sum(exp(x))) along `axis`, computed without overflow.

    Args:
        axis: one axis or several; None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> logsumexp([1000.0, 1000.0]).item()
        1000.693...
    """
    return _tails.logsumexp(jnp.asarray(inexact(x)), axes(axis), keepdims)


@op
def cumsum(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """Return the sums of the first 1, 2, 3, ... elements along `axis` (None: of x made flat).

    Example:
        >>> cumsum([1, 2, 3]).tolist(), cumprod([1, 2, 3]).tolist()
        ([1, 3, 6], [1, 2, 6])
    """
    return jnp.cumsum(x, axis=axis, dtype=as_dtype(dtype))


@op
def cumprod(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """Return the products of the first 1, 2, 3, ... elements along `axis`; see `cumsum`."""
    return jnp.cumprod(x, axis=axis, dtype=as_dtype(dtype))


@op
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the largest element along `axis` stands, int32; the first of equal ones.

    Args:
        axis: one axis; None for the place in x made flat.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> argmax([[1, 3, 2], [5, 4, 5]], axis=1).tolist()
        [1, 0]
    """
    return jnp.argmax(_ordered(x), axis=axis, keepdims=keepdims)


@op
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the smallest element along `axis` stands, int32; the first of equal ones."""
    return jnp.argmin(_ordered(x), axis=axis, keepdims=keepdims)


def _ordered(x: Any) -> Any:
    """`x` with its tiniest negative numbers made visible.

    XLA:CPU takes subnormal numbers for 0 when it compares (jax issue 24280), so that the smallest
    of [0, -1e-45] would stand at 0.
    """
    x = jnp.asarray(x)
    if x.ndim == 0 or not jnp.issubdtype(x.dtype, jnp.floating) or jax.default_backend() != "cpu":
        return x
    x = wide(x)
    return jnp.where((x == 0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x)


@op
def nansum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the sum along `axis` of what is not NaN.

    Example:
        >>> nansum([1.0, float("nan")]).item(), nanmean([1.0, float("nan")]).item()
        (1.0, 1.0)
    """
    return jnp.nansum(x, axis=axes(axis), keepdims=keepdims)


@op
def nanmean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean along `axis` of what is not NaN."""
    return jnp.nanmean(wide(x), axis=axes(axis), keepdims=keepdims).astype(
        jnp.result_type(inexact(x))
    )


@op
def nanprod(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the product along `axis` of what is not NaN."""
    return jnp.nanprod(x, axis=axes(axis), keepdims=keepdims)


@op
def nanmax(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the largest element along `axis` that is not NaN."""
    return jnp.nanmax(x, axis=axes(axis), keepdims=keepdims)


@op
def nanmin(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the smallest element along `axis` that is not NaN."""
    return jnp.nanmin(x, axis=axes(axis), keepdims=keepdims)


@op
def nanvar(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the mean squared distance to the mean along `axis` of what is not NaN."""
    return jnp.nanvar(wide(x), axis=axes(axis), keepdims=keepdims).astype(_real(x))


@op
def nanstd(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the standard deviation along `axis` of what is not NaN."""
    variance = jnp.nanvar(wide(x), axis=axes(axis), keepdims=keepdims)
    return _tails.root(variance).astype(_real(x))


@op
def nancumsum(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """Return the running sums along `axis`, NaN counted as 0."""
    return jnp.nancumsum(x, axis=axis, dtype=as_dtype(dtype))


@op
def nancumprod(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """Return the running products along `axis`, NaN counted as 1."""
    return jnp.nancumprod(x, axis=axis, dtype=as_dtype(dtype))


@op
def nanargmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the largest element that is not NaN stands along `axis`; -1 if all are NaN."""
    return jnp.nanargmax(x, axis=axis, keepdims=keepdims)


@op
def nanargmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Return where the smallest element that is not NaN stands along `axis`; -1 if all are NaN."""
    return jnp.nanargmin(x, axis=axis, keepdims=keepdims)

"""Quantiles, counts per bin, correlations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import axes

Axis = int | Sequence[int] | None


@op
def median(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the middle of the sorted elements along `axis`, the mean of the two in the middle.

    Example:
        >>> median([3.0, 1.0, 2.0, 9.0]).item()
        2.5
    """
    return jnp.median(x, axis=axes(axis), keepdims=keepdims)


@op
def quantile(
    x: Array, q: Array, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the values below which fractions `q` of the elements along `axis` lie.

    Args:
        q: fractions in [0, 1].
        axis: one axis or several; None for all.
        method: between two elements: 'linear', 'lower', 'higher', 'midpoint' or 'nearest'.
        keepdims: whether the axes stay, with size 1.

    Shapes:
        The axes of q come first, then those of x that are left.

    Example:
        >>> quantile([1.0, 2.0, 3.0], [0.25, 0.5]).tolist()
        [1.5, 2.0]
    """
    return jnp.quantile(x, jnp.asarray(q), axis=axes(axis), method=method, keepdims=keepdims)


@op
def percentile(
    x: Array, q: Array, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the values below which `q` per cent of the elements lie; see `quantile`."""
    return jnp.percentile(x, jnp.asarray(q), axis=axes(axis), method=method, keepdims=keepdims)


@op
def nanmedian(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Return the median along `axis` of what is not NaN."""
    return jnp.nanmedian(x, axis=axes(axis), keepdims=keepdims)


@op
def nanquantile(
    x: Array, q: Array, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the quantiles along `axis` of what is not NaN; see `quantile`."""
    return jnp.nanquantile(x, jnp.asarray(q), axis=axes(axis), method=method, keepdims=keepdims)


@op
def nanpercentile(
    x: Array, q: Array, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Array:
    """Return the percentiles along `axis` of what is not NaN; see `quantile`."""
    return jnp.nanpercentile(x, jnp.asarray(q), axis=axes(axis), method=method, keepdims=keepdims)


@op
def histogram(
    x: Array, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Array, Array]:
    """Return how many elements fall into each of `bins` bins of equal width, and the bins' edges.

    Args:
        x: one axis.
        bins: how many.
        range: lower end of the first and upper end of the last; None for those of x.

    Raises:
        TypeError, ValueError: x has several axes, or bins or range make no bins.

    Example:
        >>> histogram([1.0, 2.0, 2.0], bins=2)[0].tolist()
        [1.0, 2.0]
    """
    if isinstance(bins, bool) or not isinstance(bins, int):
        raise TypeError(explain("ops.histogram", "expected a whole number of bins", describe(bins)))
    if bins < 0:
        raise ValueError(explain("ops.histogram", "expected 0 bins or more", describe(bins)))
    if range and (not isinstance(range, tuple) or len(range) != 2 or range[1] < range[0]):
        expected = "expected range=(lower end, upper end)"
        raise ValueError(explain("ops.histogram", expected, describe(range)))
    if jnp.ndim(x) > 1:
        raise ValueError(
            explain("ops.histogram", "expected one axis", describe(x), "use ops.ravel(x)")
        )
    counts, edges = jnp.histogram(x, bins=bins, range=range)
    return counts, edges


@op
def bincount(
    x: Array, weights: Array | None = None, minlength: int = 0, sparse: bool = False
) -> Array:
    """Return how often each of 0, 1, 2, ... stands in x, or the sum of its weights.

    The size of the result is max(x) + 1 at least, so x must be known: under jax.jit, use
    `segment_sum`.

    Args:
        x: whole numbers of 0 or more, (N,) or (B, N) for B counts.
        weights: of the shape of x.
        minlength: the least size of the result.
        sparse: False; the result is dense.

    Example:
        >>> bincount([1, 1, 3]).tolist(), bincount([1, 1, 0], weights=[0.5, 0.5, 2.0]).tolist()
        ([0, 2, 0, 1], [2.0, 1.0])
    """
    if sparse:
        raise ValueError(explain("ops.bincount", "expected sparse=False", "sparse=True"))
    if x.ndim < 2:
        return jnp.bincount(x, weights=weights, minlength=minlength)
    length = max(int(jnp.max(x, initial=-1)) + 1, minlength)
    if weights is None:
        return jax.vmap(lambda row: jnp.bincount(row, length=length))(x)
    return jax.vmap(lambda row, w: jnp.bincount(row, weights=w, length=length))(x, weights)


@op
def digitize(x: Array, bins: Array) -> Array:
    """Return the number of the bin that each element falls into, int32.

    Args:
        bins: the inner edges, increasing; below the first is bin 0.

    Example:
        >>> digitize([0.5, 1.0, 7.0], [1.0, 5.0]).tolist()
        [0, 1, 2]
    """
    return jnp.digitize(x, jnp.asarray(bins))


@op
def corrcoef(x: Array) -> Array:
    """Return Pearson's correlation of every row of x with every other.

    Shapes:
        x: (V, N), a variable per row. Returns (V, V).
    """
    return jnp.corrcoef(x)


@op
def correlate(x1: Array, x2: Array, mode: str = "valid") -> Array:
    """Return sum(x1[n + k] * conj(x2[n])) over n for every shift k.

    Args:
        x1, x2: one axis each.
        mode: 'valid' for full overlap only, 'same' for the size of the longer, 'full' for any.
    """
    return jnp.correlate(x1, x2, mode)


@op
def diff(a: Array, n: int = 1, axis: int = -1) -> Array:
    """Return each element less the one before it along `axis`, n times over.

    Example:
        >>> diff([1, 4, 9]).tolist(), diff([1, 4, 9], n=2).tolist()
        ([3, 5], [2])
    """
    return jnp.diff(a, n=n, axis=axis)


@op
def trapezoid(y: Array, x: Array | None = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """Return the integral along `axis` of the straight lines through the points (x, y).

    Args:
        y: heights.
        x: where they stand; None for `dx` apart.
        dx: distance of neighbours without x.

    Example:
        >>> trapezoid([0.0, 1.0, 0.0], dx=2.0).item()
        2.0
    """
    return jnp.trapezoid(y, x, dx=dx, axis=axis)

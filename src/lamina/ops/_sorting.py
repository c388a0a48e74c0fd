"""Order: sorted elements, the places of the first k, elements without repetition."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.graph import Array, op


@op
def sort(x: Array, axis: int | None = -1) -> Array:
    """Return the elements along `axis` in increasing order, NaN last; None for x made flat.

    Example:
        >>> sort([3, 1, 2]).tolist(), argsort([3, 1, 2]).tolist()
        ([1, 2, 3], [1, 2, 0])
    """
    return jnp.sort(x, axis=axis)


@op
def argsort(x: Array, axis: int | None = -1) -> Array:
    """Return the places of the elements along `axis` in increasing order, int32."""
    return jnp.argsort(x, axis=axis if jnp.ndim(x) else None)


@op
def argpartition(x: Array, kth: int, axis: int | None = -1) -> Array:
    """Return places along `axis` such that the first `kth` elements are the smallest, int32.

    Example:
        >>> sorted(argpartition([7, 1, 9, 3], 2)[:2].tolist())
        [1, 3]
    """
    if axis is None:
        x, axis = jnp.ravel(x), 0
    return jnp.argpartition(x, kth, axis=axis)


@op
def top_k(x: Array, k: int, sorted: bool = True, is_stable: bool = True) -> tuple[Array, Array]:
    """Return the k largest elements along the last axis and their places, int32.

    Args:
        sorted, is_stable: kept for the sake of other engines: here the elements always come
            largest first, and equal ones in the order in which they stand.

    Shapes:
        x: (..., C). Returns (..., k) twice.

    Example:
        >>> [part.tolist() for part in top_k([1.0, 9.0, 4.0], 2)]
        [[9.0, 4.0], [1, 2]]
    """
    del sorted, is_stable
    values, places = jax.lax.top_k(x, k)
    return values, places


@op
def in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    """Return whether the prediction for the target is among the k largest.

    NaN counts as smaller than anything.

    Args:
        targets: class numbers, (N, ...).
        predictions: scores, (N, ..., C).

    Example:
        >>> in_top_k([0, 2], [[0.1, 0.8, 0.3], [0.1, 0.8, 0.3]], k=2).tolist()
        [False, True]
    """
    chosen = jnp.take_along_axis(predictions, jnp.expand_dims(targets, -1), axis=-1)  # (N, 1)
    chosen = jnp.where(jnp.isnan(chosen), -jnp.inf, chosen)
    return jnp.sum(predictions > chosen, axis=-1) < k


@op
def unique(
    x: Array,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the elements of x without repetition.

    How many there are depends on the values: under jax.jit, `size` must say how many to return.

    Args:
        sorted: whether they are in increasing order.
        return_index: whether to return also where each stands first.
        return_inverse: whether to return also which of them each element of x is.
        return_counts: whether to return also how often each stands in x.
        axis: along which slices are compared; None for the elements of x made flat.
        size: how many to return; fewer are filled up.
        fill_value: with what they are; None for the smallest element.

    Example:
        >>> values, counts = unique([3, 1, 3], return_counts=True)
        >>> values.tolist(), counts.tolist()
        ([1, 3], [1, 2])
    """
    return jnp.unique(
        x,
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
        size=size,
        sorted=sorted,
        fill_value=fill_value,
    )

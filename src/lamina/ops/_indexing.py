"""Elements by place and by condition: read, written, found, summed by group."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.errors import describe, explain, unknown
from lamina._core.graph import Array, as_operand, op


@op
def get_item(x: Array, key: Any) -> Array:
    """Return x[key].

    Args:
        key: what may stand in brackets behind an array; lists are taken for arrays.

    Example:
        >>> get_item([[1, 2], [3, 4]], (..., 0)).tolist()
        [1, 3]
    """
    parts = key if isinstance(key, tuple) else (key,)
    return jnp.asarray(x)[tuple(_index(part) for part in parts)]


def _index(part: Any) -> Any:
    if isinstance(part, list):
        return np.asarray(part, dtype=None if part else int)
    plain = (int, np.integer, np.ndarray, builtins.slice, type(None), type(Ellipsis))
    return part if isinstance(part, plain) else as_operand(part)


@op
def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Return the elements of x at the places `indices` along `axis`.

    Places beyond the axis give NaN in floats and the lowest number in integers.

    Args:
        indices: whole numbers; negative ones count from the end.
        axis: None for x made flat.

    Example:
        >>> take([[1, 2, 3]], [2, 0], axis=1).tolist()
        [[3, 1]]
    """
    return jnp.take(jnp.asarray(x), jnp.asarray(indices), axis=axis)


@op
def take_along_axis(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Return for each place of `indices` the element of x at that number along `axis`.

    Args:
        indices: whole numbers, of as many axes as x.
        axis: None for both made flat.

    Example:
        >>> take_along_axis([[5, 9], [7, 6]], [[1], [0]], axis=1).tolist()
        [[9], [7]]
    """
    return jnp.take_along_axis(x, indices, axis=axis)


@op
def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Any:
    """Return x1 where the condition is true and x2 elsewhere; of the condition alone, `nonzero`.

    Raises:
        ValueError: only one of x1 and x2.

    Example:
        >>> where([True, False], [1, 2], 0).tolist()
        [1, 0]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError(
            explain(
                "ops.where",
                "expected both x1 and x2, or neither",
                f"{'x2' if x1 is None else 'x1'} alone",
            )
        )
    return jnp.where(condition) if x1 is None or x2 is None else jnp.where(condition, x1, x2)


@op
def nonzero(x: Array) -> tuple[Array, ...]:
    """Return where x is not 0: for each axis the places along it.

    How many there are depends on the values, so x must be known: under jax.jit, use `where`.

    Example:
        >>> [places.tolist() for places in nonzero([[0, 7], [8, 0]])]
        [[0, 1], [1, 0]]
    """
    return tuple(jnp.nonzero(x))


@op
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:  # type: ignore[assignment]
    """Return the choice that belongs to the first condition that is true, else `default`.

    Raises:
        ValueError: the lists are no lists, empty, or of different lengths.

    Example:
        >>> select([[True, False, False], [True, True, False]], [[1, 2, 3], [4, 5, 6]], 9).tolist()
        [1, 5, 9]
    """
    if not isinstance(condlist, list) or not isinstance(choicelist, list) or not condlist:
        expected = "expected lists of conditions and choices, not empty"
        got = f"{describe(condlist)} and {describe(choicelist)}"
        raise ValueError(explain("ops.select", expected, got))
    return jnp.select(condlist, choicelist, default=default)


@op
def searchsorted(sorted_sequence: Array, values: Array, side: str = "left") -> Array:
    """Return where `values` would have to be put in to keep the sequence sorted, int32.

    Args:
        sorted_sequence: increasing, one axis.
        side: 'left' of equal elements or 'right' of them.

    Raises:
        ValueError: the sequence has several axes.

    Example:
        >>> searchsorted([1, 3, 5], [3, 4]).tolist()
        [1, 2]
    """
    if jnp.ndim(sorted_sequence) != 1:
        raise ValueError(
            explain(
                "ops.searchsorted",
                "expected a sequence of one axis",
                describe(sorted_sequence),
                "ops.vectorized_map looks in several sequences at once",
            )
        )
    return jnp.searchsorted(sorted_sequence, values, side=side)


@op
def unravel_index(indices: Array, shape: Any) -> tuple[Array, ...]:
    """Return for places in an array made flat the places along each axis of `shape`.

    Example:
        >>> [places.tolist() for places in unravel_index([3, 5], (2, 3))]
        [[1, 1], [0, 2]]
    """
    return tuple(jnp.unravel_index(indices, shape))


@op
def slice(inputs: Array, start_indices: Array, shape: Any) -> Array:
    """Return the part of `inputs` of size `shape` that starts at `start_indices`.

    A start that would put the part beyond the end is moved back, as far as needed.

    Args:
        start_indices: one whole number per axis.
        shape: sizes; -1 for all that is left, where the start is known.

    Example:
        >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, -1)).tolist()
        [[2, 3], [5, 6]]
    """
    inputs = jnp.asarray(inputs)
    sizes = [
        inputs.shape[i] - int(start_indices[i]) if isinstance(s, int) and s == -1 else s
        for i, s in enumerate(shape)
    ]
    return jax.lax.dynamic_slice(inputs, list(start_indices), sizes)


@op
def slice_update(inputs: Array, start_indices: Array, updates: Array) -> Array:
    """Return `inputs` with `updates` in place of the part that starts at `start_indices`.

    Example:
        >>> slice_update([[1, 2, 3]], (0, 1), [[8, 9]]).tolist()
        [[1, 8, 9]]
    """
    inputs = jnp.asarray(inputs)
    updates = jnp.asarray(updates, inputs.dtype)
    return jax.lax.dynamic_update_slice(inputs, updates, list(start_indices))


@op
def scatter(indices: Array, values: Array, shape: Any) -> Array:
    """Return an array of 0 with `values` added at `indices`.

    Args:
        indices: (..., R), R <= rank of the result: places along its first R axes.
        values: (..., *shape[R:]).
        shape: of the result.

    Example:
        >>> scatter([[0], [2], [2]], [1, 2, 3], (4,)).tolist()
        [1, 0, 5, 0]
    """
    place = tuple(jnp.moveaxis(jnp.asarray(indices), -1, 0))
    return jnp.zeros(tuple(shape), jnp.result_type(values)).at[place].add(values)


_REDUCTIONS = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@op
def scatter_update(
    inputs: Array, indices: Array, updates: Array, reduction: str | None = None
) -> Array:
    """Return `inputs` with `updates` at `indices`.

    Args:
        indices: (N, R), R <= rank of the inputs: places along its first R axes.
        updates: (N, *inputs.shape[R:]).
        reduction: how what was there counts: 'add', 'max', 'min', 'mul'; None: not at all.

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> scatter_update([1, 2, 3], [[0], [2]], [10, 10], reduction="add").tolist()
        [11, 2, 13]
    """
    name = reduction.lower() if isinstance(reduction, str) else reduction
    if name not in _REDUCTIONS:
        raise ValueError(unknown("reduction", str(reduction), filter(None, _REDUCTIONS)))
    inputs = jnp.asarray(inputs)
    place = tuple(jnp.transpose(jnp.asarray(indices)))
    return getattr(inputs.at[place], _REDUCTIONS[name])(jnp.asarray(updates, inputs.dtype))


@op
def segment_sum(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the sums of the rows of each segment.

    Args:
        data: (N, ...).
        segment_ids: (N,): the segment of each row, from 0; others are left out.
        num_segments: how many; None for max(segment_ids) + 1, if they are known.
        sorted: whether the ids are in increasing order, which is then taken for granted.

    Shapes:
        Returns (num_segments, ...).

    Raises:
        ValueError: the ids are not one per row, or not known and `num_segments` not given.

    Example:
        >>> segment_sum([1, 2, 4], [0, 0, 2], num_segments=3).tolist()
        [3, 0, 4]
    """
    return _segment(jax.ops.segment_sum, data, segment_ids, num_segments, sorted)


@op
def segment_prod(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the products of the rows of each segment, 1 of none; see `segment_sum`."""
    return _segment(jax.ops.segment_prod, data, segment_ids, num_segments, sorted)


@op
def segment_max(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the largest rows of each segment, the lowest number of none; see `segment_sum`."""
    return _segment(jax.ops.segment_max, data, segment_ids, num_segments, sorted)


@op
def segment_min(
    data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False
) -> Array:
    """Return the smallest rows of each segment, the highest number of none; see `segment_sum`."""
    return _segment(jax.ops.segment_min, data, segment_ids, num_segments, sorted)


def _segment(
    reduce: Callable[..., Any], data: Any, ids: Any, num_segments: int | None, ordered: bool
) -> Any:
    where = f"ops.{reduce.__name__}"
    data, ids = jnp.asarray(data), jnp.asarray(ids)
    if ids.ndim != 1 or data.ndim < 1 or data.shape[0] != ids.shape[0]:
        expected = "expected segment_ids of one axis, as long as the first of data"
        raise ValueError(explain(where, expected, f"shapes {ids.shape} and {data.shape}"))
    if num_segments is None and isinstance(ids, jax.core.Tracer):
        raise ValueError(
            explain(
                where,
                "expected num_segments, which the shape of the result depends on",
                "None for segment_ids that are not known yet",
            )
        )
    return reduce(data, ids, num_segments, indices_are_sorted=ordered)

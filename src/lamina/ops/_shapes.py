"""Arrays in other shapes: joined, cut, turned, repeated."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.errors import describe, explain, unknown
from lamina._core.graph import Array, as_operand, op
from lamina.ops._promotion import axes

Axis = int | Sequence[int] | None


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the sizes of the axes, None where a symbolic tensor does not know one.

    Example:
        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(shape(x))


def size(x: Any) -> Any:
    """Return the number of elements; of a symbolic tensor of unknown size, a symbolic scalar."""
    sizes = shape(x)
    if None in sizes:
        return _count(x)
    return math.prod(n for n in sizes if n is not None)


@op
def _count(x: Array) -> Array:
    return jnp.sum(jnp.ones(x.shape, "int32"))


@op
def reshape(x: Array, newshape: Any) -> Array:
    """Return x with other axes and the same elements in the same order.

    Args:
        newshape: sizes of the axes; one may be -1, or None, for what is left.

    Raises:
        ValueError: the elements do not fill the axes.

    Example:
        >>> reshape([1, 2, 3, 4], (2, -1)).tolist()
        [[1, 2], [3, 4]]
    """
    return jnp.reshape(x, _sizes("ops.reshape", newshape))


def _sizes(where: str, newshape: Any) -> tuple[Any, ...]:
    """The sizes in `newshape` as a tuple, an open one as -1."""
    if isinstance(newshape, (jax.Array, np.ndarray)):
        newshape = np.asarray(newshape).reshape(-1).tolist()
    sizes = tuple(newshape) if isinstance(newshape, (list, tuple)) else (newshape,)
    sizes = tuple(-1 if s is None else s for s in sizes)
    known = [s for s in sizes if isinstance(s, (int, np.integer))]
    if any(s < -1 for s in known) or known.count(-1) > 1:
        raise ValueError(
            explain(where, "expected sizes of 0 or more, and -1 at most once", describe(newshape))
        )
    return sizes


@op
def transpose(x: Array, axes: Any = None) -> Array:
    """Return x with its axes in the order `axes`, reversed by default.

    Example:
        >>> transpose([[1, 2, 3]]).tolist()
        [[1], [2], [3]]
    """
    return jnp.transpose(x, axes)


@op
def squeeze(x: Array, axis: Axis = None) -> Array:
    """Return x without axes of size 1: all of them, or those named."""
    return jnp.squeeze(x, axes(axis))


@op
def expand_dims(x: Array, axis: Any) -> Array:
    """Return x with a new axis of size 1 at `axis`.

    Example:
        >>> expand_dims([1, 2], -1).shape
        (2, 1)
    """
    return jnp.expand_dims(x, axes(axis))


@op
def swapaxes(x: Array, axis1: int, axis2: int) -> Array:
    """Return x with two axes exchanged."""
    return jnp.swapaxes(x, axis1, axis2)


@op
def moveaxis(x: Array, source: Any, destination: Any) -> Array:
    """Return x with the axes `source` at the places `destination`, the others in their order.

    Example:
        >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    return jnp.moveaxis(x, source, destination)


@op
def ravel(x: Array) -> Array:
    """Return the elements along one axis."""
    return jnp.ravel(x)


@op
def broadcast_to(x: Array, shape: Any) -> Array:
    """Return x repeated along its axes of size 1, and new axes before them, to fill `shape`."""
    return jnp.broadcast_to(x, tuple(shape) if isinstance(shape, list) else shape)


@op
def flip(x: Array, axis: Axis = None) -> Array:
    """Return x with the order along `axis` reversed; None for all axes."""
    return jnp.flip(x, axes(axis))


@op
def fliplr(x: Array) -> Array:
    """Return x with the order along its second axis reversed."""
    return jnp.fliplr(x)


@op
def flipud(x: Array) -> Array:
    """Return x with the order along its first axis reversed."""
    return jnp.flipud(x)


@op
def roll(x: Array, shift: Any, axis: Axis = None) -> Array:
    """Return x moved by `shift` places along `axis`; what leaves at the end enters at the start.

    Example:
        >>> roll([1, 2, 3], 1).tolist()
        [3, 1, 2]
    """
    return jnp.roll(x, axes(shift), axes(axis))


@op
def rot90(array: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Return the array turned k times by 90 degrees, from the first of `axes` to the second.

    Raises:
        ValueError: the array has fewer than two axes, or `axes` are not two different ones.
    """
    if jnp.ndim(array) < 2:
        raise ValueError(explain("ops.rot90", "expected two axes or more", describe(array)))
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(explain("ops.rot90", "expected two different axes", describe(axes)))
    return jnp.rot90(array, k=k, axes=(axes[0], axes[1]))


@op
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Return x with each element along `axis` repeated.

    Args:
        repeats: how often: one number, or one per element.
        axis: None for x made flat.

    Example:
        >>> repeat([1, 2], 2).tolist(), tile([1, 2], 2).tolist()
        ([1, 1, 2, 2], [1, 2, 1, 2])
    """
    if not isinstance(repeats, (int, jax.Array)):
        repeats = np.asarray(repeats)  # known, also where x is traced
    return jnp.repeat(x, repeats, axis=axis)


@op
def tile(x: Array, repeats: Any) -> Array:
    """Return x as a whole repeated along its axes, `repeats` times each."""
    if isinstance(repeats, (jax.Array, np.ndarray)):
        repeats = np.asarray(repeats).tolist()
    counts = axes(repeats) if isinstance(repeats, (list, tuple)) else (repeats,)
    if any(isinstance(n, int) and n < 0 for n in counts):
        raise ValueError(explain("ops.tile", "expected repeats of 0 or more", describe(repeats)))
    return jnp.tile(x, counts)


@op
def concatenate(xs: Sequence[Array], axis: int | None = 0) -> Array:
    """Return arrays joined along an axis that they have.

    Example:
        >>> concatenate([[1, 2], [3]]).tolist()
        [1, 2, 3]
    """
    return jnp.concatenate(xs, axis=axis)


@op
def append(x1: Array, x2: Array, axis: int | None = None) -> Array:
    """Return x1 and x2 joined along `axis`; None for both made flat."""
    return jnp.append(x1, x2, axis=axis)


@op
def stack(x: Sequence[Array], axis: int = 0) -> Array:
    """Return arrays of one shape joined along a new axis.

    Example:
        >>> stack([[1, 2], [3, 4]], axis=1).tolist()
        [[1, 3], [2, 4]]
    """
    return jnp.stack(x, axis=axis)


@op
def hstack(xs: Sequence[Array]) -> Array:
    """Return arrays joined along the second axis, or the first if they have one only."""
    return jnp.hstack(xs)


@op
def vstack(xs: Sequence[Array]) -> Array:
    """Return arrays joined along the first axis; those of one axis become rows."""
    return jnp.vstack(xs)


@op
def dstack(xs: Sequence[Array]) -> Array:
    """Return arrays joined along the third axis."""
    return jnp.dstack(xs)


@op
def column_stack(xs: Sequence[Array]) -> Array:
    """Return arrays joined along the second axis; those of one axis become columns.

    Example:
        >>> column_stack([[1, 2], [3, 4]]).tolist()
        [[1, 3], [2, 4]]
    """
    return jnp.column_stack(xs)


@op
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Return the pieces of x along `axis`.

    Args:
        indices_or_sections: the number of equal pieces, or where each piece but the first starts.

    Example:
        >>> [piece.tolist() for piece in split([1, 2, 3, 4], [1, 3])]
        [[1], [2, 3], [4]]
    """
    return list(jnp.split(x, _cuts(indices_or_sections), axis=axis))


def _cuts(indices_or_sections: Any) -> Any:
    if isinstance(indices_or_sections, (jax.Array, np.ndarray)):
        return np.asarray(indices_or_sections).tolist()
    return indices_or_sections


@op
def array_split(x: Array, indices_or_sections: int, axis: int = 0) -> list[Array]:
    """Return x in pieces along `axis` that are equal up to one element.

    Raises:
        TypeError, ValueError: the number of pieces is no positive whole number.

    Example:
        >>> [piece.tolist() for piece in array_split([1, 2, 3], 2)]
        [[1, 2], [3]]
    """
    if isinstance(indices_or_sections, bool) or not isinstance(indices_or_sections, int):
        expected = "expected a whole number of pieces"
        raise TypeError(explain("ops.array_split", expected, describe(indices_or_sections)))
    if indices_or_sections < 1:
        expected = "expected one piece or more"
        raise ValueError(explain("ops.array_split", expected, describe(indices_or_sections)))
    return list(jnp.array_split(x, indices_or_sections, axis=axis))


@op
def hsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Return the pieces of x along the second axis, or the first if there is one only."""
    return list(jnp.hsplit(x, _cuts(indices_or_sections)))


@op
def vsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Return the pieces of x along the first axis."""
    return list(jnp.vsplit(x, _cuts(indices_or_sections)))


@op
def dsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Return the pieces of x along the third axis."""
    return list(jnp.dsplit(x, _cuts(indices_or_sections)))


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """Return the slices of x along `axis`, without that axis.

    Args:
        num: how many; needed where a symbolic tensor does not know the size of the axis.

    Raises:
        ValueError: the size is not known and `num` not given, or they differ.

    Example:
        >>> [row.tolist() for row in unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    sizes = shape(x)
    try:
        known = sizes[axis]
    except IndexError:
        expected = f"expected an axis of an array that has {len(sizes)}"
        raise ValueError(explain("ops.unstack", expected, f"axis={axis}")) from None
    if not isinstance(known, int):
        known = num
    if known is None or num not in (None, known):
        raise ValueError(
            explain(
                "ops.unstack",
                "expected `num` to be the size of the axis",
                f"num={num}, axis={axis}, {describe(x)}",
            )
        )
    return _unstack(x, known, axis)


@op
def _unstack(x: Array, num: int, axis: int) -> list[Array]:
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(num)]


_PAD_MODES = (
    *("constant", "edge", "empty", "linear_ramp", "maximum", "mean", "median", "minimum"),
    *("reflect", "symmetric", "wrap"),
)


@op
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    """Return x with more elements at the ends of its axes.

    Args:
        pad_width: how many: one number, (before, after), or such a pair per axis.
        mode: what they are: 'constant', 'edge', 'reflect', 'symmetric', 'wrap' and others of numpy.
        constant_values: of mode 'constant', 0 by default.

    Raises:
        ValueError: an unknown mode, or `constant_values` for another than 'constant'.

    Example:
        >>> pad([1, 2], 1).tolist(), pad([1, 2], (0, 2), mode="edge").tolist()
        ([0, 1, 2, 0], [1, 2, 2, 2])
    """
    if isinstance(pad_width, (jax.Array, np.ndarray)):
        pad_width = np.asarray(pad_width).tolist()
    if isinstance(mode, str) and mode not in _PAD_MODES:
        raise ValueError(unknown("mode", mode, _PAD_MODES))
    if constant_values is None:
        return jnp.pad(x, pad_width, mode=mode)
    if mode != "constant":
        got = f"mode={mode!r}, constant_values={constant_values!r}"
        raise ValueError(explain("ops.pad", "expected constant_values for mode 'constant'", got))
    return jnp.pad(x, pad_width, mode=mode, constant_values=as_operand(constant_values))


@op
def meshgrid(*x: Array, indexing: str = "xy") -> list[Array]:
    """Return an array per argument, each with its values along one axis of a common grid.

    Args:
        x: the coordinates along each axis, one axis each.
        indexing: 'xy' for the axes (y, x, ...), 'ij' for (x, y, ...).

    Example:
        >>> [grid.tolist() for grid in meshgrid([1, 2], [3, 4])]
        [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    return list(jnp.meshgrid(*(jnp.asarray(as_operand(a)) for a in x), indexing=indexing))


@op
def rearrange(tensor: Array, pattern: str, **axes_lengths: int) -> Array:
    """Return the array with its axes split, reordered and merged as `pattern` says.

    Args:
        pattern: names of the axes before and after '->'; '(a b)' is one axis made of two.
        axes_lengths: sizes of axes by name; one per '( )' may be left out.

    Raises:
        ValueError: the two sides do not name the same axes, or they do not fit the array.

    Reference:
        Rogozhnikov, "Einops: clear and reliable tensor manipulations", 2022.

    Example:
        >>> rearrange(np.zeros((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
        (2, 3, 2, 3)
    """
    before, after = _groups(pattern)
    if len(before) != tensor.ndim:
        raise _mismatch(pattern, tensor, "as many axes before '->' as the array has")
    lengths = dict(axes_lengths)
    for group, size in zip(before, tensor.shape, strict=True):
        unknown = [name for name in group if name not in lengths]
        known = int(np.prod([lengths[name] for name in group if name in lengths]))
        if len(unknown) > 1:
            raise _mismatch(pattern, tensor, f"sizes for all but one of {', '.join(unknown)}")
        for name in unknown:
            lengths[name] = size // known
        if not operator.eq(known * (lengths[unknown[0]] if unknown else 1), size):
            raise _mismatch(pattern, tensor, f"({' '.join(group)}) to make up {size}")
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    if sorted(names) != sorted(wanted):
        raise _mismatch(pattern, tensor, "the same names on both sides of '->', each once")
    split_up = jnp.reshape(tensor, [lengths[name] for name in names])
    turned = jnp.transpose(split_up, [names.index(name) for name in wanted])
    sizes = iter(turned.shape)
    merged = []
    for group in after:
        total: Any = 1
        for _ in group:
            total = total * next(sizes)
        merged.append(total)
    return jnp.reshape(turned, merged)


def _groups(pattern: str) -> list[list[list[str]]]:
    """The axes on either side of a pattern; each a list of the names that make it up."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(
            explain("ops.rearrange", "expected a pattern like 'b h w -> b (h w)'", repr(pattern))
        )
    found = []
    for side in sides:
        groups: list[list[str]] = []
        inside = False
        for word in side.replace("(", " ( ").replace(")", " ) ").split():
            if word in "()":
                inside = word == "("
                if inside:
                    groups.append([])
            elif inside:
                groups[-1].append(word)
            else:
                groups.append([word])
        found.append(groups)
    return found


def _mismatch(pattern: str, tensor: Any, expected: str) -> ValueError:
    got = f"the pattern {pattern!r} for an array of shape {tuple(tensor.shape)}"
    return ValueError(explain("ops.rearrange", f"expected {expected}", got))

"""Products of vectors and matrices, and the diagonals of the latter."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core.errors import describe, explain
from lamina._core.graph import Array, as_operand, op
from lamina.ops._tails import root


def _wide_sum(*operands: Any) -> Any:
    """The dtype that sums of products are made in, where it is not that of the operands."""
    return "int32" if all(getattr(x, "dtype", None) == jnp.int8 for x in operands) else None


@op
def matmul(x1: Array, x2: Array) -> Array:
    """Return the matrix product of the last two axes; the axes before them broadcast.

    Shapes:
        x1: (..., N, K). x2: (..., K, M). Returns (..., N, M).

    Example:
        >>> matmul([[1, 2]], [[3], [4]]).tolist()
        [[11]]
    """
    return jnp.matmul(x1, x2, preferred_element_type=_wide_sum(x1, x2))


@op
def dot(x1: Array, x2: Array) -> Array:
    """Return the sum of products over the last axis of x1 and the last but one of x2.

    Example:
        >>> dot([1, 2], [3, 4]).item()
        11
    """
    return jnp.dot(x1, x2)


@op
def vdot(x1: Array, x2: Array) -> Array:
    """Return the sum of products of all elements, those of x1 conjugated."""
    return jnp.vdot(x1, x2)


@op
def inner(x1: Array, x2: Array) -> Array:
    """Return the sum of products over the last axes."""
    return jnp.inner(x1, x2)


@op
def outer(x1: Array, x2: Array) -> Array:
    """Return the products of each element of x1 with each of x2.

    Example:
        >>> outer([1, 2], [3, 4]).tolist()
        [[3, 4], [6, 8]]
    """
    return jnp.outer(x1, x2)


@op
def tensordot(x1: Array, x2: Array, axes: Any = 2) -> Array:
    """Return the sum of products over pairs of axes.

    Args:
        axes: how many: the last of x1 with the first of x2; or the axes of x1 and those of x2.
    """
    return jnp.tensordot(x1, x2, axes=axes)


@op
def einsum(subscripts: str, *operands: Array, **kwargs: Any) -> Array:
    """Return the sums of products that `subscripts` spell out.

    Args:
        subscripts: letters for the axes of each operand, '->' and those that stay; the products
            are summed over the others.
        operands: an array per group of letters.
        kwargs: further arguments of `jax.numpy.einsum`.

    Example:
        >>> einsum("ij,kj->ik", [[1, 2]], [[3, 4], [5, 6]]).tolist()
        [[11, 17]]
    """
    arrays = [as_operand(x) for x in operands]
    kwargs["preferred_element_type"] = _wide_sum(*arrays)
    return jnp.einsum(subscripts, *arrays, **kwargs)


@op
def kron(x1: Array, x2: Array) -> Array:
    """Return x1 with each element replaced by its product with the whole of x2.

    Example:
        >>> kron([1, 10], [1, 2]).tolist()
        [1, 2, 10, 20]
    """
    return jnp.kron(x1, x2)


@op
def cross(
    x1: Array,
    x2: Array,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Array:
    """Return the vectors at right angles to both, as long as the area between them.

    Args:
        axisa, axisb, axisc: the axis of the vectors' components, 2 or 3, in x1, x2, the result.
        axis: all three at once.

    Example:
        >>> cross([1, 0, 0], [0, 1, 0]).tolist()
        [0, 0, 1]
    """
    return jnp.cross(x1, x2, axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


@op
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return the sum along a diagonal; see `diagonal`."""
    return jnp.trace(x, offset=offset, axis1=axis1, axis2=axis2)


@op
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Return a diagonal of the matrices that two axes of x make, along a new last axis.

    Args:
        offset: which: 0 from the first corner, above it 1, 2, ..., below it -1, -2, ...

    Raises:
        ValueError: both axes are the same.

    Example:
        >>> diagonal([[1, 2], [3, 4]]).tolist()
        [1, 4]
    """
    n = x.ndim
    if axis1 % n == axis2 % n:
        got = f"axis1={axis1}, axis2={axis2}"
        raise ValueError(explain("ops.diagonal", "expected two different axes", got))
    return jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)


@op
def cdist(x: Array, y: Array) -> Array:
    """Return the Euclidean distance of each vector of x to each of y.

    Shapes:
        x: (..., N, D). y: (..., M, D). Returns (..., N, M).

    Raises:
        ValueError: fewer than two axes, or vectors of different length.

    Example:
        >>> cdist([[0.0, 0.0]], [[3.0, 4.0]]).tolist()
        [[5.0]]
    """
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        expected = "expected (..., N, D) and (..., M, D)"
        raise ValueError(explain("ops.cdist", expected, f"{describe(x)} and {describe(y)}"))
    apart = jnp.expand_dims(x, -2) - jnp.expand_dims(y, -3)  # (..., N, M, D)
    square = jnp.sum(apart * apart, axis=-1)
    return root(square)

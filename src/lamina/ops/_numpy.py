"""Functions of numpy, for arrays and symbolic tensors."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core.graph import Array, op


@op
def add(x1: Array, x2: Array) -> Array:
    """Return x1 + x2, element by element."""
    return jnp.add(x1, x2)


@op
def subtract(x1: Array, x2: Array) -> Array:
    """Return x1 - x2, element by element."""
    return jnp.subtract(x1, x2)


@op
def multiply(x1: Array, x2: Array) -> Array:
    """Return x1 * x2, element by element."""
    return jnp.multiply(x1, x2)


@op
def true_divide(x1: Array, x2: Array) -> Array:
    """Return x1 / x2, element by element."""
    return jnp.true_divide(x1, x2)


@op
def floor_divide(x1: Array, x2: Array) -> Array:
    """Return the largest whole number not above x1 / x2."""
    return jnp.floor_divide(x1, x2)


@op
def mod(x1: Array, x2: Array) -> Array:
    """Return the remainder of x1 / x2, with the sign of x2."""
    return jnp.mod(x1, x2)


@op
def power(x1: Array, x2: Array) -> Array:
    """Return x1 to the power x2."""
    return jnp.power(x1, x2)


@op
def matmul(x1: Array, x2: Array) -> Array:
    """Return the matrix product of the last two axes."""
    return jnp.matmul(x1, x2)


@op
def negative(x: Array) -> Array:
    """Return -x."""
    return jnp.negative(x)


@op
def absolute(x: Array) -> Array:
    """Return |x|."""
    return jnp.abs(x)


@op
def equal(x1: Array, x2: Array) -> Array:
    """Return x1 == x2, element by element."""
    return jnp.equal(x1, x2)


@op
def not_equal(x1: Array, x2: Array) -> Array:
    """Return x1 != x2, element by element."""
    return jnp.not_equal(x1, x2)


@op
def less(x1: Array, x2: Array) -> Array:
    """Return x1 < x2, element by element."""
    return jnp.less(x1, x2)


@op
def less_equal(x1: Array, x2: Array) -> Array:
    """Return x1 <= x2, element by element."""
    return jnp.less_equal(x1, x2)


@op
def greater(x1: Array, x2: Array) -> Array:
    """Return x1 > x2, element by element."""
    return jnp.greater(x1, x2)


@op
def greater_equal(x1: Array, x2: Array) -> Array:
    """Return x1 >= x2, element by element."""
    return jnp.greater_equal(x1, x2)


@op
def logical_and(x1: Array, x2: Array) -> Array:
    """Return whether both are true, element by element."""
    return jnp.logical_and(x1, x2)


@op
def logical_or(x1: Array, x2: Array) -> Array:
    """Return whether either is true, element by element."""
    return jnp.logical_or(x1, x2)


@op
def logical_xor(x1: Array, x2: Array) -> Array:
    """Return whether exactly one is true, element by element."""
    return jnp.logical_xor(x1, x2)


@op
def logical_not(x: Array) -> Array:
    """Return whether x is false, element by element."""
    return jnp.logical_not(x)


@op
def reshape(x: Array, newshape: Any) -> Array:
    """Return x with the axes `newshape`; one of them may be -1."""
    return jnp.reshape(x, newshape)


@op
def squeeze(x: Array, axis: Any = None) -> Array:
    """Return x without axes of size 1 (all of them, or those named)."""
    return jnp.squeeze(x, axis)


@op
def transpose(x: Array, axes: Any = None) -> Array:
    """Return x with its axes in the order `axes` (reversed by default)."""
    return jnp.transpose(x, axes)


@op
def get_item(x: Array, key: Any) -> Array:
    """Return x[key]."""
    return x[key]

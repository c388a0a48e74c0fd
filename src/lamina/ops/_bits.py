"""Whole numbers as rows of bits."""

from __future__ import annotations

import jax.numpy as jnp

from lamina._core.graph import Array, op


@op
def bitwise_and(x: Array, y: Array) -> Array:
    """Return the bits that both have.

    Example:
        >>> bitwise_and(6, 3).item(), bitwise_or(6, 3).item(), bitwise_xor(6, 3).item()
        (2, 7, 5)
    """
    return jnp.bitwise_and(x, y)


@op
def bitwise_or(x: Array, y: Array) -> Array:
    """Return the bits that either has."""
    return jnp.bitwise_or(x, y)


@op
def bitwise_xor(x: Array, y: Array) -> Array:
    """Return the bits that exactly one has."""
    return jnp.bitwise_xor(x, y)


@op
def bitwise_invert(x: Array) -> Array:
    """Return every bit turned over: -x - 1 of signed numbers, `not x` of truth values."""
    return jnp.invert(x)


@op
def bitwise_not(x: Array) -> Array:
    """Return every bit turned over: another name of `bitwise_invert`."""
    return jnp.invert(x)


@op
def bitwise_left_shift(x: Array, y: Array) -> Array:
    """Return the bits of x moved up by y places: x * 2**y.

    Example:
        >>> bitwise_left_shift([1, 3], 2).tolist(), bitwise_right_shift([4, 12], 2).tolist()
        ([4, 12], [1, 3])
    """
    return jnp.left_shift(x, y)


@op
def left_shift(x: Array, y: Array) -> Array:
    """Return x * 2**y: another name of `bitwise_left_shift`."""
    return jnp.left_shift(x, y)


@op
def bitwise_right_shift(x: Array, y: Array) -> Array:
    """Return the bits of x moved down by y places: x / 2**y, rounded down."""
    return jnp.right_shift(x, y)


@op
def right_shift(x: Array, y: Array) -> Array:
    """Return x / 2**y, rounded down: another name of `bitwise_right_shift`."""
    return jnp.right_shift(x, y)

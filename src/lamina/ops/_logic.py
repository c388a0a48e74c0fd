"""Questions about elements: comparisons, truth values, kinds of floats."""

from __future__ import annotations

import jax.numpy as jnp

from lamina._core.graph import Array, op


@op
def equal(x1: Array, x2: Array) -> Array:
    """Return x1 == x2, element by element.

    Example:
        >>> equal([1, 2], [1, 3]).tolist()
        [True, False]
    """
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
    """Return whether both are true, element by element; numbers are true unless 0."""
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
def isclose(
    x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Return whether |x1 - x2| <= atol + rtol * |x2|, element by element.

    Args:
        rtol: fraction of x2 that may be missing.
        atol: how much may be missing beside that.
        equal_nan: whether NaN counts as close to NaN.
    """
    return jnp.isclose(x1, x2, rtol, atol, equal_nan)


@op
def allclose(
    x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Array:
    """Return whether all elements are close, in the sense of `isclose`.

    Example:
        >>> bool(allclose([1.0, 2.0], [1.0, 2.000001]))
        True
    """
    return jnp.allclose(x1, x2, rtol, atol, equal_nan)


@op
def isfinite(x: Array) -> Array:
    """Return whether x is a number: neither NaN nor infinite."""
    return jnp.isfinite(x)


@op
def isinf(x: Array) -> Array:
    """Return whether x is infinite."""
    return jnp.isinf(x)


@op
def isnan(x: Array) -> Array:
    """Return whether x is NaN."""
    return jnp.isnan(x)


@op
def isneginf(x: Array) -> Array:
    """Return whether x is minus infinity."""
    return jnp.isneginf(x)


@op
def isposinf(x: Array) -> Array:
    """Return whether x is plus infinity."""
    return jnp.isposinf(x)


@op
def isin(x1: Array, x2: Array, assume_unique: bool = False, invert: bool = False) -> Array:
    """Return whether each element of x1 is among those of x2.

    Args:
        assume_unique: whether neither holds a value twice, which is then taken for granted.
        invert: whether to ask for those that are not.

    Example:
        >>> isin([1, 2, 3], [2, 5]).tolist()
        [False, True, False]
    """
    return jnp.isin(x1, x2, assume_unique=assume_unique, invert=invert)

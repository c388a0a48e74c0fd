"""Arithmetic, element by element: sums, products, roots, rounding, the larger and the smaller."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import explain
from lamina._core.graph import Array, op
from lamina.ops import _tails
from lamina.ops._promotion import inexact, inexact_pair


@op
def add(x1: Array, x2: Array) -> Array:
    """Return x1 + x2.

    Example:
        >>> add([1.0, 2.0], 0.5).tolist()
        [1.5, 2.5]
    """
    return jnp.add(x1, x2)


@op
def subtract(x1: Array, x2: Array) -> Array:
    """Return x1 - x2."""
    return jnp.subtract(x1, x2)


@op
def multiply(x1: Array, x2: Array) -> Array:
    """Return x1 * x2."""
    return jnp.multiply(x1, x2)


@op
def divide(x1: Array, x2: Array) -> Array:
    """Return x1 / x2, a float.

    Example:
        >>> divide([1, 2], 2).tolist()
        [0.5, 1.0]
    """
    return jnp.divide(x1, x2)


@op
def true_divide(x1: Array, x2: Array) -> Array:
    """Return x1 / x2, a float: another name of `divide`."""
    return jnp.divide(x1, x2)


@op
def divide_no_nan(x1: Array, x2: Array) -> Array:
    """Return x1 / x2, and 0 where x2 is 0.

    Example:
        >>> divide_no_nan([1.0, 2.0], [0.0, 4.0]).tolist()
        [0.0, 0.5]
    """
    x1, x2 = jnp.asarray(x1), jnp.asarray(x2)
    # The divisor is made safe before the division, so that the gradient is finite too.
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


@op
def floor_divide(x1: Array, x2: Array) -> Array:
    """Return the largest whole number not above x1 / x2.

    Example:
        >>> floor_divide([-3, 3], 2).tolist()
        [-2, 1]
    """
    return jnp.floor_divide(x1, x2)


@op
def mod(x1: Array, x2: Array) -> Array:
    """Return the remainder of x1 / x2 with the sign of x2.

    Example:
        >>> mod([-3, 3], 2).tolist(), fmod([-3, 3], 2).tolist()
        ([1, 1], [-1, 1])
    """
    return jnp.mod(x1, x2)


@op
def fmod(x1: Array, x2: Array) -> Array:
    """Return the remainder of x1 / x2 with the sign of x1."""
    return jnp.fmod(x1, x2)


@op
def power(x1: Array, x2: Array) -> Array:
    """Return x1 to the power x2."""
    if all(jnp.issubdtype(getattr(x, "dtype", int), jnp.floating) for x in (x1, x2)):
        return _tails.power(*inexact_pair(x1, x2))
    return jnp.power(x1, x2)


@op
def negative(x: Array) -> Array:
    """Return -x."""
    return jnp.negative(x)


@op
def reciprocal(x: Array) -> Array:
    """Return 1 / x, in the dtype of x."""
    return jnp.reciprocal(x)


@op
def square(x: Array) -> Array:
    """Return x**2."""
    return jnp.square(x)


@op
def sqrt(x: Array) -> Array:
    """Return the square root, NaN below 0."""
    return jnp.sqrt(inexact(x))


@op
def rsqrt(x: Array) -> Array:
    """Return 1 / sqrt(x)."""
    return jax.lax.rsqrt(jnp.asarray(inexact(x)))


@op
def cbrt(x: Array) -> Array:
    """Return the cube root, negative below 0."""
    return jnp.cbrt(inexact(x))


@op
def absolute(x: Array) -> Array:
    """Return |x|; of complex numbers, their modulus."""
    return jnp.abs(x)


@op
def abs(x: Array) -> Array:
    """Return |x|: another name of `absolute`."""
    return jnp.abs(x)


@op
def fabs(x: Array) -> Array:
    """Return |x| as a float; complex numbers are refused.

    Raises:
        TypeError: x is complex.
    """
    if jnp.iscomplexobj(x):
        got = f"x of dtype {x.dtype}"
        raise TypeError(explain("ops.fabs", "expected real numbers", got, "use ops.abs"))
    return jnp.fabs(inexact(x))


@op
def sign(x: Array) -> Array:
    """Return -1, 0 or 1, as x is below, at or above 0."""
    return jnp.sign(x)


@op
def signbit(x: Array) -> Array:
    """Return whether x has a minus sign; -0.0 has one."""
    return jnp.signbit(x)


@op
def ceil(x: Array) -> Array:
    """Return the smallest whole number not below x, a float."""
    return jnp.ceil(inexact(x))


@op
def floor(x: Array) -> Array:
    """Return the largest whole number not above x, a float."""
    return jnp.floor(inexact(x))


@op
def trunc(x: Array) -> Array:
    """Return x without what follows the decimal point."""
    return jnp.trunc(x) if jnp.issubdtype(jnp.result_type(x), jnp.inexact) else jnp.asarray(x)


@op
def round(x: Array, decimals: int = 0) -> Array:
    """Return x rounded to `decimals` digits, halves to the even neighbour.

    Args:
        decimals: digits behind the point; negative ones stand before it.

    Example:
        >>> round([0.5, 1.5, 2.25]).tolist(), round([1234], decimals=-2).tolist()
        ([0.0, 2.0, 2.0], [1200])
    """
    x = jnp.asarray(x)
    if decimals >= 0 or jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.round(x, decimals)
    factor = jnp.asarray(10.0**decimals, config.floatx())
    return (jnp.round(x.astype(config.floatx()) * factor) / factor).astype(x.dtype)


@op
def clip(x: Array, x_min: Array, x_max: Array) -> Array:
    """Return x, not below `x_min` and not above `x_max`.

    Args:
        x_min, x_max: numbers or arrays that broadcast with x; None for no bound.

    Example:
        >>> clip([-2.0, 0.5, 2.0], -1.0, 1.0).tolist()
        [-1.0, 0.5, 1.0]
    """
    x = jnp.asarray(x)
    return jnp.clip(x.astype("int32") if x.dtype == bool else x, x_min, x_max)


@op
def maximum(x1: Array, x2: Array) -> Array:
    """Return the larger of x1 and x2; NaN if either is."""
    return jnp.maximum(x1, x2)


@op
def minimum(x1: Array, x2: Array) -> Array:
    """Return the smaller of x1 and x2; NaN if either is."""
    return jnp.minimum(x1, x2)


@op
def fmax(x1: Array, x2: Array) -> Array:
    """Return the larger of x1 and x2; NaN only if both are."""
    return jnp.fmax(x1, x2)


@op
def fmin(x1: Array, x2: Array) -> Array:
    """Return the smaller of x1 and x2; NaN only if both are."""
    return jnp.fmin(x1, x2)


@op
def gcd(x1: Array, x2: Array) -> Array:
    """Return the greatest common divisor of whole numbers.

    Example:
        >>> gcd([12, 18], 8).tolist(), lcm([4, 6], 10).tolist()
        ([4, 2], [20, 30])
    """
    return jnp.gcd(x1, x2)


@op
def lcm(x1: Array, x2: Array) -> Array:
    """Return the least common multiple of whole numbers."""
    return jnp.lcm(x1, x2)


@op
def heaviside(x1: Array, x2: Array) -> Array:
    """Return 0 where x1 < 0, 1 where x1 > 0, x2 where x1 is 0."""
    return jnp.heaviside(x1, x2)


@op
def nextafter(x1: Array, x2: Array) -> Array:
    """Return the float that follows x1 on the way to x2."""
    return jnp.nextafter(x1, x2)


@op
def nan_to_num(
    x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    """Return x with numbers for NaN and infinities.

    Args:
        nan: what stands for NaN.
        posinf, neginf: what stands for the infinities; None for the largest number of either sign.

    Example:
        >>> nan_to_num([float("nan"), float("inf")], posinf=9.0).tolist()
        [0.0, 9.0]
    """
    return jnp.nan_to_num(jnp.asarray(x), nan=nan, posinf=posinf, neginf=neginf)

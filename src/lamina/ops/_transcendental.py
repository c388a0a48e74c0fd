"""Exponentials, logarithms, angles and the special functions, element by element."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina._core.errors import explain
from lamina._core.graph import Array, op
from lamina.ops import _tails
from lamina.ops._promotion import inexact, inexact_pair, wide


@op
def exp(x: Array) -> Array:
    """Return e**x.

    Example:
        >>> exp([0, 1]).round(4).tolist()
        [1.0, 2.718...]
    """
    return jnp.exp(inexact(x))


@op
def exp2(x: Array) -> Array:
    """Return 2**x."""
    return jnp.exp2(inexact(x))


@op
def expm1(x: Array) -> Array:
    """Return e**x - 1, exact near 0 as well."""
    return jnp.expm1(inexact(x))


@op
def log(x: Array) -> Array:
    """Return the natural logarithm."""
    return jnp.log(inexact(x))


@op
def log10(x: Array) -> Array:
    """Return the logarithm to base 10."""
    return jnp.log10(inexact(x))


@op
def log1p(x: Array) -> Array:
    """Return log(1 + x), exact near 0 as well."""
    return jnp.log1p(inexact(x))


@op
def log2(x: Array) -> Array:
    """Return the logarithm to base 2."""
    return jnp.log2(inexact(x))


@op
def sin(x: Array) -> Array:
    """Return the sine of an angle in radians."""
    return jnp.sin(inexact(x))


@op
def cos(x: Array) -> Array:
    """Return the cosine of an angle in radians."""
    return jnp.cos(inexact(x))


@op
def tan(x: Array) -> Array:
    """Return the tangent of an angle in radians."""
    return jnp.tan(inexact(x))


@op
def arcsin(x: Array) -> Array:
    """Return the angle in radians whose sine is x."""
    return jnp.arcsin(inexact(x))


@op
def arccos(x: Array) -> Array:
    """Return the angle in radians whose cosine is x."""
    return jnp.arccos(inexact(x))


@op
def arctan(x: Array) -> Array:
    """Return the angle in radians whose tangent is x."""
    return jnp.arctan(inexact(x))


@op
def sinh(x: Array) -> Array:
    """Return the hyperbolic sine, (e**x - e**-x) / 2."""
    return jnp.sinh(inexact(x))


@op
def cosh(x: Array) -> Array:
    """Return the hyperbolic cosine, (e**x + e**-x) / 2."""
    return jnp.cosh(inexact(x))


@op
def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent, sinh(x) / cosh(x), between -1 and 1."""
    return jnp.tanh(inexact(x))


@op
def arcsinh(x: Array) -> Array:
    """Return the number whose hyperbolic sine is x."""
    return jnp.arcsinh(inexact(x))


@op
def arccosh(x: Array) -> Array:
    """Return the number whose hyperbolic cosine is x."""
    return jnp.arccosh(inexact(x))


@op
def arctanh(x: Array) -> Array:
    """Return the number whose hyperbolic tangent is x."""
    return jnp.arctanh(inexact(x))


@op
def sinc(x: Array) -> Array:
    """Return sin(pi x) / (pi x), 1 at 0."""
    x = jnp.asarray(inexact(x))
    far = jnp.abs(x) > 0.1 * jnp.finfo(x.dtype).max  # where pi x overflows, or x is infinite
    return jnp.where(far, 0, jnp.sinc(wide(jnp.where(far, 0, x)))).astype(x.dtype)


@op
def deg2rad(x: Array) -> Array:
    """Return an angle in degrees as radians.

    Example:
        >>> deg2rad(180.0).item()
        3.14159...
    """
    return jnp.deg2rad(inexact(x))


@op
def rad2deg(x: Array) -> Array:
    """Return an angle in radians as degrees."""
    return jnp.rad2deg(inexact(x))


@op
def i0(x: Array) -> Array:
    """Return the modified Bessel function of the first kind and order 0."""
    return jnp.i0(inexact(x))


@op
def erf(x: Array) -> Array:
    """Return the error function, 2 / sqrt(pi) * integral of exp(-t**2) from 0 to x."""
    return jax.lax.erf(jnp.asarray(inexact(x)))


@op
def erfc(x: Array) -> Array:
    """Return 1 - erf(x), exact for large x as well."""
    return jax.lax.erfc(jnp.asarray(inexact(x)))


@op
def erfinv(x: Array) -> Array:
    """Return the number whose error function is x, for x in (-1, 1)."""
    return jax.lax.erf_inv(jnp.asarray(inexact(x)))


@op
def logaddexp(x1: Array, x2: Array) -> Array:
    """Return log(e**x1 + e**x2), computed without overflow."""
    return _tails.logaddexp(*inexact_pair(x1, x2))


@op
def logaddexp2(x1: Array, x2: Array) -> Array:
    """Return log2(2**x1 + 2**x2), computed without overflow."""
    return _tails.logaddexp2(*inexact_pair(x1, x2))


@op
def arctan2(x1: Array, x2: Array) -> Array:
    """Return the angle in radians of the point (x2, x1), between -pi and pi."""
    return jnp.arctan2(*inexact_pair(x1, x2))


@op
def hypot(x1: Array, x2: Array) -> Array:
    """Return sqrt(x1**2 + x2**2), computed without overflow."""
    return jnp.hypot(*inexact_pair(x1, x2))


@op
def gammainc(x1: Array, x2: Array) -> Array:
    """Return the lower incomplete gamma function of order x1 at x2, divided by gamma(x1).

    Args:
        x1: orders, positive.
        x2: upper ends of the integral of t**(x1 - 1) exp(-t) from 0, not negative.
    """
    return jax.lax.igamma(*jnp.broadcast_arrays(*inexact_pair(x1, x2)))


@op
def ldexp(x1: Array, x2: Array) -> Array:
    """Return x1 * 2**x2 for whole numbers x2.

    Raises:
        TypeError: x2 are no whole numbers.
    """
    if not jnp.issubdtype(jnp.result_type(x2), jnp.integer):
        raise TypeError(
            explain(
                "ops.ldexp", "expected whole numbers as x2", f"x2 of dtype {jnp.result_type(x2)}"
            )
        )
    return jnp.ldexp(inexact(x1), x2)

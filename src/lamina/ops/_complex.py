"""Complex numbers and their parts."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina._core.errors import explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import inexact


@op
def real(x: Array) -> Array:
    """Return the real part."""
    return jnp.real(x)


@op
def imag(x: Array) -> Array:
    """Return the imaginary part, 0 of real numbers."""
    return jnp.imag(x)


@op
def angle(x: Array) -> Array:
    """Return the angle from the positive real axis, in radians."""
    x = jnp.asarray(inexact(x))
    if jnp.iscomplexobj(x):
        return jnp.angle(x)
    return jnp.where(jnp.isnan(x), x, jnp.where(jnp.signbit(x), jnp.pi, 0.0)).astype(x.dtype)


@op
def conjugate(x: Array) -> Array:
    """Return x with the sign of its imaginary part turned."""
    return jnp.conjugate(x)


@op
def conj(x: Array) -> Array:
    """Return x with the sign of its imaginary part turned: another name of `conjugate`."""
    return jnp.conjugate(x)


@op
def isreal(x: Array) -> Array:
    """Return whether the imaginary part is 0."""
    return jnp.isreal(x)


@op
def polar(abs_: Array, angle: Array) -> Array:
    """Return abs_ * exp(i * angle), complex.

    Args:
        abs_: lengths, 0 or more.
        angle: angles in radians.

    Example:
        >>> polar([2.0], [0.0]).tolist()
        [(2+0j)]
    """
    abs_, angle = jnp.asarray(inexact(abs_)), jnp.asarray(inexact(angle))
    return jax.lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


@op
def view_as_complex(x: Array) -> Array:
    """Return complex numbers from their parts along the last axis.

    Shapes:
        x: (..., 2). Returns (...), complex64.

    Raises:
        ValueError: the last axis is not of size 2.

    Example:
        >>> view_as_complex([[1.0, 2.0]]).tolist()
        [(1+2j)]
    """
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            explain(
                "ops.view_as_complex",
                "expected a last axis of size 2: real and imaginary part",
                f"x of shape {x.shape}",
            )
        )
    return jax.lax.complex(x[..., 0].astype("float32"), x[..., 1].astype("float32"))


@op
def view_as_real(x: Array) -> Array:
    """Return the real and imaginary parts of x along a new last axis.

    Shapes:
        x: (...). Returns (..., 2).
    """
    return jnp.stack((jnp.real(x), jnp.imag(x)), axis=-1)

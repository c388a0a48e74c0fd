"""Activations whose textbook formulas multiply infinity by zero far out, in value or in slope.

Each is a value and its derivative, written so that both have their limits at the ends. It also saves
memory: going backwards needs one array, the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

_ROOT_HALF = 0.7071067811865476
_ROOT_2_OVER_PI = 0.7978845608028654
_FAR = 1000  # beyond it x * sigmoid(x) is x or 0 in every dtype


def with_slope(value: Callable[[Any], Any], slope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the elementwise function `value` with `slope` as its derivative."""
    fn = jax.custom_jvp(value)
    fn.defjvps(lambda tangent, _, x: tangent * slope(x))
    return fn


def _silu_slope(x: Any) -> Any:
    s = jax.nn.sigmoid(x)
    return s * (1 + jnp.clip(x, -_FAR, _FAR) * (1 - s))


silu = with_slope(lambda x: jnp.maximum(x, -_FAR) * jax.nn.sigmoid(x), _silu_slope)


def _mish_slope(x: Any) -> Any:
    t = jnp.tanh(jax.nn.softplus(x))
    return t + jnp.clip(x, -_FAR, _FAR) * jax.nn.sigmoid(x) * (1 - t * t)


mish = with_slope(lambda x: jnp.maximum(x, -_FAR) * jnp.tanh(jax.nn.softplus(x)), _mish_slope)


def _gelu_slope(x: Any) -> Any:
    density = jnp.exp(-0.5 * x * x) * (0.5 * _ROOT_2_OVER_PI)
    return 0.5 * jax.lax.erfc(-x * _ROOT_HALF) + jnp.clip(x, -_FAR, _FAR) * density


gelu = with_slope(
    lambda x: 0.5 * jnp.maximum(x, -_FAR) * jax.lax.erfc(-x * _ROOT_HALF), _gelu_slope
)


def _gelu_tanh_slope(x: Any) -> Any:
    c = jnp.clip(x, -20, 20)  # where the tanh is 1 in every dtype, and the cube finite
    t = jnp.tanh(_ROOT_2_OVER_PI * (c + 0.044715 * c**3))
    inner = _ROOT_2_OVER_PI * (1 + 3 * 0.044715 * c * c)
    return 0.5 * (1 + t) + 0.5 * c * (1 - t * t) * inner


gelu_tanh = with_slope(
    lambda x: 0.5 * jnp.maximum(x, -_FAR) * (1 + jnp.tanh(_ROOT_2_OVER_PI * (x + 0.044715 * x**3))),
    _gelu_tanh_slope,
)


def _softsign(x: Any) -> Any:
    limits = jnp.finfo(x.dtype)
    x = jnp.clip(x, limits.min, limits.max)
    return x / (1 + jnp.abs(x))


softsign = with_slope(_softsign, lambda x: 1 / jnp.square(1 + jnp.abs(x)))
sparse_plus = with_slope(jax.nn.sparse_plus, lambda x: jnp.clip(0.5 * (x + 1), 0, 1))


def squareplus(x: Any, b: float) -> Any:
    """Return (x + sqrt(x**2 + b)) / 2 without the square's overflow."""
    limit = float(jnp.finfo(x.dtype).max) ** 0.5 / 2

    def root(x: Any) -> Any:
        return jnp.sqrt(jnp.square(jnp.clip(x, -limit, limit)) + b)

    def slope(x: Any) -> Any:
        return 0.5 + 0.5 * jnp.clip(x, -limit, limit) / jnp.maximum(root(x), 1 / limit)

    return with_slope(
        lambda x: jnp.where(jnp.abs(x) < limit, 0.5 * (x + root(x)), jax.nn.relu(x)), slope
    )(x)

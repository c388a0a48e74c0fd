"""Functions whose textbook formulas multiply infinity by zero at some end, in value or in slope.

Most are a value and its derivative, written so that both have their limits at the ends. It also
saves memory: going backwards needs one array, the derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

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


def root(x: Any, order: float = 2) -> Any:
    """Return x**(1 / order) with slope 0 at 0, where norms and deviations are smallest."""
    safe = jnp.where(x == 0, 1, x)
    return jnp.where(x == 0, 0, jnp.sqrt(safe) if order == 2 else safe ** (1 / order))


def _finite(logits: Any) -> Any:
    return jnp.minimum(logits, jnp.finfo(logits.dtype).max)


def softmax(logits: Any, axis: Any) -> Any:
    """Return the softmax; a logit of +inf is a sure choice."""
    return jax.nn.softmax(_finite(logits), axis=axis)


def log_softmax(logits: Any, axis: Any) -> Any:
    """Return the logarithm of the softmax; a logit of +inf is a sure choice."""
    return jax.nn.log_softmax(_finite(logits), axis=axis)


def times_log(weight: Any, log_p: Any) -> Any:
    """Return weight * log_p, and 0 where a weight of 0 meets log(0): p log(p) goes to 0 with p."""
    return weight * jnp.where((weight == 0) & jnp.isneginf(log_p), 0.0, log_p)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return log(sum(exp(x))); where that is infinite, the largest elements share the slope."""
    return jax.nn.logsumexp(x, axis=axis, keepdims=keepdims)


@logsumexp.defjvp
def _logsumexp_slope(axis: Any, keepdims: bool, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x,), (change,) = primals, tangents
    total = logsumexp(x, axis, True)
    known = jnp.isfinite(total)
    largest = x == jnp.max(x, axis, keepdims=True, initial=-jnp.inf)
    even = largest / jnp.sum(largest, axis, keepdims=True).astype(x.dtype)
    even = jnp.where(jnp.isnan(total), total, even)
    share = jnp.where(known, jnp.exp(jnp.where(known, x - total, 0)), even)
    result = total if keepdims else jnp.squeeze(total, axis)
    return result, jnp.sum(share * change, axis, keepdims=keepdims)


def _adder(value: Callable[[Any, Any], Any], scale: float) -> Callable[[Any, Any], Any]:
    """`value`, log(e**x1 + e**x2) or the like, with slopes also where both are -inf or +inf."""
    fn = jax.custom_jvp(value)

    @fn.defjvp
    def slopes(primals: Any, tangents: Any) -> tuple[Any, Any]:
        (x1, x2), (change1, change2) = primals, tangents
        apart = jnp.where((x1 == x2) & jnp.isinf(x1), 0, x1 - x2)
        share = jax.nn.sigmoid(apart * scale)
        return fn(x1, x2), share * change1 + jax.nn.sigmoid(-apart * scale) * change2

    return fn


logaddexp = _adder(jnp.logaddexp, 1.0)
logaddexp2 = _adder(jnp.logaddexp2, 0.6931471805599453)


@jax.custom_jvp
def power(x1: Any, x2: Any) -> Any:
    """Return x1**x2 of floats; x**0 is flat at 0 too."""
    return jnp.power(x1, x2)


def _power_slopes(primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x1, x2), (change1, change2) = primals, tangents
    result = power(x1, x2)
    change = jnp.zeros_like(result)
    if not isinstance(change1, SymbolicZero):
        flat = x2 == 0
        change += change1 * jnp.where(flat, 0, x2 * power(x1, jnp.where(flat, 1, x2 - 1)))
    if not isinstance(change2, SymbolicZero):  # else a base below 0 would make it NaN
        change += change2 * result * jnp.log(jnp.where(x1 == 0, 1, x1))
    return result, change


power.defjvp(_power_slopes, symbolic_zeros=True)

"""Activation functions and other functions of neural networks."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina._core.graph import Array, op


@op
def relu(x: Array) -> Array:
    """Return max(x, 0).

    Example:
        >>> relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    return jax.nn.relu(x)


@op
def relu6(x: Array) -> Array:
    """Return min(max(x, 0), 6)."""
    return jax.nn.relu6(x)


@op
def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), between 0 and 1."""
    return jax.nn.sigmoid(x)


@op
def log_sigmoid(x: Array) -> Array:
    """Return log(1 / (1 + exp(-x))), computed without overflow."""
    return jax.nn.log_sigmoid(x)


@op
def tanh(x: Array) -> Array:
    """Return the hyperbolic tangent, between -1 and 1."""
    return jnp.tanh(x)


@op
def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), computed without overflow."""
    return jax.nn.softplus(x)


@op
def softsign(x: Array) -> Array:
    """Return x / (1 + |x|)."""
    return jax.nn.soft_sign(x)


@op
def silu(x: Array) -> Array:
    """Return x * sigmoid(x)."""
    return jax.nn.silu(x)


@op
def elu(x: Array, alpha: float = 1.0) -> Array:
    """Return x where x > 0, else alpha * (exp(x) - 1)."""
    return jax.nn.elu(x, alpha)


@op
def selu(x: Array) -> Array:
    """Return 1.0507 * elu(x, 1.67326): keeps mean 0 and variance 1 through layers."""
    return jax.nn.selu(x)


@op
def celu(x: Array, alpha: float = 1.0) -> Array:
    """Return max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    return jax.nn.celu(x, alpha)


@op
def gelu(x: Array, approximate: bool = True) -> Array:
    """Return x * P(X <= x) for a standard normal X; with a tanh formula if `approximate`."""
    return jax.nn.gelu(x, approximate)


@op
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """Return x where x > 0, else negative_slope * x."""
    return jax.nn.leaky_relu(x, negative_slope)


@op
def hard_sigmoid(x: Array) -> Array:
    """Return min(max(x + 3, 0), 6) / 6."""
    return jax.nn.hard_sigmoid(x)


@op
def hard_silu(x: Array) -> Array:
    """Return x * hard_sigmoid(x)."""
    return jax.nn.hard_silu(x)


@op
def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return exp(x) / sum(exp(x)) along `axis`: probabilities that sum to 1."""
    return jax.nn.softmax(x, axis=axis)


@op
def log_softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return log(softmax(x)), computed without overflow."""
    return jax.nn.log_softmax(x, axis=axis)


@op
def one_hot(x: Array, num_classes: int, axis: int = -1, dtype: str | None = None) -> Array:
    """Return vectors of zeros with a one at the place that each integer names."""
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype or "float32")

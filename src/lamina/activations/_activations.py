"""The activation functions by Keras' names that are more than an op of `lamina.ops`."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina import ops
from lamina._core.graph import Array, op
from lamina._core.masks import set_logits
from lamina.ops import _tails
from lamina.ops._promotion import inexact


@op
def softmax(x: Array, axis: int | tuple[int, ...] | None = -1) -> Array:
    """Return exp(x) / sum(exp(x)) along `axis`: probabilities that sum to 1.

    The logits travel with them, so that a cross-entropy of them is computed from these.

    Example:
        >>> softmax([[0.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """
    y = ops.softmax(x, axis)
    if axis in (-1, x.ndim - 1):
        set_logits(y, x)
    return y


@op
def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), between 0 and 1.

    The logits travel with it, so that a cross-entropy of it is computed from these.

    Example:
        >>> sigmoid([0.0]).tolist()
        [0.5]
    """
    y = ops.sigmoid(x)
    set_logits(y, x)
    return y


@op
def linear(x: Array) -> Array:
    """Return x itself."""
    return x


@op
def relu(
    x: Array, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Array:
    """Return max(x, 0), with options.

    f(x) = max_value for x >= max_value, x for threshold <= x < max_value,
    negative_slope * (x - threshold) otherwise.

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold.
        max_value: where the output saturates; None for nowhere.
        threshold: below it, the output is damped or zero.

    Reference:
        Nair and Hinton, 2010.

    Example:
        >>> relu([-2.0, 0.5, 9.0], negative_slope=0.1, max_value=6.0).tolist()
        [-0.20000000298023224, 0.5, 6.0]
    """
    if not threshold:
        y = jax.nn.leaky_relu(x, negative_slope) if negative_slope else jax.nn.relu(x)
    else:
        y = jnp.where(x > threshold, x, negative_slope * (x - threshold) if negative_slope else 0)
    if max_value is None:
        return y
    top = jnp.asarray(max_value, y.dtype)
    return jnp.where(y < top, y, top)  # not minimum, whose gradient at max_value itself is 1/2


@op
def gelu(x: Array, approximate: bool = False) -> Array:
    """Return x * P(X <= x) for a standard normal X; with a tanh formula if `approximate`.

    Reference:
        Hendrycks and Gimpel, 2016, arXiv 1606.08415.

    Example:
        >>> gelu([-3.0, 0.0, 3.0]).round(3).tolist()
        [-0.004000000189989805, 0.0, 2.996000051498413]
    """
    return ops.gelu(x, approximate)


@op
def exponential(x: Array) -> Array:
    """Return exp(x)."""
    return ops.exp(x)


@op
def mish(x: Array) -> Array:
    """Return x * tanh(softplus(x)).

    Reference:
        Misra, 2019, arXiv 1908.08681.
    """
    return _tails.mish(jnp.asarray(inexact(x)))

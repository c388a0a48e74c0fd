"""The activation functions by Keras' names, each an op."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina import ops
from lamina._core.graph import Array, op


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
    if negative_slope == 0.0 and threshold == 0.0:
        y = jax.nn.relu(x)
    else:
        y = jnp.where(x > threshold if threshold else x >= 0, x, negative_slope * (x - threshold))
    return y if max_value is None else jnp.minimum(y, jnp.asarray(max_value, y.dtype))


@op
def gelu(x: Array, approximate: bool = False) -> Array:
    """Return x * P(X <= x) for a standard normal X; with a tanh formula if `approximate`.

    Reference:
        Hendrycks and Gimpel, 2016, arXiv 1606.08415.
    """
    return jax.nn.gelu(x, approximate)


@op
def exponential(x: Array) -> Array:
    """Return exp(x)."""
    return jnp.exp(x)


@op
def mish(x: Array) -> Array:
    """Return x * tanh(softplus(x)).

    Reference:
        Misra, 2019, arXiv 1908.08681.
    """
    return jax.nn.mish(x)


sigmoid: Any = ops.sigmoid
tanh: Any = ops.tanh
softmax: Any = ops.softmax
softplus: Any = ops.softplus
softsign: Any = ops.softsign
elu: Any = ops.elu
selu: Any = ops.selu
celu: Any = ops.celu
silu: Any = ops.silu
relu6: Any = ops.relu6
leaky_relu: Any = ops.leaky_relu
hard_sigmoid: Any = ops.hard_sigmoid
hard_silu: Any = ops.hard_silu
log_sigmoid: Any = ops.log_sigmoid
log_softmax: Any = ops.log_softmax

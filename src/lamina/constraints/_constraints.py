"""What weights must satisfy after every step."""

from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import Configurable
from lamina._core.graph import as_array


class Constraint(Configurable):
    """Base of constraints: subclasses write `__call__(w)` and return the weights put right.

    Example:
        >>> class Cut(Constraint):
        ...     def __call__(self, w):
        ...         return jnp.clip(w, -1, 1)
        >>> Cut()(jnp.array([-3.0, 0.5])).tolist()
        [-1.0, 0.5]
    """

    def __call__(self, w: Any) -> Any:
        """Return `w` projected; subclasses write this."""
        return w


def _norms(w: Any, axis: Any) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Norm along `axis` at most `max_value`.

    Args:
        max_value: the largest norm.
        axis: axis or axes along which the norm is taken (0: the inputs of each `Dense` unit).

    Example:
        >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        w = as_array(w)
        norms = _norms(w, self.axis)
        return w * (jnp.clip(norms, 0, self.max_value) / (config.epsilon() + norms))


class NonNeg(Constraint):
    """No value below zero.

    Example:
        >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        return jnp.maximum(as_array(w), 0)


class UnitNorm(Constraint):
    """Norm 1 along `axis`.

    Args:
        axis: axis or axes along which the norm is taken (0: the inputs of each `Dense` unit).

    Example:
        >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = as_array(w)
        return w / (config.epsilon() + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Norm along `axis` between `min_value` and `max_value`.

    Args:
        min_value, max_value: the bounds of the norm.
        rate: fraction of the way that each step goes towards the bounds.
        axis: axis or axes along which the norm is taken.

    Example:
        >>> MinMaxNorm(max_value=1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        w = as_array(w)
        norms = _norms(w, self.axis)
        wanted = (
            self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        )
        return w * (wanted / (config.epsilon() + norms))

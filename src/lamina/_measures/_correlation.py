"""Whether predictions rise and fall with the labels."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.graph import Array
from lamina._measures._pair import measure, pair
from lamina._measures._weights import divide_no_nan


def _centered(x: Any, axis: Any) -> tuple[Any, Any, Any]:
    """Return the mean along `axis`, the distances from it, and the mean of their squares."""
    mean = jnp.mean(x, axis=axis, keepdims=True)
    rest = x - mean
    return mean, rest, jnp.mean(jnp.square(rest), axis=axis, keepdims=True)


@measure
def pearson_correlation(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Return cov(y_true, y_pred) / (std(y_true) std(y_pred)) along `axis`.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).
        axis: along which the two are compared.

    Returns:
        The correlation per sample, in [-1, 1]; 0 where labels or predictions are constant.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> round(float(pearson_correlation([[1.0, 2.0, 3.0]], [[1.0, 3.0, 5.0]])[0]), 4)
        1.0
    """
    y_true, y_pred = pair("pearson_correlation", y_true, y_pred)
    _, t, t_variance = _centered(y_true, axis)
    _, p, p_variance = _centered(y_pred, axis)
    return jnp.mean(_standardized(t, t_variance) * _standardized(p, p_variance), axis=axis)


def _standardized(rest: Any, variance: Any) -> Any:
    constant = variance == 0
    return divide_no_nan(
        rest, jnp.where(constant, 0.0, jnp.sqrt(jnp.where(constant, 1.0, variance)))
    )


@measure
def concordance_correlation(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Return 2 cov / (var(y_true) + var(y_pred) + (difference of means)**2) along `axis`.

    Unlike Pearson's, it is 1 only where predictions equal the labels.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).
        axis: along which the two are compared.

    Returns:
        The correlation per sample, in [-1, 1].

    Raises:
        ValueError: the shapes do not broadcast.

    Reference:
        Lin, "A concordance correlation coefficient to evaluate reproducibility", 1989.

    Example:
        >>> round(float(concordance_correlation([[1.0, 2.0, 3.0]], [[1.0, 3.0, 5.0]])[0]), 4)
        0.6154
    """
    y_true, y_pred = pair("concordance_correlation", y_true, y_pred)
    t_mean, t, t_variance = _centered(y_true, axis)
    p_mean, p, p_variance = _centered(y_pred, axis)
    spread = t_variance + p_variance + jnp.square(t_mean - p_mean)
    return jnp.mean(2.0 * t * p / (spread + config.epsilon()), axis=axis)

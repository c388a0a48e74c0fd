"""Distances between what should come and what came."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.graph import Array
from lamina._measures._pair import measure, pair


@measure
def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of (y_true - y_pred)**2.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).

    Returns:
        The error per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = pair("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@measure
def mean_absolute_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of |y_true - y_pred|.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).

    Returns:
        The error per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [1.0]
    """
    y_true, y_pred = pair("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@measure
def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of 100 |(y_true - y_pred) / y_true|.

    Labels nearer to 0 than `config.epsilon()` count as that.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).

    Returns:
        The error per sample in per cent, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = pair("mean_absolute_percentage_error", y_true, y_pred)
    scale = jnp.maximum(jnp.abs(y_true), config.epsilon())
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / scale), axis=-1)


@measure
def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of (log(1 + y_true) - log(1 + y_pred))**2.

    Negative values count as 0.

    Args:
        y_true: what should come, 0 or more, (N, ..., C).
        y_pred: what came, (N, ..., C).

    Returns:
        The error per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> round(float(mean_squared_logarithmic_error([[1.0, 0.0]], [[3.0, 0.0]])[0]), 4)
        0.2402
    """
    y_true, y_pred = pair("mean_squared_logarithmic_error", y_true, y_pred)
    return jnp.mean(jnp.square(_log1p(y_pred) - _log1p(y_true)), axis=-1)


def _log1p(x: Any) -> Any:
    """Return log(1 + x) with negative values as 0; the slope at infinity is 0."""
    infinite = jnp.isposinf(x)
    finite = jnp.where(infinite, 0.0, jnp.maximum(x, config.epsilon()))
    return jnp.where(infinite, jnp.inf, jnp.log1p(finite))


@measure
def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Array:
    """Return the mean along the last axis of e**2 / 2 up to |e| = delta, and of a line beyond.

    Here e = y_pred - y_true, and the line is delta |e| - delta**2 / 2: outliers pull no stronger.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).
        delta: where the parabola ends, positive, in the unit of the labels.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Reference:
        Huber, "Robust estimation of a location parameter", 1964.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = pair("huber", y_true, y_pred)
    delta = jnp.asarray(delta, y_pred.dtype)
    error = y_pred - y_true
    inside = jnp.abs(error) <= delta
    # Each branch sees only its own errors: the square of an outlier may overflow.
    near = 0.5 * jnp.square(jnp.where(inside, error, 0.0))
    far = jnp.where(inside, 0.0, delta * jnp.abs(error) - 0.5 * jnp.square(delta))
    return jnp.mean(near + far, axis=-1)


@measure
def log_cosh(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of log(cosh(y_pred - y_true)).

    About e**2 / 2 for small errors e and |e| - log(2) for large ones.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> round(float(log_cosh([[0.0, 0.0]], [[0.0, 1.0]])[0]), 4)
        0.2169
    """
    y_true, y_pred = pair("log_cosh", y_true, y_pred)
    size = jnp.abs(y_pred - y_true)
    return jnp.mean(size + jnp.log1p(jnp.exp(-2.0 * size)) - math.log(2.0), axis=-1)


@measure
def cosine_similarity(y_true: Array, y_pred: Array, axis: int = -1) -> Array:
    """Return -sum(y_true * y_pred) / (|y_true| |y_pred|) along `axis`: -1 for the same direction.

    A loss, hence the sign; the metric `CosineSimilarity` has the other. Vectors of length 0 give 0.

    Args:
        y_true: what should come, (N, ..., C).
        y_pred: what came, (N, ..., C).
        axis: the axis of the vectors' components.

    Returns:
        Minus the cosine of the angle per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> cosine_similarity([[0.0, 2.0], [1.0, 0.0]], [[0.0, 3.0], [-2.0, 0.0]]).tolist()
        [-1.0, 1.0]
    """
    y_true, y_pred = pair("cosine_similarity", y_true, y_pred)
    return -jnp.sum(unit_vectors(y_true, axis) * unit_vectors(y_pred, axis), axis=axis)


def unit_vectors(x: Array, axis: int) -> Array:
    """Return `x` divided by its length along `axis`; shorter than epsilon, divided by epsilon."""
    # Squares of large components overflow: the largest is made 1 first.
    largest = jnp.max(jnp.abs(x), axis=axis, keepdims=True, initial=1.0)
    x = x / jax.lax.stop_gradient(jnp.where(jnp.isfinite(largest), largest, 1.0))
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, config.epsilon() ** 2))

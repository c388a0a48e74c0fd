"""Distances between what should come and what came."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core.graph import Array, op
from lamina._measures._weights import same_rank


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = jnp.asarray(y_pred)
    return same_rank(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)


@op
def mean_squared_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of (y_true - y_pred)**2.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@op
def mean_absolute_error(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of |y_true - y_pred|.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [1.0]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)

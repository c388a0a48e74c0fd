"""The accuracy family: how often the prediction is right."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core.graph import Array, op
from lamina._measures._weights import same_rank


@op
def accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where y_true == y_pred, else 0."""
    y_pred = jnp.asarray(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true).astype(y_pred.dtype), y_pred)
    return (y_true == y_pred).astype("float32")


@op
def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """Return 1 where y_pred is on the same side of `threshold` as y_true, else 0.

    Example:
        >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]]).tolist()
        [[1.0], [0.0]]
    """
    y_true, y_pred = same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    decided = (y_pred > jnp.asarray(threshold, y_pred.dtype)).astype(y_true.dtype)
    return (y_true == decided).astype("float32")


@op
def categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the largest prediction is at the place of the one in y_true, else 0.

    Example:
        >>> categorical_accuracy([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    right = jnp.argmax(y_true, axis=-1) == jnp.argmax(y_pred, axis=-1)
    return right.astype("float32")


@op
def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the largest prediction is at the place that y_true names, else 0.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    shape = y_true.shape
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    right = (y_true.astype("int32") == jnp.argmax(y_pred, axis=-1)).astype("float32")
    return right.reshape(shape) if right.size == y_true.size and right.shape != shape else right

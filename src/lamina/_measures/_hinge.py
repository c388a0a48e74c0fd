"""Hinges: nothing to pay beyond a margin of 1 on the right side."""

from __future__ import annotations

import jax.numpy as jnp

from lamina._core.graph import Array
from lamina._measures._pair import measure, pair


def _signs(y_true: Array) -> Array:
    """Return labels as -1 and 1; those given as 0 and 1 are recoded."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2.0 * y_true - 1.0, y_true)


@measure
def hinge(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of max(1 - y_true * y_pred, 0).

    Args:
        y_true: -1 or 1 (if all are 0 or 1, 0 stands for -1), (N, ..., C).
        y_pred: scores, (N, ..., C).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, 0.5]]).tolist()
        [1.0]
    """
    y_true, y_pred = pair("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@measure
def squared_hinge(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of max(1 - y_true * y_pred, 0)**2.

    Args:
        y_true: -1 or 1 (if all are 0 or 1, 0 stands for -1), (N, ..., C).
        y_pred: scores, (N, ..., C).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, 0.5]]).tolist()
        [1.25]
    """
    y_true, y_pred = pair("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@measure
def categorical_hinge(y_true: Array, y_pred: Array) -> Array:
    """Return max(1 + largest wrong score - right score, 0).

    Args:
        y_true: one-hot labels, (N, ..., C).
        y_pred: scores, (N, ..., C).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = pair("categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1.0, 0.0)

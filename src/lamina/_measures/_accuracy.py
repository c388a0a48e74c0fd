"""The accuracy family: how often the prediction is right."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import explain
from lamina._core.graph import Array, op
from lamina._measures._pair import unfit
from lamina._measures._weights import same_rank


@op
def accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where y_true == y_pred, else 0.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> accuracy([1, 2], [1, 0]).tolist()
        [1.0, 0.0]
    """
    y_pred = jnp.asarray(y_pred)
    return _matches("accuracy", jnp.asarray(y_true).astype(y_pred.dtype), y_pred)


@op
def binary_accuracy(y_true: Array, y_pred: Array, threshold: float = 0.5) -> Array:
    """Return 1 where y_pred is on the same side of `threshold` as y_true, else 0.

    Args:
        y_true: 0 or 1, (N, ...).
        y_pred: probabilities, (N, ...).
        threshold: above it, a prediction counts as 1.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]]).tolist()
        [[1.0], [0.0]]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    decided = (y_pred > threshold).astype(y_true.dtype)
    return _matches("binary_accuracy", y_true, decided)


@op
def categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the largest prediction is at the place of the one in y_true, else 0.

    Args:
        y_true: one-hot labels, (N, ..., C).
        y_pred: probabilities or logits, (N, ..., C).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> categorical_accuracy([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    return _matches(
        "categorical_accuracy", jnp.argmax(y_true, axis=-1), jnp.argmax(y_pred, axis=-1)
    )


@op
def sparse_categorical_accuracy(y_true: Array, y_pred: Array) -> Array:
    """Return 1 where the largest prediction is at the place that y_true names, else 0.

    Args:
        y_true: class numbers, (N, ...) or (N, ..., 1).
        y_pred: probabilities or logits, (N, ..., C).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    right = _matches(
        "sparse_categorical_accuracy", y_true.astype("int32"), jnp.argmax(y_pred, axis=-1)
    )
    return right[..., 0] if right.ndim > 1 and right.shape[-1] == 1 else right


@op
def top_k_categorical_accuracy(y_true: Array, y_pred: Array, k: int = 5) -> Array:
    """Return 1 where the class of y_true is among the `k` largest predictions, else 0.

    Args:
        y_true: one-hot labels, (N, ..., C).
        y_pred: probabilities or logits, (N, ..., C).
        k: how many predictions count; equal ones count as the larger.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> top_k_categorical_accuracy([[0.0, 0.0, 1.0]], [[0.5, 0.2, 0.3]], k=2).tolist()
        [1.0]
    """
    return _in_top_k(
        "top_k_categorical_accuracy", jnp.argmax(y_true, axis=-1), jnp.asarray(y_pred), k
    )


@op
def sparse_top_k_categorical_accuracy(
    y_true: Array, y_pred: Array, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Return 1 where the class that y_true names is among the `k` largest predictions, else 0.

    Args:
        y_true: class numbers, (N, ...) or (N, ..., 1).
        y_pred: probabilities or logits, (N, ..., C); or class numbers, the most likely first.
        k: how many predictions count; equal ones count as the larger.
        from_sorted_ids: whether `y_pred` are class numbers.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> sparse_top_k_categorical_accuracy([2, 1], [[0.5, 0.2, 0.3]] * 2, k=2).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    where = "sparse_top_k_categorical_accuracy"
    if not from_sorted_ids:
        return _in_top_k(where, y_true.astype("int32"), y_pred, k)
    labels = _one_each(where, y_true, y_pred)[..., None]
    found = jnp.any(labels.astype(y_pred.dtype) == y_pred[..., :k], axis=-1)
    return found.reshape(y_true.shape).astype(config.floatx())


def _matches(where: str, y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = same_rank(y_true, y_pred)
    try:
        jnp.broadcast_shapes(y_true.shape, y_pred.shape)
    except ValueError:
        raise ValueError(unfit(where, y_true, y_pred)) from None
    return (y_true == y_pred).astype(config.floatx())


def _in_top_k(where: str, y_true: Any, y_pred: Any, k: int) -> Any:
    labels = _one_each(where, y_true, y_pred)[..., None]
    if not jnp.issubdtype(y_pred.dtype, jnp.floating):
        y_pred = y_pred.astype(config.floatx())
    of_label = jnp.take_along_axis(y_pred, labels, axis=-1, mode="fill", fill_value=-jnp.inf)
    of_label = jnp.where(jnp.isnan(of_label), -jnp.inf, of_label)  # NaN is not among the best
    larger = jnp.sum(y_pred > of_label, axis=-1)
    return (larger < k).reshape(y_true.shape).astype(config.floatx())


def _one_each(where: str, y_true: Any, y_pred: Any) -> Any:
    """Return class numbers of shape (N, ...) for predictions of shape (N, ..., C)."""
    labels = y_true[..., 0] if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1 else y_true
    if labels.shape != y_pred.shape[:-1]:
        raise ValueError(
            explain(
                where,
                f"expected one label per prediction, shape {tuple(y_pred.shape[:-1])}",
                f"labels of shape {y_true.shape}, predictions of shape {y_pred.shape}",
                "give class numbers to the sparse accuracies, one-hot labels to the others",
            )
        )
    return labels

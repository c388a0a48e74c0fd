"""Cross-entropies: how unlikely the right answer was, in nats."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import explain
from lamina._core.graph import Array, op


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    fuzz = config.epsilon()
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.log(jnp.clip(output, fuzz, 1.0 - fuzz))


def _like(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = jnp.asarray(y_pred)
    return jnp.asarray(y_true).astype(y_pred.dtype), y_pred


@op
def categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Return -sum(y_true * log(y_pred)) along `axis`.

    Args:
        y_true: one-hot labels, or probabilities, (N, ..., C).
        y_pred: probabilities (normalized here to sum to 1), or logits, (N, ..., C).
        from_logits: whether `y_pred` are logits, before the softmax.
        label_smoothing: fraction in [0, 1] of the labels' weight that is spread over all classes.
        axis: the axis of the classes.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4).tolist()
        [0.6930999755859375]
    """
    y_true, y_pred = _like(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            explain(
                "categorical_crossentropy",
                f"expected labels of the shape of the predictions, {y_pred.shape}",
                f"labels of shape {y_true.shape}",
                "one-hot them with `utils.to_categorical`, or use sparse_categorical_crossentropy, which "
                "takes whole numbers",
            )
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[-1]
    return -jnp.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@op
def sparse_categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """Return -log(y_pred[y_true]): categorical cross-entropy with whole numbers as labels.

    Args:
        y_true: class numbers from 0 to C - 1, (N, ...) or (N, ..., 1).
        y_pred: probabilities, or logits, (N, ..., C).
        from_logits: whether `y_pred` are logits, before the softmax.
        ignore_class: a class number whose samples have loss 0.
        axis: the axis of the classes.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4).tolist()
        [0.6930999755859375]
    """
    y_pred = jnp.asarray(y_pred)
    y_true = jnp.asarray(y_true).astype("int32")
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != y_pred.shape[:-1]:
        raise ValueError(
            explain(
                "sparse_categorical_crossentropy",
                f"expected one class number per prediction, shape {y_pred.shape[:-1]}",
                f"labels of shape {y_true.shape} for predictions of shape {y_pred.shape}",
                "for one-hot labels use categorical_crossentropy",
            )
        )
    log_p = _log_probabilities(y_pred, from_logits, axis)
    valid = None if ignore_class is None else y_true != ignore_class
    labels = jax.nn.one_hot(y_true, y_pred.shape[axis], axis=axis, dtype=log_p.dtype)
    loss = -jnp.sum(labels * log_p, axis=axis)
    return loss if valid is None else jnp.where(valid, loss, 0.0)


@op
def binary_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Return the mean along `axis` of -(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)).

    Args:
        y_true: 0 or 1, or probabilities, (N, ..., C).
        y_pred: probabilities, or logits, of the same shape.
        from_logits: whether `y_pred` are logits, before the sigmoid.
        label_smoothing: fraction in [0, 1] by which labels are pulled towards 1/2.
        axis: the axis of which the mean is taken.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).round(4).tolist()
        [0.6930999755859375]
    """
    y_true, y_pred = _like(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            explain(
                "binary_crossentropy",
                f"expected labels of the shape of the predictions, {y_pred.shape}",
                f"labels of shape {y_true.shape}",
            )
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        log_p, log_q = jax.nn.log_sigmoid(y_pred), jax.nn.log_sigmoid(-y_pred)
    else:
        p = jnp.clip(y_pred, config.epsilon(), 1.0 - config.epsilon())
        log_p, log_q = jnp.log(p), jnp.log(1.0 - p)
    return -jnp.mean(y_true * log_p + (1.0 - y_true) * log_q, axis=axis)

"""Cross-entropies and their relatives: how unlikely the right answer was, in nats."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.errors import explain
from lamina._core.graph import Array
from lamina._core.masks import get_logits, set_mask
from lamina._measures._pair import class_axis, equal_pair, is_traced, measure, pair
from lamina._measures._weights import divide_no_nan
from lamina.ops._tails import log_softmax, times_log

_ONE_HOT = (
    "one-hot them with `utils.to_categorical`, or use sparse_categorical_crossentropy, which takes "
    "whole numbers"
)


def probabilities(y_pred: Any, axis: int) -> Any:
    """Return predictions that sum to 1 along `axis`, kept away from 0 and 1."""
    fuzz = config.epsilon()
    share = divide_no_nan(y_pred, jnp.sum(y_pred, axis, keepdims=True))
    return jnp.clip(share, fuzz, 1.0 - fuzz)


def behind(y_pred: Any, from_logits: bool) -> tuple[Any, bool]:
    """Return the logits behind probabilities that a softmax or sigmoid made, and whether there are.

    The value is the same; its gradient does not vanish where the probabilities are rounded to 0.
    """
    logits = None if from_logits else get_logits(y_pred)
    return (y_pred, from_logits) if logits is None else (logits, True)


def one_hot_pair(where: str, y_true: Any, y_pred: Any, smoothing: float, axis: int) -> Any:
    """Return labels, smoothed over the classes of `axis`, and predictions of one shape."""
    y_true, y_pred = equal_pair(where, y_true, y_pred, _ONE_HOT)
    classes = y_pred.shape[axis]
    if y_pred.shape[-1] == 1:
        warnings.warn(
            explain(
                where,
                "expected predictions for two or more classes",
                f"predictions of shape {tuple(y_pred.shape)}, for which this loss is always 0",
                "for two classes use binary_crossentropy",
            ),
            SyntaxWarning,
            stacklevel=4,
        )
    return (y_true * (1.0 - smoothing) + smoothing / classes if smoothing else y_true), y_pred


@measure
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
        >>> round(float(categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    axis = class_axis("categorical_crossentropy", axis, y_pred.ndim)
    if axis == y_pred.ndim - 1:
        y_pred, from_logits = behind(y_pred, from_logits)
    y_true, y_pred = one_hot_pair("categorical_crossentropy", y_true, y_pred, label_smoothing, axis)
    if from_logits:
        log_p = log_softmax(y_pred, axis)
    else:
        log_p = jnp.log(probabilities(y_pred, axis))
    return -jnp.sum(times_log(y_true, log_p), axis=axis)


@measure
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
        ignore_class: a class number whose samples have loss 0 and are masked.
        axis: the axis of the classes.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not fit, or a label is no class number (labels that are not known
            yet, under jax.jit, are not looked at; those beyond the classes have loss 0 there).

    Example:
        >>> round(float(sparse_categorical_crossentropy([1], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    where = "sparse_categorical_crossentropy"
    axis = class_axis(where, axis, y_pred.ndim)
    if axis == y_pred.ndim - 1:
        y_pred, from_logits = behind(y_pred, from_logits)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = jnp.squeeze(y_true, axis)
    if y_true.shape != y_pred.shape[:axis] + y_pred.shape[axis + 1 :]:
        raise ValueError(
            explain(
                where,
                "expected one class number per prediction, shape "
                f"{y_pred.shape[:axis] + y_pred.shape[axis + 1 :]}",
                f"labels of shape {y_true.shape} for predictions of shape {y_pred.shape}",
                "for one-hot labels use categorical_crossentropy",
            )
        )
    y_true = y_true.astype("int32")
    valid = None if ignore_class is None else y_true != ignore_class
    if not is_traced(y_true):
        _check_classes(where, y_true, valid, y_pred.shape[axis])
    if valid is not None:
        # What is ignored must not come back as NaN in the gradient, whatever was predicted.
        y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 0.0)
    log_p = log_softmax(y_pred, axis) if from_logits else jnp.log(probabilities(y_pred, axis))
    loss = -_pick(log_p, y_true, axis)
    if valid is not None:
        loss = jnp.where(valid, loss, 0.0)
        set_mask(loss, valid)
    return loss


def _pick(values: Any, index: Any, axis: int) -> Any:
    """Return the value at `index` along `axis`, 0 where there is none."""
    places = jax.lax.broadcasted_iota("int32", values.shape, axis)
    return jnp.sum(jnp.where(places == jnp.expand_dims(index, axis), values, 0.0), axis=axis)


def _check_classes(where: str, y_true: Any, valid: Any, classes: int) -> None:
    labels = np.asarray(y_true)
    labels = labels if valid is None else labels[np.asarray(valid)]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(
            explain(
                where,
                f"expected class numbers from 0 to {classes - 1}, for {classes} classes",
                f"labels from {labels.min()} to {labels.max()}",
                "number the classes from 0; `ignore_class` names one that does not count",
            )
        )


@measure
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
        >>> round(float(binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    y_pred, from_logits = behind(y_pred, from_logits)
    y_true, y_pred = binary_pair("binary_crossentropy", y_true, y_pred, label_smoothing)
    axis = class_axis("binary_crossentropy", axis, y_pred.ndim)
    return jnp.mean(binary_nats(y_true, y_pred, from_logits), axis=axis)


def binary_pair(where: str, y_true: Any, y_pred: Any, smoothing: float) -> tuple[Any, Any]:
    """Return labels, smoothed, and predictions of one shape."""
    y_true, y_pred = equal_pair(where, y_true, y_pred)
    return (y_true * (1.0 - smoothing) + 0.5 * smoothing if smoothing else y_true), y_pred


def binary_nats(y_true: Any, y_pred: Any, from_logits: bool) -> Any:
    """Return the binary cross-entropy of each value."""
    if from_logits:
        log_p, log_q = jax.nn.log_sigmoid(y_pred), jax.nn.log_sigmoid(-y_pred)
        return -(times_log(y_true, log_p) + times_log(1.0 - y_true, log_q))
    p = jnp.clip(y_pred, config.epsilon(), 1.0 - config.epsilon())
    return -(y_true * jnp.log(p) + (1.0 - y_true) * jnp.log(1.0 - p))


@measure
def kl_divergence(y_true: Array, y_pred: Array) -> Array:
    """Return sum(y_true * log(y_true / y_pred)) along the last axis.

    Args:
        y_true: probabilities, (N, ..., C).
        y_pred: probabilities, (N, ..., C).

    Returns:
        The divergence per sample in nats, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Reference:
        Kullback and Leibler, "On information and sufficiency", 1951.

    Example:
        >>> round(float(kl_divergence([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
        0.6931
    """
    y_true, y_pred = pair("kl_divergence", y_true, y_pred)
    y_true = jnp.clip(y_true, config.epsilon(), 1.0)
    y_pred = jnp.clip(y_pred, config.epsilon(), 1.0)
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@measure
def poisson(y_true: Array, y_pred: Array) -> Array:
    """Return the mean along the last axis of y_pred - y_true * log(y_pred).

    The negative log-likelihood of counts under Poisson rates, without the constant log(y_true!).

    Args:
        y_true: counts, (N, ..., C).
        y_pred: expected counts, 0 or more, (N, ..., C).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> round(float(poisson([[0.0, 1.0]], [[1.0, 1.0]])[0]), 4)
        1.0
    """
    y_true, y_pred = pair("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + config.epsilon()), axis=-1)

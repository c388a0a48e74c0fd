"""Cross-entropies that weigh samples by how sure the prediction is."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.graph import Array
from lamina._measures._crossentropy import (
    binary_nats,
    binary_pair,
    log_softmax,
    one_hot_pair,
    probabilities,
    times_log,
)
from lamina._measures._pair import class_axis, measure, unfit


def _power(base: Any, exponent: float) -> Any:
    """Return base**exponent with gradient 0 at base 0, where an exponent below 1 has none."""
    zero = base == 0
    return jnp.where(zero, 0.0 if exponent else 1.0, jnp.where(zero, 1.0, base) ** exponent)


@jax.custom_jvp
def _weighed(weight: Any, nats: Any) -> Any:
    """Return weight * nats, for a weight that no longer changes where `nats` are huge."""
    return weight * nats


@_weighed.defjvp
def _weighed_jvp(primals: Any, tangents: Any) -> Any:
    weight, nats = primals
    # Where p has become 0 so has its slope: 0 times a bounded number, not 0 times infinity.
    bound = float(jnp.finfo(nats.dtype).max) ** 0.5
    slope = weight * tangents[1] + tangents[0] * jnp.clip(nats, -bound, bound)
    return _weighed(weight, nats), slope


@measure
def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Return the mean along `axis` of -(1 - p)**gamma * log(p), p the probability of the label.

    Args:
        y_true: 0 or 1, or probabilities, (N, ..., C).
        y_pred: probabilities, or logits, of the same shape.
        apply_class_balancing: whether class 1 has weight `alpha` and class 0 has 1 - `alpha`.
        alpha: fraction in [0, 1], see `apply_class_balancing`.
        gamma: how little sure predictions count; with 0 this is binary cross-entropy.
        from_logits: whether `y_pred` are logits, before the sigmoid.
        label_smoothing: fraction in [0, 1] by which labels are pulled towards 1/2.
        axis: the axis of which the mean is taken.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes differ.

    Reference:
        Lin et al., "Focal loss for dense object detection", 2017, arXiv:1708.02002.

    Example:
        >>> round(float(binary_focal_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])[0]), 4)
        0.1733
    """
    y_true, y_pred = binary_pair("binary_focal_crossentropy", y_true, y_pred, label_smoothing)
    axis = class_axis("binary_focal_crossentropy", axis, y_pred.ndim)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    of_label = y_true * p + (1.0 - y_true) * (1.0 - p)
    loss = _weighed(_power(1.0 - of_label, gamma), binary_nats(y_true, y_pred, from_logits))
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return jnp.mean(loss, axis=axis)


@measure
def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Return -sum(alpha * (1 - y_pred)**gamma * y_true * log(y_pred)) along `axis`.

    Args:
        y_true: one-hot labels, or probabilities, (N, ..., C).
        y_pred: probabilities (normalized here to sum to 1), or logits, (N, ..., C).
        alpha: weight of all classes, or a list of one weight per class (for the last axis).
        gamma: how little sure predictions count; with 0 this is alpha times the cross-entropy.
        from_logits: whether `y_pred` are logits, before the softmax.
        label_smoothing: fraction in [0, 1] of the labels' weight that is spread over all classes.
        axis: the axis of the classes.

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes differ.

    Reference:
        Lin et al., "Focal loss for dense object detection", 2017, arXiv:1708.02002.

    Example:
        >>> round(float(categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])[0]), 4)
        0.0433
    """
    where = "categorical_focal_crossentropy"
    axis = class_axis(where, axis, y_pred.ndim)
    y_true, y_pred = one_hot_pair(where, y_true, y_pred, label_smoothing, axis)
    if from_logits:
        log_p = log_softmax(y_pred, axis)
        p = jnp.exp(log_p)
    else:
        p = probabilities(y_pred, axis)
        log_p = jnp.log(p)
    weighed = _weighed(_power(1.0 - p, gamma), times_log(y_true, log_p))
    return -jnp.sum(jnp.asarray(alpha, y_pred.dtype) * weighed, axis=axis)


@measure
def categorical_generalized_cross_entropy(y_true: Array, y_pred: Array, q: float) -> Array:
    """Return (1 - p**q) / q, where p is the probability of the label.

    Between cross-entropy (q near 0) and the mean absolute error (q near 1): wrong labels pull less.

    Args:
        y_true: class numbers from 0 to C - 1, (N, ...) or (N, ..., 1).
        y_pred: probabilities, (N, ..., C).
        q: number in (0, 1).

    Returns:
        The loss per sample, (N, ...).

    Raises:
        ValueError: the shapes do not fit.

    Reference:
        Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with
        noisy labels", 2018, arXiv:1805.07836. The gradient at p = 0, infinite there, is 0 here.

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
        [1.0]
    """
    if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != y_pred.shape[:-1]:
        advice = "give one class number per sample; for one-hot labels use their argmax"
        where = "categorical_generalized_cross_entropy"
        raise ValueError(unfit(where, y_true, y_pred[..., 0], advice))
    places = jax.lax.broadcasted_iota("int32", y_pred.shape, y_pred.ndim - 1)
    is_label = places == y_true.astype("int32")[..., None]
    p = jnp.sum(jnp.where(is_label, y_pred, 0.0), axis=-1)
    return (1.0 - _power(p, q)) / q

"""How much of what should be there is there: Dice and Tversky."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.graph import Array
from lamina._measures._pair import measure, pair


@measure
def dice(y_true: Array, y_pred: Array, axis: Any = None) -> Array:
    """Return 1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred)).

    Args:
        y_true: 0 or 1, (N, ...).
        y_pred: probabilities, (N, ...).
        axis: the axis or axes of the sums (default: all); without that of the samples, the loss is
            per sample.

    Returns:
        The loss, a scalar, or of the axes that are not summed.

    Raises:
        ValueError: the shapes do not broadcast.

    Reference:
        Milletari, Navab and Ahmadi, "V-Net", 2016, arXiv:1606.04797.

    Example:
        >>> round(float(dice([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.3333
    """
    y_true, y_pred = pair("dice", y_true, y_pred)
    common = jnp.sum(y_true * y_pred, axis=axis)
    both = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * common / (both + config.epsilon())


@measure
def tversky(
    y_true: Array, y_pred: Array, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Array:
    """Return 1 - common / (common + alpha * missed + beta * invented).

    Here common = sum(y_true * y_pred), missed = sum(y_true * (1 - y_pred)) and
    invented = sum((1 - y_true) * y_pred).

    Args:
        y_true: 0 or 1, (N, ...).
        y_pred: probabilities, (N, ...).
        alpha: weight of what was missed, 0 or more; with both weights 1/2 this is `dice`.
        beta: weight of what was invented, 0 or more.
        axis: the axis or axes of the sums (default: all); without that of the samples, the loss is
            per sample.

    Returns:
        The loss, a scalar, or of the axes that are not summed.

    Raises:
        ValueError: the shapes do not broadcast.

    Reference:
        Salehi, Erdogmus and Gholipour, "Tversky loss function for image segmentation", 2017,
        arXiv:1706.05721. As in Keras, `alpha` belongs to the misses; the paper has them with beta.

    Example:
        >>> round(float(tversky([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.3333
    """
    y_true, y_pred = pair("tversky", y_true, y_pred)
    common = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1.0 - y_pred), axis=axis)
    invented = jnp.sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - common / (common + alpha * missed + beta * invented + config.epsilon())

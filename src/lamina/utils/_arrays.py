"""Whole arrays made ready for training: classes as rows of 0 and 1, vectors of length 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.errors import describe, explain


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Turn class numbers into rows with a 1 at the class and 0 elsewhere.

    out[..., c] = 1 if x[...] == c else 0

    Args:
        x: integers from 0 to `num_classes` - 1: an array, or anything numpy makes one of.
        num_classes: the number of classes; None: the largest number in `x`, plus 1.

    Shapes:
        x (...) or (..., 1) -> (..., num_classes). numpy and Python data give a numpy array of
        float64; a jax array gives a jax array of the default float dtype.

    Raises:
        IndexError: if a number is outside the range of classes. (In a jax array its row is all 0.)
        ValueError: if `x` holds no numbers, or if `num_classes` is None and cannot be read off `x`.

    Example:
        >>> to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])
    """
    on_device = isinstance(x, jax.Array)
    labels = x if on_device else _whole_numbers(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if not num_classes:
        if isinstance(x, jax.core.Tracer) or labels.size == 0:
            raise ValueError(
                explain(
                    "to_categorical",
                    "expected `num_classes`, or class numbers to find the largest in",
                    describe(x),
                    "give num_classes",
                )
            )
        num_classes = int(labels.max()) + 1
    if on_device:
        return jax.nn.one_hot(labels, num_classes, dtype=config.floatx())
    _check_range(labels, num_classes)
    rows = np.zeros((labels.size, num_classes))
    rows[np.arange(labels.size), labels.reshape(-1)] = 1
    return rows.reshape((*labels.shape, num_classes))


def _whole_numbers(x: Any) -> np.ndarray:
    try:
        return np.asarray(x).astype("int64")
    except (TypeError, ValueError):
        raise ValueError(
            explain(
                "to_categorical",
                "expected class numbers",
                describe(x),
                "number the classes first: names, y = np.unique(x, return_inverse=True)",
            )
        ) from None


def _check_range(labels: np.ndarray, num_classes: int) -> None:
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if outside.size:
        raise IndexError(
            explain(
                "to_categorical",
                f"expected class numbers from 0 to {num_classes - 1}",
                f"{outside[0]}" + (f" and {outside.size - 1} more" if outside.size > 1 else ""),
                "give a larger num_classes, or count the classes from 0",
            )
        )


def normalize(x: Any, axis: int | None = -1, order: int = 2) -> Any:
    """Divide vectors by their length, so that each has length 1; a vector of zeros stays.

    out = x / ||x||_order

    Args:
        x: the array.
        axis: the axis along which the vectors lie; None: all of `x` is one vector, or one matrix
            whose matrix norm `order` names.
        order: which norm: 1 the sum of absolute values, 2 the Euclidean length, ...

    Shapes:
        out as x: a numpy array for a numpy array, a jax array for anything else. As in Keras, a
        numpy array of one axis, (n,), gives (1, n).

    Raises:
        ValueError: if `order` is not a positive integer and `x` is not a numpy array.

    Example:
        >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    if isinstance(x, np.ndarray):
        norm = np.atleast_1d(np.linalg.norm(x, order, axis))
        norm[norm == 0] = 1
        return x / np.expand_dims(norm, -1 if axis is None else axis)
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(
            explain("normalize", "expected a positive integer as `order`", describe(order), "use 2")
        )
    x = jnp.atleast_1d(jnp.asarray(x))
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(config.floatx())
    if order == 2:  # as one product, without the division
        inverse = jax.lax.rsqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=True))
        return x * jnp.minimum(inverse, 1 / config.epsilon())
    norm = jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True)
    return x / jnp.maximum(norm, config.epsilon())

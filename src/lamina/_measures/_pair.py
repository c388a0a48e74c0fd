"""Labels and predictions made to fit each other: dtype, rank, shape, the axis of the classes."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config, tree
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array, op
from lamina._core.masks import carry_logits, get_mask, set_mask
from lamina._measures._weights import same_rank

_HALF = ("bfloat16", "float16")


def measure(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Make `fn(y_true, y_pred, ...)` an op that computes in single precision or more.

    Half precision has no 1 - 1e-7 and no sum of a thousand terms: the value is computed in float32
    and returned in the dtype of the predictions.
    """

    @wraps(fn)
    def compute(y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        if not jnp.issubdtype(y_pred.dtype, jnp.floating):
            y_pred = y_pred.astype(config.floatx())
        if y_pred.ndim == 0:
            raise ValueError(
                explain(
                    fn.__name__, "expected predictions with one axis at least", "a single number"
                )
            )
        if y_pred.dtype.name not in _HALF:
            return fn(y_true, y_pred, *args, **kwargs)
        wide_pred = y_pred.astype("float32")
        carry_logits(y_pred, wide_pred)
        wide = fn(y_true, wide_pred, *args, **kwargs)
        short = wide.astype(y_pred.dtype)
        if get_mask(wide) is not None:
            set_mask(short, get_mask(wide))
        return short

    return op(compute)


def arrays(x: Any, dtype: Any = None) -> Any:
    """Return a structure of arrays; lists of plain numbers are one array."""
    numbers = (bool, int, float, np.generic)
    if isinstance(x, (list, tuple)) and all(isinstance(leaf, numbers) for leaf in tree.flatten(x)):
        return as_array(x, dtype)
    return tree.map_structure(lambda leaf: as_array(leaf, dtype), x)


def pair(where: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return labels in the dtype of the predictions, both of a rank at which they broadcast.

    Raises:
        ValueError: they do not broadcast.
    """
    y_true, y_pred = same_rank(y_true.astype(y_pred.dtype), y_pred)
    try:
        jnp.broadcast_shapes(y_true.shape, y_pred.shape)
    except ValueError:
        raise ValueError(unfit(where, y_true, y_pred)) from None
    return y_true, y_pred


def equal_pair(where: str, y_true: Any, y_pred: Any, advice: str | None = None) -> tuple[Any, Any]:
    """Return labels in the dtype of the predictions, both of one shape.

    Raises:
        ValueError: the shapes differ by more than a last axis of size 1.
    """
    y_true, y_pred = same_rank(y_true.astype(y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(unfit(where, y_true, y_pred, advice))
    return y_true, y_pred


def unfit(where: str, y_true: Any, y_pred: Any, advice: str | None = None) -> str:
    """Return the error text for labels whose shape does not fit the predictions."""
    return explain(
        where,
        f"expected labels of the shape of the predictions, {tuple(y_pred.shape)}",
        f"labels of shape {tuple(y_true.shape)}",
        advice or "reshape the labels, or give the last layer a unit per label of a sample",
    )


def class_axis(where: str, axis: Any, ndim: int) -> int:
    """Return `axis` counted from the front.

    Raises:
        ValueError: it is no axis of an array of `ndim` axes.
    """
    if isinstance(axis, bool) or not isinstance(axis, int) or not -ndim <= axis < ndim:
        raise ValueError(
            explain(
                where,
                f"expected an integer from {-ndim} to {ndim - 1} as `axis` of the predictions",
                describe(axis),
            )
        )
    return axis % ndim


def is_traced(x: Any) -> bool:
    """Return whether the values of `x` are not known yet, since jax traces the code."""
    return isinstance(x, jax.core.Tracer)

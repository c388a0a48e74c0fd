"""Functions of Keras 2's `keras.backend` that lamina has in another form, or not as functions.

Those that are plain operations under the same or another name are listed in `_renamed.py`.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lamina import ops
from lamina._core.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from lamina._core.errors import describe, explain
from lamina._core.state import Variable
from lamina.config import backend

__all__ = [
    "backend",
    "batch_flatten",
    "batch_get_value",
    "batch_set_value",
    "cast_to_floatx",
    "count_params",
    "dtype",
    "epsilon",
    "eval",
    "flatten",
    "floatx",
    "get_value",
    "get_variable_shape",
    "image_data_format",
    "image_dim_ordering",
    "int_shape",
    "ndim",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_image_dim_ordering",
    "set_value",
    "update",
    "update_add",
    "update_sub",
    "variable",
]

_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def variable(value: Any, dtype: str | None = None, name: str | None = None) -> Variable:
    """Return a Variable. As then, a layer that keeps one does not train it by itself."""
    return Variable(value, dtype=dtype, trainable=False, name=name)


def get_value(x: Any) -> np.ndarray:
    """Return the value of a variable or array as a numpy array."""
    return x.numpy() if isinstance(x, Variable) else np.asarray(x)


eval = get_value


def batch_get_value(tensors: Iterable[Any]) -> list[np.ndarray]:
    """Return the values of several variables as numpy arrays."""
    return [get_value(x) for x in tensors]


def set_value(x: Any, value: Any) -> None:
    """Set the value of a variable."""
    if not isinstance(x, Variable):
        raise TypeError(
            explain(
                "set_value",
                "expected a Variable",
                describe(x),
                "for a learning rate write `optimizer.learning_rate = value`",
            )
        )
    x.assign(value)


def batch_set_value(tuples: Iterable[tuple[Any, Any]]) -> None:
    """Set the values of several variables, given as pairs of variable and value."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Any:
    """Set a variable and return its new value."""
    x.assign(new_x)
    return x.value


def update_add(x: Variable, increment: Any) -> Any:
    """Add to a variable and return its new value."""
    return update(x, x.value + increment)


def update_sub(x: Variable, decrement: Any) -> Any:
    """Subtract from a variable and return its new value."""
    return update(x, x.value - decrement)


def int_shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape, with None where a size is open."""
    return tuple(x.shape)


get_variable_shape = int_shape


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """Return the name of the dtype."""
    return str(x.dtype)


def count_params(x: Any) -> int:
    """Return the number of elements."""
    return math.prod(x.shape)


def cast_to_floatx(x: Any) -> np.ndarray:
    """Return a numpy array of the default float dtype."""
    return np.asarray(x, dtype=floatx())


def flatten(x: Any) -> Any:
    """Return all elements in one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Any:
    """Return the elements of each sample in one axis: (N, ...) -> (N, n)."""
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))


def image_dim_ordering() -> str:
    """Return the default layout of images in the words of Keras 1: 'tf' or 'th'."""
    return {new: old for old, new in _ORDERINGS.items()}[image_data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the default layout of images: 'tf' is channels_last, 'th' is channels_first."""
    if dim_ordering not in _ORDERINGS:
        raise ValueError(
            explain(
                "set_image_dim_ordering",
                "expected 'tf' (channels_last) or 'th' (channels_first)",
                describe(dim_ordering),
            )
        )
    set_image_data_format(_ORDERINGS[dim_ordering])

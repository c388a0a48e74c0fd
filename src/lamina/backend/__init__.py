"""What modern Keras keeps under `keras.backend`: settings, dtypes, names.

Scripts of Keras 2 that use `K.*` get the rest by the alias: see `lamina.legacy`.
"""

from typing import Any

from lamina._core import dtypes as _dtypes
from lamina._core import naming as _naming
from lamina._core.config import (
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from lamina._core.dtypes import result_type, standardize_dtype
from lamina.config import backend
from lamina.utils import clear_session, is_keras_tensor


def is_float_dtype(dtype: Any) -> bool:
    """Return whether `dtype` is a floating-point one.

    Example:
        >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
        (True, False)
    """
    return _dtypes.standardize_dtype(dtype) in _dtypes.FLOAT_TYPES


def is_int_dtype(dtype: Any) -> bool:
    """Return whether `dtype` is one of integers, with or without sign.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("bool")
        (True, False)
    """
    return _dtypes.standardize_dtype(dtype) in (*_dtypes.INT_TYPES, *_dtypes.UINT_TYPES)


def get_uid(prefix: str = "") -> int:
    """Return how often a number was asked for with this prefix, from 1; names count along.

    Example:
        >>> get_uid("lesson"), get_uid("lesson")
        (1, 2)
    """
    return _naming.count(prefix)


__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon",
    "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip

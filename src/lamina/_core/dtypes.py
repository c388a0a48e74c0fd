"""Names of dtypes, and which dtype an operation on several gives."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.errors import describe, unknown

FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INT_TYPES = ("int4", "int8", "int16", "int32", "int64")
UINT_TYPES = ("uint8", "uint16", "uint32", "uint64")
ALLOWED_DTYPES = (
    *FLOAT_TYPES,
    *INT_TYPES,
    *UINT_TYPES,
    "bool",
    "string",
    "complex64",
    "complex128",
)
_PYTHON_TYPES = {bool: "bool", int: "int32", str: "string"}


def standardize_dtype(dtype: Any) -> str:
    """Return the name of `dtype` (None: the default float dtype).

    Accepts names, numpy and jax dtypes, Python types and anything with a `name`.

    Example:
        >>> standardize_dtype(np.float64), standardize_dtype(int), standardize_dtype(None)
        ('float64', 'int32', 'float32')
    """
    if type(dtype) is str and dtype in ALLOWED_DTYPES:
        return dtype
    if dtype is None or dtype is float:
        return config.floatx()
    if isinstance(dtype, type) and dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    if name.startswith(("<class", "tf.", "torch.", "jax.")):
        name = name.strip("<>'").rsplit(".", 1)[-1]
    if name == "int":
        name = "int64"
    if name not in ALLOWED_DTYPES:
        raise ValueError(
            unknown("dtype", name if isinstance(dtype, str) else describe(dtype), ALLOWED_DTYPES)
        )
    return name


def is_float(dtype: str) -> bool:
    """Return whether `dtype` names a floating-point type."""
    return "float" in dtype


def is_number(dtype: Any) -> bool:
    """Return whether numpy data of `dtype` can be given to the engine."""
    return np.dtype(dtype).kind in "biufcV" and np.dtype(dtype).names is None


def result_type(*dtypes: Any) -> str:
    """Return the dtype in which an operation on `dtypes` is done.

    Integers with floats give the default float dtype.

    Python's `int` and `float` stand for plain numbers, which do not widen an array's dtype.

    Example:
        >>> result_type("int32", float), result_type("bfloat16", "int32")
        ('float32', 'bfloat16')
    """
    if not dtypes:
        return config.floatx()
    kinds: list[Any] = [
        d if d in (int, float, bool) else jnp.dtype(standardize_dtype(d)) for d in dtypes
    ]
    result = jnp.result_type(*(k(0) if k in (int, float) else k for k in kinds))
    if is_float(result.name) and not any(
        isinstance(k, np.dtype) and is_float(k.name) for k in kinds
    ):
        return config.floatx()
    return str(result.name)

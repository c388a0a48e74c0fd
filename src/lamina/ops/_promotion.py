"""In which dtype an op computes, where jax's own rule is not Keras'."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.dtypes import standardize_dtype


def inexact(x: Any) -> Any:
    """Return `x`, whole numbers and truth values as the default float.

    Example:
        >>> inexact(jnp.arange(2)).dtype.name, inexact(jnp.ones(2, "bfloat16")).dtype.name
        ('float32', 'bfloat16')
    """
    if jnp.issubdtype(jnp.result_type(x), jnp.inexact):
        return x
    return jnp.asarray(x, config.floatx())


def inexact_pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return both as floats of the dtype that they have together."""
    dtype = jnp.result_type(x1, x2)
    if not jnp.issubdtype(dtype, jnp.inexact):
        dtype = jnp.dtype(config.floatx())
    return jnp.asarray(x1, dtype), jnp.asarray(x2, dtype)


def wide(x: Any) -> Any:
    """Return `x` in float32 at least: sums of many short floats lose digits or overflow."""
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, "float32"))


def as_dtype(dtype: Any) -> Any:
    """Return the dtype that arrays of `dtype` have here: 64 bits become 32 unless jax has them on.

    Example:
        >>> as_dtype("int64"), as_dtype(None)
        (dtype('int32'), None)
    """
    if dtype is None:
        return None
    return jax.dtypes.canonicalize_dtype(jnp.dtype(standardize_dtype(dtype)))


def float_dtype(dtype: Any) -> Any:
    """Return `dtype`, or the default float for None."""
    return as_dtype(dtype or config.floatx())


def axes(axis: Any) -> Any:
    """Return `axis` as jax takes it: lists as tuples."""
    return tuple(axis) if isinstance(axis, list) else axis

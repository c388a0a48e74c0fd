"""Arrays from anything, in any dtype, and back to numpy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.dtypes import standardize_dtype
from lamina._core.errors import explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import as_dtype


@op
def convert_to_tensor(x: Array, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Array:
    """Return x as an array of the engine.

    Args:
        x: an array, a Variable, a number, or lists of them; symbolic tensors stay symbolic.
        dtype: None for its own; floats from numpy become the default float.
        sparse, ragged: None or False; arrays are dense.

    Example:
        >>> convert_to_tensor([1, 2]).dtype.name, convert_to_tensor(np.zeros(2)).dtype.name
        ('int32', 'float32')
    """
    if sparse or ragged:
        got = f"sparse={sparse}, ragged={ragged}"
        raise ValueError(explain("ops.convert_to_tensor", "expected a dense array", got))
    x = jnp.asarray(x)
    return x if dtype is None else x.astype(as_dtype(standardize_dtype(dtype)))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return x as a numpy array of your own."""
    return np.array(x)


def is_tensor(x: Any) -> bool:
    """Return whether x is an array of the engine: no list, no numpy array, not symbolic."""
    return isinstance(x, jax.Array)


def dtype(x: Any) -> str:
    """Return the name of the dtype of x.

    Example:
        >>> dtype(jnp.zeros(2))
        'float32'
    """
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else jnp.result_type(x))


@op
def cast(x: Array, dtype: Any) -> Array:
    """Return x in another dtype; floats to whole numbers lose what follows the point.

    Example:
        >>> cast([1.9, -1.9], "int32").tolist()
        [1, -1]
    """
    return jnp.asarray(x).astype(as_dtype(standardize_dtype(dtype)))


@op
def saturate_cast(x: Array, dtype: Any) -> Array:
    """Return x in another dtype; what it cannot hold becomes its largest or smallest number.

    Example:
        >>> saturate_cast([300.0, -1.0], "uint8").tolist()
        [255, 0]
    """
    x, target = jnp.asarray(x), as_dtype(standardize_dtype(dtype))
    (low, high), (least, most) = _limits(x.dtype), _limits(target)
    # The limits as x can hold them, towards 0: float32 has no 2**31 - 1.
    lower, upper = (np.array(v).astype(x.dtype) for v in (max(low, least), min(high, most)))
    if lower < least:
        lower = np.nextafter(lower, np.array(0, x.dtype))
    if upper > most:
        upper = np.nextafter(upper, np.array(0, x.dtype))
    return jnp.clip(x, lower, upper).astype(target)


def _limits(dtype: Any) -> tuple[Any, Any]:
    if jnp.issubdtype(dtype, bool):
        return 0, 1
    info = jnp.finfo(dtype) if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype)
    return (float(info.min), float(info.max)) if hasattr(info, "eps") else (info.min, info.max)


@op
def view(x: Array, dtype: Any = None) -> Array:
    """Return the bits of x read as another dtype; the last axis grows or shrinks with its size.

    Example:
        >>> view(jnp.ones(1, "float32"), "int32").tolist()
        [1065353216]
    """
    return jnp.asarray(x).view(as_dtype(dtype))


@op
def stop_gradient(variable: Array) -> Array:
    """Return the same values, of which gradients know nothing."""
    return jax.lax.stop_gradient(variable)

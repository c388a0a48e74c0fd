"""New arrays: of one value, evenly spaced, of triangles and diagonals, windows."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina._core import config, dtypes
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, as_operand, op
from lamina.ops._promotion import as_dtype, float_dtype


@op
def array(x: Array, dtype: Any = None) -> Array:
    """Return x as a new array."""
    return jnp.array(x, dtype=as_dtype(dtype))


@op
def copy(x: Array) -> Array:
    """Return x as a new array."""
    return jnp.copy(x)


def _sizes(shape: Any) -> Any:
    """`shape` as jax takes it: a tuple, or one number."""
    return tuple(shape) if isinstance(shape, (list, np.ndarray)) else shape


@op
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return an array of 0.

    Example:
        >>> zeros((2,)).tolist(), ones((2,), dtype="int32").tolist()
        ([0.0, 0.0], [1, 1])
    """
    return jnp.zeros(_sizes(shape), float_dtype(dtype))


@op
def ones(shape: Any, dtype: Any = None) -> Any:
    """Return an array of 1."""
    return jnp.ones(_sizes(shape), float_dtype(dtype))


@op
def empty(shape: Any, dtype: Any = None) -> Any:
    """Return an array whose values do not matter; they are 0."""
    return jnp.zeros(_sizes(shape), float_dtype(dtype))


@op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array of `fill_value`, of the default float unless `dtype` says otherwise."""
    return jnp.full(_sizes(shape), as_operand(fill_value), float_dtype(dtype))


@op
def zeros_like(x: Array, dtype: Any = None) -> Array:
    """Return an array of 0 in the shape of x."""
    return jnp.zeros_like(x, dtype=as_dtype(dtype))


@op
def ones_like(x: Array, dtype: Any = None) -> Array:
    """Return an array of 1 in the shape of x."""
    return jnp.ones_like(x, dtype=as_dtype(dtype))


@op
def empty_like(x: Array, dtype: Any = None) -> Array:
    """Return an array in the shape of x whose values do not matter; they are 0."""
    return jnp.zeros_like(x, dtype=as_dtype(dtype))


@op
def full_like(x: Array, fill_value: Array, dtype: Any = None) -> Array:
    """Return an array of `fill_value` in the shape and dtype of x."""
    return jnp.full_like(x, fill_value, dtype=as_dtype(dtype))


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return start, start + step, ... as long as it is below stop; one argument is the stop.

    Args:
        step: 1 by default.
        dtype: by default int32 for whole numbers and the default float otherwise.

    Example:
        >>> arange(3).tolist(), arange(0, 1, 0.5).tolist()
        ([0, 1, 2], [0.0, 0.5])
    """
    given = [as_operand(v) for v in (start, stop, step)]
    if dtype is None:
        kinds = [getattr(v, "dtype", type(v)) for v in given if v is not None]
        # A size that is symbolic, in a shape question, is a whole number too.
        dtype = dtypes.result_type(
            *(k if isinstance(k, np.dtype) or k in (int, float, bool) else int for k in kinds)
        )
    start, stop, step = given
    return jnp.arange(start, stop, step, dtype=as_dtype(dtype))


@op
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return `num` numbers from start to stop, evenly spaced.

    Args:
        endpoint: whether the last is stop itself.
        retstep: whether to return their distance too.
        axis: where the new axis goes if start and stop are arrays.

    Example:
        >>> linspace(0, 1, 3).tolist(), logspace(0, 2, 3).tolist()
        ([0.0, 0.5, 1.0], [1.0, 10.0, 100.0])
    """
    dtype = as_dtype(dtype)
    return jnp.linspace(start, stop, num, endpoint, retstep, dtype=dtype, axis=axis)


@op
def logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """Return base**start to base**stop, the exponents evenly spaced."""
    dtype = as_dtype(dtype)
    return jnp.logspace(start, stop, num, endpoint, base=base, dtype=dtype, axis=axis)


@op
def geomspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Array:
    """Return `num` numbers from start to stop, each the same multiple of the one before it."""
    return jnp.geomspace(start, stop, num, endpoint, dtype=as_dtype(dtype), axis=axis)


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an (N, M) array of 0 with 1 on a diagonal.

    Args:
        N: number of rows.
        M: number of columns; None for N.
        k: which diagonal: 0 from the upper left corner, above it 1, 2, ..., below it -1, -2, ...

    Raises:
        TypeError: N or M are floats.

    Example:
        >>> eye(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    for name, value in (("N", N), ("M", M)):
        if isinstance(value, float) or dtypes.is_float(str(getattr(value, "dtype", ""))):
            raise TypeError(
                explain("ops.eye", f"expected a whole number as {name}", describe(value))
            )
    return jnp.eye(N, M, k=k, dtype=float_dtype(dtype))


@op
def identity(n: int, dtype: Any = None) -> Any:
    """Return an (n, n) array of 0 with 1 on the diagonal."""
    return jnp.identity(n, dtype=float_dtype(dtype))


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return an (N, M) array with 1 on and below diagonal k and 0 above.

    Example:
        >>> tri(2).tolist()
        [[1.0, 0.0], [1.0, 1.0]]
    """
    return jnp.tri(N, M=M, k=k, dtype=float_dtype(dtype))


@op
def tril(x: Array, k: int = 0) -> Array:
    """Return x with 0 above diagonal k of its last two axes."""
    return jnp.tril(x, k=k)


@op
def triu(x: Array, k: int = 0) -> Array:
    """Return x with 0 below diagonal k of its last two axes."""
    return jnp.triu(x, k=k)


@op
def diag(x: Array, k: int = 0) -> Array:
    """Return diagonal k of a matrix, or a matrix of 0 with the vector x as its diagonal k.

    Example:
        >>> diag([1, 2]).tolist(), diag([[1, 2], [3, 4]]).tolist()
        ([[1, 0], [0, 2]], [1, 4])
    """
    return jnp.diag(x, k=k)


@op
def diagflat(x: Array, k: int = 0) -> Array:
    """Return a matrix of 0 with the elements of x as its diagonal k."""
    return jnp.diagflat(x, k=k)


@op
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """Return the powers N - 1, ..., 1, 0 of the elements of x, a row for each.

    Args:
        N: number of powers; None for that of the elements.
        increasing: whether they run 0, 1, ..., N - 1.

    Raises:
        TypeError, ValueError: x has several axes, or N is no whole number of 0 or more.

    Example:
        >>> vander([2, 3], N=3).tolist()
        [[4, 2, 1], [9, 3, 1]]
    """
    if x.ndim != 1:
        raise ValueError(explain("ops.vander", "expected one axis", describe(x)))
    if N is not None and not isinstance(N, int):
        raise TypeError(explain("ops.vander", "expected a whole number as N", describe(N)))
    if N is not None and N < 0:
        raise ValueError(explain("ops.vander", "expected 0 or more as N", describe(N)))
    if not isinstance(increasing, bool):
        raise TypeError(explain("ops.vander", "expected increasing to be a bool", repr(increasing)))
    return jnp.vander(x, N=N, increasing=increasing)


def bartlett(x: Any) -> Any:
    """Return a window of x points: a triangle that is 0 at both ends.

    Example:
        >>> bartlett(5).tolist(), hanning(3).tolist()
        ([0.0, 0.5, 1.0, 0.5, 0.0], [0.0, 1.0, 0.0])
    """
    return jnp.bartlett(int(x)).astype(config.floatx())


def blackman(x: Any) -> Any:
    """Return a window of x points: 0.42 - 0.5 cos(t) + 0.08 cos(2 t), t from 0 to 2 pi."""
    return jnp.blackman(int(x)).astype(config.floatx())


def hamming(x: Any) -> Any:
    """Return a window of x points: 0.54 - 0.46 cos(t), t from 0 to 2 pi."""
    return jnp.hamming(int(x)).astype(config.floatx())


def hanning(x: Any) -> Any:
    """Return a window of x points: 0.5 - 0.5 cos(t), t from 0 to 2 pi."""
    return jnp.hanning(int(x)).astype(config.floatx())


def kaiser(x: Any, beta: Any) -> Any:
    """Return a window of x points: i0(beta sqrt(1 - t**2)) / i0(beta), t from -1 to 1.

    Args:
        beta: 0 for a rectangle; the larger, the narrower.
    """
    return jnp.kaiser(int(x), as_operand(beta)).astype(config.floatx())

"""Random arrays, from a seed, a key or a SeedGenerator."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import dtypes
from lamina._core import serialize as _serialize
from lamina._core.graph import as_array
from lamina._core.random import SeedGenerator, draw_key


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return normal values of the given mean and standard deviation.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = dtypes.standardize_dtype(dtype)
    return jax.random.normal(draw_key(seed), shape, dtype) * stddev + mean


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return values spread evenly from `minval` up to, not including, `maxval`.

    Example:
        >>> bool((uniform((5,), seed=1) < 1).all())
        True
    """
    return jax.random.uniform(
        draw_key(seed), shape, dtypes.standardize_dtype(dtype), minval, maxval
    )


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Return `inputs` with a fraction `rate` set to 0 and the rest scaled by 1 / (1 - rate).

    Args:
        inputs: array of any shape.
        rate: fraction in [0, 1].
        noise_shape: shape of the mask; None stands for the input's size of that axis.
        seed: a whole number, key or SeedGenerator.

    Example:
        >>> dropout([1.0, 1.0], 0.0, seed=1).tolist()
        [1.0, 1.0]
    """
    x = as_array(inputs)
    keep = 1.0 - rate
    shape = (
        x.shape
        if noise_shape is None
        else tuple(n if s is None else s for s, n in zip(noise_shape, x.shape, strict=True))
    )
    if keep <= 0:
        return jnp.zeros_like(x)
    mask = jax.random.bernoulli(draw_key(seed), keep, shape)
    return jnp.where(
        jnp.broadcast_to(mask, x.shape), x / jnp.asarray(keep, x.dtype), jnp.zeros_like(x)
    )


__all__ = ["SeedGenerator", "dropout", "normal", "uniform"]
_serialize.export(globals())

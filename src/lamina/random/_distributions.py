"""Random arrays. The same seed gives the numbers that Keras gives on JAX.

`seed` is, throughout: a whole number, which gives the same numbers at every call; a
`SeedGenerator`, which gives others each time; a key of jax; or None for the global generator, which
`lamina.utils.set_random_seed` sets.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import dtypes
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._core.random import draw_key
from lamina.random._threefry import bernoulli


def _dtype(where: str, dtype: Any, kind: str, among: Sequence[str]) -> str:
    name = dtypes.standardize_dtype(dtype)
    if name not in among:
        help = f"use {'float32' if kind == 'floating-point' else 'int32'}, and `ops.cast` after it"
        raise ValueError(explain(where, f"expected a {kind} dtype", repr(name), help))
    return name


def _float(where: str, dtype: Any) -> str:
    return _dtype(where, dtype, "floating-point", dtypes.FLOAT_TYPES)


def _positive(where: str, **named: Any) -> None:
    """Raise a ValueError if one of these numbers is not positive; arrays are not looked at."""
    for name, value in named.items():
        if isinstance(value, (int, float)) and not value > 0:
            raise ValueError(explain(where, f"expected a positive `{name}`", describe(value)))


def normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return values from the normal distribution.

    Args:
        shape: tuple of sizes.
        mean, stddev: of the distribution.
        dtype: a floating-point one (default: `config.floatx()`).
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float("random.normal", dtype)
    return jax.random.normal(draw_key(seed), tuple(shape), dtype) * stddev + mean


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return values from the normal distribution, those beyond two `stddev` drawn anew.

    What is left has a standard deviation of about 0.88 `stddev`.

    Args:
        shape: tuple of sizes.
        mean, stddev: of the distribution before it is cut.
        dtype: a floating-point one (default: `config.floatx()`).
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> bool((abs(truncated_normal((100,), seed=1)) <= 2).all())
        True
    """
    dtype = _float("random.truncated_normal", dtype)
    key = draw_key(seed)
    return jax.random.truncated_normal(key, -2.0, 2.0, tuple(shape), dtype) * stddev + mean


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return values spread evenly from `minval` up to, not including, `maxval`.

    Args:
        shape: tuple of sizes.
        minval, maxval: the bounds.
        dtype: a floating-point one (default: `config.floatx()`); see `randint` for integers.
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> bool((uniform((5,), seed=1) < 1).all())
        True
    """
    dtype = _float("random.uniform", dtype)
    return jax.random.uniform(draw_key(seed), tuple(shape), dtype, minval, maxval)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return integers spread evenly from `minval` up to, not including, `maxval`.

    Args:
        shape: tuple of sizes.
        minval, maxval: the bounds.
        dtype: one of integers.
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> sorted(set(randint((100,), 1, 4, seed=1).tolist()))
        [1, 2, 3]
    """
    dtype = _dtype("random.randint", dtype, "whole-number", dtypes.INT_TYPES + dtypes.UINT_TYPES)
    return jax.random.randint(draw_key(seed), tuple(shape), minval, maxval, dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Return class numbers, drawn with the probabilities softmax(logits) of their row.

    Args:
        logits: log-probabilities up to a constant per row, (N, C).
        num_samples: how many to draw from each row.
        dtype: of the result.
        seed: a whole number, a SeedGenerator, a key or None.

    Shapes:
        Returns (N, num_samples).

    Raises:
        ValueError: `logits` of other axes.

    Example:
        >>> categorical([[0.0, -jnp.inf]], 4, seed=1).tolist()
        [[0, 0, 0, 0]]
    """
    logits = as_array(logits)
    if logits.ndim != 2:
        expected, help = "expected logits of shape (N, C)", "add the axis N by `ops.expand_dims`"
        raise ValueError(explain("random.categorical", expected, describe(logits), help))
    shape = (logits.shape[0], num_samples)
    # (N, C) -> (N, C, 1) -> (N, num_samples)
    drawn = jax.random.categorical(draw_key(seed), logits[..., None], axis=1, shape=shape)
    return drawn.astype(dtypes.standardize_dtype(dtype))


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Return values from the gamma distribution of shape parameter `alpha` and scale 1.

    Args:
        shape: tuple of sizes, to which `alpha` is broadcast.
        alpha: positive number or array: mean and variance of the distribution.
        dtype: a floating-point one (default: `config.floatx()`).
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> bool((gamma((10,), 2.0, seed=1) > 0).all())
        True
    """
    dtype = _float("random.gamma", dtype)
    _positive("random.gamma", alpha=alpha)
    return jax.random.gamma(draw_key(seed), jnp.asarray(alpha), tuple(shape), dtype)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Return values between 0 and 1 from the beta distribution, of mean alpha / (alpha + beta).

    Args:
        shape: tuple of sizes, to which `alpha` and `beta` are broadcast.
        alpha, beta: positive numbers or arrays: weights of the ends at 1 and at 0.
        dtype: a floating-point one (default: `config.floatx()`).
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> bool((beta((10,), 2.0, 3.0, seed=1) < 1).all())
        True
    """
    dtype = _float("random.beta", dtype)
    _positive("random.beta", alpha=alpha, beta=beta)
    a, b = jnp.asarray(alpha), jnp.asarray(beta)
    return jax.random.beta(draw_key(seed), a, b, tuple(shape), dtype)


def binomial(
    shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> Any:
    """Return how many of `counts` trials succeed if each does with probability `probabilities`.

    Args:
        shape: tuple of sizes, to which `counts` and `probabilities` are broadcast.
        counts: number or array of trials.
        probabilities: fraction or array of fractions in [0, 1].
        dtype: a floating-point one (default: `config.floatx()`).
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> binomial((3,), 5, 1.0, seed=1).tolist()
        [5.0, 5.0, 5.0]
    """
    dtype = _float("random.binomial", dtype)
    n, p = jnp.array(counts), jnp.array(probabilities)
    return jax.random.binomial(draw_key(seed), n, p, tuple(shape), dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """Return `x` with its elements in another order along `axis`.

    Each line of `x` along `axis` gets an order of its own, as in Keras on JAX: to keep the rows of
    a matrix whole, shuffle `ops.arange(n)` and `ops.take` the rows in that order.

    Args:
        x: array.
        axis: along which elements move.
        seed: a whole number, a SeedGenerator, a key or None.

    Example:
        >>> sorted(shuffle([3, 1, 2], seed=1).tolist())
        [1, 2, 3]
    """
    return jax.random.permutation(draw_key(seed), as_array(x), axis, independent=True)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Return `inputs` with a fraction `rate` set to 0 and the rest scaled by 1 / (1 - rate).

    Args:
        inputs: array of any shape.
        rate: fraction in [0, 1].
        noise_shape: shape of the mask; None stands for the input's size of that axis.
        seed: a whole number, a SeedGenerator, a key or None.

    Raises:
        ValueError: a rate outside of [0, 1], or a noise shape of another length.

    Example:
        >>> dropout([1.0, 1.0], 0.0, seed=1).tolist()
        [1.0, 1.0]
    """
    x = as_array(inputs)
    if not 0 <= rate <= 1:
        raise ValueError(
            explain("random.dropout", "expected a fraction from 0 to 1 as `rate`", describe(rate))
        )
    shape = x.shape if noise_shape is None else tuple(noise_shape)
    if len(shape) != x.ndim:
        expected = f"expected a noise shape of {x.ndim} sizes, one per axis of the inputs"
        raise ValueError(explain("random.dropout", expected, describe(noise_shape)))
    shape = tuple(n if s is None else s for s, n in zip(shape, x.shape, strict=True))
    keep = 1.0 - rate
    if keep == 0:
        return jnp.zeros_like(x)
    mask = bernoulli(draw_key(seed), keep, shape)
    scaled = x / jnp.asarray(keep, x.dtype)
    return jnp.where(jnp.broadcast_to(mask, x.shape), scaled, jnp.zeros_like(x))

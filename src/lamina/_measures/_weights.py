"""How values, weights and masks of different rank meet."""

from typing import Any

import jax.numpy as jnp


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Drop or add a last axis of 1 where the ranks of `a` and `b` differ by one."""
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def lift(weight: Any, values: Any) -> Any:
    """Give `weight` the axes of `values` that it lacks, at the end, each of size 1."""
    return weight.reshape(weight.shape + (1,) * max(values.ndim - weight.ndim, 0))


def times_mask(weight: Any, mask: Any) -> Any:
    """Return the weights with a mask (of the same dtype) folded in; None stands for all ones."""
    if weight is None:
        return mask
    mask, weight = same_rank(mask, weight)
    return lift(weight, mask) * lift(mask, weight)


def divide_no_nan(a: Any, b: Any) -> Any:
    """Return a / b, and 0 where b is 0, with finite gradients."""
    zero = b == 0
    return jnp.where(zero, 0, a / jnp.where(zero, 1, b))

"""How values, weights and masks of different rank meet."""

from typing import Any

import jax.numpy as jnp

from lamina._core.errors import explain


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


def fit_weight(where: str, weight: Any, values: Any) -> Any:
    """Return `weight` with axes at which it broadcasts with `values`.

    Axes are matched from the front, (N,) with (N, T), since the first is that of the samples; where
    that does not work, from the back, as arrays broadcast.

    Raises:
        ValueError: neither works.
    """
    if values.ndim == 0 or weight.ndim == 0:
        return weight
    lifted = lift(weight, values)
    if _meets(lifted.shape, values.shape):
        return lifted
    if weight.ndim <= values.ndim and _meets(
        (1,) * (values.ndim - weight.ndim) + weight.shape, values.shape
    ):
        return weight
    raise ValueError(
        explain(
            where,
            f"expected a weight per sample, or one per value, of shape {tuple(values.shape)}",
            f"weights (or a mask) of shape {tuple(weight.shape)}",
            "a weight per sample has shape (N,), one per time step (N, T); if it is a mask that "
            "the predictions carry, give the labels the axes of the predictions",
        )
    )


def _meets(small: tuple, shape: tuple) -> bool:
    return len(small) == len(shape) and all(m in (1, n) for m, n in zip(small, shape, strict=True))


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

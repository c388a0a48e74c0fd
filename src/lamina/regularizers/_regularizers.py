"""Penalties on the size of weights or outputs, added to the loss."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from lamina._core.configurable import Check, Configurable, is_real
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array

Factor = Annotated[
    float, Check("a finite number of 0 or more", lambda x: is_real(x) and 0 <= x < float("inf"))
]


class Regularizer(Configurable):
    """Base of regularizers: subclasses write `__call__(x)` and return a scalar.

    Example:
        >>> class Largest(Regularizer):
        ...     def __call__(self, x):
        ...         return jnp.max(jnp.abs(x))
        >>> float(Largest()(jnp.array([1.0, -3.0])))
        3.0
    """

    def __call__(self, x: Any) -> Any:
        """Return the penalty of `x`; subclasses write this."""
        del x
        return 0.0


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x**2).

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.

    Example:
        >>> float(L1L2(l1=0.5, l2=1.0)([1.0, -2.0]))
        6.5
    """

    def __init__(self, l1: Factor | None = 0.0, l2: Factor | None = 0.0) -> None:
        self.l1, self.l2 = float(l1 or 0.0), float(l2 or 0.0)

    def __call__(self, x: Any) -> Any:
        x = as_array(x)
        total = jnp.zeros((), x.dtype)
        if self.l1:
            total += self.l1 * jnp.sum(jnp.abs(x))
        if self.l2:
            total += self.l2 * jnp.sum(jnp.square(x))
        return total


class L1(Regularizer):
    """l1 * sum(|x|).

    Args:
        l1: factor; None for the default.

    Example:
        >>> round(float(L1(0.5)([1.0, -2.0])), 3)
        1.5
    """

    def __init__(self, l1: Factor | None = 0.01) -> None:
        self.l1 = 0.01 if l1 is None else float(l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * jnp.sum(jnp.abs(as_array(x)))


class L2(Regularizer):
    """l2 * sum(x**2).

    Args:
        l2: factor; None for the default.

    Example:
        >>> round(float(L2(0.5)([1.0, -2.0])), 3)
        2.5
    """

    def __init__(self, l2: Factor | None = 0.01) -> None:
        self.l2 = 0.01 if l2 is None else float(l2)

    def __call__(self, x: Any) -> Any:
        return self.l2 * jnp.sum(jnp.square(as_array(x)))


class OrthogonalRegularizer(Regularizer):
    """factor * mean of |cosine| between two different rows (or columns), halved.

    Args:
        factor: strength.
        mode: 'rows' or 'columns', which are pushed to be orthogonal.

    Raises:
        ValueError: an unknown mode, or weights that are not a matrix.

    Example:
        >>> float(OrthogonalRegularizer(1.0)([[1.0, 0.0], [0.0, 2.0]]))
        0.0
    """

    def __init__(self, factor: Factor = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                explain(
                    "OrthogonalRegularizer",
                    "expected 'rows' or 'columns' as `mode`",
                    describe(mode),
                )
            )
        self.factor, self.mode = float(factor), mode

    def __call__(self, x: Any) -> Any:
        x = as_array(x)
        if x.ndim != 2:
            raise ValueError(explain("OrthogonalRegularizer", "expected a matrix", describe(x)))
        rows = x if self.mode == "rows" else x.T  # (R, C)
        squares = jnp.sum(jnp.square(rows), axis=1, keepdims=True)
        # A row of zeros stays one, and its gradient is 0 instead of 0 / 0.
        unit = rows * jnp.where(squares > 0, jax.lax.rsqrt(jnp.where(squares > 0, squares, 1)), 0)
        size = unit.shape[0]
        cosines = (unit @ unit.T) * (1 - jnp.eye(size, dtype=x.dtype))  # (R, R)
        pairs = size * (size - 1) / 2
        return self.factor * 0.5 * jnp.sum(jnp.abs(cosines)) / max(pairs, 1)

"""The base of losses: per-sample values, weighted, masked, reduced to one number."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from lamina._core import dtypes, tree
from lamina._core.configurable import Configurable
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._core.masks import get_mask
from lamina._core.naming import auto_name
from lamina._core.policy import DTypePolicy
from lamina._measures._weights import divide_no_nan, lift, same_rank, times_mask

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base of losses: subclasses write `call(y_true, y_pred)` and return a value per sample.

    Args:
        name: shown in logs.
        reduction: how the values become one: 'sum_over_batch_size' or 'mean' (sum of weighted values
            over their number), 'sum', 'mean_with_sample_weight' (over the sum of weights), or None.
        dtype: in which the loss is computed (default: `config.floatx()`).

    Example:
        >>> class Absolute(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)
        >>> float(Absolute()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in REDUCTIONS:
            allowed = ", ".join(map(repr, REDUCTIONS))
            raise ValueError(
                explain(type(self).__name__, f"expected one of {allowed} as `reduction`", describe(reduction))
            )
        self.name = name or auto_name(type(self))
        self.reduction = reduction
        self._policy = DTypePolicy(dtype) if not isinstance(dtype, DTypePolicy) else dtype

    @property
    def dtype(self) -> str:
        """The dtype in which the loss is computed."""
        return self._policy.compute_dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return a loss per sample; every subclass has its own."""
        raise NotImplementedError(
            explain(type(self).__name__, "expected a `call(y_true, y_pred)` method")
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Args:
            y_true: what should come, (N, ...) or a structure of such.
            y_pred: what came.
            sample_weight: (N,), or of the shape of the values per sample.
        """
        masks = [get_mask(p) for p in tree.flatten(y_pred)]
        y_pred = tree.map_structure(lambda x: as_array(x, self.dtype), y_pred)
        y_true = tree.map_structure(lambda x: as_array(x, self.dtype), y_true)
        values = self.call(y_true, y_pred)
        mask = masks[0] if len(masks) == 1 else None
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)
        return config


class LossFunctionWrapper(Loss):
    """A function of (y_true, y_pred) as a loss.

    Args:
        fn: returns a value per sample.
        reduction, name, dtype: see `Loss`.
        kwargs: passed on to `fn` at every call.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        pairs = [
            same_rank(t, p) for t, p in zip(tree.flatten(y_true), tree.flatten(y_pred), strict=True)
        ]
        y_true = tree.pack_sequence_as(y_true, [t for t, _ in pairs])
        y_pred = tree.pack_sequence_as(y_pred, [p for _, p in pairs])
        return self.fn(y_true, y_pred, **self._fn_kwargs)


def reduce_weighted(
    values: Any, sample_weight: Any, mask: Any, reduction: str | None, dtype: Any
) -> Any:
    """Return `values` weighted, masked and reduced."""
    values = as_array(values, dtype)
    weight = None if sample_weight is None else as_array(sample_weight, values.dtype)
    if mask is not None:
        weight = times_mask(weight, _as_mean_weights(as_array(mask, values.dtype), reduction))
    if weight is not None:
        values, weight = same_rank(values, weight)
        values = values * lift(weight, values)
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_no_nan(total, jnp.sum(weight))
    return total / max(values.size, 1) if values.size else total


def _as_mean_weights(mask: Any, reduction: str | None) -> Any:
    """Scale a mask so that a mean over all is the mean over what is not masked."""
    if reduction in ("mean", "sum_over_batch_size"):
        total = jnp.asarray(mask.size, mask.dtype)
        return jnp.where(mask != 0, divide_no_nan(total, jnp.sum(mask)), 0)
    return mask

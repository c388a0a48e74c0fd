"""The base of losses: per-sample values, weighted, masked, reduced to one number."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

import jax.numpy as jnp

from lamina import dtype_policies
from lamina._core import config, tree
from lamina._core.configurable import Configurable
from lamina._core.context import context, using
from lamina._core.errors import describe, explain, nearest
from lamina._core.graph import as_array, has_tensor, record
from lamina._core.masks import carry_logits, get_mask
from lamina._core.naming import auto_name
from lamina._measures._pair import arrays
from lamina._measures._record import function_from, function_record
from lamina._measures._weights import divide_no_nan, fit_weight, lift, same_rank, times_mask

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base of losses: subclasses write `call(y_true, y_pred)` and return a value per sample.

    Args:
        name: shown in logs.
        reduction: how the values become one: 'sum_over_batch_size' or 'mean' (sum of weighted
            values over their number), 'sum', 'mean_with_sample_weight' (over the sum of weights),
            or None.
        dtype: in which the loss is computed (default: `config.floatx()`).

    Example:
        >>> class Absolute(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)
        >>> float(Absolute()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(_unknown_reduction(type(self).__name__, reduction))
        self.name = name or auto_name(type(self))
        self.reduction = reduction
        self._policy = dtype_policies.get(config.floatx() if dtype is None else dtype)

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

        Raises:
            ValueError: the shapes do not fit.
        """
        if has_tensor(y_true, y_pred, sample_weight):
            return record(self, self._reduced, (y_true, y_pred), {"sample_weight": sample_weight})
        # `call` may return values with a mask, which needs a table when they are traced.
        with using(masks={}) if context().masks is None else nullcontext():
            return self._reduced(y_true, y_pred, sample_weight)

    def _reduced(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        masks = [get_mask(p) for p in tree.flatten(y_pred)]
        given, y_pred = y_pred, arrays(y_pred, self.dtype)
        for source, target in zip(tree.flatten(given), tree.flatten(y_pred), strict=False):
            carry_logits(source, target)
        values = self.call(arrays(y_true, self.dtype), y_pred)
        mask = _both(masks[0] if len(masks) == 1 else None, get_mask(values))
        return reduce_weighted(values, sample_weight, mask, self.reduction, self.dtype, self.name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, reduction={self.reduction}>"


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
        trues, preds = tree.flatten(y_true), tree.flatten(y_pred)
        if len(trues) != len(preds):
            raise ValueError(
                explain(
                    self.name,
                    f"expected labels for each of {len(preds)} predictions",
                    f"{len(trues)}",
                    "give y_true and y_pred one structure",
                )
            )
        pairs = [same_rank(t, p) for t, p in zip(trues, preds, strict=True)]
        y_true = tree.pack_sequence_as(y_true, [t for t, _ in pairs])
        y_pred = tree.pack_sequence_as(y_pred, [p for _, p in pairs])
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self).__init__ is not LossFunctionWrapper.__init__:
            config.pop("fn", None)  # a class of its own: it knows its function
            return config
        kwargs = {k: function_record(v) if callable(v) else v for k, v in self._fn_kwargs.items()}
        return {**config, "fn": function_record(self.fn), **kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if "fn" in config:
            config = {**config, "fn": function_from(config["fn"])}
        return super().from_config(config)

    def _argument(self, name: str) -> Any:
        # Of `fn`, `get_config` writes the record itself.
        return None if name == "fn" else super()._argument(name)


def reduce_weighted(
    values: Any,
    sample_weight: Any,
    mask: Any,
    reduction: str | None,
    dtype: Any,
    where: str = "loss",
) -> Any:
    """Return `values` weighted, masked and reduced."""
    values = as_array(values, dtype)
    weight = None if sample_weight is None else as_array(sample_weight, values.dtype)
    if mask is not None:
        weight = times_mask(weight, _as_mean_weights(as_array(mask, values.dtype), reduction))
    if weight is not None:
        values, weight = same_rank(values, weight)
        values = values * fit_weight(where, weight, values)
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_no_nan(total, jnp.sum(weight))
    return total / max(values.size, 1)


def _as_mean_weights(mask: Any, reduction: str | None) -> Any:
    """Scale a mask so that a mean over all is the mean over what is not masked."""
    if reduction in ("mean", "sum_over_batch_size"):
        total = jnp.asarray(mask.size, mask.dtype)
        return jnp.where(mask != 0, divide_no_nan(total, jnp.sum(mask)), 0)
    return mask


def _both(a: Any, b: Any) -> Any:
    """Return the mask of what neither of two masks (or None) leaves out."""
    if a is None or b is None:
        return b if a is None else a
    a, b = same_rank(jnp.asarray(a, bool), jnp.asarray(b, bool))
    return lift(a, b) & lift(b, a)


def _unknown_reduction(where: str, reduction: Any) -> str:
    near = nearest(reduction, [r for r in REDUCTIONS if r]) if isinstance(reduction, str) else None
    allowed = ", ".join(map(repr, REDUCTIONS))
    return explain(
        where,
        f"expected one of {allowed} as `reduction`",
        describe(reduction),
        f"did you mean {near!r}?" if near else "None keeps a value per sample",
    )

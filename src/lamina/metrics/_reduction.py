"""Sum and Mean of values, and the mean of a function of labels and predictions."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

import jax.numpy as jnp

from lamina import _measures
from lamina._core import dtypes
from lamina._core.context import context, using
from lamina._core.graph import as_array
from lamina._core.masks import get_mask
from lamina._measures._pair import arrays
from lamina._measures._record import function_from, function_record
from lamina._measures._weights import divide_no_nan, fit_weight, same_rank, times_mask
from lamina.metrics._metric import Metric

_HALF = ("bfloat16", "float16")


def per_sample(
    values: Any, sample_weight: Any, reduce: Callable[..., Any], dtype: Any, where: str
) -> tuple[Any, Any]:
    """Return weighted values and weights, one each per sample, `reduce`d over all other axes.

    Without `sample_weight` the weights are None, and a mask of the values is not looked at.
    """
    mask = get_mask(values)
    values = as_array(values, dtype)
    if sample_weight is None:
        return _over_rest(reduce, values), None
    weight = as_array(sample_weight, dtype)
    if mask is not None:
        weight = times_mask(weight, as_array(mask, dtype))
    values, weight = same_rank(values, weight)
    if weight.ndim < values.ndim:
        values = reduce(values, axis=tuple(range(weight.ndim, values.ndim)))
    weight = jnp.broadcast_to(fit_weight(where, weight, values), values.shape)
    return _over_rest(reduce, values * weight), _over_rest(reduce, weight)


def _over_rest(reduce: Callable[..., Any], x: Any) -> Any:
    return reduce(x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


class Sum(Metric):
    """The (weighted) sum of values.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = Sum(); m.update_state([1.0, 3.0]); float(m.result())
        4.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, times their weights.

        Args:
            values: (N, ...).
            sample_weight: (N,), or of the shape of the values.
        """
        values, _ = per_sample(values, sample_weight, jnp.sum, self.dtype, self.name)
        self.total.assign_add(jnp.sum(values))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values: of the means of samples, where they have several.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = Mean(); m.update_state([1.0, 3.0]); float(m.result())
        2.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(dtype=self.dtype, name="total")
        self.count = self.add_variable(dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values into the mean.

        Args:
            values: (N, ...), or a scalar.
            sample_weight: (N,), or of the shape of the values.
        """
        values, weight = per_sample(values, sample_weight, jnp.mean, self.dtype, self.name)
        self.total.assign_add(jnp.sum(values))
        self.count.assign_add(values.size if weight is None else jnp.sum(weight))

    def result(self) -> Any:
        return divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean over samples of a function of (y_true, y_pred).

    Args:
        fn: returns a value per sample.
        name, dtype: see `Metric`.
        kwargs: passed on to `fn` at every call.

    Example:
        >>> m = MeanMetricWrapper(lambda t, p: jnp.abs(t - p), name="distance")
        >>> m.update_state([0.0, 1.0], [2.0, 1.0]); float(m.result())
        1.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)  # type: ignore[arg-type]
        self._fn = fn
        self._fn_kwargs = kwargs
        if self._direction is None and _is_loss(fn):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into the mean.

        Args:
            y_true: labels, (N, ...).
            y_pred: predictions, (N, ...); steps that their mask leaves out do not count.
            sample_weight: (N,), or of the shape of the values that the function returns.
        """
        mask = get_mask(y_pred)
        y_true, y_pred = arrays(y_true), _wide(arrays(y_pred), self.dtype)
        if mask is not None:
            weight = None if sample_weight is None else as_array(sample_weight, self.dtype)
            sample_weight = times_mask(weight, as_array(mask, self.dtype))
        # The function may return values with a mask, which needs a table when they are traced.
        with using(masks={}) if context().masks is None else nullcontext():
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
            super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("fn", None)
        if type(self).__init__ is not MeanMetricWrapper.__init__:
            return config  # a class of its own: it knows its function
        kwargs = {k: function_record(v) if callable(v) else v for k, v in self._fn_kwargs.items()}
        return {**config, "fn": function_record(self._fn), **kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        if "fn" in config:
            config = {**config, "fn": function_from(config["fn"])}
        return super().from_config(config)

    def _argument(self, name: str) -> Any:
        # Of `fn`, `get_config` writes the record itself.
        return None if name == "fn" else super()._argument(name)


def _wide(y_pred: Any, dtype: str) -> Any:
    """Return predictions of half precision in the wider dtype of the metric."""
    short = getattr(y_pred, "dtype", None) in _HALF
    return y_pred.astype(dtype) if short and dtypes.is_float(dtype) else y_pred


def _is_loss(fn: Any) -> bool:
    """Whether `fn` is a Loss, or one of the library's own functions that losses are made of."""
    name = getattr(fn, "__name__", None)
    return hasattr(fn, "reduction") or (name in _measures.LOSSES and getattr(_measures, name) is fn)

"""Sum and Mean of values, and the mean of a function of labels and predictions."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from lamina._core.graph import as_array
from lamina._core.masks import get_mask
from lamina._measures._weights import divide_no_nan, same_rank, times_mask
from lamina.metrics._metric import Metric


def weighted(values: Any, sample_weight: Any, dtype: Any) -> tuple[Any, Any]:
    """Return values and weights of one shape, the values' mask folded in; weights None for all ones."""
    mask = get_mask(values)
    values = as_array(values, dtype)
    weight = None if sample_weight is None else as_array(sample_weight, dtype)
    if mask is not None:
        weight = times_mask(weight, as_array(mask, dtype))
    if weight is None:
        return values, None
    values, weight = same_rank(values, weight)
    if weight.ndim < values.ndim:  # weights per sample: values become means per sample
        values = jnp.mean(values, axis=tuple(range(weight.ndim, values.ndim)))
    return values, jnp.broadcast_to(weight, values.shape)


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
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = weighted(values, sample_weight, self.dtype)
        self.total.assign_add(jnp.sum(values if weight is None else values * weight))

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of values.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = Mean(); m.update_state([1.0, 3.0]); float(m.result())
        2.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = weighted(values, sample_weight, self.dtype)
        self.total.assign_add(jnp.sum(values if weight is None else values * weight))
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
        super().__init__(name=name or getattr(fn, "__name__", None) or "mean", dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = get_mask(y_pred)
        values = as_array(self._fn(as_array(y_true), as_array(y_pred), **self._fn_kwargs))
        if mask is not None:
            weight = None if sample_weight is None else as_array(sample_weight, self.dtype)
            sample_weight = times_mask(weight, as_array(mask, self.dtype))
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            from_fn = config.pop("fn", None)
            config = {**config, "fn": from_fn, **self._fn_kwargs}
        else:
            config.pop("fn", None)
        return config

    def _argument(self, name: str) -> Any:
        return self._fn if name == "fn" else super()._argument(name)

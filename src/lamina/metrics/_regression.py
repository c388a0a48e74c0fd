"""Mean distances between labels and predictions."""

from typing import Any

from lamina._measures import mean_absolute_error, mean_squared_error
from lamina.metrics._reduction import MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """The mean of squared differences.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = MeanSquaredError(); m.update_state([[0.0, 1.0]], [[2.0, 1.0]]); float(m.result())
        2.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of absolute differences.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = MeanAbsoluteError(); m.update_state([[0.0, 1.0]], [[2.0, 1.0]]); float(m.result())
        1.0
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)

"""Mean distances between labels and predictions."""

from typing import Any

import jax.numpy as jnp

from lamina._core.graph import as_array
from lamina._measures import (
    cosine_similarity,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from lamina._measures._pair import pair
from lamina.metrics._reduction import Mean, MeanMetricWrapper


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


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of differences in per cent of the label.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = MeanAbsolutePercentageError(); m.update_state([[2.0, 4.0]], [[1.0, 4.0]])
        >>> float(m.result())
        25.0
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of squared differences of logarithms; see `mean_squared_logarithmic_error`.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = MeanSquaredLogarithmicError(); m.update_state([[1.0, 0.0]], [[3.0, 0.0]])
        >>> round(float(m.result()), 4)
        0.2402
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of log(cosh(difference)); see `log_cosh`.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = LogCoshError(); m.update_state([[0.0, 0.0]], [[0.0, 1.0]])
        >>> round(float(m.result()), 4)
        0.2169
    """

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name, dtype)


def _cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between labels and predictions: 1 for the same direction.

    Args:
        name, dtype: see `Metric`.
        axis: the axis of the vectors' components.

    Example:
        >>> m = CosineSimilarity(); m.update_state([[0.0, 2.0]], [[0.0, 3.0]]); float(m.result())
        1.0
    """

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        self.axis = axis
        super().__init__(_cosine, name, dtype, axis=axis)


class RootMeanSquaredError(Mean):
    """The root of the mean of squared differences.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = RootMeanSquaredError(); m.update_state([[0.0, 1.0]], [[2.0, 3.0]])
        >>> float(m.result())
        2.0
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch into the mean.

        Args:
            y_true, y_pred: labels and predictions, (N, ...).
            sample_weight: (N,), or of the shape of the predictions.
        """
        y_true, y_pred = pair(self.name, as_array(y_true, self.dtype), as_array(y_pred, self.dtype))
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        return jnp.sqrt(super().result())

"""Losses for numbers: distances between what should come and what came."""

from typing import Annotated, Any

from lamina._core.configurable import Check, is_real
from lamina._measures import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from lamina.losses._loss import LossFunctionWrapper

Positive = Annotated[float, Check("a positive number", lambda x: is_real(x) and x > 0)]


class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences; see `mean_squared_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of absolute differences; see `mean_absolute_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of differences in per cent of the label; see `mean_absolute_percentage_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of squared differences of logarithms; see `mean_squared_logarithmic_error`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[1.0, 0.0]], [[3.0, 0.0]])), 4)
        0.2402
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between labels and predictions; see `cosine_similarity`.

    Args:
        axis: see `cosine_similarity`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 3.0]]))
        -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        self.axis = axis
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """Squared differences near 0, absolute ones for outliers; see `huber`.

    Args:
        delta: see `huber`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
        1.5
    """

    def __init__(
        self,
        delta: Positive = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        self.delta = delta
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """Logarithm of the hyperbolic cosine of the differences; see `log_cosh`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(LogCosh()([[0.0, 0.0]], [[0.0, 1.0]])), 4)
        0.2169
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: Any = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)

"""The best of one rate where another is at least so much: a point on a curve."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina._core.configurable import Fraction, PositiveInt
from lamina._measures._weights import divide_no_nan
from lamina.metrics._confusion import _Confusion

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _OperatingPoint(_Confusion):
    """Base: counts at evenly spaced thresholds, and the search among them."""

    _direction = "up"

    def _start(self, value: float, num_thresholds: int, class_id: int | None) -> None:
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.thresholds = (
            [0.5] if num_thresholds == 1 else np.linspace(0, 1, num_thresholds).tolist()
        )
        self._keep(self.thresholds, (num_thresholds,), {count: count for count in COUNTS})

    def _rate(self, count: str, rest: str) -> Any:
        part = self._kept[count].value
        return divide_no_nan(part, part + self._kept[rest].value)

    def _recall(self) -> Any:
        return self._rate("true_positives", "false_negatives")

    def _precision(self) -> Any:
        return self._rate("true_positives", "false_positives")

    def _specificity(self) -> Any:
        return self._rate("true_negatives", "false_positives")

    def _best(self, wanted: Any, bound: Any) -> Any:
        """Return the largest of `wanted` where `bound` is at least the given value, or 0."""
        return jnp.max(jnp.where(bound >= self.value, wanted, 0.0), initial=0.0)


class SensitivityAtSpecificity(_OperatingPoint):
    """The best sensitivity (recall) among thresholds at which the specificity is reached.

    Args:
        specificity: true negatives over all that is a no, fraction in [0, 1].
        num_thresholds: how many thresholds are tried, from 0 to 1.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = SensitivityAtSpecificity(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]); float(m.result())
        0.5
    """

    def __init__(
        self,
        specificity: Fraction,
        num_thresholds: PositiveInt = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.specificity = specificity
        self._start(specificity, num_thresholds, class_id)

    def result(self) -> Any:
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_OperatingPoint):
    """The best specificity among thresholds at which the sensitivity (recall) is reached.

    Args:
        sensitivity: true positives over all that is a yes, fraction in [0, 1].
        num_thresholds: how many thresholds are tried, from 0 to 1.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = SpecificityAtSensitivity(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]); round(float(m.result()), 4)
        0.6667
    """

    def __init__(
        self,
        sensitivity: Fraction,
        num_thresholds: PositiveInt = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.sensitivity = sensitivity
        self._start(sensitivity, num_thresholds, class_id)

    def result(self) -> Any:
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_OperatingPoint):
    """The best precision among thresholds at which the recall is reached.

    Args:
        recall: true positives over all that is a yes, fraction in [0, 1].
        num_thresholds: how many thresholds are tried, from 0 to 1.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = PrecisionAtRecall(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]); float(m.result())
        0.5
    """

    def __init__(
        self,
        recall: Fraction,
        num_thresholds: PositiveInt = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.recall = recall
        self._start(recall, num_thresholds, class_id)

    def result(self) -> Any:
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_OperatingPoint):
    """The best recall among thresholds at which the precision is reached.

    Args:
        precision: true positives over all yes answers, fraction in [0, 1].
        num_thresholds: how many thresholds are tried, from 0 to 1.
        class_id: the class to look at, where predictions are (N, ..., C) (default: all).
        name, dtype: see `Metric`.

    Example:
        >>> m = RecallAtPrecision(0.8)
        >>> m.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]); float(m.result())
        0.5
    """

    def __init__(
        self,
        precision: Fraction,
        num_thresholds: PositiveInt = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.precision = precision
        self._start(precision, num_thresholds, class_id)

    def result(self) -> Any:
        return self._best(self._recall(), self._precision())

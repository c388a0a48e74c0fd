"""Correlations of labels and predictions."""

from typing import Any

from lamina._measures import concordance_correlation, pearson_correlation
from lamina.metrics._reduction import MeanMetricWrapper


class PearsonCorrelation(MeanMetricWrapper):
    """Mean over samples of Pearson's correlation; see `pearson_correlation`.

    Args:
        name, dtype: see `Metric`.
        axis: along which labels and predictions are compared; 0: over the samples of a batch.

    Example:
        >>> m = PearsonCorrelation(); m.update_state([[1.0, 2.0, 3.0]], [[1.0, 3.0, 5.0]])
        >>> round(float(m.result()), 4)
        1.0
    """

    _direction = "up"

    def __init__(
        self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        self.axis = axis
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean over samples of the concordance correlation; see `concordance_correlation`.

    Args:
        name, dtype: see `Metric`.
        axis: along which labels and predictions are compared; 0: over the samples of a batch.

    Example:
        >>> m = ConcordanceCorrelation(); m.update_state([[1.0, 2.0, 3.0]], [[1.0, 3.0, 5.0]])
        >>> round(float(m.result()), 4)
        0.6154
    """

    _direction = "up"

    def __init__(
        self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        self.axis = axis
        super().__init__(concordance_correlation, name, dtype, axis=axis)

"""Hinge losses as metrics."""

from typing import Any

from lamina._measures import categorical_hinge, hinge, squared_hinge
from lamina.metrics._reduction import MeanMetricWrapper


class Hinge(MeanMetricWrapper):
    """Mean of what scores lack to a margin of 1; see `hinge`.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = Hinge(); m.update_state([[1.0, -1.0]], [[0.5, 0.5]]); float(m.result())
        1.0
    """

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean of the squares of what scores lack to a margin of 1; see `squared_hinge`.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = SquaredHinge(); m.update_state([[1.0, -1.0]], [[0.5, 0.5]]); float(m.result())
        1.25
    """

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean of what right scores lack to 1 above the others; see `categorical_hinge`.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = CategoricalHinge(); m.update_state([[0.0, 1.0]], [[0.5, 1.0]]); float(m.result())
        0.5
    """

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name, dtype)

"""Losses with a margin, for scores without a sigmoid or softmax."""

from typing import Any

from lamina._measures import categorical_hinge, hinge, squared_hinge
from lamina.losses._loss import LossFunctionWrapper


class Hinge(LossFunctionWrapper):
    """What the score lacks to a margin of 1; see `hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """The square of what the score lacks to a margin of 1; see `squared_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.25
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "squared_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """What the right class' score lacks to 1 above the others; see `categorical_hinge`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)

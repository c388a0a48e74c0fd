"""A loss for vectors that stand for things: equal things near, others far."""

from typing import Any

from lamina._core.configurable import Flag
from lamina._measures import circle
from lamina.losses._loss import LossFunctionWrapper


class Circle(LossFunctionWrapper):
    """Vectors of one class together, those of others apart; see `circle`.

    Args:
        gamma, margin, remove_diagonal: see `circle`.
        reduction, name, dtype: see `Loss`. Means are over the samples whose loss is not 0.

    Example:
        >>> vectors = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]
        >>> round(float(Circle(gamma=1.0)([0, 0, 1], vectors)), 4)
        0.6484
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: Flag = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ) -> None:
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal
        super().__init__(
            circle, reduction, name, dtype,
            gamma=gamma, margin=margin, remove_diagonal=remove_diagonal,
        )  # fmt: skip

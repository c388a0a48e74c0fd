"""Losses for masks of pixels: how much of what should be there is there."""

from typing import Any

from lamina._measures import dice, tversky
from lamina.losses._loss import LossFunctionWrapper


class Dice(LossFunctionWrapper):
    """One minus twice the overlap over the sum of both sizes; see `dice`.

    Args:
        reduction, name, dtype: see `Loss`.
        axis: see `dice`.

    Example:
        >>> round(float(Dice()([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.3333
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        self.axis = axis
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """Dice with a price each for what was missed and for what was invented; see `tversky`.

    Args:
        alpha, beta: see `tversky`.
        reduction, name, dtype: see `Loss`.
        axis: see `tversky`.

    Example:
        >>> round(float(Tversky(beta=1.0)([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.5
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        self.alpha, self.beta, self.axis = alpha, beta, axis
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)

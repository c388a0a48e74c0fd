"""A loss for sequences whose labels have no times."""

from typing import Any

from lamina._measures import ctc
from lamina.losses._loss import LossFunctionWrapper


class CTC(LossFunctionWrapper):
    """Connectionist temporal classification, for speech and handwriting; see `ctc`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
        0.2877
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ctc",
        dtype: Any = None,
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)

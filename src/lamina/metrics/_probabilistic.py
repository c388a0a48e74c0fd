"""Cross-entropies as metrics."""

from typing import Any

from lamina._core.configurable import Fraction
from lamina._measures import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from lamina.metrics._reduction import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy for yes/no labels.

    Args:
        name, dtype: see `Metric`.
        from_logits, label_smoothing: see `losses.BinaryCrossentropy`.

    Example:
        >>> m = BinaryCrossentropy(); m.update_state([[1.0]], [[0.5]]); round(float(m.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Fraction = 0,
    ) -> None:
        self.from_logits, self.label_smoothing = from_logits, label_smoothing
        super().__init__(
            binary_crossentropy, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing,
        )  # fmt: skip


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy for one-hot labels.

    Args:
        name, dtype: see `Metric`.
        from_logits, label_smoothing, axis: see `losses.CategoricalCrossentropy`.

    Example:
        >>> m = CategoricalCrossentropy(); m.update_state([[0.0, 1.0]], [[0.5, 0.5]])
        >>> round(float(m.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: Fraction = 0,
        axis: int = -1,
    ) -> None:
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        super().__init__(
            categorical_crossentropy, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy for whole-number labels.

    Args:
        name, dtype: see `Metric`.
        from_logits, axis: see `losses.SparseCategoricalCrossentropy`.

    Example:
        >>> m = SparseCategoricalCrossentropy(); m.update_state([1], [[0.5, 0.5]])
        >>> round(float(m.result()), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        axis: int = -1,
    ) -> None:
        self.from_logits, self.axis = from_logits, axis
        super().__init__(
            sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis
        )

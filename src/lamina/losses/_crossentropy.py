"""Cross-entropies and their relatives: how unlikely the right answer was, in nats."""

from typing import Any

from lamina._core.configurable import Flag, Fraction
from lamina._measures import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from lamina.losses._loss import LossFunctionWrapper


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for one-hot labels; see `categorical_crossentropy`.

    Args:
        from_logits, label_smoothing, axis: see `categorical_crossentropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: Flag = False,
        label_smoothing: Fraction = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        super().__init__(
            categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for whole-number labels; see `sparse_categorical_crossentropy`.

    Args:
        from_logits, ignore_class, axis: see `sparse_categorical_crossentropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: Flag = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis
        super().__init__(
            sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy for yes/no labels; see `binary_crossentropy`.

    Args:
        from_logits, label_smoothing, axis: see `binary_crossentropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: Flag = False,
        label_smoothing: Fraction = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        super().__init__(
            binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class KLDivergence(LossFunctionWrapper):
    """How many nats a code for the predictions wastes on the labels; see `kl_divergence`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "kl_divergence",
        dtype: Any = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """How unlikely the counts were at the predicted rates; see `poisson`.

    Args:
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(Poisson()([[0.0, 1.0]], [[1.0, 1.0]])), 4)
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson",
        dtype: Any = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)

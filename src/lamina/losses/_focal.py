"""Cross-entropies that weigh samples by how sure the prediction is."""

from typing import Annotated, Any

from lamina._core.configurable import Check, Flag, Fraction, is_real
from lamina._measures import (
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
)
from lamina.losses._loss import LossFunctionWrapper

OpenFraction = Annotated[
    float, Check("a number above 0 and below 1", lambda x: is_real(x) and 0 < x < 1)
]


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for yes/no labels that cares for the unsure.

    See `binary_focal_crossentropy`.

    Args:
        apply_class_balancing, alpha, gamma: see `binary_focal_crossentropy`.
        from_logits, label_smoothing, axis: see `binary_focal_crossentropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
        0.1733
    """

    def __init__(
        self,
        apply_class_balancing: Flag = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: Flag = False,
        label_smoothing: Fraction = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype,
            apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for one-hot labels that cares for the unsure.

    See `categorical_focal_crossentropy`.

    Args:
        alpha, gamma: see `categorical_focal_crossentropy`.
        from_logits, label_smoothing, axis: see `categorical_focal_crossentropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: Flag = False,
        label_smoothing: Fraction = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        self.alpha, self.gamma = alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """A cross-entropy that wrong labels disturb less.

    See `categorical_generalized_cross_entropy`.

    Args:
        q: see `categorical_generalized_cross_entropy`.
        reduction, name, dtype: see `Loss`.

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
        1.0
    """

    def __init__(
        self,
        q: OpenFraction = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        self.q = q
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)

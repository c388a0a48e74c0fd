"""The accuracy family: how often the prediction is right."""

from typing import Any

from lamina._core.configurable import Flag, PositiveInt
from lamina._measures import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from lamina.metrics._reduction import MeanMetricWrapper


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = Accuracy(); m.update_state([1, 2], [1, 0]); float(m.result())
        0.5
    """

    _direction = "up"

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions are on the right side of `threshold`.

    Args:
        name, dtype: see `Metric`.
        threshold: above it, a prediction counts as 1.

    Example:
        >>> m = BinaryAccuracy(); m.update_state([[1.0], [0.0]], [[0.7], [0.6]]); float(m.result())
        0.5
    """

    _direction = "up"

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        self.threshold = threshold
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is the right class, for one-hot labels.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = CategoricalAccuracy(); m.update_state([[0.0, 1.0]], [[0.2, 0.8]]); float(m.result())
        1.0
    """

    _direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is the right class, for whole-number labels.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> m = SparseCategoricalAccuracy(); m.update_state([1], [[0.2, 0.8]]); float(m.result())
        1.0
    """

    _direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the `k` largest predictions, for one-hot labels.

    Args:
        k: how many predictions count.
        name, dtype: see `Metric`.

    Example:
        >>> m = TopKCategoricalAccuracy(k=2)
        >>> m.update_state([[0.0, 0.0, 1.0]], [[0.5, 0.2, 0.3]]); float(m.result())
        1.0
    """

    _direction = "up"

    def __init__(
        self, k: PositiveInt = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        self.k = k
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the `k` largest predictions, for whole-number labels.

    Args:
        k: how many predictions count.
        name, dtype: see `Metric`.
        from_sorted_ids: whether predictions are class numbers, the most likely first.

    Example:
        >>> m = SparseTopKCategoricalAccuracy(k=2)
        >>> m.update_state([2, 1], [[0.5, 0.2, 0.3]] * 2); float(m.result())
        0.5
    """

    _direction = "up"

    def __init__(
        self,
        k: PositiveInt = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: Flag = False,
    ) -> None:
        self.k, self.from_sorted_ids = k, from_sorted_ids
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if not self.from_sorted_ids:
            del config["from_sorted_ids"]  # older versions of Keras do not know it
        return config

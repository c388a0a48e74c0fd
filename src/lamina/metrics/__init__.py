"""Metrics, by name or as objects: `compile(metrics=["accuracy"])`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina._measures import (
    binary_accuracy,
    binary_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
)
from lamina.metrics._accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
)
from lamina.metrics._metric import Metric
from lamina.metrics._probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from lamina.metrics._reduction import Mean, MeanMetricWrapper, Sum
from lamina.metrics._regression import MeanAbsoluteError, MeanSquaredError

_CLASSES = (
    Accuracy, BinaryAccuracy, BinaryCrossentropy, CategoricalAccuracy, CategoricalCrossentropy, Mean,
    MeanAbsoluteError, MeanMetricWrapper, MeanSquaredError, SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy, Sum,
)  # fmt: skip
_FUNCTIONS = (
    binary_accuracy, binary_crossentropy, categorical_accuracy, categorical_crossentropy,
    mean_absolute_error, mean_squared_error, sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
)  # fmt: skip
_NAMES: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{fn.__name__: fn for fn in _FUNCTIONS},
    "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy,
    "mse": MeanSquaredError, "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the metric for a name, an object, a function, a record, or None.

    Example:
        >>> get("mse").name
        'mean_squared_error'
    """
    return _serialize.lookup(identifier, "metric", _NAMES)


def serialize(metric: Any) -> Any:
    """Return the record of a metric."""
    return _serialize.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the metric that `serialize` described."""
    return _serialize.lookup(config, "metric", _NAMES, custom_objects)


__all__ = [
    "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy",
    "CategoricalCrossentropy", "Mean", "MeanAbsoluteError", "MeanMetricWrapper", "MeanSquaredError",
    "Metric", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "Sum", "binary_accuracy",
    "binary_crossentropy", "categorical_accuracy", "categorical_crossentropy", "deserialize", "get",
    "mean_absolute_error", "mean_squared_error", "serialize", "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
]  # fmt: skip
_serialize.export(globals())

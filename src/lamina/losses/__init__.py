"""Losses, by name, as functions or as objects: `compile(loss="mse")`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina._measures import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from lamina.losses._crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from lamina.losses._loss import Loss, LossFunctionWrapper
from lamina.losses._regression import MeanAbsoluteError, MeanSquaredError

_CLASSES = (
    BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError, MeanSquaredError,
    SparseCategoricalCrossentropy,
)  # fmt: skip
_FUNCTIONS = (
    binary_crossentropy, categorical_crossentropy, mean_absolute_error, mean_squared_error,
    sparse_categorical_crossentropy,
)  # fmt: skip
_NAMES: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{fn.__name__: fn for fn in _FUNCTIONS},
    "bce": binary_crossentropy, "BCE": binary_crossentropy,
    "mse": mean_squared_error, "MSE": mean_squared_error,
    "mae": mean_absolute_error, "MAE": mean_absolute_error,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the loss for a name, an object, a function, a record, or None.

    Example:
        >>> get("mse") is mean_squared_error
        True
    """
    return _serialize.lookup(identifier, "loss", _NAMES)


def serialize(loss: Any) -> Any:
    """Return the record of a loss."""
    return _serialize.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Any = None) -> Any:
    """Return the loss that `serialize` described."""
    return _serialize.lookup(name, "loss", _NAMES, custom_objects)


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "Loss", "MeanAbsoluteError", "MeanSquaredError",
    "SparseCategoricalCrossentropy", "binary_crossentropy", "categorical_crossentropy", "deserialize",
    "get", "mean_absolute_error", "mean_squared_error", "serialize", "sparse_categorical_crossentropy",
]  # fmt: skip
_serialize.export(globals())
_serialize.export({"__name__": "lamina.losses", "__all__": ["LossFunctionWrapper"],
                   "LossFunctionWrapper": LossFunctionWrapper})

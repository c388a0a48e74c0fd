"""Penalties on weights and outputs: `Dense(4, kernel_regularizer="l2")`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina.regularizers._regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_NAMES: dict[str, Any] = {
    "L1": L1, "L2": L2, "L1L2": L1L2, "OrthogonalRegularizer": OrthogonalRegularizer,
    "l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer,
}  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the regularizer for a name, an object, a function, a record, or None.

    Example:
        >>> type(get("l2")).__name__
        'L2'
    """
    return _serialize.lookup(identifier, "regularizer", _NAMES)


def serialize(regularizer: Any) -> Any:
    """Return the record of a regularizer."""
    return _serialize.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the regularizer that `serialize` described."""
    return _serialize.lookup(config, "regularizer", _NAMES, custom_objects)


__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2",
    "l2", "orthogonal_regularizer", "serialize",
]  # fmt: skip
_serialize.export(globals())

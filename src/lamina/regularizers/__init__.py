"""Penalties on weights and outputs: `Dense(4, kernel_regularizer="l2")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.regularizers._regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
    from lamina.regularizers._regularizers import L1 as l1
    from lamina.regularizers._regularizers import L1L2 as l1_l2
    from lamina.regularizers._regularizers import L2 as l2
    from lamina.regularizers._regularizers import OrthogonalRegularizer as orthogonal_regularizer


_NAMES = _Table(
    __name__,
    ("L1", "L1L2", "L2", "OrthogonalRegularizer", "l1", "l1_l2", "l2", "orthogonal_regularizer"),
    {"l1l2": "L1L2"},
)


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
__getattr__, __dir__ = _lazy(__name__)

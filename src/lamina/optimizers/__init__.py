"""Optimizers, by name or as objects: `compile(optimizer="rmsprop")`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina.optimizers import schedules
from lamina.optimizers._adam import Adam
from lamina.optimizers._optimizer import Optimizer
from lamina.optimizers._rmsprop import RMSprop
from lamina.optimizers._sgd import SGD

_CLASSES = (Adam, RMSprop, SGD)
_NAMES: dict[str, Any] = {cls.__name__.lower(): cls for cls in _CLASSES}


def get(identifier: Any) -> Any:
    """Return the optimizer for a name, an object or a record.

    Raises:
        ValueError: no optimizer has that name; the message gives the nearest.

    Example:
        >>> type(get("rmsprop")).__name__
        'RMSprop'
    """
    return _serialize.lookup(identifier, "optimizer", _NAMES)


def serialize(optimizer: Any) -> Any:
    """Return the record of an optimizer."""
    return _serialize.serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the optimizer that `serialize` described."""
    return _serialize.lookup(config, "optimizer", _NAMES, custom_objects)


__all__ = ["Adam", "Optimizer", "RMSprop", "SGD", "deserialize", "get", "schedules", "serialize"]
_serialize.export(globals())

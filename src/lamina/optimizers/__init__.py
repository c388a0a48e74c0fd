"""Optimizers, by name or as objects: `compile(optimizer="rmsprop")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy
from lamina.optimizers._optax import OptaxOptimizer
from lamina.optimizers._optax import is_transformation as _is_transformation
from lamina.optimizers._optimizer import Optimizer

if TYPE_CHECKING:
    from lamina.optimizers import legacy, schedules
    from lamina.optimizers._adadelta import Adadelta
    from lamina.optimizers._adafactor import Adafactor
    from lamina.optimizers._adagrad import Adagrad
    from lamina.optimizers._adam import Adam, AdamW
    from lamina.optimizers._adamax import Adamax
    from lamina.optimizers._ftrl import Ftrl
    from lamina.optimizers._lamb import Lamb
    from lamina.optimizers._lion import Lion
    from lamina.optimizers._loss_scale import LossScaleOptimizer
    from lamina.optimizers._multi import MultiOptimizer, OptimizerMap
    from lamina.optimizers._muon import Muon
    from lamina.optimizers._nadam import Nadam
    from lamina.optimizers._rmsprop import RMSprop
    from lamina.optimizers._schedule_free_adamw import ScheduleFreeAdamW
    from lamina.optimizers._sgd import SGD


_NAMES = _Table(
    __name__,
    (),
    {
        name.lower(): name
        for name in (
            "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion",
            "Muon", "Nadam", "RMSprop", "SGD", "ScheduleFreeAdamW",
        )
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the optimizer for a name, an object, a record, or an optax transformation.

    Raises:
        ValueError: no optimizer has that name; the message gives the nearest.

    Example:
        >>> type(get("rmsprop")).__name__
        'RMSprop'
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if not isinstance(identifier, Optimizer) and _is_transformation(identifier):
        return OptaxOptimizer(identifier)
    return _serialize.lookup(identifier, "optimizer", _NAMES)


def serialize(optimizer: Any) -> Any:
    """Return the record of an optimizer."""
    return _serialize.serialize_keras_object(optimizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the optimizer that `serialize` described.

    Example:
        >>> deserialize({"class_name": "adam", "config": {"beta_1": 0.8}}).beta_1
        0.8
    """
    if isinstance(config, dict):
        known = _NAMES.get(str(config.get("class_name")).lower())
        config = config if known is None else {**config, "class_name": known.__name__}
    return _serialize.lookup(config, "optimizer", _NAMES, custom_objects)


__all__ = [
    "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion",
    "LossScaleOptimizer", "MultiOptimizer", "Muon", "Nadam", "OptaxOptimizer", "Optimizer",
    "OptimizerMap", "RMSprop", "SGD", "ScheduleFreeAdamW", "deserialize", "get", "legacy",
    "schedules", "serialize",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

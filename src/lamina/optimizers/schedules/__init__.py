"""Learning rates that change over the steps."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.optimizers.schedules._cosine import CosineDecay, CosineDecayRestarts
    from lamina.optimizers.schedules._decays import (
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
    from lamina.optimizers.schedules._schedule import LearningRateSchedule


def serialize(learning_rate_schedule: Any) -> Any:
    """Return the record of a schedule."""
    return _serialize.serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the schedule that `serialize` described.

    Example:
        >>> deserialize(serialize(ExponentialDecay(0.1, 10, 0.5))).decay_rate
        0.5
    """
    return _serialize.deserialize_keras_object(config, custom_objects)


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "LearningRateSchedule", "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

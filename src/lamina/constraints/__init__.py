"""Constraints on weights: `Dense(4, kernel_constraint="non_neg")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.constraints._constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
    from lamina.constraints._constraints import MaxNorm as max_norm
    from lamina.constraints._constraints import MinMaxNorm as min_max_norm
    from lamina.constraints._constraints import NonNeg as non_neg
    from lamina.constraints._constraints import UnitNorm as unit_norm


_NAMES = _Table(
    __name__,
    (
        "MaxNorm",
        "MinMaxNorm",
        "NonNeg",
        "UnitNorm",
        "max_norm",
        "min_max_norm",
        "non_neg",
        "unit_norm",
    ),
    {"maxnorm": "MaxNorm", "minmaxnorm": "MinMaxNorm", "nonneg": "NonNeg", "unitnorm": "UnitNorm"},
)


def get(identifier: Any) -> Any:
    """Return the constraint for a name, an object, a function, a record, or None.

    Example:
        >>> type(get("max_norm")).__name__
        'MaxNorm'
    """
    return _serialize.lookup(identifier, "constraint", _NAMES)


def serialize(constraint: Any) -> Any:
    """Return the record of a constraint."""
    return _serialize.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the constraint that `serialize` described."""
    return _serialize.lookup(config, "constraint", _NAMES, custom_objects)


__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm",
    "min_max_norm", "non_neg", "serialize", "unit_norm",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

"""Constraints on weights: `Dense(4, kernel_constraint="non_neg")`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina.constraints._constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_NAMES: dict[str, Any] = {
    "MaxNorm": MaxNorm, "MinMaxNorm": MinMaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm,
    "max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm,
    "maxnorm": MaxNorm, "minmaxnorm": MinMaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm,
}  # fmt: skip


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
_serialize.export(globals())

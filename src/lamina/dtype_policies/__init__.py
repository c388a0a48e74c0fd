"""Dtype policies: in which dtype layers compute and keep their variables."""

from typing import Any

from lamina._core import policy as _policy
from lamina._core import serialize as _serialize
from lamina._core.policy import DTypePolicy

FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """Return the policy for a name, a policy, a record, or None (the global one).

    Example:
        >>> get("mixed_float16").compute_dtype
        'float16'
    """
    return _policy.get(identifier)


def serialize(dtype_policy: DTypePolicy) -> Any:
    """Return the record of a policy."""
    return _serialize.serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """Return the policy that `serialize` described."""
    del custom_objects
    return _policy.get(config)


__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]
_serialize.export(globals(), saved_as="keras")

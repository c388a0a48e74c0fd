"""Dtype policies: in which dtype layers compute and keep their variables.

The policies of quantized layers can be made, named and saved; quantization itself is not there yet.
"""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import lazy as _lazy
from lamina.dtype_policies import _policy
from lamina.dtype_policies._policy import DTypePolicy

if TYPE_CHECKING:
    from lamina.dtype_policies._map import DTypePolicyMap
    from lamina.dtype_policies._policy import DTypePolicy as FloatDTypePolicy
    from lamina.dtype_policies._quantized import (
        AWQDTypePolicy,
        GPTQDTypePolicy,
        Int4DTypePolicy,
        QuantizedDTypePolicy,
        QuantizedFloat8DTypePolicy,
        TernaryDTypePolicy,
    )
    from lamina.dtype_policies._quantized import by_name as _by_name


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
    if custom_objects:
        return _serialize.deserialize_keras_object(config, custom_objects)
    return _policy.get(config)


__all__ = [
    "AWQDTypePolicy", "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "GPTQDTypePolicy",
    "Int4DTypePolicy", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "TernaryDTypePolicy",
    "deserialize", "get", "serialize",
]  # fmt: skip
__getattr__, __dir__ = _lazy(
    __name__, saved_as={"DTypePolicy": "keras", "FloatDTypePolicy": "keras"}
)

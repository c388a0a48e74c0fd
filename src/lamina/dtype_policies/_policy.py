"""Dtype policies: in which dtype a layer computes, and in which it keeps its variables."""

from typing import Any

from lamina import dtype_policies
from lamina._core import config, dtypes, serialize
from lamina._core.errors import describe, explain, unknown

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy:
    """The pair of dtypes that a layer works with.

    Args:
        name: a dtype ('float32': variables and computation in it), or 'mixed_bfloat16' or
            'mixed_float16' (variables in float32, computation in the short type); None for the
            policy that `set_dtype_policy` set.

    Example:
        >>> p = DTypePolicy("mixed_bfloat16")
        >>> p.compute_dtype, p.variable_dtype
        ('bfloat16', 'float32')
    """

    quantization_mode: str | None = None

    def __init__(self, name: Any = None) -> None:
        name = dtype_policy().name if name is None else name
        if name in _MIXED:
            self._compute, self._variable = _MIXED[name], "float32"
        else:
            if isinstance(name, str) and name not in dtypes.ALLOWED_DTYPES:
                raise ValueError(unknown("dtype policy", name, [*_MIXED, *dtypes.ALLOWED_DTYPES]))
            name = dtypes.standardize_dtype(name)
            self._compute = self._variable = name
        self._name = str(name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        return self._compute

    @property
    def variable_dtype(self) -> str:
        return self._variable

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(self.name)

    def get_config(self) -> dict[str, Any]:
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DTypePolicy":
        return cls(**config)


_global: DTypePolicy | None = None


def _by_name(name: Any) -> DTypePolicy:
    quantized = isinstance(name, str) and "_from_" in name
    return dtype_policies._by_name(name) if quantized else DTypePolicy(name)


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are not given one."""
    return _global if _global is not None else DTypePolicy(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on, by policy or by name ('mixed_bfloat16')."""
    global _global
    _global = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """Return a policy for a policy, its name, its record, a dtype, or None (the default)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if not isinstance(identifier, dict):
        return _by_name(identifier)
    policy = serialize.deserialize_keras_object(identifier) if "class_name" in identifier else None
    if policy is None and isinstance(identifier.get("name"), str):
        policy = _by_name(identifier["name"])
    if not isinstance(policy, DTypePolicy):
        raise ValueError(
            explain("dtype policy", "expected a policy's record", describe(identifier))
        )
    return policy

"""Dtype policies: in which dtype a layer computes, and in which it keeps its variables."""

from typing import Any

from lamina._core import config, dtypes
from lamina._core.errors import describe, explain

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy:
    """The pair of dtypes that a layer works with.

    Args:
        name: a dtype ('float32': variables and computation in it), or 'mixed_bfloat16' or
            'mixed_float16' (variables in float32, computation in the short type).

    Example:
        >>> p = DTypePolicy("mixed_bfloat16")
        >>> p.compute_dtype, p.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: Any = None) -> None:
        if name is None:
            name = config.floatx()
        if name in _MIXED:
            self._compute, self._variable = _MIXED[name], "float32"
        else:
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

    @property
    def quantization_mode(self) -> None:
        return None

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)

    def get_config(self) -> dict[str, Any]:
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DTypePolicy":
        return cls(**config)


_global: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are not given one."""
    return _global if _global is not None else DTypePolicy(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on, by policy or by name ('mixed_bfloat16')."""
    global _global
    _global = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """Return a policy for a policy, its name, its config, a dtype, or None (the default)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        config = identifier.get("config", identifier)
        if isinstance(config, dict) and isinstance(config.get("name"), str):
            return DTypePolicy(config["name"])
        raise ValueError(
            explain("dtype policy", "expected a policy's config", describe(identifier))
        )
    return DTypePolicy(identifier)

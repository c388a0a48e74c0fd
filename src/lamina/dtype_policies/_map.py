"""Different policies for the layers of one model."""

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from lamina._core.errors import describe, explain
from lamina._core.serialize import deserialize_keras_object, serialize_keras_object
from lamina.dtype_policies import _policy as policy
from lamina.dtype_policies._policy import DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Patterns of layers' paths, and the policies of the layers that match.

    Args:
        default_policy: of the layers that no pattern matches; None for the global one.
        policy_map: policies by path, or by a regular expression that matches whole paths.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("mixed_bfloat16")})
        >>> policies["encoder/dense"].name, policies["dense"].name
        ('mixed_bfloat16', 'float32')
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError(
                explain(
                    "DTypePolicyMap",
                    "expected a single policy as `default_policy`",
                    describe(default_policy),
                )
            )
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                explain(
                    "DTypePolicyMap", "expected a dictionary as `policy_map`", describe(policy_map)
                )
            )
        policy.get(default_policy)  # complains about unknown names
        self._default = default_policy
        self._map = {key: policy.get(value) for key, value in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        return policy.get(self._default)

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:  # type: ignore[override]
        return self.default_policy.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._map:
            return self._map[key]
        matching = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                explain(
                    "DTypePolicyMap",
                    f"expected at most one pattern to match '{key}'",
                    ", ".join(matching),
                )
            )
        return self._map[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self._map:
            raise ValueError(
                explain(
                    "DTypePolicyMap",
                    f"expected a pattern that is new, not '{key}' again",
                    help="delete it first",
                )
            )
        self._map[key] = policy.get(value)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._map

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __bool__(self) -> bool:
        return True  # a map without entries is a policy all the same

    __hash__ = DTypePolicy.__hash__
    __eq__ = DTypePolicy.__eq__

    def get_config(self) -> dict[str, Any]:
        records = serialize_keras_object(self._map)
        if (
            self._default is None
        ):  # where nothing is said, loading takes the policy set globally then
            for record in records.values():
                key = "name" if "name" in record["config"] else "source_name"
                record["config"][key] = None
        return {"default_policy": serialize_keras_object(self._default), "policy_map": records}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "DTypePolicyMap":
        return cls(**{k: deserialize_keras_object(v, custom_objects) for k, v in config.items()})

    def __repr__(self) -> str:
        entries = {key: value.name for key, value in self._map.items()}
        return f"<DTypePolicyMap default_policy={self.default_policy.name}, {entries}>"

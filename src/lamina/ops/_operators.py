"""Python's operators on symbolic tensors and variables, each one an op."""

from typing import Any

from lamina import ops
from lamina._core.state import Variable
from lamina._core.tensor import KerasTensor

_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
    "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}  # fmt: skip
_COMPARE = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "logical_not"}


def _forward(name: str) -> Any:
    return lambda self, other: getattr(ops, name)(self, other)


def _backward(name: str) -> Any:
    return lambda self, other: getattr(ops, name)(other, self)


def _alone(name: str) -> Any:
    return lambda self: getattr(ops, name)(self)


def bind_operators() -> None:
    """Give `KerasTensor` and `Variable` their operators (the classes stand below the ops)."""
    methods: dict[str, Any] = {}
    for name, op in {**_BINARY, **_COMPARE}.items():
        methods[f"__{name}__"] = _forward(op)
    for name, op in _BINARY.items():
        methods[f"__r{name}__"] = _backward(op)
    for name, op in _UNARY.items():
        methods[f"__{name}__"] = _alone(op)
    methods["__getitem__"] = lambda self, key: ops.get_item(self, key)
    for cls in (KerasTensor, Variable):
        for name, method in methods.items():
            setattr(cls, name, method)
    KerasTensor.reshape = _reshape  # type: ignore[attr-defined]
    KerasTensor.squeeze = lambda self, axis=None: ops.squeeze(self, axis)  # type: ignore[attr-defined]
    KerasTensor.T = property(lambda self: ops.transpose(self))  # type: ignore[attr-defined]


def _reshape(self: Any, *shape: Any) -> Any:
    return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

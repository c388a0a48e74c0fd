"""Python's operators on symbolic tensors, each one an op."""

from typing import Any

from lamina._core.tensor import KerasTensor
from lamina.ops import _numpy as np_ops

_BINARY = {
    "add": np_ops.add,
    "sub": np_ops.subtract,
    "mul": np_ops.multiply,
    "truediv": np_ops.true_divide,
    "floordiv": np_ops.floor_divide,
    "mod": np_ops.mod,
    "pow": np_ops.power,
    "matmul": np_ops.matmul,
    "and": np_ops.logical_and,
    "or": np_ops.logical_or,
    "xor": np_ops.logical_xor,
}
_COMPARE = {
    "eq": np_ops.equal,
    "ne": np_ops.not_equal,
    "lt": np_ops.less,
    "le": np_ops.less_equal,
    "gt": np_ops.greater,
    "ge": np_ops.greater_equal,
}
_UNARY = {"neg": np_ops.negative, "abs": np_ops.absolute, "invert": np_ops.logical_not}


def _forward(op: Any) -> Any:
    return lambda self, other: op(self, other)


def _backward(op: Any) -> Any:
    return lambda self, other: op(other, self)


def _alone(op: Any) -> Any:
    return lambda self: op(self)


def bind_operators() -> None:
    """Give `KerasTensor` its operators (the class stands below the ops)."""
    for name, op in {**_BINARY, **_COMPARE}.items():
        setattr(KerasTensor, f"__{name}__", _forward(op))
    for name, op in _BINARY.items():
        setattr(KerasTensor, f"__r{name}__", _backward(op))
    for name, op in _UNARY.items():
        setattr(KerasTensor, f"__{name}__", _alone(op))
    methods: dict[str, Any] = {
        "__getitem__": lambda self, key: np_ops.get_item(self, key),
        "reshape": lambda self, *shape: np_ops.reshape(
            self, shape if len(shape) != 1 else shape[0]
        ),
        "squeeze": lambda self, axis=None: np_ops.squeeze(self, axis),
        "T": property(lambda self: np_ops.transpose(self)),
    }
    for name, method in methods.items():
        setattr(KerasTensor, name, method)

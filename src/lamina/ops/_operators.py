"""Python's operators on symbolic tensors and variables, each one an op."""

from typing import Any

from lamina._core.state import Variable
from lamina._core.tensor import KerasTensor
from lamina.ops import _arithmetic, _indexing, _logic, _products, _shapes

_BINARY = {
    "add": _arithmetic.add,
    "sub": _arithmetic.subtract,
    "mul": _arithmetic.multiply,
    "truediv": _arithmetic.true_divide,
    "floordiv": _arithmetic.floor_divide,
    "mod": _arithmetic.mod,
    "pow": _arithmetic.power,
    "matmul": _products.matmul,
    "and": _logic.logical_and,
    "or": _logic.logical_or,
    "xor": _logic.logical_xor,
}
_COMPARE = {
    "eq": _logic.equal,
    "ne": _logic.not_equal,
    "lt": _logic.less,
    "le": _logic.less_equal,
    "gt": _logic.greater,
    "ge": _logic.greater_equal,
}
_UNARY = {"neg": _arithmetic.negative, "abs": _arithmetic.absolute, "invert": _logic.logical_not}


def _forward(op: Any) -> Any:
    return lambda self, other: op(self, other)


def _backward(op: Any) -> Any:
    return lambda self, other: op(other, self)


def _alone(op: Any) -> Any:
    return lambda self: op(self)


def bind_operators() -> None:
    """Give `KerasTensor` and `Variable` their operators (the classes stand below the ops)."""
    methods: dict[str, Any] = {}
    for name, op in {**_BINARY, **_COMPARE}.items():
        methods[f"__{name}__"] = _forward(op)
    for name, op in _BINARY.items():
        methods[f"__r{name}__"] = _backward(op)
    for name, op in _UNARY.items():
        methods[f"__{name}__"] = _alone(op)
    methods["__getitem__"] = lambda self, key: _indexing.get_item(self, key)
    for cls in (KerasTensor, Variable):
        for name, method in methods.items():
            setattr(cls, name, method)
    KerasTensor.reshape = _reshape  # type: ignore[attr-defined]
    KerasTensor.squeeze = lambda self, axis=None: _shapes.squeeze(self, axis)  # type: ignore[attr-defined]
    KerasTensor.T = property(lambda self: _shapes.transpose(self))  # type: ignore[attr-defined]


def _reshape(self: Any, *shape: Any) -> Any:
    return _shapes.reshape(self, shape[0] if len(shape) == 1 else shape)

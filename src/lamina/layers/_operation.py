"""Operation: a computation with a name and options, which takes arrays and symbolic tensors."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from lamina._core.configurable import Configurable
from lamina._core.errors import describe, explain
from lamina._core.graph import Node, WeakList, has_tensor, infer
from lamina._core.layer import Layer
from lamina._core.naming import auto_name
from lamina._core.signature import unwrap_single


class Operation(Configurable, metaclass=ABCMeta):
    """Base of computations without variables: subclasses write `call`. Layers are operations too.

    Args:
        name: without '/'; by default the class in snake case, counted.

    Example:
        >>> class Scale(Operation):
        ...     def __init__(self, factor, name=None):
        ...         super().__init__(name)
        ...         self.factor = factor
        ...     def call(self, x):
        ...         return self.factor * x
        >>> Scale(3.0)(2.0)
        6.0
    """

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            where = type(self).__name__
            raise ValueError(explain(where, "expected a name without '/'", describe(name)))
        self.name = name or auto_name(type(self))
        self._nodes = WeakList()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        symbolic = has_tensor(args, kwargs)
        return self.symbolic_call(*args, **kwargs) if symbolic else self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every subclass has its own."""
        where = type(self).__name__
        raise NotImplementedError(
            explain(where, "expected a `call` method", None, "write `def call(self, x)`")
        )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs that remember the call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        self._nodes.append(Node(self, args, kwargs, outputs))
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs for symbolic inputs, as symbolic tensors."""
        return infer(self.call, *args, **kwargs)

    @property
    def input(self) -> Any:
        """The symbolic input of the first call on symbolic tensors."""
        return unwrap_single(self._first("input").args)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call on symbolic tensors."""
        return unwrap_single(self._first("output").outputs)

    def _first(self, side: str) -> Node:
        for node in self._nodes:
            return node
        raise AttributeError(
            explain(
                f"{self.name}.{side}",
                "expected an operation that is part of a graph",
                "one that was never called on a symbolic tensor",
                "call it on `Input(shape=...)`, or on what other layers return for it",
            )
        )

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


Operation.register(Layer)  # to isinstance; layers have their own base

"""A step as a flat graph: one node per array, calls inlined, equal nodes merged.

Arrays are made by few kinds of node: 'input', 'batch' (rows of a data array), 'array', 'constant',
'iota', 'view', 'reshape', 'reduce', 'scan', 'dot', 'gather', 'scatter' and 'parts'. All others are
elementwise and have the name of jax's primitive. What cannot be said in these nodes raises
`Unsupported`, and the step is XLA's.
"""

import hashlib
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

DTYPES = ("float32", "int32", "uint32", "bool", "int8", "uint8", "int16", "uint16")
# Of jax, by name: what they become (see `primitives`), with a parameter 'how' for that, or None.
PRIMITIVES: dict[str, tuple[Callable[..., Any], str | None]] = {}


class Unsupported(Exception):
    """A step that is not for this engine; the message says why."""


def require(condition: bool, what: str) -> None:
    """Raise Unsupported unless `condition` holds."""
    if not condition:
        raise Unsupported(what)


class Node:
    """One array of the graph."""

    __slots__ = (
        "depth", "dtype", "inputs", "kernel", "layout", "number", "op", "params", "shape", "uses",
    )  # fmt: skip

    def __init__(
        self, op: str, inputs: Sequence["Node"], shape: Any, dtype: str, params: dict[str, Any]
    ) -> None:
        self.op, self.inputs, self.params = op, list(inputs), params
        self.shape: tuple[int, ...] = tuple(int(n) for n in shape)
        self.dtype = dtype
        self.number = self.depth = 0
        self.uses: list[Node] = []
        self.layout: tuple[int, ...] = tuple(range(len(self.shape)))  # axes, the fastest last
        self.kernel: Any = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def value(self) -> Any:
        """Of a constant; None for other nodes."""
        return self.params["value"] if self.op == "constant" else None

    @property
    def is_view(self) -> bool:
        """Whether its elements are those of its operand, at other places."""
        return self.op in ("view", "reshape")

    def __repr__(self) -> str:
        return f"{self.op}{self.number}:{self.dtype}{list(self.shape)}"


class Graph:
    """Nodes in an order in which they can be computed.

    Args:
        elementwise: names of the elementwise operations that can be emitted.
        arrays: where constants that are not scalars are kept.
    """

    def __init__(self, elementwise: Any, arrays: list[Any]) -> None:
        self.nodes: list[Node] = []
        self.arrays = arrays
        self._known: dict[Any, Node] = {}
        self._elementwise = elementwise

    def add(self, op: str, inputs: Sequence[Node], shape: Any, dtype: Any, **params: Any) -> Node:
        """Return the node with these properties, a new one if there is none."""
        name = str(dtype)
        require(name in DTYPES, f"dtype {name}")
        key = (op, tuple(n.number for n in inputs), tuple(shape), name, repr(params))
        if key not in self._known:
            require(0 not in shape, "an array without elements")
            node = Node(op, inputs, shape, name, params)
            node.number = len(self.nodes)
            self.nodes.append(node)
            self._known[key] = node
        return self._known[key]

    def constant(self, value: Any) -> Node:
        """Return the node of an array that is known now."""
        value = np.asarray(value)
        if value.ndim == 0:
            return self.add("constant", [], (), value.dtype, value=value[()])
        if value.size and (value == value.flat[0]).all():
            return self.view(self.constant(value.flat[0]), value.shape, ())
        node = self.add("array", [], value.shape, value.dtype, place=len(self.arrays))
        self.arrays.append(np.ascontiguousarray(value))
        return node

    # --- arrays from arrays ---------------------------------------------------------------------

    def view(self, node: Node, shape: Sequence[int], axes: Sequence[Any]) -> Node:
        """Return a node of elements of another.

        Args:
            node: the operand.
            shape: of the view.
            axes: for each axis of the operand its (start, step, axis of the view): its index is
                start + step * index along that axis. None for an axis: the start alone.
        """
        return self.add("view", [node], shape, node.dtype, axes=tuple(axes))

    def reshape(self, node: Node, shape: Sequence[int]) -> Node:
        """Return an array in another shape: a view if only axes of size 1 come and go."""
        old, new = ([a for a, n in enumerate(s) if n > 1] for s in (node.shape, shape))
        if [node.shape[a] for a in old] != [shape[a] for a in new]:
            return self.add("reshape", [node], shape, node.dtype)
        to = dict(zip(old, new, strict=True))
        return self.view(node, shape, [(0, 1, to.get(a)) for a in range(len(node.shape))])

    def transpose(self, node: Node, order: Sequence[int]) -> Node:
        """Return an array with its axes in another order."""
        axes = [(0, 1, order.index(a)) for a in range(len(order))]
        plain = list(order) == sorted(order)
        return node if plain else self.view(node, [node.shape[a] for a in order], axes)

    def piece(self, node: Node, axis: int, at: int, size: int) -> Node:
        """Return the slice [at, at + size) along an axis."""
        shape = (*node.shape[:axis], size, *node.shape[axis + 1 :])
        return self.view(
            node, shape, [(at if a == axis else 0, 1, a) for a in range(len(node.shape))]
        )

    def joined(self, nodes: Sequence[Node], axis: int) -> Node:
        """Return arrays one after another along an axis."""
        rank, at, places = len(nodes[0].shape), 0, []
        for node in nodes:
            places.append(((*[0] * axis, at, *[0] * (rank - axis - 1)), (1,) * rank))
            at += node.shape[axis]
        shape = (*nodes[0].shape[:axis], at, *nodes[0].shape[axis + 1 :])
        return self.add("parts", nodes, shape, nodes[0].dtype, places=tuple(places))

    def stacked(self, nodes: Sequence[Node], axis: int) -> Node:
        """Return arrays along a new axis."""
        shape = nodes[0].shape
        one = (*shape[:axis], 1, *shape[axis:])
        return self.joined([self.reshape(n, one) for n in nodes], axis)

    # --- jaxprs ---------------------------------------------------------------------------------

    def inline(self, jaxpr: Any, arguments: Sequence[Node]) -> list[Node]:
        """Add the equations of a jaxpr, closed or not; return the nodes of its results."""
        inner, constants = getattr(jaxpr, "jaxpr", jaxpr), getattr(jaxpr, "consts", ())
        known = dict(zip(inner.constvars, map(self.constant, constants), strict=True))
        known |= zip(inner.invars, arguments, strict=True)

        def read(atom: Any) -> Node:
            if hasattr(atom, "val"):  # a literal
                return self.constant(np.asarray(atom.val, atom.aval.dtype))
            return known[atom]

        for equation in inner.eqns:
            inputs = [read(v) for v in equation.invars]
            known |= zip(equation.outvars, self._equation(equation, inputs), strict=True)
        return [read(v) for v in inner.outvars]

    def _equation(self, equation: Any, inputs: list[Node]) -> Sequence[Node]:
        op, outputs = equation.primitive.name.replace("-", "_"), equation.outvars
        if op in PRIMITIVES:
            function, how = PRIMITIVES[op]
            avals = [v.aval for v in outputs]
            found = function(self, inputs, avals, equation.params | {"how": how})
            return [found] if isinstance(found, Node) else found
        require(op in self._elementwise and len(outputs) == 1, op)
        kept = {_PARAMS[op]: equation.params[_PARAMS[op]]} if op in _PARAMS else {}
        return [self.add(op, inputs, outputs[0].aval.shape, outputs[0].aval.dtype, **kept)]


# Parameters of elementwise operations that make a difference; all others are dropped.
_PARAMS = {
    "integer_pow": "y", "round": "rounding_method", "convert_element_type": "new_dtype",
    "bitcast_convert_type": "new_dtype",
}  # fmt: skip


def live(outputs: Sequence[Node], nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes that `outputs` need, in order, with their uses."""
    needed, todo = set(), list(outputs)
    while todo:
        node = todo.pop()
        if node.number not in needed:
            needed.add(node.number)
            todo += node.inputs
    kept = [n for n in nodes if n.number in needed]
    for node in kept:
        node.uses = []
    for node in kept:
        for source in node.inputs:
            source.uses.append(node)
    return kept


def fingerprint(parts: Sequence[tuple[Sequence[Node], Sequence[Node]]]) -> str:
    """Return a name for graphs, equal if and only if the same code computes them."""
    digest = hashlib.sha256()
    for nodes, outputs in parts:
        for n in nodes:
            inputs = [i.number for i in n.inputs]
            digest.update(f"{n.number} {n.op} {inputs} {n.shape} {n.dtype} {n.params}\n".encode())
        digest.update(f"{[n.number for n in outputs]}\n".encode())
    return digest.hexdigest()

"""How one element is computed: a flat list of steps, the same for every element of a space.

Views and broadcasts are gone in it: where an array is read is a linear function of the place in the
space.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

from lamina._native.graph import Node

# A linear function of a space's axes: a constant, and a multiple of each.
Line = tuple[int, tuple[int, ...]]
Index = tuple[Line, ...]  # of a node's element, by axis


def identity(rank: int) -> Index:
    """Return the index of the space itself."""
    return tuple((0, tuple(int(i == j) for j in range(rank))) for i in range(rank))


def combined(lines: Sequence[Line], steps: Sequence[int], rank: int, start: int = 0) -> Line:
    """Return `start` plus the sum of linear functions, each times its step."""
    factors = [0] * rank
    for (constant, ks), step in zip(lines, steps, strict=True):
        start += constant * step
        for axis, k in enumerate(ks):
            factors[axis] += k * step
    return start, tuple(factors)


def row_major(shape: Sequence[int]) -> list[int]:
    """Return elements between neighbours along each axis, the last axis the fastest."""
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def strides(node: Node) -> list[int]:
    """Return elements between neighbours along each axis, in a node's own layout."""
    found, step = [0] * len(node.shape), 1
    for axis in reversed(node.layout):
        found[axis], step = step, step * node.shape[axis]
    return found


class Step(NamedTuple):
    """One value of an element, or what is done with one.

    Attributes:
        kind: names the method of `loops.Nest` that writes it.
        args: what that takes first ...
        inputs: ... and the numbers of the steps whose values it takes then.
    """

    kind: str
    args: tuple[Any, ...]
    inputs: tuple[int, ...]


class Element:
    """The steps that compute nodes at each place of a space.

    Args:
        space: sizes of the axes.
        addressable: whether a node lies in memory; all others are computed.
    """

    def __init__(self, space: tuple[int, ...], addressable: Callable[[Node], bool]) -> None:
        self.space, self.addressable, self.rank = space, addressable, len(space)
        self.own = identity(self.rank)
        self.zero: Line = (0, (0,) * self.rank)
        self.steps: list[Step] = []
        self.lines: list[Line] = []  # what has to be linear along each loop
        self.work = 0  # operations
        self.reads: list[tuple[Node, bool]] = []  # arrays, and whether at the element itself
        self._known: dict[tuple[int, Index], int] = {}

    def do(self, kind: str, *args: Any, inputs: Sequence[int] = ()) -> int:
        """Add a step; return its number."""
        self.steps.append(Step(kind, args, tuple(inputs)))
        return len(self.steps) - 1

    def value(self, node: Node, index: Index) -> int:
        """Return the step with the element of a node at an index."""
        key = (node.number, index)
        if key not in self._known:
            if self.addressable(node):
                at = self._read(node, combined(index, strides(node), self.rank), index)
            else:
                at = self._computed(node, index)
            self._known[key] = at
        return self._known[key]

    def compute(self, node: Node) -> int:
        """Return the step with a node's own element, though the node may lie in memory.

        Of a reduction or a scan it adds an element of the operand, whose space this is.
        """
        if node.op in ("reduce", "scan"):
            how, axes = node.params["how"], node.params["axes"]
            inputs = [self.value(node.inputs[0], self._scanned(node))]
            if how[:3] == "arg":
                inputs.append(self._count(self.own[axes[0]], node.dtype))
            self.lines.append(self.output(node))
            return self.do("sum", how, node, self.lines[-1], inputs=inputs)
        at = self._known[node.number, self.own] = self._computed(node, self.own)
        return at

    def output(self, node: Node) -> Line:
        """Return where the own element of a node lies."""
        index = self._scanned(node) if node.op == "scan" else self.own
        if node.op == "reduce":
            index = tuple(i for a, i in enumerate(index) if a not in node.params["axes"])
        return combined(index, strides(node), self.rank)

    def _scanned(self, node: Node) -> Index:
        """Return the own index, turned round along the axes of a reverse scan."""
        turned = node.params["axes"] if node.params.get("reverse") else ()
        axes = [(n - 1, -1, a) if a in turned else (0, 1, a) for a, n in enumerate(self.space)]
        return self._step_back(axes, self.own)

    def _computed(self, node: Node, index: Index) -> int:
        op, p = node.op, node.params
        if op == "view":
            return self.value(node.inputs[0], self._step_back(p["axes"], index))
        if op == "reshape":
            return self._read(node.inputs[0], combined(index, row_major(node.shape), self.rank))
        if op == "iota":
            return self._count(index[p["axis"]], node.dtype)
        if op in ("batch", "gather"):
            self.lines += index
            self.work += 4
            return self._row(node, index) if op == "batch" else self._window(node, index)
        self.work += 1
        if op == "constant":
            return self.do("constant", node)
        inputs = [self.value(i, self._fitted(i, node, index)) for i in node.inputs]
        return self.do("apply", op, p, inputs=inputs)

    def _read(self, node: Node, line: Line, index: Index = ()) -> int:
        self.reads.append((node, index == self.own and node.shape == self.space))
        self.lines.append(line)
        return self.do("read", node, line)

    def _count(self, line: Line, dtype: str) -> int:
        self.lines.append(line)
        return self.do("count", line, dtype)

    def _step_back(self, axes: Sequence[tuple[int, int, int | None]], index: Index) -> Index:
        """Return the index into a view's operand."""
        return tuple(
            (start, self.zero[1]) if a is None
            else (start + step * index[a][0], tuple(step * k for k in index[a][1]))
            for start, step, a in axes
        )  # fmt: skip

    def _fitted(self, source: Node, node: Node, index: Index) -> Index:
        """Return the index into an operand that may be a scalar or have axes of size 1."""
        if source.shape == node.shape:
            return index
        pairs = zip(index, source.shape, strict=True) if source.shape else ()
        return tuple(i if size > 1 else self.zero for i, size in pairs)

    # --- values at computed places --------------------------------------------------------------

    def address(self, node: Node) -> tuple[Node, Line]:
        """Return the array that a node is a view of, and the place in it by the node's axes."""
        view = Element(node.shape, self.addressable)
        view.value(node, view.own)  # one step, a reading
        return view.steps[0].args

    def starts(self, node: Node, indices: Sequence[Node], index: Index) -> list[int]:
        """Return the steps with the first places of a gather's or a scatter's window."""
        if not indices[0].shape:
            return [self.value(start, ()) for start in indices]
        batch = [index[a] for a in node.params["batch"]]
        places = [(*batch, (k, self.zero[1])) for k in range(len(node.params["axes"]))]
        return [self.value(indices[0], place) for place in places]

    def inside(self, node: Node, index: Index) -> Index:
        """Return the index within a window, along the axes of the array that it is of."""
        return tuple(self.zero if a is None else index[a] for a in node.params["along"])

    def _window(self, node: Node, index: Index) -> int:
        array, (constant, steps) = self.address(node.inputs[0])
        line = combined(self.inside(node, index), steps, self.rank, constant)
        self.reads.append((array, False))
        starts = self.starts(node, node.inputs[1:], index)
        return self.do("window", node, array, line, steps, inputs=starts)

    def _row(self, node: Node, index: Index) -> int:
        steps = row_major(node.shape)
        return self.do("row", node, index[0], combined(index[1:], steps[1:], self.rank), steps[0])

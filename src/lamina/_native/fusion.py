"""Which arrays of a graph get memory, in which order of axes, and which loop computes them.

Everything elementwise is computed where it is read, unless it is read twice, reduced, multiplied as
a matrix or kept. Arrays with memory and one iteration space share a kernel: one loop nest.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

from lamina._native.emit import BYTES, IN_MEMORY
from lamina._native.graph import (
    LOOKUPS,
    PARTS,
    REDUCTIONS,
    SCANS,
    SCATTERS,
    VIEWS,
    Graph,
    Node,
    Unsupported,
    live,
)

# Index of a node's element: for each axis a constant and a multiple of each axis of a space.
Index = tuple[tuple[int, tuple[int, ...]], ...]

DEEPEST = 60  # operations that one expression nests
NARROW = 8  # a last axis shorter than this is not what vectors run along
_SMALL = 2048  # elements of an array that stays in the nearest cache: keeping it costs nothing
_AGAIN = 3  # operations that are rather done again than kept in memory
_COSTLY = {
    "exp",
    "log",
    "tanh",
    "erf",
    "erfc",
    "erf_inv",
    "logistic",
    "log1p",
    "expm1",
    "exp2",
    "pow",
}
_COSTLY |= {"div", "sqrt", "rsqrt", "sin", "cos", "atan2", "rem"} | LOOKUPS


def identity(rank: int) -> Index:
    """Return the index of the space itself."""
    return tuple((0, tuple(int(i == j) for j in range(rank))) for i in range(rank))


def fixed(axis: tuple[int, tuple[int, ...]]) -> tuple[int, tuple[int, ...]]:
    """Return the index 0 along an axis of size 1."""
    return 0, (0,) * len(axis[1])


def row_major(shape: Sequence[int]) -> list[int]:
    """Return elements between neighbours along each axis, the last axis the fastest."""
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def strides(node: Node) -> list[int]:
    """Return elements between neighbours along each axis, in a node's own layout."""
    found, step = [0] * len(node.shape), 1
    for axis in reversed(node.layout):
        found[axis], step = step, step * node.shape[axis]
    return found


def same_axes(before: tuple[int, ...], after: tuple[int, ...]) -> list[int | None] | None:
    """For a reshape that adds or drops axes of size 1: which new axis each old one is."""
    found: list[int | None] = []
    j = 0
    for size in before:
        if size == 1:
            found.append(None)
            continue
        while j < len(after) and after[j] == 1:
            j += 1
        if j >= len(after) or after[j] != size:
            return None
        found.append(j)
        j += 1
    return found if all(size == 1 for size in after[j:]) else None


def step_back(node: Node, index: Index, rank: int) -> Index | None:
    """Return the index into a view's operand, None if axes were merged or split."""
    (operand,), p = node.inputs, node.params
    none = (0, (0,) * rank)
    if node.op == "broadcast_in_dim":
        axes = zip(operand.shape, p["broadcast_dimensions"], strict=True)
        return tuple(none if size == 1 else index[d] for size, d in axes)
    if node.op == "transpose":
        found = [none] * len(index)
        for axis, source in enumerate(p["permutation"]):
            found[source] = index[axis]
        return tuple(found)
    if node.op in ("reshape", "squeeze", "expand_dims"):
        axes = same_axes(operand.shape, node.shape)
        return None if axes is None else tuple(none if a is None else index[a] for a in axes)
    if node.op == "slice":
        parts = zip(index, p["start_indices"], p["strides"], strict=True)
        return tuple((c * s + at, tuple(k * s for k in ks)) for (c, ks), at, s in parts)
    return tuple(  # rev
        (size - 1 - c, tuple(-k for k in ks)) if axis in p["dimensions"] else (c, ks)
        for axis, ((c, ks), size) in enumerate(zip(index, node.shape, strict=True))
    )


def is_merging(node: Node) -> bool:
    """Return whether a view merges or splits axes: its operand has to lie row by row."""
    known = node.op in ("reshape", "squeeze", "expand_dims")
    return known and same_axes(node.inputs[0].shape, node.shape) is None


class Kernel:
    """Arrays that one loop nest computes, or one array that has a way of its own.

    Attributes:
        kind: 'loop', 'dot', 'scatter' or 'parts'.
        space: sizes of the axes that are looped over.
        reduced: axes of the space that its reductions sum over, None without reductions.
        alone: whether nothing else may join.
    """

    def __init__(
        self, kind: str, space: tuple[int, ...], reduced: Any = None, alone: bool = False
    ) -> None:
        self.kind, self.space, self.reduced, self.alone = kind, space, reduced, alone
        self.nodes: list[Node] = []
        self.reads: list[tuple[Node, bool]] = []  # arrays, and whether at the element itself


class Plan:
    """Kernels for a graph.

    Args:
        graph: the graph.
        outputs: what is kept.
        targets: for each output the input whose memory it replaces, or None.
    """

    def __init__(self, graph: Graph, outputs: list[Node], targets: list[Node | None]) -> None:
        self.kernels: list[Kernel] = []
        self.nodes = live(outputs, graph.nodes)
        self.outputs, self.targets = outputs, targets
        self._stored: set[int] = set()
        self._cheap: set[int] = set()
        for node in self.nodes:
            if self._is_cheap(node):
                self._cheap.add(node.number)
        self._choose()
        self._arrange()
        for kernel in self.kernels:
            for node in kernel.nodes:
                self._lay_out(node)
        self._elsewhere = {
            source.number
            for k, kernel in enumerate(self.kernels)
            for source, pointwise in kernel.reads
            if source.kernel != k or not pointwise
        }

    def stored(self, node: Node) -> bool:
        """Return whether a node is an array with a kernel, not computed where it is read."""
        return node.number in self._stored

    def addressable(self, node: Node) -> bool:
        """Return whether a node can be read from memory."""
        return node.number in self._stored or node.op in ("input", "array")

    # --- what gets memory -----------------------------------------------------------------------

    def _is_cheap(self, node: Node) -> bool:
        """Whether computing a node anew costs next to nothing."""
        if node.op in ("constant", "iota"):
            return True
        views = node.op in VIEWS or node.op == "convert_element_type"
        return views and node.inputs[0].number in self._cheap and not is_merging(node)

    def _store(self, node: Node) -> None:
        if node.op not in ("input", "array", "constant"):
            self._stored.add(node.number)

    def _cost(self, node: Node) -> int:
        """Return about how many operations computing a node from arrays takes, 99 for many."""
        if node.number in self._cheap or self.addressable(node):
            return 0
        if node.op in _COSTLY:
            return 99
        own = 0 if node.op in VIEWS or node.op == "convert_element_type" else 1
        return min(99, own + sum(self._costs.get(i.number, 0) for i in node.inputs))

    def _store_base(self, node: Node) -> None:
        """Give what lies under a chain of views memory, or the chain's end if that is cheap."""
        top = node
        while node.op in VIEWS and not is_merging(node) and not self.stored(node):
            node = node.inputs[0]
        if node.number in self._cheap or (is_merging(node) and not self.stored(node)):
            node = top
        self._store(node)

    def _choose(self) -> None:
        keep = {n.number for n in self.outputs}
        self._costs: dict[int, int] = {}
        whole = set(REDUCTIONS) | set(SCANS) | set(SCATTERS) | PARTS | {"dot_general"}
        for node in self.nodes:
            n, op = node, node.op
            if op in whole:
                self._store(n)
            if op == "dot_general":
                for operand in n.inputs:
                    self._store_base(operand)
            elif op in ("gather", "dynamic_slice"):
                self._store_base(n.inputs[0])
                for place in n.inputs[1:]:
                    if place.number not in self._cheap:
                        self._store_base(place)
            if is_merging(n) and not self.addressable(n.inputs[0]):
                self._store(n.inputs[0])
                if n.inputs[0].op == "constant":
                    raise Unsupported("a constant reshaped")
            if op == "batch" or n.number in keep:
                self._store(n)
            if n.number in self._cheap:
                continue
            if op not in VIEWS and len(n.uses) > 1 and (n.size <= _SMALL or self._cost(n) > _AGAIN):
                self._store(n)
            for source in n.inputs:
                if source.size < n.size and source.number not in self._cheap and op not in whole:
                    self._store_base(source)
            if op in VIEWS and len(n.uses) > 1:
                self._store_base(n)
            self._costs[n.number] = self._cost(n)
            inner = (0 if self.addressable(i) else i.depth for i in n.inputs)
            n.depth = 1 + max(inner, default=0)
            if n.depth > DEEPEST:
                self._store(n)

    # --- which kernel ---------------------------------------------------------------------------

    def reads(self, node: Node) -> list[tuple[Node, bool]]:
        """Return the arrays that computing `node` reads, and whether only at its own element."""
        space = node.inputs[0].shape if node.op in REDUCTIONS else node.shape
        found: list[tuple[Node, bool]] = []
        seen = set()

        def visit(n: Node, index: Index | None) -> None:
            if (n.number, index) in seen:
                return
            seen.add((n.number, index))
            if self.addressable(n):
                found.append((n, index == own and n.shape == space))
            elif n.op in VIEWS:
                visit(n.inputs[0], index and step_back(n, index, len(space)))
            else:
                for source in n.inputs:
                    same = index if source.shape == n.shape else None
                    visit(source, None if n.op in LOOKUPS else same)

        own = identity(len(space))
        for source in node.inputs:
            pointwise = node.op in REDUCTIONS or node.op in SCANS or node.op not in LOOKUPS
            same = source.shape == space and pointwise
            if node.op in VIEWS:
                visit(source, step_back(node, own, len(space)))
            else:
                visit(source, own if same else None)
        return found

    def _arrange(self) -> None:
        """Put arrays into the earliest kernel that may compute them, those kept after the rest.

        So the last reading of a variable's old value comes before its new value, which can then
        take its place.
        """
        late = {n.number for n in self.outputs}
        for node in self.nodes:
            if any(i.number in late for i in node.inputs):
                late.add(node.number)
        replaced = {o.number: t for o, t in zip(self.outputs, self.targets, strict=True) if t}
        for phase in (False, True):
            for node in self.nodes:
                if self.stored(node) and (node.number in late) == phase:
                    self._place(node, replaced.get(node.number))

    def _place(self, node: Node, target: Node | None) -> None:
        kind = "loop"
        if node.op in SCATTERS:
            kind = "scatter"
        elif node.op in PARTS:
            kind = "parts"
        elif node.op == "dot_general":
            kind = "dot"
        reduced = None
        if node.op in REDUCTIONS:
            reduced = tuple(sorted(node.params["axes"]))
        elif node.op in SCANS:
            reduced = (node.params["axis"],)
        alone = node.op[:3] in ("arg", "cum")
        space = node.inputs[0].shape if node.op in REDUCTIONS else node.shape
        reads, first = self.reads(node), 0
        for source, pointwise in reads:
            if source.kernel is not None:
                at = self.kernels[source.kernel]
                joins = pointwise and kind == "loop" == at.kind and at.space == space
                joins = joins and source.op not in REDUCTIONS and not (alone or at.alone)
                first = max(first, source.kernel + (0 if joins else 1))
        if target is not None:
            first = max(first, self._last_reading(target, space))
        for place in range(first, len(self.kernels)):
            at = self.kernels[place]
            if kind != "loop" or at.kind != "loop" or at.space != space or alone or at.alone:
                continue
            if reduced is None or at.reduced in (None, reduced):
                break
        else:
            place = len(self.kernels)
            self.kernels.append(Kernel(kind, space, alone=alone))
        kernel = self.kernels[place]
        kernel.nodes.append(node)
        kernel.reads += reads
        kernel.reduced = kernel.reduced if reduced is None else reduced
        node.kernel = place

    def _last_reading(self, target: Node, space: tuple[int, ...]) -> int:
        """The first kernel in which `target` may be written."""
        first = 0
        for place, kernel in enumerate(self.kernels):
            for source, pointwise in kernel.reads:
                if source is target:
                    same = pointwise and kernel.kind == "loop" and kernel.space == space
                    first = max(first, place if same else place + 1)
        return first

    # --- layout ---------------------------------------------------------------------------------

    def _lay_out(self, node: Node) -> None:
        """Let a long first axis run fastest where the last one is short, unless rows matter."""
        rank = len(node.shape)
        if rank < 2 or any(is_merging(u) for u in node.uses) or node.op in SCATTERS:
            return
        if node.uses and all(u.op == "transpose" for u in node.uses):
            (order, *others) = [tuple(u.params["permutation"]) for u in node.uses]
            if all(o == order for o in others):
                node.layout = order
                return
        if node.shape[-1] < NARROW and node.shape[0] > node.shape[-1]:
            node.layout = (*range(1, rank), 0)

    # --- memory ---------------------------------------------------------------------------------

    def in_place(self) -> dict[int, Node]:
        """Return, by node, the inputs whose memory outputs may be written into directly."""
        found: dict[int, Node] = {}
        for output, target in zip(self.outputs, self.targets, strict=True):
            if target is None or output.kernel is None or output.number in found:
                continue
            kernel = self.kernels[output.kernel]
            if kernel.kind == "loop" and output.op not in REDUCTIONS:
                fits = output.kernel >= self._last_reading(target, kernel.space)
                if fits and not kernel.alone:
                    found[output.number] = target
        return found

    def needs_memory(self, node: Node) -> bool:
        """Return whether an array is read outside its kernel, or is more than a loop's value."""
        kernel = self.kernels[node.kernel]
        if kernel.kind != "loop" or node.op in REDUCTIONS or node.op in SCANS:
            return True
        kept = any(node is output for output in self.outputs)
        return kept or node.number in self._elsewhere

    def lifetimes(self) -> dict[int, tuple[int, int]]:
        """Return the first and the last kernel in which each array is used."""
        found = {n.number: (k, k) for k, kernel in enumerate(self.kernels) for n in kernel.nodes}
        for k, kernel in enumerate(self.kernels):
            for source, _ in kernel.reads:
                if source.number in found:
                    found[source.number] = (found[source.number][0], k)
        for output in self.outputs:
            if output.number in found:
                found[output.number] = (found[output.number][0], len(self.kernels))
        return found


def size_in_bytes(node: Node) -> int:
    """Return how many bytes a node's array takes."""
    return node.size * BYTES[IN_MEMORY[node.dtype]]


class Arena:
    """Places of one block of memory, used again when the array there is no longer needed."""

    def __init__(self) -> None:
        self.bytes = 0
        self._taken: list[tuple[int, int, int]] = []  # first byte, bytes, last kernel

    def place(self, size: int, first: int, last: int) -> int:
        """Return the first byte for `size` bytes needed from one kernel to another."""
        size = -(-size // 64) * 64
        self._taken = [t for t in self._taken if t[2] >= first]
        at = 0
        for begin, length, _ in sorted(self._taken):
            if at + size <= begin:
                break
            at = max(at, begin + length)
        self._taken.append((at, size, last))
        self.bytes = max(self.bytes, at + size)
        return at

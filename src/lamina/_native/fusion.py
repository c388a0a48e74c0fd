"""Which arrays of a graph get memory, in which order of axes, and which loop computes them.

Everything elementwise is computed where it is read, unless it is read twice, reduced, multiplied as
a matrix or kept. Arrays with memory and one iteration space share a kernel: one loop nest.
"""

from lamina._native.element import Element
from lamina._native.graph import Node, require

DEEPEST = 60  # operations that one expression nests
NARROW = 8  # a last axis shorter than this is not what vectors run along
_SMALL = 2048  # elements of an array that stays in the nearest cache: keeping it costs nothing
_AGAIN = 3  # operations that are rather done again than kept in memory
_FREE = {"view", "convert_element_type"}
_COSTLY = {
    "exp", "log", "tanh", "erf", "erfc", "erf_inv", "logistic", "log1p", "expm1", "exp2", "pow",
    "div", "sqrt", "rsqrt", "sin", "cos", "atan2", "rem", "gather", "batch",
}  # fmt: skip
# Arrays that are more than an element of a loop.
_WHOLE = ("reduce", "scan", "scatter", "parts", "dot")


def _kind(node: Node) -> str:
    """Return what way of being computed an array has."""
    if node.op in ("scatter", "parts", "dot"):
        return node.op
    return "alone" if node.op == "scan" or "arg" in node.params.get("how", "") else "loop"


def _order(node: Node) -> tuple[int, ...] | None:
    """Return a transpose's axes of the operand in the order of its own; None for other nodes."""
    if node.op != "view" or sorted(node.shape) != sorted(node.inputs[0].shape):
        return None
    to = {axis: source for source, (*_, axis) in enumerate(node.params["axes"])}
    plain = all((start, step) == (0, 1) for start, step, _ in node.params["axes"])
    return tuple(to[a] for a in range(len(to))) if plain and None not in to else None


class Kernel:
    """Arrays that one loop nest computes, or one array that has a way of its own.

    Attributes:
        kind: 'loop'; 'alone' for a loop that nothing else may join; 'dot', 'scatter' or 'parts'.
        space: sizes of the axes that are looped over.
        reduced: axes of the space that its reductions sum over, None without reductions.
    """

    def __init__(self, kind: str, space: tuple[int, ...]) -> None:
        self.kind, self.space = kind, space
        self.reduced: tuple[int, ...] | None = None
        self.nodes: list[Node] = []
        self.reads: list[tuple[Node, bool]] = []  # arrays, and whether at the element itself

    def is_loop(self, space: tuple[int, ...]) -> bool:
        """Return whether others of a space may join."""
        return self.kind == "loop" and self.space == space


class Plan:
    """Kernels for a graph.

    Args:
        nodes: a graph's.
        outputs: what is kept.
        targets: for each output the input whose memory it replaces, or None.
    """

    def __init__(self, nodes: list[Node], outputs: list[Node], targets: list[Node | None]) -> None:
        self.kernels: list[Kernel] = []
        self.nodes, self.outputs = nodes, outputs
        self.targets = {o.number: t for o, t in zip(outputs, targets, strict=True) if t}
        self._stored: set[int] = set()
        self._cheap: set[int] = set()  # computing these anew costs next to nothing
        self._choose()
        self._arrange()
        for node in nodes:
            if self.stored(node):
                self._lay_out(node)

    def stored(self, node: Node) -> bool:
        """Return whether a node is an array with a kernel, not computed where it is read."""
        return node.number in self._stored

    def addressable(self, node: Node) -> bool:
        """Return whether a node can be read from memory."""
        return node.number in self._stored or node.op in ("input", "array")

    # --- what gets memory -----------------------------------------------------------------------

    def _store(self, node: Node) -> None:
        if node.op not in ("input", "array", "constant"):
            self._stored.add(node.number)

    def _cost(self, node: Node) -> int:
        """Return about how many operations computing a node from arrays takes, 99 for many."""
        if node.number in self._cheap or self.addressable(node):
            return 0
        if node.op in _COSTLY:
            return 99
        own = 0 if node.op in _FREE or node.op == "reshape" else 1
        return min(99, own + sum(self._costs.get(i.number, 0) for i in node.inputs))

    def _store_base(self, node: Node) -> None:
        """Give what lies under a chain of views memory, or the chain's end if that is cheap."""
        top = node
        while node.op == "view" and not self.stored(node):
            node = node.inputs[0]
        if node.number in self._cheap or (node.op == "reshape" and not self.stored(node)):
            node = top
        self._store(node)

    def _choose(self) -> None:
        keep = {n.number for n in self.outputs}
        self._costs: dict[int, int] = {}
        for n in self.nodes:
            free = n.op in _FREE and n.inputs[0].number in self._cheap
            if free or n.op in ("constant", "iota"):
                self._cheap.add(n.number)
            if n.op in _WHOLE or n.op == "batch" or n.number in keep:
                self._store(n)
            if n.op == "dot":
                for operand in n.inputs:
                    self._store_base(operand)
            elif n.op == "gather":
                self._store_base(n.inputs[0])
                for place in n.inputs[1:]:
                    if place.number not in self._cheap:
                        self._store_base(place)
            elif n.op == "reshape" and not self.addressable(n.inputs[0]):
                require(n.inputs[0].op != "constant", "a constant reshaped")
                self._store(n.inputs[0])
            if n.number in self._cheap:
                continue
            if not n.is_view and len(n.uses) > 1 and (n.size <= _SMALL or self._cost(n) > _AGAIN):
                self._store(n)
            for source in n.inputs:
                cheap = source.number in self._cheap or n.op in _WHOLE
                if source.size < n.size and not cheap:
                    self._store_base(source)
            if n.is_view and len(n.uses) > 1:
                self._store_base(n)
            self._costs[n.number] = self._cost(n)
            inner = (0 if self.addressable(i) else i.depth for i in n.inputs)
            n.depth = 1 + max(inner, default=0)
            if n.depth > DEEPEST:
                self._store(n)

    # --- which kernel ---------------------------------------------------------------------------

    def _reads(self, node: Node, kind: str, space: tuple[int, ...]) -> list[tuple[Node, bool]]:
        """Return the arrays that computing `node` reads, and whether only at its own element."""
        if kind in ("loop", "alone"):
            element = Element(space, self.addressable)
            element.compute(node)
            return element.reads
        found = []
        for source in node.inputs:
            element = Element(source.shape, self.addressable)
            element.value(source, element.own)
            found += [(array, False) for array, _ in element.reads]
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
        for phase in (False, True):
            for node in self.nodes:
                if self.stored(node) and (node.number in late) == phase:
                    self._place(node)

    def _place(self, node: Node) -> None:
        kind, reduced = _kind(node), None
        if node.op in ("reduce", "scan"):
            reduced = node.params["axes"]
        space = node.inputs[0].shape if node.op == "reduce" else node.shape
        reads, first = self._reads(node, kind, space), 0
        for source, pointwise in reads:
            if source.kernel is not None:
                at = self.kernels[source.kernel]
                joins = pointwise and kind == "loop" and at.is_loop(space)
                first = max(first, source.kernel + (not joins or source.op == "reduce"))
        if node.number in self.targets:
            first = max(first, self._last_reading(self.targets[node.number], space))
        for place in range(first, len(self.kernels)):
            at = self.kernels[place]
            fits = reduced is None or at.reduced in (None, reduced)
            if fits and kind == "loop" and at.is_loop(space):
                break
        else:
            place = len(self.kernels)
            self.kernels.append(Kernel(kind, space))
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
                    first = max(first, place + (not (pointwise and kernel.is_loop(space))))
        return first

    # --- layout ---------------------------------------------------------------------------------

    def _lay_out(self, node: Node) -> None:
        """Let a long first axis run fastest where the last one is short, unless rows matter."""
        rank = len(node.shape)
        if rank < 2 or node.op == "scatter" or any(u.op == "reshape" for u in node.uses):
            return
        orders = {_order(use) for use in node.uses}
        order = orders.pop() if len(orders) == 1 else None
        if order is not None:
            node.layout = order
        elif node.shape[-1] < NARROW and node.shape[0] > node.shape[-1]:
            node.layout = (*range(1, rank), 0)

    # --- memory ---------------------------------------------------------------------------------

    def in_place(self) -> set[int]:
        """Return the outputs that may be written into the memory of what they replace."""
        found = set()
        for node in self.outputs:
            kernel = self.kernels[node.kernel]
            if node.number in self.targets and kernel.kind == "loop" and node.op != "reduce":
                target = self.targets[node.number]
                if node.kernel >= self._last_reading(target, kernel.space):
                    found.add(node.number)
        return found

    def last_uses(self) -> dict[int, int]:
        """Return the last kernel that reads each array that needs memory."""
        found = {}
        for k, kernel in enumerate(self.kernels):
            for node in kernel.nodes:
                if kernel.kind != "loop" or node.op == "reduce":  # more than a loop's value
                    found[node.number] = k
            for source, pointwise in kernel.reads:
                if source.kernel is not None and (source.kernel != k or not pointwise):
                    found[source.number] = k
        return found | {node.number: len(self.kernels) for node in self.outputs}


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

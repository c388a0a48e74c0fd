"""A part of a function: a graph's kernels, and where their arrays lie."""

from collections.abc import Sequence
from typing import Any

from lamina._native import primitives  # noqa: F401 (enters what primitives become)
from lamina._native.element import Element, Line, row_major
from lamina._native.emit import (
    BYTES,
    IN_MEMORY,
    UNROLL_LIMIT,
    UNROLLED_IN_ALL,
    ZERO,
    Code,
    Memory,
    Place,
)
from lamina._native.fusion import Arena, Plan
from lamina._native.graph import Graph, Node, live, require
from lamina._native.loops import write_kernel
from lamina._native.matrix import write_product
from lamina._native.placement import write_copy, write_parts, write_scatter
from lamina._native.rules import RULES

_ON_STACK = 2048  # bytes of an array that lies on the stack, where LLVM may keep it in registers
_STACK = 128 << 10  # bytes of all such arrays
_WRITERS = {
    "loop": write_kernel, "alone": write_kernel, "dot": write_product, "scatter": write_scatter,
    "parts": write_parts,
}  # fmt: skip


class Part:
    """The steps of a loop, or what follows them.

    Args:
        jaxpr: closed; of the values of variables and of a batch's arrays.
        variables: how many values there are.
        slots: the arguments of the function whose memory results are written to. Result k is for
            argument k ...
        skipped: ... plus this.
        arrays: where constants that are not scalars are kept.
        batch: rows per step; 0 for what is not in the loop.

    Raises:
        Unsupported: something in it cannot be compiled here.
    """

    def __init__(
        self,
        jaxpr: Any,
        variables: int,
        slots: Sequence[int],
        arrays: list[Any],
        batch: int = 0,
        skipped: int = 0,
    ) -> None:
        self.graph, self.slots, self.batch = Graph(RULES, arrays), list(slots), batch
        add, avals, data = self.graph.add, jaxpr.in_avals[:variables], jaxpr.in_avals[variables:]
        require(all(a.shape and a.shape[0] == batch for a in data), "data without rows")
        self.inputs = [add("input", [], a.shape, a.dtype, place=k) for k, a in enumerate(avals)]
        rows = [add("batch", [], a.shape, a.dtype, place=k) for k, a in enumerate(data)]
        results = self.graph.inline(jaxpr, self.inputs + rows)
        self.outputs: list[Node] = []
        for slot in slots:
            node = results[slot - skipped]
            if slot < variables:
                same = (node.shape, node.dtype) == (avals[slot].shape, str(avals[slot].dtype))
                require(same, "a variable whose type changes")
            if node in self.outputs or node.is_view or not node.inputs:
                node = add("copy_of", [node], node.shape, node.dtype, place=slot)
            self.outputs.append(node)
        self.nodes = live(self.outputs, self.graph.nodes)
        self.memory: dict[int, Memory] = {}  # where arrays lie, by number
        self.bytes = 0  # of arena that it needs

    def address(self, node: Node) -> tuple[Memory, Line]:
        """Return where a view of an array lies, by the view's axes."""
        array, line = Element((), self.plan.addressable).address(node)
        return self.memory[array.number], line

    def scratch(self, floats: int) -> Memory:
        """Return memory for the kernel that is being written."""
        self.bytes = max(self.bytes, self._arena.bytes + 4 * floats)
        return Memory(self._in_arena(self._arena.bytes), "float32", floats)

    def write(self, code: Code, step: Place = ZERO) -> None:
        """Write the kernels.

        Args:
            code: where.
            step: its number.
        """
        self.step = step
        targets = [self.inputs[s] if s < len(self.inputs) else None for s in self.slots]
        self.code, self.plan = code, Plan(self.nodes, self.outputs, targets)
        code.unrolled = min(UNROLL_LIMIT, UNROLLED_IN_ALL // (1 + len(self.plan.kernels)))
        for k, node in enumerate(self.inputs):
            self._put(node, f"%a{k}")
        for node in self.nodes:
            if node.op == "array":
                self._put(node, f"%constant{node.params['place']}")
        direct = self.plan.in_place()
        for node, slot in zip(self.outputs, self.slots, strict=True):
            if node.number in direct:
                node.layout = tuple(range(len(node.shape)))
                self._put(node, f"%a{slot}")
        self._lay_out()
        for kernel in self.plan.kernels:
            _WRITERS[kernel.kind](self, kernel)
        for node, slot in zip(self.outputs, self.slots, strict=True):
            if node.number not in direct:
                memory = Memory(f"%a{slot}", node.dtype, node.size)
                write_copy(self, node, memory, (0, tuple(row_major(node.shape))))

    def _in_arena(self, at: int) -> str:
        return self.code.at_entry(f"getelementptr i8, ptr %arena, i64 {at}")

    def _put(self, node: Node, pointer: str) -> None:
        self.memory[node.number] = Memory(pointer, node.dtype, node.size)

    def _lay_out(self) -> None:
        """Give each array that needs memory a place, on the stack or in the arena."""
        self._arena, uses, stack = Arena(), self.plan.last_uses(), 0
        for k, kernel in enumerate(self.plan.kernels):
            for node in kernel.nodes:
                if node.number in self.memory or node.number not in uses:
                    continue
                size = node.size * BYTES[IN_MEMORY[node.dtype]]
                if size <= _ON_STACK and stack + size <= _STACK:
                    stack += size
                    self.memory[node.number] = self.code.allocate(node.dtype, node.size)
                else:
                    at = self._arena.place(size, k, uses[node.number])
                    self._put(node, self._in_arena(at))
        self.bytes = self._arena.bytes

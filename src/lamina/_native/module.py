"""From graphs to the text of an LLVM module: one function per graph."""

from dataclasses import dataclass, field
from typing import Any

from lamina._native.element import row_major
from lamina._native.emit import UNROLL_LIMIT, UNROLLED_IN_ALL, Code, Machine, Memory
from lamina._native.fusion import Arena, Plan, size_in_bytes
from lamina._native.graph import Graph, Node
from lamina._native.loops import Function, write_kernel
from lamina._native.matrix import write_product
from lamina._native.placement import write_copy, write_parts, write_scatter

_ON_STACK = 2048  # bytes of an array that lies on the stack, where LLVM may keep it in registers
_STACK = 128 << 10  # bytes of all such arrays

# Subnormal numbers count as zero, as they do for XLA: bits 6 and 15 of x86's control register.
_FLUSH = {
    "x86": (
        "  %csr = alloca i32\n"
        "  call void @llvm.x86.sse.stmxcsr(ptr %csr)\n"
        "  %csr.old = load i32, ptr %csr\n"
        "  %csr.new = or i32 %csr.old, 32832\n"
        "  store i32 %csr.new, ptr %csr\n"
        "  call void @llvm.x86.sse.ldmxcsr(ptr %csr)\n",
        "  store i32 %csr.old, ptr %csr\n  call void @llvm.x86.sse.ldmxcsr(ptr %csr)\n",
        "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)\n",
    ),
    "aarch64": (
        "  %csr.old = call i64 @llvm.aarch64.get.fpcr()\n"
        "  %csr.new = or i64 %csr.old, 16777216\n"
        "  call void @llvm.aarch64.set.fpcr(i64 %csr.new)\n",
        "  call void @llvm.aarch64.set.fpcr(i64 %csr.old)\n",
        "declare i64 @llvm.aarch64.get.fpcr()\ndeclare void @llvm.aarch64.set.fpcr(i64)\n",
    ),
}


@dataclass
class Part:
    """One function to be: its graph and what becomes of its results.

    Attributes:
        name: of the function.
        graph: with an 'input' node per argument, in order.
        inputs: those nodes.
        outputs: nodes to keep.
        slots: for each output the number of the argument whose memory it is written to.
        batch: rows per step; 0 for a function that is not a loop over steps.
    """

    name: str
    graph: Graph
    inputs: list[Node]
    outputs: list[Node]
    slots: list[int]
    batch: int
    datasets: int = 0
    arguments: int = 0  # pointers to arrays that are read or written, the inputs first
    arena: int = field(default=0)  # bytes that it needs, known once it is written


def own_outputs(part: Part) -> None:
    """Give every output a node of its own, that computes something."""
    seen: set[int] = set()
    for place, node in enumerate(part.outputs):
        copies = node.is_view or node.op in ("input", "array", "constant", "iota", "batch")
        if copies or node.number in seen:
            node = part.graph.add("copy_of", [node], node.shape, node.dtype, place=place)
            part.outputs[place] = node
        seen.add(node.number)


class _Writer(Function):
    """A function while it is written, with the memory of its arrays."""

    def __init__(self, part: Part, machine: Machine) -> None:
        self.part, self.machine = part, machine
        code = Code(machine)
        targets: list[Node | None] = []
        for slot in part.slots:
            known = slot < len(part.inputs)
            targets.append(part.inputs[slot] if known else None)
        plan = Plan(part.graph, part.outputs, targets)
        code.unrolled = min(UNROLL_LIMIT, UNROLLED_IN_ALL // (1 + len(plan.kernels)))
        super().__init__(code, plan, {}, part.batch)
        self._scratch = 0
        self._stack = 0

    def scratch(self, floats: int) -> Memory:
        """Return memory for the kernel that is being written."""
        self._scratch = max(self._scratch, floats * 4)
        return Memory("%scratch", "float32", floats)

    def write(self) -> str:
        part, plan, code = self.part, self.plan, self.code
        for k, node in enumerate(part.inputs):
            self.memory[node.number] = Memory(f"%a{k}", node.dtype, node.size)
        for node in plan.nodes:
            if node.op == "array":
                name = f"%c{node.params['place']}"
                self.memory[node.number] = Memory(name, node.dtype, node.size)
        slots = dict(zip((o.number for o in part.outputs), part.slots, strict=True))
        direct = plan.in_place()
        for number in direct:
            node = next(o for o in part.outputs if o.number == number)
            node.layout = tuple(range(len(node.shape)))
            self.memory[number] = Memory(f"%a{slots[number]}", node.dtype, node.size)
        self._lay_out()
        if part.batch:
            code.carry("%stop", [], lambda at, _: self._step(at, direct), "%start")
        else:
            self._step(None, direct)
        return self._text()

    def _step(self, at: Any, direct: Any) -> list[str]:
        self.code.do(f"%step = add i64 {at[1][0][0] if at else 0}, 0")
        writers = {"dot": write_product, "scatter": write_scatter, "parts": write_parts}
        for kernel in self.plan.kernels:
            if kernel.kind == "loop":
                write_kernel(self, kernel)
            else:
                for node in kernel.nodes:
                    writers[kernel.kind](self, node)
        for output, slot in zip(self.part.outputs, self.part.slots, strict=True):
            if output.number not in direct:
                memory = Memory(f"%a{slot}", output.dtype, output.size)
                write_copy(self, output, memory, (0, tuple(row_major(output.shape))))
        return []

    def _lay_out(self) -> None:
        """Give each array that needs memory a place, on the stack or in the arena."""
        arena, lives, places = Arena(), self.plan.lifetimes(), []
        for k, kernel in enumerate(self.plan.kernels):
            for node in kernel.nodes:
                if node.number in self.memory or not self.plan.needs_memory(node):
                    continue
                size = size_in_bytes(node)
                if size <= _ON_STACK and self._stack + size <= _STACK:
                    self._stack += size
                    self.memory[node.number] = self.code.allocate(node.dtype, node.size)
                else:
                    places.append((node, arena.place(size, k, lives[node.number][1])))
        lines = []
        for node, at in places:
            name = f"%m{node.number}"
            lines.append(f"  {name} = getelementptr i8, ptr %arena, i64 {at}")
            self.memory[node.number] = Memory(name, node.dtype, node.size)
        self._arena = arena.bytes
        lines.append(f"  %scratch = getelementptr i8, ptr %arena, i64 {self._arena}")
        self.places = lines

    def _text(self) -> str:
        part, code = self.part, self.code
        names = [f"%a{k}" for k in range(part.arguments)]
        names += [f"%c{k}" for k in range(len(part.graph.arrays))]
        names += [f"%data{k}" for k in range(part.datasets)] + ["%order", "%arena", "%flag"]
        part.arena = self._arena + self._scratch + 64
        table = []
        for k, name in enumerate(names):
            table.append(f"  %t.{k} = getelementptr ptr, ptr %table, i64 {k}")
            table.append(f"  {name} = load ptr, ptr %t.{k}")
        pointers = ", ".join(f"ptr noalias align 4 {n}" for n in names)
        passed = ", ".join(f"ptr {n}" for n in names)
        begin, end, _ = _FLUSH.get(self.machine.family, ("", "", ""))
        return f"""
define internal void @{part.name}.body({pointers}, i64 %last, i64 %start, i64 %stop) #0 {{
entry:
{chr(10).join(code.stack + self.places + code.lines)}
  ret void
}}
define void @{part.name}(ptr %table, i64 %last, i64 %start, i64 %stop) #0 {{
entry:
  %any = icmp slt i64 %start, %stop
  br i1 %any, label %go, label %no
go:
{begin}{chr(10).join(table)}
  call void @{part.name}.body({passed}, i64 %last, i64 %start, i64 %stop)
{end}  ret void
no:
  ret void
}}
"""


def write_module(parts: list[Part], machine: Machine) -> str:
    """Return the text of a module with a function for every part."""
    texts, declared = [], set()
    for part in parts:
        writer = _Writer(part, machine)
        texts.append(writer.write())
        declared |= writer.code.declared
    width = 32 * machine.lanes
    attributes = (
        f'attributes #0 = {{ noinline nounwind "prefer-vector-width"="{width}" '
        f'"min-legal-vector-width"="{width}" }}\n'
    )
    flush = _FLUSH.get(machine.family, ("", "", ""))[2]
    return "\n".join([*sorted(declared), flush, *texts, attributes])

"""Loop nests: a kernel's elementwise values and reductions, along vectors.

One axis of the space is the lanes'. Axes that every access walks through alike become one. Axes
that are summed over come last, so that sums stay in registers.
"""

from collections.abc import Sequence
from typing import Any

from lamina._native.element import Element, Line, combined, strides
from lamina._native.emit import ZERO, Code, Memory, Place, Value, plus, times
from lamina._native.fusion import Kernel, Plan
from lamina._native.graph import Node
from lamina._native.rules import RULES, F, across, combine, first, is_better


class Function:
    """What the kernels of one function share.

    Args:
        code: where they are written.
        plan: the kernels.
        memory: where each addressable node lies, by number.
        batch: rows per step.
    """

    def __init__(self, code: Code, plan: Plan, memory: dict[int, Memory], batch: int) -> None:
        self.code, self.plan, self.memory, self.batch = code, plan, memory, batch

    def address(self, node: Node) -> tuple[Memory, Line]:
        """Return where a view of an array lies, by the view's axes."""
        array, line = Element((), self.plan.addressable).address(node)
        return self.memory[array.number], line


class Nest(Element):
    """The loop nest over one space: its steps are written once for every turn.

    Args:
        function: what it belongs to.
        space: sizes of the axes.
        reduced: the axes that reductions sum over.
        lane: the axis of the lanes; None to choose, -1 for no lanes.
    """

    def __init__(
        self,
        function: Function,
        space: tuple[int, ...],
        reduced: Sequence[int] = (),
        lane: int | None = None,
    ) -> None:
        super().__init__(space, function.plan.addressable)
        self.function, self.code = function, function.code
        self.reduced, self.lane = set(reduced), lane
        self.at: dict[int, Place] = {}  # of each loop, by its innermost axis
        self.lanes = 1

    def store(self, memory: Memory, line: Line, value: int) -> None:
        """Add the step that writes a value to memory."""
        self.lines.append(line)
        self.do("store", memory, line, inputs=[value])

    def output(self, node: Node) -> Line:
        """Return where the own element of a node lies."""
        index = self.scanned(node) if node.op == "scan" else self.own
        if node.op == "reduce":
            index = tuple(i for a, i in enumerate(index) if a not in node.params["axes"])
        return combined(index, strides(node), self.rank)

    # --- which loops ----------------------------------------------------------------------------

    def _loops(self, lane: int) -> list[tuple[int, int]]:
        """Return (innermost axis, turns) of each loop, outermost first, for this lane axis."""
        found: list[tuple[int, int]] = []
        for reduced in (False, True):
            axes = [
                a for a, size in enumerate(self.space)
                if size > 1 and (a in self.reduced) == reduced and a != lane
            ]  # fmt: skip
            if lane >= 0 and (lane in self.reduced) == reduced:
                axes.append(lane)
            loops: list[tuple[int, int]] = []
            for axis in reversed(axes):
                if loops:
                    inner, turns = loops[0]
                    if all(f[axis] == f[inner] * turns for _, f in self.lines):
                        loops[0] = (inner, turns * self.space[axis])
                        continue
                loops.insert(0, (axis, self.space[axis]))
            found += loops
        return found

    def _cost(self, lane: int, loops: list[tuple[int, int]]) -> float:
        size = next(turns for axis, turns in loops if axis == lane)
        lanes = size / -(-size // self.code.lanes)
        strided = sum(f[lane] not in (0, 1) for _, f in self.lines)
        return (self.work + len(self.lines) - strided) / lanes + strided + 0.01 * len(loops)

    def _choose(self) -> None:
        axes = [a for a, size in enumerate(self.space) if size > 1]
        alone = any(n.op == "scan" or n.params["how"][:3] == "arg" for n in self._reductions)
        able = [a for a in axes if not (alone and a in self.reduced)]
        if self.lane is None and able:
            options = [(self._cost(a, self._loops(a)), a) for a in able]
            self.lane = min(options)[1]
        elif self.lane is None:
            self.lane = -1
        self.loops = self._loops(self.lane)
        turns = 1
        for axis, size in self.loops:
            turns *= -(-size // self.code.lanes) if axis == self.lane else size
        self.unroll = turns * (self.work + len(self.lines)) <= self.code.unrolled

    # --- writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the nest."""
        self._reductions = [step.args[0] for step in self.steps if step.kind == "sum"]
        self.lines += map(self.output, self._reductions)
        self._choose()
        self._first = next(
            (i for i, (axis, _) in enumerate(self.loops) if axis in self.reduced), len(self.loops)
        )
        self._turn(0)

    def _turn(self, level: int) -> None:
        if level == self._first and self._reductions:
            self._open()
        if level == len(self.loops):
            self._element()
        else:
            axis, size = self.loops[level]
            if axis == self.lane:
                self._pieces(level, axis, size)
            else:
                self._repeat(level, axis, size, 1)
        if level == self._first and self._reductions:
            self._close()

    def _pieces(self, level: int, axis: int, size: int) -> None:
        width = self.code.lanes
        whole, rest = divmod(size, width)
        if whole:
            self.lanes = width
            self._repeat(level, axis, whole, width)
        if rest:
            self.lanes = rest
            self.at[axis] = (whole * width, ())
            self._turn(level + 1)
        self.lanes = 1

    def _repeat(self, level: int, axis: int, turns: int, step: int) -> None:
        def turn(place: Place) -> None:
            self.at[axis] = times(place, step)
            self._turn(level + 1)

        self.code.loop(turns, turn, self.unroll)

    def _element(self) -> None:
        values: list[Any] = []
        for kind, args, inputs in self.steps:
            write = getattr(self, f"write_{kind}")
            values.append(write(*args, *[values[i] for i in inputs]))

    # --- steps ----------------------------------------------------------------------------------

    def place(self, line: Line) -> Place:
        """Return where the present element of a line is."""
        constant, factors = line
        parts = [times(self.at[axis], factors[axis]) for axis, _ in self.loops]
        return plus((constant, ()), *parts)

    def step(self, line: Line) -> int:
        """Return the elements between two lanes of a line."""
        return line[1][self.lane] if self.lanes > 1 else 0

    def write_read(self, node: Node, line: Line) -> Value:
        memory = self.function.memory[node.number]
        return self.code.load(memory, self.place(line), self.lanes, self.step(line))

    def write_store(self, memory: Memory, line: Line, value: Value) -> None:
        self.code.store(memory, self.place(line), value, self.lanes, self.step(line))

    def write_apply(self, node: Node, *values: Value) -> Value:
        return RULES[node.op](*values, **node.params)

    def write_constant(self, node: Node) -> Value:
        return self.code.literal(node.value, node.dtype)

    def write_count(self, line: Line, dtype: str) -> Value:
        code, kind, step = self.code, "int32" if dtype == F else dtype, self.step(line)
        at = code.number(self.place(line))
        if at.lstrip("-").isdigit():
            value = code.literal(int(at), kind)
        else:
            value = Value(code, at, "int64").converted("trunc", kind)
        if step:
            value = value + code.counted(self.lanes, step, kind)
        return value.converted("sitofp", F) if dtype == F else value

    def write_window(
        self, node: Node, array: Node, line: Line, steps: Sequence[int], *starts: Value
    ) -> Value:
        p, memory = node.params, self.function.memory[array.number]
        places, good = self.clamped(node, starts)
        value = self._read_at(memory, line, places, [steps[a] for a in p["axes"]])
        return value if good is None else good.where(value, p["fill"])

    def clamped(self, node: Node, starts: Sequence[Value]) -> tuple[list[list[str]], Value | None]:
        """Return a window's starts moved inside, as a number per lane, and whether all were.

        The second is None if windows need not have been inside.
        """
        code, found, good = self.code, [], None
        for value, limit in zip(starts, node.params["limits"], strict=True):
            names, fit = [], []
            for lane in range(value.lanes):
                wide = "sext" if value.sign == "s" else "zext"
                one = code.lane(value, lane).converted(wide, "int64")
                names.append(one.call("smax", 0).call("smin", limit).text)
                if node.params["strict"]:
                    fit.append(one.operated("icmp ule", limit, "bool"))
            found.append(names)
            if fit:
                fits = code.gathered(fit)
                good = fits if good is None else good & fits
        return found, good

    def write_row(self, node: Node, spot: Line, line: Line, size: int) -> Value:
        """Read from a data array: the row is looked up in the epoch's order."""
        code, apart, names = self.code, self.step(spot), []
        for lane in range(self.lanes if apart else 1):
            begin = (lane * apart, (("%step", self.function.batch),))
            at = code.load(Memory("%order", "int32", 1 << 62), plus(begin, self.place(spot)))
            row = at.converted("zext", "int64").call("umin", Value(code, "%last", "int64"))
            names.append(row.text)
        memory = Memory(f"%data{node.params['place']}", node.dtype, 1 << 62)
        return self._read_at(memory, line, [names], [size])

    def _read_at(
        self, memory: Memory, line: Line, starts: list[list[str]], steps: list[int]
    ) -> Value:
        """Read at a line plus computed places: for each a number per lane, times its step."""
        pairs = [(names, step) for names, step in zip(starts, steps, strict=True) if step]
        place, apart = self.place(line), self.step(line)

        def moved(lane: int) -> Place:
            return plus(place, *((0, ((n[lane % len(n)], step),)) for n, step in pairs))

        if all(len(names) == 1 for names in starts):
            return self.code.load(memory, moved(0), self.lanes, apart)
        spots = [plus(moved(lane), (lane * apart, ())) for lane in range(self.lanes)]
        return self.code.gathered([self.code.load(memory, spot) for spot in spots])

    # --- reductions -----------------------------------------------------------------------------

    def _open(self) -> None:
        """Start the sums: lanes of them, and one for what does not fill all lanes."""
        self._sums: dict[Any, Memory] = {}
        crosses = self.lane in self.reduced
        turns = dict(self.loops).get(self.lane, 1)
        self._wide = min(self.code.lanes, turns) if crosses else self.lanes
        for node in self._reductions:
            how, source = node.params["how"], node.inputs[0].dtype
            begin = self.code.literal(first(how[-3:], source), source)
            starts: list[Any] = [(w, begin) for w in {self._wide, 1 if crosses else self._wide}]
            if how[:3] == "arg":
                starts.append(("at", self.code.literal(0, node.dtype)))
            for name, start in starts:
                width = self._wide if name == "at" else name
                memory = self._sums[node.number, name] = self.code.allocate(start.dtype, width)
                self.code.store(memory, ZERO, start, width)

    def write_sum(self, node: Node, value: Value, *place: Value) -> None:
        code, how, width = self.code, node.params["how"], self.lanes
        if self.lanes > 1 and value.lanes == 1:
            value = Value(code, code.use(value, self.lanes), value.dtype, self.lanes)
        if place:
            memories = self._sums[node.number, width], self._sums[node.number, "at"]
            old = [code.load(m, ZERO, width) for m in memories]
            better = is_better(how, value, old[0])
            for memory, now, before in zip(memories, (value, *place), old, strict=True):
                code.store(memory, ZERO, better.where(now, before), width)
            return
        if self.lane in self.reduced and self.lanes != self._wide:
            value = across(how, value)
            width = 1
        memory = self._sums[node.number, width]
        total = combine(how, code.load(memory, ZERO, width), value)
        code.store(memory, ZERO, total, width)
        if node.op == "scan":
            self.write_store(self.function.memory[node.number], self.output(node), total)

    def _close(self) -> None:
        code = self.code
        for node in self._reductions:
            if node.op == "scan":
                continue
            how = node.params["how"]
            value = code.load(
                self._sums[node.number, "at" if how[:3] == "arg" else self._wide], ZERO, self._wide
            )
            if self.lane in self.reduced:
                value = across(how, value)
                if self._wide > 1:
                    value = combine(how, value, code.load(self._sums[node.number, 1], ZERO))
            self.write_store(self.function.memory[node.number], self.output(node), value)


def write_kernel(function: Function, kernel: Kernel) -> None:
    """Write the loop nest of a kernel of kind 'loop'."""
    nest = Nest(function, kernel.space, kernel.reduced or ())
    found = [(node, nest.compute(node)) for node in kernel.nodes]
    for node, value in found:
        if node.number in function.memory and node.op not in ("reduce", "scan"):
            nest.store(function.memory[node.number], nest.output(node), value)
    nest.write()

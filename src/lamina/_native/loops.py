"""Loop nests: a kernel's elementwise values and reductions, along vectors.

One axis of the space is the lanes'. Axes that every access walks through alike become one. Axes
that are summed over come last, so that sums stay in registers.
"""

from collections.abc import Sequence
from typing import Any

from lamina._native.element import Element, Line
from lamina._native.emit import ZERO, Memory, Place, plus, times
from lamina._native.fusion import Kernel
from lamina._native.graph import Node
from lamina._native.rules import RULES, F, accumulated, across, first
from lamina._native.values import TYPES, Value


class Nest(Element):
    """The loop nest over one space: its steps are written once for every turn.

    Args:
        part: what it belongs to (a `part.Part`).
        space: sizes of the axes.
        reduced: the axes that reductions sum over.
        lane: the axis of the lanes; None to choose, -1 for no lanes.
    """

    def __init__(
        self,
        part: Any,
        space: tuple[int, ...],
        reduced: Sequence[int] = (),
        lane: int | None = None,
    ) -> None:
        super().__init__(space, part.plan.addressable)
        self.part, self.code = part, part.code
        self.reduced, self.lane, self._wanted = set(reduced), -1, lane
        self.at: dict[int, Place] = {}  # of each loop, by its innermost axis
        self._kept: dict[int, list[Memory]] = {}  # of reductions: what they have found so far
        self.lanes = 1

    def load(self, memory: Memory, line: Line) -> int:
        """Return the step that reads from memory."""
        self.lines.append(line)
        return self.do("load", memory, line)

    def store(self, memory: Memory, line: Line, value: int) -> None:
        """Add the step that writes a value to memory."""
        self.lines.append(line)
        self.do("store", memory, line, inputs=[value])

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
        alone = any(node.op == "scan" or how[:3] == "arg" for how, node, _ in self._sums)
        able = [a for a in axes if not (alone and a in self.reduced)]
        if self._wanted is not None:
            self.lane = self._wanted
        elif able:
            self.lane = min((self._cost(a, self._loops(a)), a) for a in able)[1]
        self.loops = self._loops(self.lane)
        turns = 1
        for axis, size in self.loops:
            turns *= -(-size // self.code.lanes) if axis == self.lane else size
        self.unroll = turns * (self.work + len(self.lines)) <= self.code.unrolled

    # --- writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the nest."""
        self._sums = [step.args for step in self.steps if step.kind == "sum"]
        self._choose()
        self._first = next(
            (i for i, (axis, _) in enumerate(self.loops) if axis in self.reduced), len(self.loops)
        )
        self._turn(0)

    def _turn(self, level: int) -> None:
        if level == self._first and self._sums:
            self._open()
        if level == len(self.loops):
            self._element()
        else:
            axis, size = self.loops[level]
            if axis == self.lane:
                self._pieces(level, axis, size)
            else:
                self._repeat(level, axis, size, 1)
        if level == self._first and self._sums:
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
        return self.write_load(self.part.memory[node.number], line)

    def write_load(self, memory: Memory, line: Line) -> Value:
        return self.code.load(memory, self.place(line), self.lanes, self.step(line))

    def write_store(self, memory: Memory, line: Line, value: Value) -> None:
        self.code.store(memory, self.place(line), value, self.lanes, self.step(line))

    def write_apply(self, op: str, params: dict[str, Any], *values: Value) -> Value:
        return RULES[op](*values, **params)

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
            steps = ", ".join([f"{TYPES[kind]} {i * step}" for i in range(self.lanes)])
            value = value + Value(code, f"<{steps}>", kind, self.lanes)
        return value.converted("sitofp", F) if dtype == F else value

    def write_window(
        self, node: Node, array: Node, line: Line, steps: Sequence[int], *starts: Value
    ) -> Value:
        p, memory = node.params, self.part.memory[array.number]
        starts, fits = self.clamped(node, starts)
        value = self._read_at(memory, line, starts, [steps[a] for a in p["axes"]])
        return value if fits is None else fits.where(value, p["fill"])

    def clamped(
        self, node: Node, starts: Sequence[Value]
    ) -> tuple[tuple[Value, ...], Value | None]:
        """Return a window's starts moved inside, and whether all were; None if that is all one."""
        found, fits = [], None
        for start, limit in zip(starts, node.params["limits"], strict=True):
            start = start.converted("sext" if start.sign == "s" else "zext", "int64")
            found.append(start.call("smax", 0).call("smin", limit))
            if node.params["strict"]:
                fit = start.do("icmp ule", limit, dtype="bool")
                fits = fit if fits is None else fits & fit
        return tuple(found), fits

    def write_row(self, node: Node, spot: Line, line: Line, size: int) -> Value:
        """Read from a data array: the row is looked up in the epoch's order."""
        at = plus(self.place(spot), times(self.part.step, self.part.batch))
        order, data = (
            Memory(name, dtype, 1 << 62)
            for name, dtype in (("%order", "int32"), (f"%data{node.params['place']}", node.dtype))
        )
        row = self.code.load(order, at, self.lanes, self.step(spot)).converted("zext", "int64")
        row = row.call("umin", Value(self.code, "%last", "int64"))
        return self._read_at(data, line, [row], [size])

    def _read_at(
        self, memory: Memory, line: Line, starts: Sequence[Value], steps: Sequence[int]
    ) -> Value:
        """Read at a line plus computed places, each times its step."""
        code, apart, moved = self.code, self.step(line), self.moved(starts, steps)
        place = self.place(line)

        def spot(lane: int) -> Place:
            return plus(place, (lane * apart, ((moved.lane(lane).text, 1),)))

        if moved.lanes == 1:
            return code.load(memory, spot(0), self.lanes, apart)
        return code.gathered([code.load(memory, spot(lane)) for lane in range(self.lanes)])

    def moved(self, starts: Sequence[Value], steps: Sequence[int]) -> Value:
        """Return computed places, each times its step, as one."""
        total = self.code.literal(0, "int64")
        for start, step in zip(starts, steps, strict=True):
            total = total + start * step
        return total

    # --- reductions -----------------------------------------------------------------------------

    def _open(self) -> None:
        """Start the sums, one per lane; SROA makes registers of their memory."""
        self._crosses = self.lane in self.reduced
        turns = dict(self.loops).get(self.lane, 1)
        self._wide = min(self.code.lanes, turns) if self._crosses else self.lanes
        for how, node, _ in self._sums:
            dtype = node.inputs[0].dtype
            starts = [(first(how[-3:], dtype), dtype)]
            if how[:3] == "arg":
                starts.append((0, node.dtype))
            self._kept[node.number] = [self.code.allocate(kind, self._wide) for _, kind in starts]
            for memory, (start, kind) in zip(self._kept[node.number], starts, strict=True):
                self.code.store(memory, ZERO, self.code.literal(start, kind), self._wide)

    def write_sum(self, how: str, node: Node, line: Line, *values: Value) -> None:
        code, lanes, kept = self.code, self.lanes, self._kept[node.number]
        before = [code.load(memory, ZERO, lanes) for memory in kept]
        after = accumulated(how, before, values)
        for memory, value in zip(kept, after, strict=True):
            code.store(memory, ZERO, value, lanes)
        if node.op == "scan":
            self.write_store(self.part.memory[node.number], line, after[0])

    def _close(self) -> None:
        for how, node, line in self._sums:
            if node.op != "scan":
                value = self.code.load(self._kept[node.number][-1], ZERO, self._wide)
                value = across(how, value) if self._crosses else value
                self.write_store(self.part.memory[node.number], line, value)


def write_kernel(part: Any, kernel: Kernel) -> None:
    """Write the loop nest of a kernel of kind 'loop'."""
    nest = Nest(part, kernel.space, kernel.reduced or ())
    found = [(node, nest.compute(node)) for node in kernel.nodes]
    for node, value in found:
        if node.number in part.memory and node.op not in ("reduce", "scan"):
            nest.store(part.memory[node.number], nest.output(node), value)
    nest.write()

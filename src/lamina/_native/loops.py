"""Loop nests: a kernel's elementwise values and reductions, along vectors.

One axis of the space is the lanes'. Axes that every access walks through alike become one. Axes
that are summed over come last, so that sums stay in registers.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamina._native.emit import (
    ZERO,
    Code,
    Memory,
    Place,
    Value,
    literal,
    plus,
    times,
)
from lamina._native.fusion import (
    Index,
    Kernel,
    Plan,
    fixed,
    identity,
    row_major,
    step_back,
    strides,
)
from lamina._native.graph import LOOKUPS, REDUCTIONS, SCANS, VIEWS, Node
from lamina._native.rules import RULES, F, combine, number
from lamina._native.rules import identity as start_of

# A linear function of a space's axes: a constant and a multiple of each.
Line = tuple[int, list[int]]


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

    def line(self, node: Node, index: Index, rank: int, memory: bool = True) -> Line:
        """Return where the element `index` of an addressable node lies."""
        return linear(index, strides(node), rank)

    def address(self, node: Node) -> tuple[Memory, Line]:
        """Return where a view of an addressable node lies, as a line over the view's axes."""
        rank = len(node.shape)
        index: Index = identity(rank)
        while not self.plan.addressable(node):
            assert node.op in VIEWS, node
            operand = node.inputs[0]
            before = step_back(node, index, rank)
            if before is None:
                return self.memory[operand.number], linear(index, row_major(node.shape), rank)
            node, index = operand, before
        return self.memory[node.number], linear(index, strides(node), rank)


def linear(index: Index, steps: Sequence[int], rank: int) -> Line:
    """Return a sum of indices, each times its step."""
    constant, factors = 0, [0] * rank
    for (c, ks), step in zip(index, steps, strict=True):
        constant += c * step
        for axis, k in enumerate(ks):
            factors[axis] += k * step
    return constant, factors


def fitted(source: Node, node: Node, index: Index) -> Index:
    """Return the index into an operand that may be a scalar or have axes of size 1."""
    if source.shape == node.shape:
        return index
    if not source.shape:
        return ()
    return tuple(i if size > 1 else fixed(i) for i, size in zip(index, source.shape, strict=True))


class Nest:
    """The loop nest over one space.

    Args:
        function: what it belongs to.
        space: sizes of the axes.
        nodes: the nodes to compute; those with memory are written to it.
        reduced: the axes that reductions sum over.
        lane: the axis of the lanes; None to choose, -1 for no lanes.
    """

    def __init__(
        self,
        function: Function,
        space: tuple[int, ...],
        nodes: Sequence[Node] = (),
        reduced: Sequence[int] = (),
        lane: int | None = None,
    ) -> None:
        self.function, self.code, self.plan = function, function.code, function.plan
        self.space, self.nodes, self.rank = space, list(nodes), len(space)
        self.own = identity(self.rank)
        self.reduced = set(reduced)
        self.lane = lane
        self.inside = {n.number for n in nodes}
        self.lines: list[Line] = []  # every access
        self.work = 0  # operations per element
        self._seen: set[Any] = set()
        self._known: dict[Any, Value] = {}
        self.at: dict[int, Place] = {}  # of each loop, by its innermost axis
        self.lanes = 1
        self._body: Callable[[], None] = self._compute

    # --- what is accessed -----------------------------------------------------------------------

    def survey(self, node: Node, index: Index) -> None:
        """Note the accesses that computing an element takes."""
        if (node.number, index) in self._seen:
            return
        self._seen.add((node.number, index))
        mine = node.number in self.inside and index == self.own
        if self.plan.addressable(node) and not mine:
            self.lines.append(linear(index, strides(node), self.rank))
        elif node.op in VIEWS:
            before = step_back(node, index, self.rank)
            if before is None:
                self.lines.append(linear(index, row_major(node.shape), self.rank))
            else:
                self.survey(node.inputs[0], before)
        elif node.op == "iota":
            self.lines.append(linear((index[node.params["dimension"]],), (1,), self.rank))
        elif node.op in LOOKUPS:
            self._survey_lookup(node, index)
        else:
            self.work += 1
            for source in node.inputs:
                self.survey(source, fitted(source, node, index))

    def _survey_lookup(self, node: Node, index: Index) -> None:
        self.lines += [linear((i,), (1,), self.rank) for i in index]
        self.work += 4
        if node.op == "gather":
            for start in range(node.inputs[1].shape[-1]):
                self.survey(node.inputs[1], self._start_index(node, index, start))

    def _start_index(self, node: Node, index: Index, start: int) -> Index:
        offsets = node.params["dimension_numbers"].offset_dims
        batch = [i for axis, i in enumerate(index) if axis not in offsets]
        return (*batch, (start, (0,) * self.rank))

    def _survey_all(self) -> None:
        for node in self.nodes:
            if node.op in REDUCTIONS or node.op in SCANS:
                self.survey(node.inputs[0], self._scanned(node))
                if node.op[:3] == "arg":
                    self.lines.append(linear((self.own[node.params["axes"][0]],), (1,), self.rank))
            else:
                self.survey(node, self.own)
            if node.number in self.function.memory:
                self.lines.append(self._output(node))

    def _output(self, node: Node) -> Line:
        if node.op in REDUCTIONS:
            kept = tuple(i for a, i in enumerate(self.own) if a not in node.params["axes"])
            return linear(kept, strides(node), self.rank)
        return linear(self._scanned(node), strides(node), self.rank)

    def _scanned(self, node: Node) -> Index:
        """Return the own index, turned round along the axis of a reverse scan."""
        if node.op not in SCANS or not node.params["reverse"]:
            return self.own
        axis, zero = node.params["axis"], (0,) * self.rank
        back = (self.space[axis] - 1, (*zero[:axis], -1, *zero[axis + 1 :]))
        return (*self.own[:axis], back, *self.own[axis + 1 :])

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
        alone = any(n.op[:3] in ("arg", "cum") for n in self.nodes)
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

    def write(self, body: Callable[[], None] | None = None) -> None:
        """Write the nest; `body` is what each turn does, by default computing the nodes."""
        self._survey_all()
        self._choose()
        self._body = body or self._compute
        self._first = next(
            (i for i, (axis, _) in enumerate(self.loops) if axis in self.reduced), len(self.loops)
        )
        self._reductions = [n for n in self.nodes if n.op in REDUCTIONS or n.op in SCANS]
        self._turn(0)

    def _turn(self, level: int) -> None:
        if level == self._first and self._reductions:
            self._open()
        if level == len(self.loops):
            self._known = {}
            self._body()
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

    def place(self, line: Line) -> Place:
        """Return where the present element of a line is."""
        constant, factors = line
        parts = [times(self.at[axis], factors[axis]) for axis, _ in self.loops]
        return plus((constant, ()), *parts)

    def step(self, line: Line) -> int:
        """Return the elements between two lanes of a line."""
        return line[1][self.lane] if self.lanes > 1 else 0

    def read(self, memory: Memory, line: Line) -> Value:
        return self.code.load(memory, self.place(line), self.lanes, self.step(line))

    def write_to(self, memory: Memory, line: Line, value: Value) -> None:
        if self.lanes > 1:
            self.code.store(memory, self.place(line), value, self.lanes, self.step(line))
        else:
            self.code.store(memory, self.place(line), value)

    def _compute(self) -> None:
        found = []
        for node in self.nodes:
            if node in self._reductions:
                self._accumulate(node, self.value(node.inputs[0], self._scanned(node)))
            else:
                found.append((node, self.value(node, self.own)))
        for node, value in found:
            if node.number in self.function.memory:
                self.write_to(self.function.memory[node.number], self._output(node), value)

    # --- reductions -----------------------------------------------------------------------------

    def _open(self) -> None:
        """Start the sums: lanes of them, and one for what does not fill all lanes."""
        self._sums: dict[Any, Memory] = {}
        crosses = self.lane in self.reduced
        wide = min(self.code.lanes, dict(self.loops).get(self.lane, 1)) if crosses else self.lanes
        for node in self._reductions:
            operation = (REDUCTIONS | SCANS)[node.op]
            source = node.inputs[0].dtype
            kind = operation.replace("arg", "")
            for width in {wide, 1} if crosses else {wide}:
                memory = self.code.allocate(source, width)
                self._sums[node.number, width] = memory
                self.code.store(memory, ZERO, start_of(kind, source), width)
            if operation[:3] == "arg":
                memory = self._sums[node.number, "at"] = self.code.allocate(node.dtype, wide)
                self.code.store(memory, ZERO, literal(0, node.dtype), wide)
        self._wide = wide

    def _accumulate(self, node: Node, value: Value) -> None:
        code, operation = self.code, (REDUCTIONS | SCANS)[node.op]
        if self.lanes > 1 and value.lanes == 1:
            value = Value(code.use(value, self.lanes), value.dtype, self.lanes)
        if operation[:3] == "arg":
            return self._accumulate_place(node, value, operation)
        width = self.lanes
        if self.lane in self.reduced and self.lanes != self._wide:
            value = code.across(operation, value, lambda a, b: combine(code, operation, a, b))
            width = 1
        memory = self._sums[node.number, width]
        total = combine(code, operation, code.load(memory, ZERO, width), value)
        code.store(memory, ZERO, total, width)
        if node.op in SCANS:
            self.write_to(self.function.memory[node.number], self._output(node), total)
        return None

    def _accumulate_place(self, node: Node, value: Value, operation: str) -> None:
        code, width = self.code, self.lanes
        best_at, place_at = self._sums[node.number, width], self._sums[node.number, "at"]
        best, place = code.load(best_at, ZERO, width), code.load(place_at, ZERO, width)
        high = operation == "argmax"
        if value.dtype == F:
            better = code.apply(f"fcmp {'ogt' if high else 'olt'}", value, best, dtype="bool")
            odd = code.apply("fcmp uno", value, value, dtype="bool")
            fine = code.apply("fcmp ord", best, best, dtype="bool")
            better = code.apply("or", better, code.apply("and", odd, fine))
        else:
            sign = "s" if value.dtype.startswith("int") else "u"
            how = f"icmp {sign}{'gt' if high else 'lt'}"
            better = code.apply(how, value, best, dtype="bool")
        axis = self.place(linear((self.own[node.params["axes"][0]],), (1,), self.rank))
        now = self._as_number(axis, node.dtype)
        code.store(best_at, ZERO, code.select(better, value, best), width)
        code.store(place_at, ZERO, code.select(better, now, place), width)

    def _close(self) -> None:
        code = self.code
        for node in self._reductions:
            operation = REDUCTIONS.get(node.op)
            if operation is None:
                continue
            memory = self.function.memory[node.number]
            if operation[:3] == "arg":
                value = code.load(self._sums[node.number, "at"], ZERO, self.lanes)
            else:
                value = self._total(node, operation)
            self.write_to(memory, self._output(node), value)

    def _total(self, node: Node, operation: str) -> Value:
        code = self.code
        value = code.load(self._sums[node.number, self._wide], ZERO, self._wide)
        if self.lane not in self.reduced:
            return value
        value = code.across(operation, value, lambda a, b: combine(code, operation, a, b))
        if self._wide == 1:
            return value
        rest = code.load(self._sums[node.number, 1], ZERO)
        return combine(code, operation, value, rest)

    # --- values ---------------------------------------------------------------------------------

    def value(self, node: Node, index: Index) -> Value:
        """Return the element of a node at an index, computing it if it is not known."""
        key = (node.number, index)
        if key not in self._known:
            self._known[key] = self._evaluate(node, index)
        return self._known[key]

    def _evaluate(self, node: Node, index: Index) -> Value:
        mine = node.number in self.inside and index == self.own
        if node.op == "constant":
            return literal(node.value, node.dtype)
        if self.plan.addressable(node) and not mine:
            line = linear(index, strides(node), self.rank)
            return self.read(self.function.memory[node.number], line)
        if node.op in VIEWS:
            before = step_back(node, index, self.rank)
            if before is not None:
                return self.value(node.inputs[0], before)
            line = linear(index, row_major(node.shape), self.rank)
            return self.read(self.function.memory[node.inputs[0].number], line)
        if node.op == "iota":
            line = linear((index[node.params["dimension"]],), (1,), self.rank)
            return self._counting(line, node.dtype)
        if node.op in LOOKUPS:
            return self._lookup(node, index)
        values = [self.value(source, fitted(source, node, index)) for source in node.inputs]
        return RULES[node.op](self.code, node, values)

    def _as_number(self, place: Place, dtype: str) -> Value:
        """Return a place as a value."""
        kind = "int32" if dtype == F else dtype
        name = self.code.number(place)
        if name.lstrip("-").isdigit():
            return literal(int(name), dtype)
        from_type = {"int8": "i8", "uint8": "i8", "int16": "i16", "uint16": "i16"}.get(kind, "i32")
        value = Value(self.code.let(f"trunc i64 {name} to {from_type}"), kind)
        return self.code.convert("sitofp", value, F) if dtype == F else value

    def _counting(self, line: Line, dtype: str) -> Value:
        step, kind = self.step(line), "int32" if dtype == F else dtype
        first = self._as_number(self.place(line), kind)
        if step:
            first = self.code.apply("add", first, self.code.counted(self.lanes, step, kind))
        return self.code.convert("sitofp", first, F) if dtype == F else first

    # --- values at computed places --------------------------------------------------------------

    def _lookup(self, node: Node, index: Index) -> Value:
        if node.op == "batch":
            return self._row(node, index)
        memory, (constant, steps) = self.function.address(node.inputs[0])
        starts, good = self.starts(node, index)
        offsets = self._offsets(node, index)
        line = linear(offsets, steps, self.rank)
        line = (line[0] + constant, line[1])
        value = self._read_at(memory, line, [(s, steps[axis]) for axis, s in starts])
        if good is None:
            return value
        return self.code.select(good, value, self._fill(node))

    def _fill(self, node: Node) -> Value:
        fill = node.params.get("fill_value")
        if fill is not None:
            return literal(fill, node.dtype)
        if node.dtype == F:
            return number(np.nan)
        if node.dtype == "bool":
            return literal(True, "bool")
        limits = np.iinfo(node.dtype)
        return literal(limits.max if node.dtype[0] == "u" else limits.min, node.dtype)

    def _offsets(self, node: Node, index: Index) -> Index:
        """Return the part of an operand's index that the output's index gives."""
        if node.op == "dynamic_slice":
            return index
        d, zero = node.params["dimension_numbers"], (0, (0,) * self.rank)
        batch = [i for axis, i in enumerate(index) if axis not in d.offset_dims]
        window = iter([index[axis] for axis in d.offset_dims])
        found = []
        for axis in range(len(node.inputs[0].shape)):
            if axis in d.operand_batching_dims:
                place = d.operand_batching_dims.index(axis)
                found.append(batch[d.start_indices_batching_dims[place]])
            elif axis in d.collapsed_slice_dims:
                found.append(zero)
            else:
                found.append(next(window))
        return tuple(found)

    def starts(self, node: Node, index: Index) -> tuple[list[tuple[int, list[str]]], Value | None]:
        """Return the first places of a window, (axis, a number per lane), and if all fit.

        The second is None if places outside are moved inside.
        """
        operand = node.inputs[0]
        if node.op == "dynamic_slice":
            shape, mapped, mode = node.shape, range(len(node.shape)), "CLIP"
            values = [self.value(n, ()) for n in node.inputs[1:]]
        else:
            p = node.params
            shape, mapped, mode = p["slice_sizes"], p["dimension_numbers"].start_index_map, ""
            mode = str(p["mode"]).upper()
            count = range(len(mapped))
            values = [self.value(node.inputs[1], self._start_index(node, index, k)) for k in count]
        limits = [operand.shape[axis] - shape[axis] for axis in mapped]
        return self.clamped(mapped, values, limits, "FILL" in mode)

    def clamped(
        self, axes: Any, values: list[Value], limits: list[int], fills: bool
    ) -> tuple[list[tuple[int, list[str]]], Value | None]:
        """Return places inside [0, limit] as 64-bit numbers, and whether they all were."""
        code, found = self.code, []
        good: Value | None = None
        for axis, value, limit in zip(axes, values, limits, strict=True):
            kind = value.dtype
            wide = "sext" if kind.startswith("int") else "zext"
            names = []
            oks = []
            for lane in range(value.lanes):
                text = code.lane(value, lane)
                one = Value(code.let(f"{wide} {_kind(kind)} {text.text} to i64"), "int64")
                low = code.intrinsic("smax", one, Value("0", "int64"))
                names.append(code.intrinsic("smin", low, Value(str(limit), "int64")).text)
                if fills:
                    limit_64 = Value(str(limit), "int64")
                    oks.append(code.apply("icmp ule", one, limit_64, dtype="bool"))
            found.append((axis, names))
            if fills:
                ok = code.gathered(oks)
                good = ok if good is None else code.apply("and", good, ok)
        return found, good

    def _read_at(self, memory: Memory, line: Line, starts: list[tuple[list[str], int]]) -> Value:
        """Read at a line plus computed places, (a number per lane, elements per unit)."""
        place = self.place(line)
        if all(len(names) == 1 for names, _ in starts):
            moved = [(0, ((names[0], step),)) for names, step in starts if step]
            return self.code.load(memory, plus(place, *moved), self.lanes, self.step(line))
        found = []
        for lane in range(self.lanes):
            moved = [(0, ((names[lane % len(names)], step),)) for names, step in starts if step]
            at = plus(place, (lane * self.step(line), ()), *moved)
            found.append(self.code.load(memory, at))
        return self.code.gathered(found)

    def _row(self, node: Node, index: Index) -> Value:
        """Read from a data array: the row is looked up in the epoch's order."""
        code, k = self.code, node.params["place"]
        spot = linear((index[0],), (1,), self.rank)
        steps = row_major(node.shape)
        line = linear(index[1:], steps[1:], self.rank)
        names = []
        apart = self.step(spot)
        for lane in range(self.lanes if apart else 1):
            begin = (0, (("%step", self.function.batch),))
            at = plus(begin, self.place(spot), (lane * apart, ()))
            row = code.load(Memory("%order", "int32", 1 << 62), at)
            row = Value(code.let(f"zext i32 {row.text} to i64"), "int64")
            names.append(code.intrinsic("umin", row, Value("%last", "int64")).text)
        memory = Memory(f"%data{k}", node.dtype, 1 << 62)
        return self._read_at(memory, line, [(names, steps[0])])


def _kind(dtype: str) -> str:
    return {"int32": "i32", "uint32": "i32", "bool": "i1"}.get(
        dtype, "i8" if dtype.endswith("8") else "i16"
    )


def write_kernel(function: Function, kernel: Kernel) -> None:
    """Write the loop nest of a kernel of kind 'loop'."""
    Nest(function, kernel.space, kernel.nodes, kernel.reduced or ()).write()

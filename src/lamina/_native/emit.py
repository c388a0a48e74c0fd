"""A function's body while it is written: memory and loops in LLVM's language."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lamina._native.values import TYPES, Value, vector

IN_MEMORY = TYPES | {"bool": "i8"}
BYTES = {"float": 4, "i32": 4, "i8": 1, "i16": 2}
UNROLL_LIMIT = 600  # instructions that a kernel written out may have ...
UNROLLED_IN_ALL = 40_000  # ... and all kernels: more take long to compile

# A place: a constant plus multiples of loop variables, counted in elements.
Place = tuple[int, tuple[tuple[str, int], ...]]
ZERO: Place = (0, ())


def plus(*places: Place) -> Place:
    """Return the sum of places."""
    total, terms = 0, dict[str, int]()
    for constant, parts in places:
        total += constant
        for name, factor in parts:
            terms[name] = terms.get(name, 0) + factor
    return total, tuple((n, f) for n, f in terms.items() if f)


def times(place: Place, factor: int) -> Place:
    """Return a multiple of a place."""
    return place[0] * factor, tuple((n, f * factor) for n, f in place[1] if f * factor)


@dataclass(frozen=True)
class Machine:
    """What code is written for."""

    family: str  # "x86", "aarch64" or another
    lanes: int  # floats in a vector
    sums: int  # vectors that hold sums of a product of matrices
    checked: bool = False  # whether every access of memory is tested


class Memory(NamedTuple):
    """Where an array lies: a pointer, and the number of its elements."""

    pointer: str
    dtype: str
    size: int


class Code:
    """The body of one function, while it is written.

    Args:
        machine: what it is written for. Where accesses are tested, one outside its array goes to
            element 0 and raises the flag, the first word at the pointer %flag.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine, self.lanes = machine, machine.lanes
        self.unrolled = UNROLL_LIMIT  # of one kernel
        self.lines: list[str] = []
        self.entry: list[str] = []  # what comes first
        self.declared: set[str] = set()
        self.block = "entry"
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def let(self, text: str) -> str:
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    # --- values ---------------------------------------------------------------------------------

    def literal(self, value: Any, dtype: str) -> Value:
        """Return a constant."""
        if dtype == "float32":
            with np.errstate(over="ignore"):
                bits = struct.unpack("<Q", struct.pack("<d", float(np.float32(value))))[0]
            text = f"0x{bits:016X}"
        elif dtype == "bool":
            text = "true" if value else "false"
        else:
            text = str(int(value))
        return Value(self, text, dtype, 1, value)

    def call(self, name: str, values: Sequence[Value], dtype: str) -> Value:
        """Call a function of values of one type."""
        kind, lanes = values[0].kind, values[0].lanes
        result = vector(lanes, TYPES[dtype])
        self.declared.add(f"declare {result} @{name}({', '.join([kind] * len(values))})")
        arguments = ", ".join([f"{kind} {v.text}" for v in values])
        return Value(self, self.let(f"call {result} @{name}({arguments})"), dtype, lanes)

    def gathered(self, values: Sequence[Value]) -> Value:
        """Return scalars as the lanes of one value."""
        if len(values) == 1:
            return values[0]
        kind, whole, result = values[0].kind, vector(len(values), values[0].kind), "poison"
        for lane, value in enumerate(values):
            result = self.let(f"insertelement {whole} {result}, {kind} {value.text}, i64 {lane}")
        return Value(self, result, values[0].dtype, len(values))

    # --- memory ---------------------------------------------------------------------------------

    def number(self, place: Place) -> str:
        """Return a place as a 64-bit number."""
        constant, terms = place
        total = ""
        for name, factor in terms:
            part = name if factor == 1 else self.let(f"mul nsw i64 {name}, {factor}")
            total = part if not total else self.let(f"add nsw i64 {total}, {part}")
        if not total:
            return str(constant)
        return self.let(f"add nsw i64 {total}, {constant}") if constant else total

    def address(self, memory: Memory, place: Place, lanes: int = 1) -> str:
        """Return the address of `lanes` elements."""
        if self.machine.checked:
            place = self._inside(memory, place, lanes)
        if place == ZERO:
            return memory.pointer
        kind = IN_MEMORY[memory.dtype]
        return self.let(f"getelementptr {kind}, ptr {memory.pointer}, i64 {self.number(place)}")

    def _inside(self, memory: Memory, place: Place, lanes: int) -> Place:
        at = self.number(place)
        last = memory.size - lanes
        good = self.let(f"icmp ule i64 {at}, {max(last, 0)}")
        bad = self.let(f"zext i1 {self.let(f'xor i1 {good}, {str(last >= 0).lower()}')} to i32")
        old = self.let("load i32, ptr %flag")
        self.do(f"store i32 {self.let(f'or i32 {old}, {bad}')}, ptr %flag")
        return 0, ((self.let(f"select i1 {good}, i64 {at}, i64 0"), 1),)

    def load(self, memory: Memory, place: Place, lanes: int = 1, stride: int = 1) -> Value:
        """Read elements `stride` apart; a stride of 0 gives one lane."""
        if stride == 0:
            lanes = 1
        if lanes > 1 and stride != 1:
            spots = (plus(place, (i * stride, ())) for i in range(lanes))
            return self.gathered([self.load(memory, spot) for spot in spots])
        kind = IN_MEMORY[memory.dtype]
        address = self.address(memory, place, lanes)
        whole = vector(lanes, kind)
        text = self.let(f"load {whole}, ptr {address}, align {BYTES[kind]}")
        if memory.dtype == "bool":
            text = self.let(f"trunc {whole} {text} to {vector(lanes, 'i1')}")
        return Value(self, text, memory.dtype, lanes)

    def store(
        self, memory: Memory, place: Place, value: Value, lanes: int = 1, stride: int = 1
    ) -> None:
        """Write elements `stride` apart."""
        if lanes > 1 and stride != 1:
            for i in range(lanes):
                self.store(memory, plus(place, (i * stride, ())), value.lane(i))
            return
        kind, text = IN_MEMORY[memory.dtype], value.wide(lanes).text
        whole = vector(lanes, kind)
        if memory.dtype == "bool":
            text = self.let(f"zext {vector(lanes, 'i1')} {text} to {whole}")
        address = self.address(memory, place, lanes)
        self.do(f"store {whole} {text}, ptr {address}, align {BYTES[kind]}")

    def allocate(self, dtype: str, size: int) -> Memory:
        """Return memory on the stack."""
        pointer = self.at_entry(f"alloca [{size} x {IN_MEMORY[dtype]}], align 64")
        return Memory(pointer, dtype, size)

    def at_entry(self, text: str) -> str:
        """Add an instruction to the beginning of the function."""
        name = self.name()
        self.entry.append(f"  {name} = {text}")
        return name

    # --- control --------------------------------------------------------------------------------

    def begin(self, block: str) -> None:
        self.lines.append(f"{block}:")
        self.block = block

    def loop(
        self,
        count: int | str,
        body: Callable[[Place], None],
        unroll: bool = False,
        first: str = "0",
    ) -> None:
        """Call `body` with the place of each turn, written out or as a loop.

        Args:
            count: number of turns, or the name of one that is larger than `first`.
            body: writes one turn.
            unroll: whether to write all turns out.
            first: number of the first turn.
        """
        if isinstance(count, int) and (count == 1 or unroll):
            for i in range(count):
                body((i, ()))
        else:
            self.carry(count, [], lambda at, _: body(at), first)

    def carry(
        self,
        count: int | str,
        start: list[Value],
        body: Callable[[Place, list[Value]], list[Value] | None],
        first: str = "0",
    ) -> list[Value]:
        """Write a loop that carries values; return the last ones."""
        self._count += 1
        k, before = self._count, self.block
        self.do(f"br label %L{k}")
        self.begin(f"L{k}")
        at = len(self.lines)
        now = [Value(self, self.name(), v.dtype, v.lanes) for v in start]
        after = body((0, ((f"%i{k}", 1),)), now) or []
        phis = [f"  %i{k} = phi i64 [{first}, %{before}], [%n{k}, %{self.block}]"]
        for v, begin, end in zip(now, start, after, strict=True):
            edges = f"[{begin.text}, %{before}], [{end.text}, %{self.block}]"
            phis.append(f"  {v.text} = phi {v.kind} {edges}")
        self.lines[at:at] = phis
        self.do(f"%n{k} = add nuw nsw i64 %i{k}, 1")
        self.do(f"%c{k} = icmp slt i64 %n{k}, {count}")
        self.do(f"br i1 %c{k}, label %L{k}, label %X{k}")
        self.begin(f"X{k}")
        return after

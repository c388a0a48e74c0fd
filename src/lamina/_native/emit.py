"""LLVM's language: values of one lane or many, memory, loops.

Text is written by hand: an object per instruction would take longer than the whole compilation of
a small net.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Union

import numpy as np

TYPES = {"float32": "float", "bool": "i1", "int64": "i64"}
TYPES |= {f"{sign}int{bits}": f"i{bits}" for sign in ("", "u") for bits in (8, 16, 32)}
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


def vector(lanes: int, kind: str) -> str:
    """Return the type of `lanes` elements."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


@dataclass(frozen=True)
class Machine:
    """What code is written for."""

    family: str  # "x86", "aarch64" or another
    lanes: int  # floats in a vector
    sums: int  # vectors that hold sums of a product of matrices
    checked: bool = False  # whether every access of memory is tested


Operand = Union["Value", float]


class Value:
    """A result, its lanes, and the code that it belongs to: formulas of values write instructions.

    Attributes:
        text: its name, or the number that it is.
        constant: that number; None for what is computed.
    """

    __slots__ = ("code", "constant", "dtype", "lanes", "text")

    def __init__(
        self, code: "Code", text: str, dtype: str, lanes: int = 1, constant: Any = None
    ) -> None:
        self.code, self.text, self.dtype, self.lanes = code, text, dtype, lanes
        self.constant = constant

    @property
    def is_float(self) -> bool:
        return self.dtype == "float32"

    @property
    def sign(self) -> str:
        """The letter of instructions for such integers: s if they have a sign, else u."""
        return "s" if self.dtype.startswith("int") else "u"

    def like(self, other: Operand) -> "Value":
        """Return a number as a value of the same type."""
        return other if isinstance(other, Value) else self.code.literal(other, self.dtype)

    def operated(self, operation: str, other: Operand, dtype: str = "") -> "Value":
        """Return the result of an instruction such as 'fsub' or 'icmp eq'."""
        return self.code.apply(operation, self, self.like(other), dtype=dtype)

    def call(self, name: str, *others: Operand, dtype: str = "") -> "Value":
        """Return the result of one of LLVM's functions, such as 'sqrt'."""
        return self.code.intrinsic(name, self, *map(self.like, others), dtype=dtype)

    def compare(self, how: str, other: Operand) -> "Value":
        """Compare with 'lt', 'eq' and so on; with NaN only 'ne' and 'uno' are true."""
        if self.is_float:
            how = f"fcmp {how if len(how) == 3 else 'une' if how == 'ne' else 'o' + how}"
        else:
            how = f"icmp {'' if how in ('eq', 'ne') else self.sign}{how}"
        return self.operated(how, other, "bool")

    def converted(self, operation: str, dtype: str) -> "Value":
        """Return the result of a conversion such as 'sitofp'."""
        return self.code.convert(operation, self, dtype)

    def typed(self, dtype: str) -> "Value":
        """Return the same bits as another type of that size."""
        return Value(self.code, self.text, dtype, self.lanes, self.constant)

    def where(self, yes: Operand, no: Operand) -> "Value":
        """Select by a truth value."""
        kind = yes if isinstance(yes, Value) else no
        assert isinstance(kind, Value)
        return self.code.select(self, kind.like(yes), kind.like(no))

    def _arithmetic(self, operation: str, other: Operand) -> "Value":
        if self.dtype == "bool":
            operation = {"add": "or", "mul": "and"}.get(operation, operation)
        return self.operated(f"f{operation} contract" if self.is_float else operation, other)

    def __add__(self, other: Operand) -> "Value":
        return self._arithmetic("add", other)

    def __sub__(self, other: Operand) -> "Value":
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Operand) -> "Value":
        return self.like(other) - self

    def __mul__(self, other: Operand) -> "Value":
        return self._arithmetic("mul", other)

    def __truediv__(self, other: Operand) -> "Value":
        return self.operated("fdiv", other)

    def __rtruediv__(self, other: Operand) -> "Value":
        return self.like(other) / self

    def __neg__(self) -> "Value":
        return self.code.apply("fneg", self) if self.is_float else 0 - self

    def __lshift__(self, other: Operand) -> "Value":
        return self.operated("shl", other)

    def __and__(self, other: Operand) -> "Value":
        return self.operated("and", other)

    def __or__(self, other: Operand) -> "Value":
        return self.operated("or", other)

    def __xor__(self, other: Operand) -> "Value":
        return self.operated("xor", other)

    def __invert__(self) -> "Value":
        return self ^ -1

    def __lt__(self, other: Operand) -> "Value":
        return self.compare("lt", other)

    def __le__(self, other: Operand) -> "Value":
        return self.compare("le", other)

    def __gt__(self, other: Operand) -> "Value":
        return self.compare("gt", other)

    def __ge__(self, other: Operand) -> "Value":
        return self.compare("ge", other)


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
        self.stack: list[str] = []  # allocations
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

    def use(self, value: Value, lanes: int) -> str:
        """Return `value` as an operand of this many lanes."""
        if value.lanes == lanes:
            return value.text
        assert value.lanes == 1, (value, lanes)
        kind = TYPES[value.dtype]
        if value.constant is not None:
            return f"splat ({kind} {value.text})"
        whole = vector(lanes, kind)
        one = self.let(f"insertelement {whole} poison, {kind} {value.text}, i64 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.let(f"shufflevector {whole} {one}, {whole} poison, {zeros}")

    def operands(self, *values: Value) -> tuple[int, list[str]]:
        """Return values as operands of one common number of lanes."""
        lanes = max(v.lanes for v in values)
        return lanes, [self.use(v, lanes) for v in values]

    def apply(self, operation: str, *values: Value, dtype: str = "") -> Value:
        """Apply an instruction such as 'fadd contract' or 'icmp eq' to values of one type."""
        lanes, texts = self.operands(*values)
        kind = vector(lanes, TYPES[values[0].dtype])
        text = self.let(f"{operation} {kind} {', '.join(texts)}")
        return Value(self, text, dtype or values[0].dtype, lanes)

    def convert(self, operation: str, value: Value, dtype: str) -> Value:
        """Apply a conversion such as 'sitofp'."""
        before, after = (vector(value.lanes, TYPES[d]) for d in (value.dtype, dtype))
        text = self.let(f"{operation} {before} {value.text} to {after}")
        return Value(self, text, dtype, value.lanes)

    def select(self, condition: Value, yes: Value, no: Value) -> Value:
        lanes, (c, y, n) = self.operands(condition, yes, no)
        kind = vector(lanes, TYPES[yes.dtype])
        text = self.let(f"select {vector(lanes, 'i1')} {c}, {kind} {y}, {kind} {n}")
        return Value(self, text, yes.dtype, lanes)

    def intrinsic(self, name: str, *values: Value, dtype: str = "") -> Value:
        """Call one of LLVM's functions of values of one type; the suffix is added."""
        lanes, texts = self.operands(*values)
        types = [TYPES[values[0].dtype], TYPES[dtype or values[0].dtype]]
        kind, result = (vector(lanes, t) for t in types)
        letters = [(f"v{lanes}" if lanes > 1 else "") + t.replace("float", "f32") for t in types]
        full = f"llvm.{name}.{'.'.join(dict.fromkeys(reversed(letters)))}"
        self.declared.add(f"declare {result} @{full}({', '.join([kind] * len(texts))})")
        arguments = ", ".join(f"{kind} {t}" for t in texts)
        text = self.let(f"call {result} @{full}({arguments})")
        return Value(self, text, dtype or values[0].dtype, lanes)

    def library(self, name: str, *values: Value) -> Value:
        """Call a function of C's library of floats, lane by lane."""
        lanes, _ = self.operands(*values)
        self.declared.add(f"declare float @{name}({', '.join(['float'] * len(values))})")
        results = []
        for lane in range(lanes):
            picked = ", ".join(f"float {self.lane(v, lane).text}" for v in values)
            results.append(Value(self, self.let(f"call float @{name}({picked})"), "float32"))
        return self.gathered(results)

    def lane(self, value: Value, lane: int) -> Value:
        """Return one lane of a value."""
        if value.lanes == 1:
            return value
        kind = vector(value.lanes, TYPES[value.dtype])
        text = self.let(f"extractelement {kind} {value.text}, i64 {lane}")
        return Value(self, text, value.dtype)

    def gathered(self, values: Sequence[Value]) -> Value:
        """Return scalars as the lanes of one value."""
        if len(values) == 1:
            return values[0]
        kind, result = TYPES[values[0].dtype], "poison"
        whole = vector(len(values), kind)
        for lane, value in enumerate(values):
            result = self.let(f"insertelement {whole} {result}, {kind} {value.text}, i64 {lane}")
        return Value(self, result, values[0].dtype, len(values))

    def counted(self, lanes: int, step: int, dtype: str) -> Value:
        """Return 0, step, 2 step, ... as lanes."""
        if lanes == 1:
            return self.literal(0, dtype)
        text = ", ".join(f"{TYPES[dtype]} {i * step}" for i in range(lanes))
        return Value(self, f"<{text}>", dtype, lanes)

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
                self.store(memory, plus(place, (i * stride, ())), self.lane(value, i))
            return
        kind, text = IN_MEMORY[memory.dtype], self.use(value, lanes)
        whole = vector(lanes, kind)
        if memory.dtype == "bool":
            text = self.let(f"zext {vector(lanes, 'i1')} {text} to {whole}")
        address = self.address(memory, place, lanes)
        self.do(f"store {whole} {text}, ptr {address}, align {BYTES[kind]}")

    def allocate(self, dtype: str, size: int) -> Memory:
        """Return memory on the stack."""
        pointer = self.name()
        self.stack.append(f"  {pointer} = alloca [{size} x {IN_MEMORY[dtype]}], align 64")
        return Memory(pointer, dtype, size)

    # --- control --------------------------------------------------------------------------------

    def label(self, name: str) -> None:
        self.do(f"br label %{name}")
        self.lines.append(f"{name}:")
        self.block = name

    def loop(self, count: int | str, body: Callable[[Place], None], unroll: bool = False) -> None:
        """Call `body` with the place of each turn, written out or as a loop.

        Args:
            count: number of turns, or the name of one that is at least `start`.
            body: writes one turn.
            unroll: whether to write all turns out.
        """
        if isinstance(count, int) and (count == 1 or unroll):
            for i in range(count):
                body((i, ()))
            return
        self.carry(count, [], lambda at, _: body(at) or [])

    def carry(
        self,
        count: int | str,
        start: list[tuple[str, str]],
        body: Callable[[Place, list[str]], list[str]],
        first: str = "0",
    ) -> list[str]:
        """Write a loop that carries values, given as (type, first value); return the last ones."""
        self._count += 1
        k, before = self._count, self.block
        self.label(f"L{k}")
        at = len(self.lines)
        names = [self.name() for _ in start]
        after = body((0, ((f"%i{k}", 1),)), names)
        phis = [f"  %i{k} = phi i64 [{first}, %{before}], [%n{k}, %{self.block}]"]
        for name, (kind, begin), end in zip(names, start, after, strict=True):
            phis.append(f"  {name} = phi {kind} [{begin}, %{before}], [{end}, %{self.block}]")
        self.lines[at:at] = phis
        self.do(f"%n{k} = add nuw nsw i64 %i{k}, 1")
        self.do(f"%c{k} = icmp slt i64 %n{k}, {count}")
        self.do(f"br i1 %c{k}, label %L{k}, label %X{k}")
        self.lines.append(f"X{k}:")
        self.block = f"X{k}"
        return after

"""Values of one lane or many: formulas of them write LLVM's instructions.

Text is written by hand: an object per instruction would take longer than the whole compilation of
a small net.
"""

from collections.abc import Callable, Sequence
from typing import Any, Union

TYPES = {"float32": "float", "bool": "i1", "int64": "i64"}
TYPES |= {f"{sign}int{bits}": f"i{bits}" for sign in ("", "u") for bits in (8, 16, 32)}
Operand = Union["Value", float]


def vector(lanes: int, kind: str) -> str:
    """Return the type of `lanes` elements."""
    return kind if lanes == 1 else f"<{lanes} x {kind}>"


def _operator(operation: str) -> Callable[["Value", Operand], "Value"]:
    return lambda x, y: x.do(operation, y)


def _arithmetic(floats: str, integers: str, bools: str) -> Callable[["Value", Operand], "Value"]:
    names = {"float32": floats, "bool": bools}
    return lambda x, y: x.do(names.get(x.dtype, integers), y)


def _comparison(how: str) -> Callable[["Value", Operand], "Value"]:
    return lambda x, y: x.compare(how, y)


class Value:
    """A result, its lanes, and the code that it is part of.

    Attributes:
        text: its name, or the number that it is.
        constant: that number; None for what is computed.
    """

    __slots__ = ("code", "constant", "dtype", "lanes", "text")

    def __init__(
        self, code: Any, text: str, dtype: str, lanes: int = 1, constant: Any = None
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

    @property
    def kind(self) -> str:
        """Its type in LLVM."""
        return vector(self.lanes, TYPES[self.dtype])

    def like(self, other: Operand) -> "Value":
        """Return a number as a value of the same type."""
        return other if isinstance(other, Value) else self.code.literal(other, self.dtype)

    def typed(self, dtype: str) -> "Value":
        """Return the same bits as another type of that size."""
        return Value(self.code, self.text, dtype, self.lanes, self.constant)

    def wide(self, lanes: int) -> "Value":
        """Return this in all of so many lanes."""
        if self.lanes == lanes:
            return self
        assert self.lanes == 1, (self.text, lanes)
        whole, let = vector(lanes, self.kind), self.code.let
        if self.constant is not None:
            return Value(self.code, f"splat ({self.kind} {self.text})", self.dtype, lanes)
        one = let(f"insertelement {whole} poison, {self.kind} {self.text}, i64 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        text = let(f"shufflevector {whole} {one}, {whole} poison, {zeros}")
        return Value(self.code, text, self.dtype, lanes)

    def together(self, others: Sequence[Operand]) -> list["Value"]:
        """Return this and others in as many lanes as the widest has."""
        values = [self, *map(self.like, others)]
        lanes = max([v.lanes for v in values])
        return [v.wide(lanes) for v in values]

    def lane(self, lane: int) -> "Value":
        """Return one lane."""
        if self.lanes == 1:
            return self
        text = self.code.let(f"extractelement {self.kind} {self.text}, i64 {lane}")
        return Value(self.code, text, self.dtype)

    # --- instructions ---------------------------------------------------------------------------

    def do(self, operation: str, *others: Operand, dtype: str = "") -> "Value":
        """Return the result of an instruction such as 'fsub' or 'icmp eq'."""
        values = self.together(others)
        texts = ", ".join([v.text for v in values])
        text = self.code.let(f"{operation} {values[0].kind} {texts}")
        return Value(self.code, text, dtype or self.dtype, values[0].lanes)

    def converted(self, operation: str, dtype: str) -> "Value":
        """Return the result of a conversion such as 'sitofp'."""
        after = vector(self.lanes, TYPES[dtype])
        text = self.code.let(f"{operation} {self.kind} {self.text} to {after}")
        return Value(self.code, text, dtype, self.lanes)

    def where(self, yes: Operand, no: Operand) -> "Value":
        """Select by a truth value."""
        known = yes if isinstance(yes, Value) else no
        assert isinstance(known, Value)
        values = self.together([known.like(yes), known.like(no)])
        text = self.code.let(f"select {', '.join([f'{v.kind} {v.text}' for v in values])}")
        return Value(self.code, text, known.dtype, values[0].lanes)

    def call(self, name: str, *others: Operand, dtype: str = "") -> "Value":
        """Return the result of one of LLVM's functions, such as 'sqrt'; its suffix is added."""
        values = self.together(others)
        lanes = values[0].lanes
        kinds = [TYPES[dtype], TYPES[self.dtype]] if dtype else [TYPES[self.dtype]]
        suffix = [(f"v{lanes}" if lanes > 1 else "") + k.replace("float", "f32") for k in kinds]
        return self.code.call(f"llvm.{name}.{'.'.join(suffix)}", values, dtype or self.dtype)

    def library(self, name: str, *others: "Value") -> "Value":
        """Return the result of a function of C's library, lane by lane."""
        values = (self, *others)
        lanes = range(max([v.lanes for v in values]))
        return self.code.gathered(
            [self.code.call(name, [v.lane(i) for v in values], self.dtype) for i in lanes]
        )

    # --- formulas -------------------------------------------------------------------------------

    def compare(self, how: str, other: Operand) -> "Value":
        """Compare with 'lt', 'eq' and so on; with NaN only 'ne', 'ult' and 'uno' are true."""
        if self.is_float:
            how = f"fcmp {how if len(how) == 3 else 'une' if how == 'ne' else 'o' + how}"
        else:
            how = f"icmp {'' if how in ('eq', 'ne') else self.sign}{how}"
        return self.do(how, other, dtype="bool")

    def __rsub__(self, other: Operand) -> "Value":
        return self.like(other) - self

    def __rtruediv__(self, other: Operand) -> "Value":
        return self.like(other) / self

    def __neg__(self) -> "Value":
        return self.do("fneg") if self.is_float else 0 - self

    def __invert__(self) -> "Value":
        return self ^ -1

    __add__ = _arithmetic("fadd contract", "add", "or")
    __sub__ = _arithmetic("fsub contract", "sub", "sub")
    __mul__ = _arithmetic("fmul contract", "mul", "and")
    __truediv__ = _operator("fdiv")
    __and__, __or__, __xor__ = map(_operator, ("and", "or", "xor"))
    __lshift__, __rshift__ = map(_operator, ("shl", "lshr"))
    __lt__, __le__, __gt__, __ge__ = map(_comparison, ("lt", "le", "gt", "ge"))

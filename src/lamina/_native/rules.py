"""Elementwise operations: what each primitive is in LLVM's language, and the functions of floats.

Exponentials and logarithms are the classic polynomials of the Cephes library (Moshier, 1989); tanh
and erf are the rational functions that Eigen and XLA use; erf_inv is Giles (2010); lgamma is
Lanczos' (1964) with g = 7. All are within a few units in the last place of a float32.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from lamina._native.emit import TYPES, Code, Value, literal
from lamina._native.graph import require

F = "float32"
FADD, FSUB, FMUL, FDIV = "fadd contract", "fsub contract", "fmul contract", "fdiv"
RULES: dict[str, Callable[[Code, Any, list[Value]], Value]] = {}


def rule(*names: str) -> Callable[[Any], Any]:
    """Enter a rule, a function of (code, node, values), under the names of primitives."""

    def enter(function: Any) -> Any:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


def number(value: float) -> Value:
    """Return a float constant."""
    return literal(value, F)


def signed(dtype: str) -> bool:
    """Return whether integers of this dtype have a sign."""
    return dtype.startswith("int")


def maximum(c: Code, x: Value, y: Value, low: bool = False) -> Value:
    """Return the larger (or lower) one; NaN wins over numbers."""
    if x.dtype != F:
        if x.dtype == "bool":
            return c.apply("and" if low else "or", x, y)
        return c.intrinsic(f"{'s' if signed(x.dtype) else 'u'}{'min' if low else 'max'}", x, y)
    if x.literal and not y.literal:
        x, y = y, x
    chosen = c.select(c.apply(f"fcmp {'olt' if low else 'ogt'}", y, x, dtype="bool"), y, x)
    if y.literal:
        return chosen  # a NaN in x has stayed
    return c.select(c.apply("fcmp uno", y, y, dtype="bool"), y, chosen)


def combine(c: Code, operation: str, x: Value, y: Value) -> Value:
    """Return one step of a reduction."""
    if operation in ("max", "min"):
        return maximum(c, x, y, operation == "min")
    if operation == "set":
        return y
    if x.dtype == F:
        return c.apply(f"f{operation} contract reassoc", x, y)
    if x.dtype == "bool":
        operation = {"add": "or", "mul": "and"}.get(operation, operation)
    return c.apply(operation, x, y)


def is_better(c: Code, operation: str, x: Value, y: Value) -> Value:
    """Return whether x comes before an earlier y for 'argmax' or 'argmin': the first NaN wins."""
    how = "gt" if operation == "argmax" else "lt"
    if x.dtype != F:
        return c.apply(f"icmp {'s' if signed(x.dtype) else 'u'}{how}", x, y, dtype="bool")
    better = c.apply(f"fcmp o{how}", x, y, dtype="bool")
    odd = c.apply("fcmp uno", x, x, dtype="bool")
    fine = c.apply("fcmp ord", y, y, dtype="bool")
    return c.apply("or", better, c.apply("and", odd, fine))


def identity(operation: str, dtype: str) -> Value:
    """Return what a reduction starts from."""
    if operation in ("max", "min"):
        sign = -1 if operation == "max" else 1
        if dtype == F:
            return number(sign * np.inf)
        if dtype == "bool":
            return literal(sign > 0, dtype)
        limits = np.iinfo(dtype)
        return literal(limits.min if sign < 0 else limits.max, dtype)
    return literal({"add": 0, "mul": 1, "or": 0, "and": -1}[operation], dtype)


# --- functions of floats ------------------------------------------------------------------------


def fma(c: Code, x: Value, y: Value, z: Value) -> Value:
    return c.intrinsic("fmuladd", x, y, z)


def polynomial(c: Code, x: Value, coefficients: tuple[float, ...]) -> Value:
    """Evaluate by Horner's scheme, the highest power first."""
    total = number(coefficients[0])
    for coefficient in coefficients[1:]:
        total = fma(c, total, x, number(coefficient))
    return total


def clip(c: Code, x: Value, limit: float) -> Value:
    """Return x within [-limit, limit]."""
    return maximum(c, maximum(c, x, number(-limit)), number(limit), low=True)


def compare(c: Code, how: str, x: Value, y: float) -> Value:
    return c.apply(f"fcmp {how}", x, number(y), dtype="bool")


def exp(c: Code, x: Value) -> Value:
    y = maximum(c, maximum(c, x, number(-87.8)), number(88.8), low=True)
    magic = number(12582912.0)  # 1.5 * 2^23: adding it rounds to an integer, also of a NaN
    shifted = fma(c, y, number(1.44269504088896341), magic)
    n = c.apply("fsub", shifted, magic)
    r = fma(c, n, number(2.12194440e-4), fma(c, n, number(-0.693359375), y))
    p = polynomial(
        c, r, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2,
               1.6666665459e-1, 5.0000001201e-1),
    )  # fmt: skip
    p = c.apply(FADD, fma(c, c.apply(FMUL, p, r), r, r), number(1))
    # 2^(n-1) * 2, so that n = 128 does not overflow on its way
    bits = c.convert("bitcast", shifted, "int32")
    bits = c.apply("add", bits, literal(126 - 0x4B400000, "int32"))
    power = c.convert("bitcast", c.apply("shl", bits, literal(23, "int32")), F)
    value = c.apply("fmul", c.apply("fmul", p, number(2)), power)
    value = c.select(compare(c, "ogt", x, 88.72283), number(np.inf), value)
    return c.select(compare(c, "olt", x, -87.33654), number(0), value)


def log(c: Code, x: Value) -> Value:
    bits = c.convert("bitcast", x, "int32")
    e = c.apply("lshr", bits, literal(23, "int32"))
    e = c.convert("sitofp", c.apply("sub", e, literal(126, "int32")), F)
    m = c.apply("and", bits, literal(0x7FFFFF, "int32"))
    m = c.convert("bitcast", c.apply("or", m, literal(0x3F000000, "int32")), F)  # in [0.5, 1)
    small = compare(c, "olt", m, 0.707106781186547524)
    e = c.apply(FSUB, e, c.select(small, number(1), number(0)))
    m = c.apply(FADD, c.apply(FSUB, m, number(1)), c.select(small, m, number(0)))
    z = c.apply(FMUL, m, m)
    y = polynomial(
        c, m, (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
               1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1,
               3.3333331174e-1),
    )  # fmt: skip
    y = fma(c, e, number(-2.12194440e-4), c.apply(FMUL, c.apply(FMUL, y, m), z))
    y = c.apply(FADD, m, fma(c, z, number(-0.5), y))
    value = fma(c, e, number(0.693359375), y)
    value = c.select(compare(c, "oge", x, 1.17549435e-38), value, number(-np.inf))
    value = c.select(compare(c, "ult", x, 0), number(np.nan), value)
    return c.select(compare(c, "oeq", x, np.inf), x, value)


def log1p(c: Code, x: Value) -> Value:
    """log(u) (x / (u - 1)) with u = 1 + x cancels the rounding of u (Kahan)."""
    u = c.apply("fadd", x, number(1))
    d = c.apply("fsub", u, number(1))
    value = c.apply("fmul", log(c, u), c.apply(FDIV, x, d))
    value = c.select(compare(c, "oeq", d, 0), x, value)
    return c.select(compare(c, "oeq", u, np.inf), u, value)


def expm1(c: Code, x: Value) -> Value:
    u = exp(c, x)
    d = c.apply("fsub", u, number(1))
    value = c.apply("fmul", d, c.apply(FDIV, x, log(c, u)))
    value = c.select(compare(c, "oeq", u, 1), x, value)
    large = c.apply("or", compare(c, "olt", d, -0.99999), compare(c, "oeq", u, np.inf))
    return c.select(large, d, value)


def rational(c: Code, x: Value, limit: float, above: Any, below: Any) -> Value:
    y = clip(c, x, limit)
    z = c.apply(FMUL, y, y)
    top = c.apply(FMUL, y, polynomial(c, z, above))
    return c.apply(FDIV, top, polynomial(c, z, below))


def tanh(c: Code, x: Value) -> Value:
    value = rational(
        c, x, 7.90531110763549805,
        (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11,
         5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03),
        (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
    )  # fmt: skip
    tiny = c.apply("fcmp olt", c.intrinsic("fabs", x), number(0.0004), dtype="bool")
    return c.select(tiny, x, value)


def erf(c: Code, x: Value) -> Value:
    return rational(
        c, x, 4,
        (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06,
         -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03,
         -1.60960333262415e-02),
        (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03,
         -7.37332916720468e-03, -1.42647390514189e-02),
    )  # fmt: skip


def erfc(c: Code, x: Value) -> Value:
    """1 - erf near zero, else exp(-x^2) times a polynomial of 1 / x^2 over x."""
    square = c.apply(FMUL, x, x)
    near = polynomial(
        c, square,
        (7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3,
         -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1,
         1.128379165726710),
    )  # fmt: skip
    near = fma(c, c.apply("fneg", x), near, number(1))
    size = c.intrinsic("fabs", x)
    inverse = c.apply(FDIV, number(1), size)
    y = c.apply(FMUL, inverse, inverse)
    middle = polynomial(
        c, y,
        (2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1,
         -5.824733027278666e-1, 6.210004621745983e-1, -4.944515323274145e-1,
         3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1),
    )  # fmt: skip
    far = polynomial(
        c, y,
        (-1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786,
         -1.015265279202700, 4.218463358204948e-1, -2.820767439740514e-1,
         5.641895067754075e-1),
    )  # fmt: skip
    outer = c.select(compare(c, "olt", size, 2), middle, far)
    outer = c.apply("fmul", c.apply(FMUL, exp(c, c.apply("fneg", square)), inverse), outer)
    outer = c.select(compare(c, "oeq", size, np.inf), number(0), outer)
    outer = c.select(compare(c, "olt", x, 0), c.apply("fsub", number(2), outer), outer)
    return c.select(compare(c, "olt", size, 1), near, outer)


def erf_inv(c: Code, x: Value) -> Value:
    w = c.apply("fneg", log1p(c, c.apply("fneg", c.apply("fmul", x, x))))
    near = polynomial(
        c, c.apply(FSUB, w, number(2.5)),
        (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
         -0.00125372503, -0.00417768164, 0.246640727, 1.50140941),
    )  # fmt: skip
    far = polynomial(
        c, c.apply(FSUB, c.intrinsic("sqrt", w), number(3)),
        (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
         -0.0076224613, 0.00943887047, 1.00167406, 2.83297682),
    )  # fmt: skip
    value = c.apply(FMUL, c.select(compare(c, "olt", w, 5), near, far), x)
    edge = c.apply("fcmp oeq", c.intrinsic("fabs", x), number(1), dtype="bool")
    return c.select(edge, c.apply("fmul", x, number(np.inf)), value)


def lgamma(c: Code, x: Value) -> Value:
    """Of x >= 0.5; the reflection of smaller ones is left to the library."""
    return c.library("lgammaf", x)


def logistic(c: Code, x: Value) -> Value:
    e = exp(c, c.apply("fneg", x))
    return c.apply(FDIV, number(1), c.apply(FADD, number(1), e))


def _enter_functions() -> None:
    own = {
        "exp": exp, "log": log, "log1p": log1p, "expm1": expm1, "tanh": tanh, "erf": erf,
        "erf_inv": erf_inv, "erfc": erfc, "lgamma": lgamma, "logistic": logistic,
        "rsqrt": lambda c, x: c.apply(FDIV, number(1), c.intrinsic("sqrt", x)),
        "is_finite": lambda c, x: compare(c, "olt", c.intrinsic("fabs", x), np.inf),
        "exp2": lambda c, x: exp(c, c.apply(FMUL, x, number(0.693147180559945309))),
    }  # fmt: skip
    for name, function in own.items():
        RULES[name] = lambda c, n, v, f=function: f(c, v[0])
    for name in ("sqrt", "floor", "ceil"):
        RULES[name] = lambda c, n, v, name=name: c.intrinsic(name, v[0])
    names = (
        "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
        "cbrt",
    )  # fmt: skip
    for name in (*names, "pow", "atan2"):
        RULES[name] = lambda c, n, v, name=name: c.library(f"{name}f", *v)


_enter_functions()

# --- arithmetic ---------------------------------------------------------------------------------


@rule("add", "sub", "mul", "add_any")
def _arithmetic(c: Code, n: Any, v: list[Value]) -> Value:
    operation = n.op[:3]
    if n.dtype == "bool":
        return combine(c, operation, *v)
    return c.apply(f"f{operation} contract" if n.dtype == F else operation, *v)


@rule("div", "rem")
def _division(c: Code, n: Any, v: list[Value]) -> Value:
    if n.dtype != F:
        return _whole_division(c, n, v)
    if n.op == "rem":
        return c.library("fmodf", *v)
    if v[1].literal:  # exact for powers of two alone
        mantissa = np.frexp(float(n.inputs[1].value))[0] if n.inputs[1].value is not None else 0
        if abs(mantissa) == 0.5:
            return c.apply("fmul", v[0], number(1 / float(n.inputs[1].value)))
    return c.apply(FDIV, *v)


def _whole_division(c: Code, n: Any, v: list[Value]) -> Value:
    """Divide integers; by zero gives -1, all bits set, with the number itself as remainder."""
    require(n.dtype != "bool", "division of truth values")
    x, y = v
    sign, zero, one = "s" if signed(n.dtype) else "u", literal(0, n.dtype), literal(1, n.dtype)
    none = c.apply("icmp eq", y, zero, dtype="bool")
    safe = c.select(none, one, y)
    if signed(n.dtype):  # the lowest number by -1 has no result
        least = literal(np.iinfo(n.dtype).min, n.dtype)
        minus = c.apply("icmp eq", y, literal(-1, n.dtype), dtype="bool")
        over = c.apply("and", c.apply("icmp eq", x, least, dtype="bool"), minus)
        safe = c.select(over, one, safe)
    result = c.apply(f"{sign}{n.op}", x, safe)
    if n.op == "div":
        return c.select(none, literal(-1, n.dtype), result)
    result = c.select(over, zero, result) if signed(n.dtype) else result
    return c.select(none, x, result)


@rule("max", "min")
def _maximum(c: Code, n: Any, v: list[Value]) -> Value:
    return maximum(c, v[0], v[1], n.op == "min")


@rule("neg")
def _negative(c: Code, n: Any, v: list[Value]) -> Value:
    return c.apply("fneg", v[0]) if n.dtype == F else c.apply("sub", literal(0, n.dtype), v[0])


@rule("abs")
def _absolute(c: Code, n: Any, v: list[Value]) -> Value:
    if n.dtype == F:
        return c.intrinsic("fabs", v[0])
    return c.intrinsic("abs", v[0], extra="i1 false") if signed(n.dtype) else v[0]


@rule("sign")
def _sign(c: Code, n: Any, v: list[Value]) -> Value:
    if n.dtype != F:
        if not signed(n.dtype):
            return c.intrinsic("umin", v[0], literal(1, n.dtype))
        low = c.intrinsic("smax", v[0], literal(-1, n.dtype))
        return c.intrinsic("smin", low, literal(1, n.dtype))
    one = c.intrinsic("copysign", number(1), v[0])
    return c.select(compare(c, "one", v[0], 0), one, v[0])


@rule("round")
def _round(c: Code, n: Any, v: list[Value]) -> Value:
    even = "EVEN" in str(n.params["rounding_method"]) or n.params["rounding_method"] == 1
    return c.intrinsic("roundeven" if even else "round", v[0])


@rule("integer_pow")
def _integer_power(c: Code, n: Any, v: list[Value]) -> Value:
    times = FMUL if n.dtype == F else "mul"
    power, base, total = abs(n.params["y"]), v[0], None
    while power:
        if power & 1:
            total = base if total is None else c.apply(times, total, base)
        power >>= 1
        if power:
            base = c.apply(times, base, base)
    total = total or literal(1, n.dtype)
    if n.params["y"] >= 0:
        return total
    require(n.dtype == F, "division of integers")
    return c.apply(FDIV, number(1), total)


@rule("pow")
def _power(c: Code, n: Any, v: list[Value]) -> Value:
    require(n.dtype == F, "powers of integers")
    exponent = v[1]
    if exponent.dtype != F:
        exponent = c.convert("sitofp" if signed(exponent.dtype) else "uitofp", exponent, F)
    return c.library("powf", v[0], exponent)


@rule("clamp")
def _clamp(c: Code, n: Any, v: list[Value]) -> Value:
    return maximum(c, maximum(c, v[1], v[0]), v[2], low=True)


@rule("nextafter")
def _nextafter(c: Code, n: Any, v: list[Value]) -> Value:
    return c.library("nextafterf", *v)


# --- truth values and bits ----------------------------------------------------------------------


@rule("eq", "ne", "lt", "le", "gt", "ge")
def _comparison(c: Code, n: Any, v: list[Value]) -> Value:
    dtype = n.inputs[0].dtype
    if dtype == F:
        return c.apply(f"fcmp {'une' if n.op == 'ne' else 'o' + n.op}", *v, dtype="bool")
    sign = "" if n.op in ("eq", "ne") else "s" if signed(dtype) else "u"
    return c.apply(f"icmp {sign}{n.op}", *v, dtype="bool")


@rule("and", "or", "xor")
def _bitwise(c: Code, n: Any, v: list[Value]) -> Value:
    return c.apply(n.op, *v)


@rule("not")
def _not(c: Code, n: Any, v: list[Value]) -> Value:
    return c.apply("xor", v[0], literal(-1, n.dtype))


@rule("shift_left", "shift_right_logical", "shift_right_arithmetic")
def _shift(c: Code, n: Any, v: list[Value]) -> Value:
    names = {"shift_left": "shl", "shift_right_logical": "lshr", "shift_right_arithmetic": "ashr"}
    bits = 8 * np.dtype(n.dtype).itemsize
    known = n.inputs[1].value
    if known is not None and 0 <= known < bits:
        return c.apply(names[n.op], *v)
    # By its width or more: nothing is left, or the sign; LLVM leaves that open.
    fits = c.apply("icmp ult", v[1], literal(bits, n.dtype), dtype="bool")
    if n.op == "shift_right_arithmetic":
        return c.apply("ashr", v[0], c.select(fits, v[1], literal(bits - 1, n.dtype)))
    by = c.select(fits, v[1], literal(0, n.dtype))
    return c.select(fits, c.apply(names[n.op], v[0], by), literal(0, n.dtype))


@rule("select_n")
def _select(c: Code, n: Any, v: list[Value]) -> Value:
    if n.inputs[0].dtype == "bool":
        return c.select(v[0], v[-1], v[1])
    require(n.inputs[0].dtype == "int32", "select_n by short integers")
    chosen = v[-1]
    for k in range(len(v) - 3, -1, -1):
        low = c.apply("icmp sle", v[0], literal(k, "int32"), dtype="bool")
        chosen = c.select(low, v[1 + k], chosen)
    return chosen


@rule("bitcast_convert_type")
def _bitcast(c: Code, n: Any, v: list[Value]) -> Value:
    before = n.inputs[0].dtype
    require(np.dtype(before).itemsize == np.dtype(n.dtype).itemsize, "bitcast to another width")
    if TYPES[before] == TYPES[n.dtype]:
        return v[0]._replace(dtype=n.dtype)
    return c.convert("bitcast", _plain(c, v[0]), n.dtype)


def _plain(c: Code, value: Value) -> Value:
    return value._replace(literal=False)


@rule("convert_element_type")
def _convert(c: Code, n: Any, v: list[Value]) -> Value:
    before, after, x = n.inputs[0].dtype, n.dtype, v[0]
    if before == after:
        return x
    if after == "bool":
        how = "fcmp une" if before == F else "icmp ne"
        return c.apply(how, x, literal(0, before), dtype="bool")
    if after == F:
        return c.convert("sitofp" if signed(before) else "uitofp", x, F)
    if before == F:
        return _to_integer(c, x, after)
    old, new = (int(TYPES[d][1:]) for d in (before, after))
    if old == new:
        return x._replace(dtype=after)
    return c.convert("trunc" if new < old else "sext" if signed(before) else "zext", x, after)


def _to_integer(c: Code, x: Value, dtype: str) -> Value:
    """Round towards zero and saturate, NaN becoming 0, as XLA does."""
    name = f"fpto{'s' if signed(dtype) else 'u'}i.sat"
    whole, kind = TYPES[dtype], "f32"
    if x.lanes > 1:
        whole, kind = f"<{x.lanes} x {whole}>", f"v{x.lanes}f32"
    suffix = f"v{x.lanes}{TYPES[dtype]}" if x.lanes > 1 else TYPES[dtype]
    full = f"llvm.{name}.{suffix}.{kind}"
    argument = "float" if x.lanes == 1 else f"<{x.lanes} x float>"
    c.declared.add(f"declare {whole} @{full}({argument})")
    return Value(c.let(f"call {whole} @{full}({argument} {x.text})"), dtype, x.lanes)


@rule("copy_of", "reduce_precision")
def _copy(c: Code, n: Any, v: list[Value]) -> Value:
    require(n.op == "copy_of", "reduce_precision")
    return v[0]


@rule("constant")
def _constant(c: Code, n: Any, v: list[Value]) -> Value:
    return literal(n.value, n.dtype)

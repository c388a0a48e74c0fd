"""Elementwise operations: what each primitive is in LLVM's language, and the functions of floats.

Exponentials and logarithms are the classic polynomials of the Cephes library (Moshier, 1989); tanh
and erf are the rational functions that Eigen and XLA use; erf_inv is Giles (2010). All are within a
few units in the last place of a float32. Sines, powers and the like are those of C's library.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lamina._native.graph import require
from lamina._native.values import TYPES, Operand, Value

F = "float32"
INF, NAN = np.inf, np.nan


def fma(x: Value, y: Operand, z: Operand) -> Value:
    """Return x y + z, rounded once where the machine can do that."""
    return x.call("fmuladd", y, z)


def maximum(x: Value, y: Operand, low: bool = False) -> Value:
    """Return the larger (or lower) one; NaN wins over numbers."""
    y = x.like(y)
    if x.dtype == "bool":
        return x & y if low else x | y
    if not x.is_float:
        return x.call(f"{x.sign}{'min' if low else 'max'}", y)
    if x.constant is not None and y.constant is None:
        x, y = y, x
    chosen = (y < x if low else y > x).where(y, x)
    if y.constant is not None:
        return chosen  # a NaN in x has stayed
    return y.compare("uno", y).where(y, chosen)


def minimum(x: Value, y: Operand) -> Value:
    return maximum(x, y, low=True)


def clip(x: Value, low: Operand, high: Operand) -> Value:
    return minimum(maximum(x, low), high)


# --- reductions ---------------------------------------------------------------------------------


def combine(how: str, x: Value, y: Value) -> Value:
    """Return one step of a reduction."""
    if how in ("max", "min"):
        return maximum(x, y, how == "min")
    if how in ("add", "mul") and x.is_float:
        return x.do(f"f{how} contract reassoc", y)
    return {"add": x.__add__, "mul": x.__mul__, "or": x.__or__, "and": x.__and__}[how](y)


def across(how: str, x: Value) -> Value:
    """Reduce the lanes of a value to one."""
    code, lanes = x.code, x.lanes
    if lanes > 1 and how == "add" and x.is_float and lanes & lanes - 1 == 0:
        name = f"llvm.vector.reduce.fadd.v{lanes}f32"
        code.declared.add(f"declare float @{name}(float, {x.kind})")
        zero = code.literal(-0.0, F).text
        return Value(
            code, code.let(f"call reassoc float @{name}(float {zero}, {x.kind} {x.text})"), F
        )
    left = [x.lane(i) for i in range(lanes)]
    while len(left) > 1:
        odd = left[len(left) // 2 * 2 :]
        pairs = zip(left[::2], left[1::2], strict=False)
        left = [combine(how, a, b) for a, b in pairs] + odd
    return left[0]


def accumulated(how: str, before: Sequence[Value], now: Sequence[Value]) -> list[Value]:
    """Return what a reduction has found: a value, of 'argmax' and 'argmin' also its place."""
    if how[:3] != "arg":
        return [combine(how, before[0], now[0])]
    x, y = now[0], before[0]
    better = x > y if how == "argmax" else x < y
    if x.is_float:  # the first NaN wins
        better = better | (x.compare("uno", x) & y.compare("ord", y))
    return [better.where(a, b) for a, b in zip(now, before, strict=True)]


def first(how: str, dtype: str) -> Any:
    """Return what a reduction starts from."""
    if how not in ("max", "min"):
        return {"add": 0, "mul": 1, "or": 0, "and": -1}[how]
    if dtype == F:
        return -INF if how == "max" else INF
    if dtype == "bool":
        return how == "min"
    limits = np.iinfo(dtype)
    return limits.min if how == "max" else limits.max


# --- functions of floats ------------------------------------------------------------------------


def polynomial(x: Value, *coefficients: float) -> Value:
    """Evaluate by Horner's scheme, the highest power first."""
    total = x.like(coefficients[0])
    for coefficient in coefficients[1:]:
        total = fma(total, x, coefficient)
    return total


def exp(x: Value) -> Value:
    magic = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer, also of a NaN
    y = clip(x, -87.8, 88.8)
    shifted = fma(y, 1.44269504088896341, magic)
    n = shifted.do("fsub", magic)
    r = fma(n, 2.12194440e-4, fma(n, -0.693359375, y))
    p = polynomial(
        r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
        5.0000001201e-1,
    )  # fmt: skip
    p = fma(p * r, r, r) + 1
    # 2^(n-1) * 2, so that n = 128 does not overflow on its way
    power = ((bits(shifted) + (126 - 0x4B400000)) << 23).converted("bitcast", F)
    value = p.do("fmul", 2).do("fmul", power)
    return (x < -87.33654).where(0, (x > 88.72283).where(INF, value))


def bits(x: Value) -> Value:
    return x.converted("bitcast", "int32")


def log(x: Value) -> Value:
    word = bits(x)
    e = ((word >> 23) - 126).converted("sitofp", F)
    m = (word & 0x7FFFFF | 0x3F000000).converted("bitcast", F)  # in [0.5, 1)
    small = m < 0.707106781186547524
    e = e - small.where(x.like(1), 0)
    m = (m - 1) + small.where(m, 0)
    z = m * m
    y = polynomial(
        m, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
        -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    )  # fmt: skip
    y = m + fma(z, -0.5, fma(e, -2.12194440e-4, y * m * z))
    value = (x >= 1.17549435e-38).where(fma(e, 0.693359375, y), -INF)
    value = x.compare("ult", 0).where(NAN, value)
    return x.compare("eq", INF).where(x, value)


def log1p(x: Value) -> Value:
    """log(u) (x / (u - 1)) with u = 1 + x cancels the rounding of u (Kahan)."""
    u = x.do("fadd", 1)
    d = u.do("fsub", 1)
    value = log(u).do("fmul", x / d)
    return u.compare("eq", INF).where(u, d.compare("eq", 0).where(x, value))


def expm1(x: Value) -> Value:
    u = exp(x)
    d = u.do("fsub", 1)
    value = u.compare("eq", 1).where(x, d.do("fmul", x / log(u)))
    return ((d < -0.99999) | u.compare("eq", INF)).where(d, value)


def rational(x: Value, limit: float, above: Sequence[float], below: Sequence[float]) -> Value:
    y = clip(x, -limit, limit)
    z = y * y
    return y * polynomial(z, *above) / polynomial(z, *below)


def tanh(x: Value) -> Value:
    value = rational(
        x, 7.90531110763549805,
        (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11,
         5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03),
        (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03),
    )  # fmt: skip
    return (absolute(x) < 0.0004).where(x, value)


def erf(x: Value) -> Value:
    return rational(
        x, 4,
        (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
         -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
        (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03,
         -7.37332916720468e-03, -1.42647390514189e-02),
    )  # fmt: skip


def erfc(x: Value) -> Value:
    """1 - erf near zero, else exp(-x^2) times a polynomial of 1 / x^2 over x."""
    square, size = x * x, absolute(x)
    near = fma(-x, polynomial(
        square, 7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3,
        -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710,
    ), 1)  # fmt: skip
    inverse = 1 / size
    y = inverse * inverse
    middle = polynomial(
        y, 2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1,
        -5.824733027278666e-1, 6.210004621745983e-1, -4.944515323274145e-1, 3.404879937665872e-1,
        -2.741127028184656e-1, 5.638259427386472e-1,
    )  # fmt: skip
    far = polynomial(
        y, -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786,
        -1.015265279202700, 4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
    )  # fmt: skip
    outer = (exp(-square) * inverse).do("fmul", (size < 2).where(middle, far))
    outer = size.compare("eq", INF).where(0, outer)
    outer = (x < 0).where(x.like(2).do("fsub", outer), outer)
    return (size < 1).where(near, outer)


def erf_inv(x: Value) -> Value:
    w = -log1p(-x.do("fmul", x))
    near = polynomial(
        w - 2.5, 2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
        -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
    )  # fmt: skip
    far = polynomial(
        w.call("sqrt") - 3, -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844,
        0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
    )  # fmt: skip
    edge = absolute(x).compare("eq", 1)
    return edge.where(x.do("fmul", INF), (w < 5).where(near, far) * x)


# --- arithmetic ---------------------------------------------------------------------------------


def divide(x: Value, y: Value) -> Value:
    if not x.is_float:
        return whole_division("div", x, y)
    if y.constant is not None and abs(np.frexp(y.constant)[0]) == 0.5:  # then it is exact
        return x.do("fmul", 1 / float(y.constant))
    return x / y


def remainder(x: Value, y: Value) -> Value:
    return x.library("fmodf", y) if x.is_float else whole_division("rem", x, y)


def whole_division(operation: str, x: Value, y: Value) -> Value:
    """Divide integers; by zero gives -1, all bits set, with the number itself as remainder."""
    require(x.dtype != "bool", "division of truth values")
    none = y.compare("eq", 0)
    safe = none.where(1, y)
    over = None
    if x.sign == "s":  # the lowest number by -1 has no result
        over = x.compare("eq", np.iinfo(x.dtype).min) & y.compare("eq", -1)
        safe = over.where(1, safe)
    result = x.do(f"{x.sign}{operation}", safe)
    if operation == "div":
        return none.where(-1, result)
    return none.where(x, result if over is None else over.where(0, result))


def absolute(x: Value) -> Value:
    if x.is_float:
        return x.call("fabs")
    return maximum(x, -x) if x.sign == "s" else x


def sign(x: Value) -> Value:
    if x.is_float:
        return x.compare("one", 0).where(x.like(1).call("copysign", x), x)
    return clip(x, -1, 1) if x.sign == "s" else minimum(x, 1)


def rounded(x: Value, rounding_method: Any) -> Value:
    even = "EVEN" in str(rounding_method) or rounding_method == 1
    return x.call("roundeven" if even else "round")


def integer_power(x: Value, y: int) -> Value:
    require(y >= 0 or x.is_float, "division of integers")
    power, base, total = abs(y), x, None
    while power:
        if power & 1:
            total = base if total is None else total * base
        power >>= 1
        if power:
            base = base * base
    total = x.like(1) if total is None else total
    return total if y >= 0 else 1 / total


def power(x: Value, y: Value) -> Value:
    require(x.is_float, "powers of integers")
    return x.library("powf", convert(y, F))


# --- truth values and bits ----------------------------------------------------------------------


def shift(operation: str) -> Callable[[Value, Value], Value]:
    """Return the rule of shl, lshr or ashr."""

    def shifted(x: Value, y: Value) -> Value:
        bits = 8 * np.dtype(x.dtype).itemsize
        if y.constant is not None and 0 <= y.constant < bits:
            return x.do(operation, y)
        # By its width or more: nothing is left, or the sign; LLVM leaves that open.
        fits = y.do("icmp ult", bits, dtype="bool")
        if operation == "ashr":
            return x.do(operation, fits.where(y, bits - 1))
        return fits.where(x.do(operation, fits.where(y, 0)), 0)

    return shifted


def select(which: Value, *cases: Value) -> Value:
    if which.dtype == "bool":
        return which.where(cases[-1], cases[0])
    require(which.dtype == "int32", "select_n by short integers")
    chosen = cases[-1]
    for k in reversed(range(len(cases) - 1)):
        chosen = (which <= k).where(cases[k], chosen)
    return chosen


def bitcast(x: Value, new_dtype: Any) -> Value:
    after = str(new_dtype)
    require(np.dtype(x.dtype).itemsize == np.dtype(new_dtype).itemsize, "bitcast to another width")
    return x.typed(after) if TYPES[x.dtype] == TYPES[after] else x.converted("bitcast", after)


def convert(x: Value, new_dtype: Any) -> Value:
    after = str(new_dtype)
    if x.dtype == after:
        return x
    if after == "bool":
        return x.compare("ne", 0)
    if x.is_float:  # towards zero and saturated, NaN becoming 0, as XLA does
        letter = "s" if after.startswith("int") else "u"
        return x.call(f"fpto{letter}i.sat", dtype=after)
    if after == F:
        return x.converted(f"{x.sign}itofp", F)
    old, new = (int(TYPES[d][1:]) for d in (x.dtype, after))
    if old == new:
        return x.typed(after)
    return x.converted("trunc" if new < old else f"{x.sign}ext".replace("u", "z"), after)


RULES: dict[str, Callable[..., Value]] = {
    "add": operator.add, "add_any": operator.add, "sub": operator.sub, "mul": operator.mul,
    "neg": operator.neg, "div": divide, "rem": remainder, "pow": power, "abs": absolute,
    "integer_pow": integer_power, "sign": sign, "max": maximum, "min": minimum,
    "clamp": lambda low, x, high: clip(x, low, high), "round": rounded,
    "exp": exp, "log": log, "log1p": log1p, "expm1": expm1, "tanh": tanh, "erf": erf,
    "erf_inv": erf_inv, "erfc": erfc, "logistic": lambda x: 1 / (x.like(1) + exp(-x)),
    "rsqrt": lambda x: 1 / x.call("sqrt"), "is_finite": lambda x: absolute(x) < INF,
    "exp2": lambda x: exp(x * 0.693147180559945309),
    "and": operator.and_, "or": operator.or_, "xor": operator.xor, "not": operator.invert,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "eq": lambda x, y: x.compare("eq", y), "ne": lambda x, y: x.compare("ne", y),
    "shift_left": shift("shl"), "shift_right_logical": shift("lshr"),
    "shift_right_arithmetic": shift("ashr"), "select_n": select,
    "convert_element_type": convert, "bitcast_convert_type": bitcast, "copy_of": lambda x, place: x,
}  # fmt: skip
RULES |= {name: lambda x, name=name: x.call(name) for name in ("sqrt", "floor", "ceil")}
_LIBRARY = (
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "cbrt",
    "lgamma", "atan2", "nextafter",
)  # fmt: skip
RULES |= {name: lambda x, *y, name=name: x.library(f"{name}f", *y) for name in _LIBRARY}

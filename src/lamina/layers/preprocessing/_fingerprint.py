"""Two hashes of texts, computed for many texts of one length at once.

Texts are rows of an array (N, size) of uint8; hashes are (N,) of uint64, and overflow on purpose.
"""

from typing import Any

import numpy as np

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)


def _number(value: int) -> np.uint64:
    return np.uint64(value % 2**64)


def _word(rows: np.ndarray, start: int, size: int = 8) -> np.ndarray:
    """Return bytes start ... start + size of each row as a number, the lowest first."""
    words = np.ascontiguousarray(rows[:, start : start + size]).view(f"<u{size}")
    return words[:, 0].astype("uint64")


def _rotate(x: Any, count: int) -> Any:
    """Return `x` with its bits moved to the right, those that fall off put back on the left."""
    return (x >> np.uint64(count)) | (x << np.uint64(64 - count))


def _mix(x: Any) -> Any:
    return x ^ (x >> np.uint64(47))


def _join(u: Any, v: Any, factor: Any) -> Any:
    a = _mix((u ^ v) * factor)
    return _mix((v ^ a) * factor) * factor


def farm_fingerprint(rows: np.ndarray) -> np.ndarray:
    """Return the 64-bit FarmHash fingerprint of each row.

    Reference:
        Pike, FarmHash (`farmhashna`), 2014.

    Example:
        >>> farm_fingerprint(np.frombuffer(b"hello", "uint8")[None]).tolist()
        [13009744463427800296]
    """
    size = rows.shape[1]
    with np.errstate(over="ignore"):
        if size > 64:
            return _farm_long(rows)
        if size > 32:
            return _farm_to_64(rows)
        if size > 16:
            return _farm_to_32(rows)
        return _farm_to_16(rows)


def _farm_to_16(rows: np.ndarray) -> np.ndarray:
    size = rows.shape[1]
    factor = _K2 + _number(2 * size)
    if size >= 8:
        a, b = _word(rows, 0) + _K2, _word(rows, size - 8)
        c = _rotate(b, 37) * factor + a
        d = (_rotate(a, 25) + b) * factor
        return _join(c, d, factor)
    if size >= 4:
        a = _word(rows, 0, 4)
        return _join(_number(size) + (a << np.uint64(3)), _word(rows, size - 4, 4), factor)
    if size == 0:
        return np.full(len(rows), _K2)
    letters = rows.astype("uint64")
    y = letters[:, 0] + (letters[:, size >> 1] << np.uint64(8))
    z = _number(size) + (letters[:, size - 1] << np.uint64(2))
    return _mix((y * _K2) ^ (z * _K0)) * _K2


def _farm_ends(rows: np.ndarray, first: Any) -> tuple[Any, Any, Any]:
    """Return what texts of 17 to 64 letters begin with: two mixtures of their ends, and a."""
    size = rows.shape[1]
    factor = _K2 + _number(2 * size)
    a, b = _word(rows, 0) * first, _word(rows, 8)
    c, d = _word(rows, size - 8) * factor, _word(rows, size - 16) * _K2
    return _rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, a


def _farm_to_32(rows: np.ndarray) -> np.ndarray:
    y, z, _ = _farm_ends(rows, _K1)
    return _join(y, z, _K2 + _number(2 * rows.shape[1]))


def _farm_to_64(rows: np.ndarray) -> np.ndarray:
    size = rows.shape[1]
    factor = _K2 + _number(2 * size)
    y, z, a = _farm_ends(rows, _K2)
    z = _join(y, z, factor)
    e, f = _word(rows, 16) * factor, _word(rows, 24)
    g, h = (y + _word(rows, size - 32)) * factor, (z + _word(rows, size - 24)) * factor
    return _join(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _farm_32_letters(rows: np.ndarray, start: int, a: Any, b: Any) -> tuple[Any, Any]:
    w, x, y, z = (_word(rows, start + i) for i in (0, 8, 16, 24))
    a = a + w
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate(a, 44) + c


def _farm_round(rows: np.ndarray, start: int, state: tuple, factor: Any, last: bool) -> tuple:
    """Mix 64 letters from `start` on into the state."""
    x, y, z, v, w = state
    nine = _number(9 if last else 1)
    x = _rotate(x + y + v[0] + _word(rows, start + 8), 37) * factor
    y = _rotate(y + v[1] + _word(rows, start + 48), 42) * factor
    x = x ^ (w[1] * nine)
    y = y + v[0] * nine + _word(rows, start + 40)
    z = _rotate(z + w[0], 33) * factor
    v = _farm_32_letters(rows, start, v[1] * factor, x + w[0])
    w = _farm_32_letters(rows, start + 32, z + w[1], y + _word(rows, start + 16))
    return z, y, x, v, w


def _farm_long(rows: np.ndarray) -> np.ndarray:
    size, zero = rows.shape[1], np.zeros(len(rows), "uint64")
    seed = _number(81)
    y = seed * _K1 + _number(113)
    z = _mix(y * _K2 + _number(113)) * _K2
    state = (seed * _K2 + _word(rows, 0), zero + y, zero + z, (zero, zero), (zero, zero))
    for start in range(0, (size - 1) // 64 * 64, 64):
        state = _farm_round(rows, start, state, _K1, last=False)
    x, y, z, v, w = state
    factor = _K1 + ((z & _number(0xFF)) << np.uint64(1))
    w = (w[0] + _number((size - 1) % 64), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _farm_round(rows, size - 64, (x, y, z, v, w), factor, last=True)
    return _join(
        _join(v[0], w[0], factor) + _mix(y) * _K0 + z,
        _join(v[1], w[1], factor) + x,
        factor,
    )


def join_fingerprints(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the fingerprint of two things one after the other, from those of each.

    Reference:
        Appleby, MurmurHash2, 2008, whose mixture TensorFlow's `FingerprintCat64` is.

    Example:
        >>> one, two = np.array([1], "uint64"), np.array([2], "uint64")
        >>> join_fingerprints(one, two) == join_fingerprints(two, one)
        array([False])
    """
    factor = np.uint64(0xC6A4A7935BD1E995)
    with np.errstate(over="ignore"):
        mixed = (first ^ factor ^ (_mix(second * factor) * factor)) * factor
        return _mix(_mix(mixed) * factor)


def sip_hash(rows: np.ndarray, key0: int, key1: int) -> np.ndarray:
    """Return the SipHash-2-4 of each row under a key of two numbers.

    Reference:
        Aumasson and Bernstein, SipHash: a fast short-input PRF, 2012.

    Example:
        >>> key = np.arange(16, dtype="uint8").view("uint64").tolist()
        >>> [hex(h) for h in sip_hash(np.arange(15, dtype="uint8")[None], *key).tolist()]
        ['0xa129ca6149be45e5']
    """
    size = rows.shape[1]
    padded = np.zeros((len(rows), size // 8 * 8 + 8), "uint8")
    padded[:, :size] = rows
    padded[:, -1] = size % 256
    k0, k1 = _number(key0), _number(key1)
    start = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [np.full(len(rows), k ^ np.uint64(s)) for k, s in zip((k0, k1, k0, k1), start, strict=True)]
    with np.errstate(over="ignore"):
        for i in range(0, padded.shape[1], 8):
            word = _word(padded, i)
            v[3] = v[3] ^ word
            v = _sip_round(_sip_round(v))
            v[0] = v[0] ^ word
        v[2] = v[2] ^ np.uint64(0xFF)
        for _ in range(4):
            v = _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _left(x: Any, count: int) -> Any:
    return _rotate(x, 64 - count)


def _sip_round(v: list[Any]) -> list[Any]:
    a, b, c, d = v
    a = a + b
    b = _left(b, 13) ^ a
    a = _left(a, 32)
    c = c + d
    d = _left(d, 16) ^ c
    a = a + d
    d = _left(d, 21) ^ a
    c = c + b
    b = _left(b, 17) ^ c
    return [a, b, _left(c, 32), d]

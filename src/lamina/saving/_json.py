"""JSON from files, within limits: size, depth, number of values; no NaN, no key twice."""

import json
import re
from typing import Any

from lamina.saving._refusal import refuse

MAX_BYTES = 64 << 20
MAX_DEPTH = 200
MAX_VALUES = 2_000_000
# A string without an end goes on to the end: so every byte is looked at once.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},]', re.DOTALL)
_LONGEST_NUMBER = 400  # digits; the largest float has 309


def read_json(data: bytes | str, where: str) -> Any:
    """Return what a JSON text says.

    Args:
        data: the text.
        where: the file it is from, as errors name it.

    Raises:
        FileRefused: it is no JSON, or beyond the limits.

    Example:
        >>> read_json(b'{"units": [1, 2]}', "config.json")
        {'units': [1, 2]}
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    if len(raw) > MAX_BYTES:
        raise refuse(where, f"expected at most {MAX_BYTES} bytes of JSON", f"{len(raw)}")
    _check_nesting(raw, where)
    try:
        return json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=lambda pairs: _once(pairs, where),
            parse_constant=lambda name: _constant(name, where),
            parse_int=lambda text: _number(text, int, where),
            parse_float=lambda text: _number(text, float, where),
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise refuse(where, "expected JSON", f"{error}") from error


def _check_nesting(raw: bytes, where: str) -> None:
    """Refuse too deep or too many values before the parser, which recurses, sees them."""
    depth = values = 0
    for match in _TOKENS.finditer(raw):
        token = match.group()[:1]
        if token in b"[{":
            depth += 1
            values += 1
            if depth > MAX_DEPTH:
                raise refuse(where, f"expected at most {MAX_DEPTH} levels", "more")
        elif token in b"]}":
            depth -= 1
        elif token == b",":
            values += 1
            if values > MAX_VALUES:
                raise refuse(where, f"expected at most {MAX_VALUES} values", "more")


def _once(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise refuse(where, "expected every key once", f"{twice[:80]!r} twice")
    return found


def _number(text: str, kind: Any, where: str) -> Any:
    if len(text) > _LONGEST_NUMBER:
        raise refuse(where, f"expected numbers of at most {_LONGEST_NUMBER} digits", "a longer one")
    number = kind(text)
    if number in (float("inf"), float("-inf")):
        raise refuse(where, "expected finite numbers", text)
    return number


def _constant(name: str, where: str) -> float:
    """Bounds may be infinite, as Keras writes them; NaN would slip through comparisons."""
    if name == "NaN":
        raise refuse(where, "expected numbers", name)
    return float(name)

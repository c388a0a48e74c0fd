"""Error messages of one form: what was expected, what came, what to do."""

import difflib
from collections.abc import Iterable


def explain(where: str, expected: str, got: str | None = None, help: str | None = None) -> str:
    """Return the text of an error in three parts.

    Example:
        >>> print(explain("Dense", "expected a positive integer", "-3 (int)", "use 1 or more"))
        Dense: expected a positive integer.
          Got -3 (int).
          Help: use 1 or more.
    """
    lines = [f"{where[:_LONGEST]}: {_stopped(expected)}"]
    if got is not None:
        lines.append(f"  Got {_stopped(got)}")
    if help is not None:
        lines.append(f"  Help: {_stopped(help)}")
    # Names may come from files: none of them acts upon a terminal.
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in "\n".join(lines))


_LONGEST = 20_000  # characters of a part: names and values from files have any length


def _stopped(text: str) -> str:
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
    return text if text.endswith("?") else text.rstrip(".") + "."


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that looks most like `name`, or None if none does.

    Example:
        >>> nearest("rmsporp", ["adam", "rmsprop", "sgd"])
        'rmsprop'
    """
    by_lower = {n.lower(): n for n in sorted(set(names))}
    close = difflib.get_close_matches(str(name)[:200].lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def unknown(kind: str, name: object, names: Iterable[str]) -> str:
    """Return the error text for a name that is not among `names`."""
    names = sorted(set(names))
    near = nearest(str(name), names)
    listed = ", ".join(names if len(names) <= 60 else [*names[:60], "..."])
    if near is None:
        advice = f"known: {listed}"
    else:
        advice = f"did you mean '{near}'?" + f" Known: {listed}" * (len(names) <= 12)
    return explain(kind, f"expected the name of a known {kind}", f"{name!r}", advice)


def describe(value: object) -> str:
    """Return `value` as errors show it: arrays by shape and dtype, others by a short repr.

    Example:
        >>> describe([1, 2])
        '[1, 2] (list)'
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        kind = "array" if "jax" in type(value).__module__ else type(value).__name__
        return f"{kind} of shape {tuple(shape)}, {dtype}"
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__} (not an instance of it)"
    text = repr(value)
    if len(text) > 80:
        text = text[:77] + "..."
    return f"{text} ({type(value).__name__})"

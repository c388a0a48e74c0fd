"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina._core.errors import describe, explain

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences of different lengths as one array, filled up and cut to one length.

    Args:
        sequences: a list of sequences; their elements are numbers, or arrays of one shape.
        maxlen: length of the result (default: of the longest sequence).
        dtype: of the result.
        padding: 'pre' or 'post', the side on which short sequences are filled up.
        truncating: 'pre' or 'post', the side on which long sequences are cut.
        value: what they are filled up with.

    Shapes:
        N sequences of lengths (T_i, ...) -> (N, maxlen, ...).

    Raises:
        ValueError: not a list of sequences, elements of different shapes, or an unknown side.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    _check(sequences, padding, truncating)
    rows = [np.asarray(s) for s in sequences]
    longest = max((len(r) for r in rows), default=0) if maxlen is None else maxlen
    shape = next((r.shape[1:] for r in rows if len(r)), ())
    text = np.dtype(dtype).kind in "US"
    if isinstance(value, str) and np.dtype(dtype) != object and not text:
        raise ValueError(
            explain(
                "pad_sequences",
                "expected a number as `value` for a dtype of numbers",
                f"value={value!r}, dtype={dtype!r}",
                "use dtype=object for strings of any length",
            )
        )
    padded = np.full((len(rows), longest, *shape), value, dtype=dtype)  # (N, T, ...)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != shape:
            raise ValueError(
                explain(
                    "pad_sequences",
                    f"expected elements of shape {shape}, as in the first sequence",
                    f"elements of shape {row.shape[1:]} in sequence {i}",
                )
            )
        if truncating == "pre":
            kept = row[-longest:] if longest else row[:0]
        else:
            kept = row[:longest]
        at = slice(0, len(kept)) if padding == "post" else slice(longest - len(kept), longest)
        padded[i, at] = kept
    return padded


def _check(sequences: Any, padding: str, truncating: str) -> None:
    if not hasattr(sequences, "__len__") or not all(hasattr(s, "__len__") for s in sequences):
        raise ValueError(
            explain(
                "pad_sequences",
                "expected a list of sequences",
                describe(sequences),
                "write [[1, 2], [3]], one list per sample",
            )
        )
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in _SIDES:
            raise ValueError(
                explain("pad_sequences", f"expected 'pre' or 'post' as `{name}`", describe(side))
            )

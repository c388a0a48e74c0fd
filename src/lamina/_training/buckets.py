"""Buckets: sequences of many lengths are padded to few, where that changes no result.

Every shape of a batch is compiled for, so that sequences of fifty lengths cost fifty compilations.
A model that masks padding gives the same results however far its sequences are padded; `paths.py`
finds out whether a model does.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lamina import config
from lamina._core import tree
from lamina._training.paths import paths_of
from lamina._training.steps import Steps
from lamina._training.watch import Watch

_SHORTEST = 8  # steps
_STAYING = 4  # lengths


class Buckets:
    """The lengths to which a model's sequences are padded, for one kind of step.

    The length with which data begins stays as it is, so that batches of one length are not padded;
    so do the lengths of a few data sets.

    Args:
        model: a model whose weights are made.
        kind: 'train', 'test' or 'predict'.
    """

    def __init__(self, model: Any, kind: str) -> None:
        self._function, self._watch = model.function, Watch(model, list)
        paths = paths_of(model.function, kind == "predict") if _is_plain(model, kind) else None
        self._fillings = {} if paths is None else paths.fillings
        self._equal = set() if paths is None else paths.equal
        self._outputs = [] if paths is None else paths.outputs
        self._staying: dict[int, list[int]] = {}  # number of an input -> lengths that stay
        self._seen: set[tuple[int, int]] = set()  # number of an input, a length that came

    def fits(self) -> bool:
        """Return whether the model is still the one that this was made for."""
        return self._watch.holds()

    @property
    def used(self) -> bool:
        """Whether there is anything that may be padded."""
        return bool(self._fillings) and config.are_length_buckets_enabled()

    def begin(self, x: Any) -> None:
        """Take notice of the first inputs of a data set: their lengths stay."""
        for i, steps in self._lengths(x) if self.used else ():
            staying = self._staying.setdefault(i, [])
            if steps not in staying and len(staying) < _STAYING:
                staying.append(steps)

    def pad(self, x: Any) -> Any:
        """Return inputs, a structure of arrays, with their sequences padded."""
        if not self.used:
            return x
        lengths = dict(self._lengths(x))
        if any(lengths.get(i) != lengths.get(j) for i, j in self._equal):
            return x
        self._seen.update(lengths.items())
        flat = tree.flatten(x)
        for place, i in enumerate(_numbers(self._function, x)):
            if i in lengths:
                length = self._length(i, lengths[i])
                flat[place] = _padded(flat[place], length, self._fillings[i].value)
        return tree.pack_sequence_as(x, flat)

    def trim(self, outputs: Any, x: Any) -> Any:
        """Return what the model made of `pad(x)` without the steps that were added."""
        if not self.used or set(self._outputs) == {None}:
            return outputs
        lengths = dict(self._lengths(x))
        flat = [
            y[:, : lengths[i]] if i in lengths else y
            for y, i in zip(tree.flatten(outputs), self._outputs, strict=True)
        ]
        return tree.pack_sequence_as(outputs, flat)

    def _lengths(self, x: Any) -> Iterator[tuple[int, int]]:
        """Yield the number and the length of each input that may be padded."""
        for i, a in zip(_numbers(self._function, x), tree.flatten(x), strict=False):
            if i in self._fillings and np.ndim(a) > 1 and self._fillings[i].is_kept(a.dtype):
                yield i, a.shape[1]

    def _length(self, number: int, steps: int) -> int:
        """Return the length to which sequences of the input of this number are padded."""
        bucket = bucket_of(steps)
        return min([n for n in self._staying.get(number, ()) if steps <= n <= bucket] or [bucket])

    @property
    def note(self) -> str | None:
        """What there is to say, once lengths differ."""
        lengths = sorted({steps for _, steps in self._seen})
        if len(lengths) < 2 or not self.used:
            return None
        padded = sorted({self._length(*seen) for seen in self._seen})
        return (
            f"batches have sequences of {lengths[0]} to {lengths[-1]} steps; since each length is "
            f"compiled for, they are padded to few, so far {', '.join(map(str, padded))}, which "
            "the model masks; config.disable_length_buckets() leaves them as they are"
        )


def bucket_of(steps: int) -> int:
    """Return the next of the lengths 8, 16, 24, 32, 48, 64, 96, 128, 192, ...: 12 up to 512.

    Sequences of all lengths grow by a fifth or less on average, and by half at most from 16 on.
    """
    power = max(_SHORTEST, 1 << (steps - 1).bit_length())
    between = power * 3 // 4
    return between if steps <= between and power > 2 * _SHORTEST else power


def _is_plain(model: Any, kind: str) -> bool:
    """Return whether nobody but the library sees the inputs: no step or `call` of a user's."""
    if model.function is None or model._eager():
        return False
    cls = type(model)
    if any(not f.__module__.startswith("lamina.") for f in (cls.call, cls.__call__)):
        return False
    if kind == "predict":
        return cls.predict_step is Steps.predict_step
    return bool(model._is_plain(kind)) and cls.compute_metrics is Steps.compute_metrics


def _numbers(function: Any, x: Any) -> list[int]:
    """Return which of the graph's inputs each leaf of `x` is for; none if it is unlike them."""
    wanted = function.flat_inputs
    if not isinstance(x, dict):
        return list(range(len(wanted))) if len(tree.flatten(x)) == len(wanted) else []
    by_key = isinstance(function.inputs, dict)
    names = list(tree.keys_of(function.inputs)) if by_key else [t.name for t in wanted]
    given = list(tree.keys_of(x))
    return [names.index(k) for k in given] if set(names) == set(given) else []


def _padded(a: Any, length: int, value: Any) -> Any:
    """Return sequences (N, T, ...) with steps added at the end."""
    if a.shape[1] == length:
        return a
    out = np.full((a.shape[0], length, *a.shape[2:]), value, a.dtype)
    out[:, : a.shape[1]] = a
    return out

"""Records of whole models: shared layers stay shared, and no record takes more than its memory."""

import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from lamina._core.context import context, using
from lamina._core.errors import describe
from lamina._core.serialize import deserialize_keras_object, serialize_keras_object
from lamina.saving._hdf5 import Budget
from lamina.saving._refusal import malformed_refused, refuse
from lamina.saving._saveables import saveables

MAX_OBJECTS = 100_000  # records in a configuration: a layer has about seven

_SHORT = {"bool": 1, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1, "int4": 1}


def describe_model(model: Any) -> dict[str, Any]:
    """Return the record of a model, in which layers that occur twice are told to be one."""
    with using(shared={}):
        try:
            record = serialize_keras_object(model)
        except ValueError as error:
            _note(error, model)
            raise
    numbered = [item for item in _parts(record) if "shared_object_id" in item]
    counts = Counter(item["shared_object_id"] for item in numbered)
    for item in numbered:
        if counts[item["shared_object_id"]] == 1:
            del item["shared_object_id"]
    return record


def _note(error: ValueError, model: Any) -> None:
    """Say in which object of a model the one is that no file can describe."""
    for path, obj in reversed(list(saveables(model))):  # the innermost first
        try:
            serialize_keras_object(obj)
        except ValueError:
            error.add_note(f"In {path or 'the model itself'}, {describe(obj)}.")
            return


def _parts(structure: Any) -> Iterator[dict[str, Any]]:
    """Yield every dictionary in a structure."""
    stack = [structure]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, (list, tuple)):
            stack.extend(item)


def _shared_zeros() -> Callable[..., Any]:
    """Return an initializer of zeros that takes memory once for each shape."""
    made: dict[Any, Any] = {}

    def zeros(shape: tuple[int, ...], dtype: Any = None) -> Any:
        if (shape, dtype) not in made:
            made[shape, dtype] = jax.device_put(np.zeros(shape, jax.numpy.dtype(dtype)))
        return made[shape, dtype]

    return zeros


def model_from_record(
    record: Any, custom_objects: Any, nbytes: int | None = None, blank: bool = False
) -> Any:
    """Return what a record describes, with new weights of at most `nbytes`.

    With `blank` they are zeros, for those who load all of them next: drawing initial values takes
    longer than reading a file.

    Raises:
        FileRefused: more objects, or larger weights, than any model has.
    """
    count = sum(1 for item in _parts(record) if "class_name" in item)
    if count > MAX_OBJECTS:
        raise refuse("config", f"expected at most {MAX_OBJECTS} objects in a model", f"{count}")
    with limited_memory(nbytes), using(shared={}, blank=_shared_zeros() if blank else None):
        return deserialize_keras_object(record, custom_objects)


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Put Python's random numbers back if the body raises: a failure draws no seeds."""
    state = random.getstate()
    try:
        yield
    except BaseException:
        random.setstate(state)
        raise


@contextmanager
def limited_memory(nbytes: int | None = None) -> Iterator[None]:
    """Refuse new variables beyond so many bytes; by default half of this machine's memory.

    The innermost limit that was set first holds. Values that do not fit together are refused too.
    """
    if context().memory is not None:
        yield
        return
    budget = Budget(_half_of_memory() if nbytes is None else nbytes)

    def charge(shape: tuple, dtype: str) -> None:
        digits = "".join(c for c in dtype if c.isdigit())
        size = _SHORT.get(dtype) or int(digits or 32) // 8
        budget.charge(math.prod(int(n) for n in shape) * size, "weights of a record")

    with using(memory=charge), malformed_refused("deserialization"):
        yield


def _half_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 8 << 30

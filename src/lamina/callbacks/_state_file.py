"""Nested plain values and arrays in one file: JSON and .npy entries in a zip, never pickle.

Every entry of a zip has a checksum, so that a damaged file is noticed when it is read.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina.utils._atomic import atomic_write

FORMAT = 1


def write(path: Path, state: Any) -> None:
    """Write `state`, made of numbers, strings, arrays, lists, tuples and dictionaries of such."""
    arrays: list[np.ndarray] = []
    text = json.dumps({"format": FORMAT, "state": _encoded(state, arrays)})
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w") as file:
        file.writestr("state.json", text)
        for i, array in enumerate(arrays):
            with file.open(f"{i}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def read(path: Path) -> Any:
    """Return what `write` wrote.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile: the file is not there or damaged.
    """
    try:
        return _read(path)
    except (MemoryError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: sizes beyond those of a backup") from error


def _read(path: Path) -> Any:
    with zipfile.ZipFile(path) as file:
        if any(e.compress_type != zipfile.ZIP_STORED for e in file.infolist()):
            raise ValueError("packed entries, which could be of any size")
        record = json.loads(file.read("state.json"))
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']}, of another version of lamina")

        def array(number: int) -> np.ndarray:
            with file.open(f"{number}.npy") as entry:
                value = np.lib.format.read_array(entry, allow_pickle=False)
                entry.read()  # to the end, where the checksum is compared
            return value

        return _decoded(record["state"], array)


def _encoded(value: Any, arrays: list[np.ndarray]) -> Any:
    """JSON for a value; arrays are put into the list."""
    if value is None or (isinstance(value, (bool, int, float, str)) and not _is_array(value)):
        return value
    if _is_array(value):
        kind = "array" if isinstance(value, np.ndarray) else "jax"
        kind = "scalar" if isinstance(value, np.generic) else kind
        array = np.asarray(value)
        name = array.dtype.name if array.dtype.kind == "V" else None  # bfloat16 and its like
        arrays.append(array if name is None else array.view(f"u{array.dtype.itemsize}"))
        return {"is": kind, "number": len(arrays) - 1, "dtype": name}
    if isinstance(value, dict):
        pairs = [[_encoded(k, arrays), _encoded(v, arrays)] for k, v in value.items()]
        return {"is": "dict", "of": pairs}
    if isinstance(value, tuple):
        return {"is": "tuple", "of": [_encoded(v, arrays) for v in value]}
    return [_encoded(v, arrays) for v in value]


def _decoded(value: Any, array: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value["is"]
    if kind == "dict":
        return {_decoded(k, array): _decoded(v, array) for k, v in value["of"]}
    if kind == "tuple":
        return tuple(_decoded(v, array) for v in value["of"])
    found = array(value["number"])
    if value["dtype"] is not None:
        found = found.view(jnp.dtype(value["dtype"]))
    return found[()] if kind == "scalar" else jnp.asarray(found) if kind == "jax" else found


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")

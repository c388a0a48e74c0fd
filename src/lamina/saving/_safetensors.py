"""Weights in `.safetensors` files: flat, without code or links, read by many other libraries.

An array's name is its path in a `.weights.h5` file, as `layers/dense/vars/0`; beside the arrays
lies which variable each was. The format is read and written by its own package.
"""

import math
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina.saving._load_report import LoadReport
from lamina.saving._refusal import damage_refused, refuse
from lamina.saving._saveables import saveables
from lamina.saving._weights import put_state, take_state
from lamina.saving._weights_file import Incoming, Reader, Writer, group_of
from lamina.utils._atomic import atomic_write


def write_safetensors(model: Any, path: Any, skip: Collection[Any] = ()) -> None:
    """Write the weights of `model`, with the state of its optimizer, to a `.safetensors` file."""
    library = _library("save_weights")
    arrays = arrays_of(model, skip)
    metadata = {"format": "keras", **_paths_of_variables(model, arrays, skip)}
    with atomic_write(path) as temporary:
        library.numpy.save_file(arrays, temporary, metadata)


def arrays_of(model: Any, skip: Collection[Any] = ()) -> dict[str, np.ndarray]:
    """Return the arrays of a model by their names in files: 'layers/dense/vars/0'."""
    writer = _Arrays()
    put_state(model, writer, skip)
    return writer.arrays


def _paths_of_variables(model: Any, arrays: dict[str, Any], skip: Any) -> dict[str, str]:
    """Which variable each array was, for those who read the file: 'sequential/dense/kernel'."""
    found = {}
    for place, obj in saveables(model, skip):
        own = obj._own_weights() if isinstance(obj, Layer) else getattr(obj, "variables", ())
        names = [f"{group_of(place)}/{i}" for i in range(len(own))]
        if all(name in arrays for name in names):
            found.update({n: v.path for n, v in zip(names, own, strict=True)})
    return found


def read_safetensors(
    model: Any, path: Any, skip_mismatch: bool = False, skip: Collection[Any] = ()
) -> LoadReport:
    """Load the weights of `model` from a `.safetensors` file: all of them, or none."""
    with open_safetensors(path) as tensors:
        reader = _TensorReader(tensors)
        return take_state(model, reader, os.path.basename(path), skip_mismatch, skip)


class Tensor(NamedTuple):
    """An array in a file, read when it is asked for.

    Args:
        file: what reads it.
        name: its name there.
        shape: its shape.
        dtype: as the format calls it: 'F32', 'BF16', ...
        where: the file and its name, as errors give them.
    """

    file: Any
    name: str
    shape: tuple[int, ...]
    dtype: str
    where: str

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        bits = "".join(c for c in self.dtype.partition("_")[0] if c.isdigit())
        return math.prod(self.shape) * int(bits or 8) // 8

    def read(self) -> np.ndarray:
        """Return the numbers."""
        with damage_refused(self.where, "an array"):
            return self.file.get_tensor(self.name)


@contextmanager
def open_safetensors(path: Any) -> Iterator[dict[str, Tensor]]:
    """Open a file and give its arrays by name.

    Raises:
        FileRefused: it is none of this kind, or damaged.
    """
    library, name = _library("load_weights"), os.path.basename(path)
    try:
        with library.safe_open(path, framework="np") as file:
            found = {}
            for key in file.keys():  # noqa: SIM118  not a dictionary
                part = file.get_slice(key)
                shape = tuple(int(n) for n in part.get_shape())
                found[key] = Tensor(file, key, shape, str(part.get_dtype()), f"{name}:{key}")
            yield found
    except library.SafetensorError as error:
        raise refuse(name, "expected a .safetensors file", f"{error}") from error


class _Arrays(Writer):
    """Collects the arrays of all objects, by their names in the file."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    def store(self, path: str, name: str | None) -> Any:
        return _Store(self.arrays, group_of(path))


class _Store(dict[str, Any]):
    """What one object puts its arrays into."""

    def __init__(self, arrays: dict[str, np.ndarray], group: str) -> None:
        super().__init__()
        self._arrays, self._group = arrays, group

    def announce(self) -> None:
        """Nothing: only arrays have a place in the file."""

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        super().__setitem__(str(key), array)
        # The package writes memory as it lies; 0-dimensional arrays must stay so.
        self._arrays[f"{self._group}/{key}"] = np.array(array, order="C", copy=None)


class _TensorReader(Reader):
    """Gives each object the arrays of its path.

    Args:
        tensors: all arrays by name.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors: dict[str, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            group, _, key = name.rpartition("/")
            own = group.rpartition("/")[2] == "vars"
            path = group.removesuffix("vars").rstrip("/") if own else name  # others', as they are
            self._tensors.setdefault(path, {})[key] = tensor

    def store(self, path: str) -> Incoming:
        incoming = Incoming([])
        incoming.datasets = self._tensors.get(path, {})
        return incoming

    def paths(self) -> list[str]:
        return sorted(self._tensors)


def _library(where: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        help = "pip install lamina[safetensors], or use a path that ends in '.weights.h5'"
        raise ImportError(
            explain(where, "expected the package safetensors", f"{error}", help)
        ) from None
    return safetensors

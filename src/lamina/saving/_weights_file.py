"""Files of weights: one HDF5 file, or several ("shards") with a JSON table of what lies where.

Both hold, for each object with state, a group `PATH/vars` with arrays "0", "1", ... A writer gives
a store to each object in turn, a reader likewise; objects put and take their arrays by name.
"""

import json
import os
import re
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lamina._core.errors import explain
from lamina.saving._hdf5 import Budget, Dataset, Group, open_hdf5
from lamina.saving._json import read_json
from lamina.saving._refusal import refuse
from lamina.utils._atomic import atomic_write

_OLD_LAYERS = "_layer_checkpoint_dependencies"  # what TensorFlow 2.13 called `layers`
_SHARD = re.compile(r"[\w\-. ]{1,200}_\d{5,}\.weights\.h5")
MAX_SHARDS = 1000  # files that are open together


def group_of(path: str) -> str:
    """Return the group that holds the arrays of the object at `path`."""
    return f"{path}/vars" if path else "vars"


# --- writing ------------------------------------------------------------------------------------


class _Outgoing(MutableMapping[str, Any]):
    """What an object puts its arrays into: the group of its path, made when it is needed."""

    def __init__(self, writer: "Writer", group: str, name: str | None) -> None:
        self._writer, self._group, self._name = writer, group, name
        self._files: dict[str, Any] = {}
        self._groups: dict[Any, Any] = {}

    def __setitem__(self, key: str, value: Any) -> None:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        file = self._writer.file_for(self._group, array.nbytes)
        self._files[str(key)] = put_array(self._open(file), str(key), array)

    def announce(self) -> None:
        """Make the group though it may stay empty, as Keras does for whatever has a name."""
        if self._name is not None:
            self._open(self._writer.file_for(self._group, 0))

    def _open(self, file: Any) -> Any:
        if file not in self._groups:
            self._groups[file] = file.require_group(self._group)
            if self._name is not None:
                self._groups[file].attrs["name"] = self._name
        return self._groups[file]

    def __getitem__(self, key: str) -> Any:
        return self._files[key][()]

    def __delitem__(self, key: str) -> None:
        dataset = self._files.pop(key)
        del dataset.parent[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def put_array(group: Any, key: str, array: np.ndarray) -> Any:
    """Make a dataset of an array, in an h5py group; short floats are told by an attribute."""
    dataset = group.create_dataset(key, data=array)
    if str(array.dtype) in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        dataset.attrs["dtype"] = str(array.dtype)
    return dataset


class Writer:
    """Writes one HDF5 file.

    Args:
        file: an open h5py file.
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def file_for(self, group: str, nbytes: int) -> Any:
        """Return the h5py file that the next array goes into."""
        return self._file

    def store(self, path: str, name: str | None) -> _Outgoing:
        """Return where the object at `path` puts its arrays; `name` is kept beside them."""
        return _Outgoing(self, group_of(path), name)


class ShardedWriter(Writer):
    """Writes `BASE_00000.weights.h5`, `BASE_00001.weights.h5`, ... and a table of them.

    Args:
        path: of the table, a JSON file.
        max_shard_size: bytes of arrays in a file.
        stack: closes the files; nothing takes its name before all are written.
    """

    def __init__(self, path: Path, max_shard_size: float, stack: ExitStack) -> None:
        self._path, self._most, self._stack = path, max_shard_size, stack
        self._base = path.name.removesuffix(".json").removesuffix(".weights")
        self._names: list[str] = []
        self._used = self._total = 0
        self._map: dict[str, Any] = {}
        self._next()

    def _next(self) -> None:
        import h5py

        name = f"{self._base}_{len(self._names):05}.weights.h5"
        temporary = self._stack.enter_context(atomic_write(self._path.with_name(name)))
        self._file = self._stack.enter_context(h5py.File(temporary, "w"))
        self._names.append(name)
        self._used = 0

    def file_for(self, group: str, nbytes: int) -> Any:
        if nbytes > self._most:
            raise ValueError(
                explain(
                    "save_weights",
                    f"expected arrays of at most {self._most / 1024**3:.3g} GiB (max_shard_size)",
                    f"{nbytes / 1024**3:.3g} GiB in {group}",
                    "use a larger `max_shard_size`",
                )
            )
        if self._used and self._used + nbytes > self._most:
            self._next()
        self._used += nbytes
        self._total += nbytes
        names = self._map.setdefault(f"/{group}", [])
        if nbytes and self._names[-1] not in names:
            names.append(self._names[-1])
        return self._file

    def table(self) -> str:
        """Return the JSON table of what lies in which file."""
        places = {g: n[0] if len(n) == 1 else n for g, n in self._map.items() if n}
        table = {"metadata": {"total_size": self._total}, "weight_map": places}
        return json.dumps(table, indent=4)


# --- reading ------------------------------------------------------------------------------------


class Incoming(MutableMapping[str, Any]):
    """What an object takes its arrays from; each is read when it is asked for.

    Args:
        groups: the groups that hold them, one or (sharded) several.
    """

    def __init__(self, groups: list[Group]) -> None:
        self.datasets: dict[str, Dataset] = {}
        for group in groups:
            for key in group.keys():  # noqa: SIM118  not a dictionary
                found = group.get(key)
                if isinstance(found, Dataset):
                    self.datasets[key] = found

    def __getitem__(self, key: str) -> np.ndarray:
        return self.datasets[key].read()

    def __iter__(self) -> Iterator[str]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError(explain("load_own_variables", "expected reads only", f"store[{key!r}] ="))

    def __delitem__(self, key: str) -> None:
        raise TypeError(explain("load_own_variables", "expected reads only", f"del store[{key!r}]"))


class Reader:
    """Reads one HDF5 file.

    Args:
        root: its root group.
    """

    def __init__(self, root: Group) -> None:
        self._root = root

    def groups(self, path: str) -> list[Group]:
        """Return the groups with the arrays of the object at `path`."""
        found = self._root.group(group_of(path))
        if found is None and self._root.get(_OLD_LAYERS) is not None:
            found = self._root.group(group_of(path.replace("layers", _OLD_LAYERS)))
        return [] if found is None else [found]

    def store(self, path: str) -> Incoming:
        """Return where the object at `path` takes its arrays from."""
        return Incoming(self.groups(path))

    def paths(self) -> list[str]:
        """Return the paths of all objects that have arrays in the file."""
        return _paths(self._root)


class ShardedReader(Reader):
    """Reads the files that a JSON table names; they must lie beside it and be named as shards are.

    Args:
        path: of the table.
        budget: for the bytes of all files together.
        stack: closes the files.
    """

    def __init__(self, path: Path, budget: Budget, stack: ExitStack) -> None:
        table = read_json(path.read_bytes(), path.name)
        places = table.get("weight_map") if isinstance(table, dict) else None
        if not isinstance(places, dict):
            raise refuse(path.name, "expected a table with a 'weight_map'", f"{type(table)}")
        self._places = {
            str(group).strip("/"): names if isinstance(names, list) else [names]
            for group, names in places.items()
        }
        files = {_checked(path, name) for names in self._places.values() for name in names}
        if len(files) > MAX_SHARDS:
            raise refuse(path.name, f"expected at most {MAX_SHARDS} files", f"{len(files)}")
        self._roots: dict[str, Group] = {}
        for name in sorted(files):
            self._roots[name] = stack.enter_context(_open_shard(path, name, budget))

    def roots(self) -> dict[str, Group]:
        """Return the root group of each file, by its name."""
        return self._roots

    def groups(self, path: str) -> list[Group]:
        name = group_of(path)
        found = (self._roots[file].group(name) for file in self._places.get(name, ()))
        return [group for group in found if group is not None]

    def paths(self) -> list[str]:
        return sorted({p for root in self._roots.values() for p in _paths(root)})


def _checked(table: Path, name: Any) -> str:
    if not isinstance(name, str) or not _SHARD.fullmatch(name):
        expected = "expected names like 'model_00000.weights.h5' of files"
        raise refuse(table.name, expected, f"{name!r:.80}")
    return name


def _open_shard(table: Path, name: str, budget: Budget) -> Any:
    file = table.with_name(name)
    if file.is_symlink() or not file.is_file():
        raise refuse(table.name, f"expected the file '{name}' beside it", "none")
    return open_hdf5(file, budget)


def _paths(root: Group) -> list[str]:
    parents = {d.path.rpartition("/")[0] for d in root.walk() if isinstance(d, Dataset)}
    return sorted(p.removesuffix("vars").rstrip("/") for p in parents)


@contextmanager
def open_weights(path: Any, budget: int) -> Iterator[Reader]:
    """Open a file of weights, or the table of a sharded one, and give its `Reader`.

    Args:
        path: of the file.
        budget: bytes of arrays that may be read.
    """
    with ExitStack() as stack:
        if os.fspath(path).endswith(".json"):
            yield ShardedReader(Path(path), Budget(budget), stack)
        else:
            yield Reader(stack.enter_context(open_hdf5(path, budget)))

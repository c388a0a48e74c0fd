"""HDF5 files read by path, one hard link at a time: nothing in a file points outside of it.

`open_hdf5` is the only place where the library reads HDF5. Every component of a path must be a
hard link; datasets must be stored in the file itself, behind HDF5's own filters, with a type of
plain numbers. Sizes are known and charged to a `Budget` before memory is taken for them.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from lamina.saving._hdf5_text import heaps_are_sound, text_size
from lamina.saving._refusal import damage_refused, refuse

MAX_DEPTH = 64  # of groups inside groups
MAX_OBJECTS = 200_000  # that `walk` visits, and names in one group
MAX_ATTRIBUTE = 64 << 20  # bytes: whole configs are attributes in files of Keras 2
_EXPANSION = 1100  # deflate's limit, which no honest data reaches
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}  # built into HDF5 and h5py
_SHORT = {1: ("float8_e4m3fn", "float8_e5m2"), 2: ("bfloat16",)}  # opaque types, by size


class Budget:
    """How many bytes may still be read."""

    def __init__(self, total: int) -> None:
        self.left = int(total)

    def charge(self, nbytes: int, where: str) -> None:
        """Take `nbytes` off.

        Raises:
            FileRefused: more than is left.
        """
        if nbytes > self.left:
            raise refuse(
                where,
                f"expected at most {self.left} bytes more",
                f"{nbytes} bytes",
                "the file does not belong to this model",
            )
        self.left -= nbytes


@contextmanager
def open_hdf5(source: Any, budget: Budget | int | None = None) -> Iterator["Group"]:
    """Open a file for reading and give its root `Group`.

    Args:
        source: a path, or a seekable binary file.
        budget: how many bytes of data may be read; by default as many as the file has, times four.

    Raises:
        FileRefused: it is no HDF5 file, or a damaged one.
    """
    import h5py

    name = _name_of(source)
    opened = source if hasattr(source, "read") else open(source, "rb")  # noqa: SIM115
    try:
        size = opened.seek(0, os.SEEK_END)
        if not isinstance(budget, Budget):
            budget = Budget(4 * size if budget is None else budget)
        opened.seek(0)
        with damage_refused(name, "an HDF5 file"):
            file = h5py.File(opened, "r")
        try:
            yield Group(file, name, "", budget, _Bytes(opened, size))
        finally:
            with damage_refused(name, "an HDF5 file"):
                file.close()
    finally:
        if opened is not source:
            opened.close()


def _name_of(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).name
    return os.path.basename(str(getattr(source, "name", "weights")))


class _Bytes:
    """The file itself, and how long it is."""

    def __init__(self, file: Any, size: int) -> None:
        self.file, self.size = file, size

    @cached_property
    def sound(self) -> bool:
        """Whether HDF5 may be asked for strings of varying length."""
        return heaps_are_sound(self.file, self.size)


class _Object:
    """What groups and datasets share: a place, and attributes."""

    def __init__(self, raw: Any, file: str, path: str, budget: Budget, stored: _Bytes) -> None:
        self._raw, self._file, self.path, self._budget = raw, file, path, budget
        self._stored = stored

    @property
    def where(self) -> str:
        """The file and the path in it, as errors name them."""
        return f"{self._file}:/{self.path}"

    def attribute_names(self) -> list[str]:
        """Return the names of the attributes."""
        with damage_refused(self.where, "attributes"):
            return [str(name) for name in self._raw.attrs]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute: a string, a number, or an array of numbers or of bytes.

        Raises:
            FileRefused: it is of another type, or too large.
        """
        import h5py

        where = f"{self.where}@{name}"
        with damage_refused(where, "an attribute"):
            if not h5py.h5a.exists(self._raw.id, name.encode()):
                return default
            stored = h5py.h5a.open(self._raw.id, name.encode())
            self._check_attribute(stored, where)
            value = self._raw.attrs[name]
            return value.decode() if isinstance(value, bytes) else value

    def _check_attribute(self, stored: Any, where: str) -> None:
        import h5py

        kind, count = stored.get_type(), math.prod(stored.shape)
        accepted = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM, h5py.h5t.STRING)
        if kind.get_class() not in accepted:
            raise refuse(where, "expected text or numbers", f"HDF5 type {kind.get_class()}")
        varying = kind.get_class() == h5py.h5t.STRING and kind.is_variable_str()
        if varying and not self._stored.sound:
            raise refuse(self._file, "expected an HDF5 file", "damaged text")
        # Strings of varying length lie anywhere in the file, several perhaps in the same place.
        nbytes = count * (min(self._stored.size, MAX_ATTRIBUTE) if varying else kind.get_size())
        if nbytes > MAX_ATTRIBUTE // 8 and varying and count > 1:
            address = h5py.h5o.get_info(self._raw.id).addr
            nbytes = text_size(self._stored.file, address, stored.name.decode(), count) or nbytes
        if nbytes > MAX_ATTRIBUTE:
            raise refuse(where, f"expected at most {MAX_ATTRIBUTE} bytes", f"{nbytes} bytes")
        self._budget.charge(0 if varying else nbytes, where)


class Group(_Object):
    """A group: groups and datasets by name; what was opened once is kept."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._children: dict[str, Group | Dataset | None] = {}

    def keys(self) -> list[str]:
        """Return the names in the group."""
        with damage_refused(self.where, "a group"):
            count = self._raw.id.get_num_objs()
            if count > MAX_OBJECTS:
                raise refuse(self.where, f"expected at most {MAX_OBJECTS} names", str(count))
            return [str(name) for name in self._raw]

    def get(self, path: str) -> "Group | Dataset | None":
        """Return what lies at a path below this group, or None.

        Raises:
            FileRefused: some part of the path is a link, or it leads to what is not accepted.
        """
        here: Group | Dataset = self
        parts = [part for part in path.split("/") if part]
        if len(parts) > MAX_DEPTH:
            raise refuse(self.where, f"expected at most {MAX_DEPTH} groups inside each other", path)
        for part in parts:
            below = here._child(part) if isinstance(here, Group) else None
            if below is None:
                return None
            here = below
        return here

    def group(self, path: str) -> "Group | None":
        """Return the group at a path, or None if there is nothing.

        Raises:
            FileRefused: there is something else.
        """
        found = self.get(path)
        if isinstance(found, Dataset):
            raise refuse(found.where, "expected a group", "a dataset")
        return found

    def dataset(self, path: str) -> "Dataset | None":
        """Return the dataset at a path, or None if there is nothing.

        Raises:
            FileRefused: there is something else, or a dataset that is not accepted.
        """
        found = self.get(path)
        if isinstance(found, Group):
            raise refuse(found.where, "expected a dataset", "a group")
        return found

    def walk(self) -> "Iterator[Group | Dataset]":
        """Yield all groups and datasets below this one, each once."""
        import h5py

        seen: set[Any] = set()
        stack: list[Group | Dataset] = [self]
        while stack:
            here = stack.pop()
            with damage_refused(here.where, "a group or a dataset"):
                info = h5py.h5o.get_info(here._raw.id)
            if (info.fileno, info.addr) in seen:
                continue
            seen.add((info.fileno, info.addr))
            if len(seen) > MAX_OBJECTS or here.path.count("/") > MAX_DEPTH:
                raise refuse(self.where, f"expected at most {MAX_OBJECTS} objects", "more")
            if here is not self:
                yield here
            if isinstance(here, Group):
                names = reversed(here.keys())
                stack += [child for name in names if (child := here._child(name)) is not None]

    def _child(self, name: str) -> "Group | Dataset | None":
        if name not in self._children:
            self._children[name] = self._open(name)
        return self._children[name]

    def _open(self, name: str) -> "Group | Dataset | None":
        """What is behind one hard link."""
        import h5py

        where = f"{self.where}/{name}".replace("://", ":/")
        if name in (".", ".."):
            raise refuse(where, "expected a name", repr(name))
        with damage_refused(where, "a group or a dataset"):
            links, key = self._raw.id.links, name.encode()
            if not links.exists(key):  # looks at the link alone, and follows nothing
                return None
            kind = links.get_info(key).type
            if kind != h5py.h5l.TYPE_HARD:
                names = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "a link"}
                got = f"{names.get(kind, 'a link of unknown kind')} to another place"
                raise refuse(where, "expected data in the file itself", got)
            raw: Any = self._raw[name]
            path = f"{self.path}/{name}".lstrip("/")
            for cls, ours in ((h5py.Group, Group), (h5py.Dataset, Dataset)):
                if isinstance(raw, cls):
                    return ours(raw, self._file, path, self._budget, self._stored)
        raise refuse(where, "expected a group or a dataset", type(raw).__name__)


class Dataset(_Object):
    """An array in the file: its shape and dtype are known, its numbers are read when asked for."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        with damage_refused(self.where, "a dataset"):
            self._check_storage()
            self.shape: tuple[int, ...] = tuple(self._raw.shape)
            self.dtype = self._number_type()
            self.nbytes: int = math.prod(self.shape) * self.dtype.itemsize
            self._check_size()

    def read(self) -> np.ndarray:
        """Return the numbers, as an array of your own.

        Raises:
            FileRefused: more bytes than the budget has left, or damaged data.
        """
        self._budget.charge(self.nbytes, self.where)
        with damage_refused(self.where, "a dataset"):
            stored = self._raw.dtype
            array = _aligned(self.shape, stored)
            if array.size:
                self._raw.read_direct(array)
            return array if stored == self.dtype else array.view(self.dtype)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        array = self.read()
        return array if dtype is None else array.astype(dtype, copy=False)

    def _check_storage(self) -> None:
        import h5py

        plist = self._raw.id.get_create_plist()
        if plist.get_layout() not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
            raise refuse(self.where, "expected data in the file itself", "a virtual dataset")
        if plist.get_external_count():
            raise refuse(self.where, "expected data in the file itself", "another file's name")
        for i in range(plist.get_nfilters()):
            code = plist.get_filter(i)[0]
            if code not in _FILTERS:
                known = ", ".join(_FILTERS.values())
                raise refuse(self.where, f"expected no filters but {known}", f"filter {code}")

    def _number_type(self) -> np.dtype:
        import h5py

        if self._raw.id.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            raise refuse(self.where, "expected an array", "an empty dataspace")
        dtype = self._raw.dtype
        if dtype.kind in "biufc" and dtype.metadata is None:
            return dtype
        if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None:
            short = _SHORT.get(dtype.itemsize, ())
            told = self.attribute("dtype", short[0] if short else None)
            if told in short:
                return np.dtype(getattr(ml_dtypes, told))
        raise refuse(self.where, "expected numbers", f"values of type {dtype}")

    def _check_size(self) -> None:
        import h5py

        stored = self._raw.id.get_storage_size()
        most = self._stored.size
        if stored > most:
            raise refuse(self.where, f"expected at most {most} bytes", f"{stored} bytes")
        plist = self._raw.id.get_create_plist()
        if plist.get_layout() != h5py.h5d.CHUNKED:
            most, chunk = stored, 0
        else:
            most = _EXPANSION * stored
            chunk = math.prod(plist.get_chunk()) * self._raw.dtype.itemsize
        if self.nbytes > most or chunk > max(4 * self.nbytes, 1 << 20):
            got = f"shape {self.shape} with {stored} bytes stored"
            raise refuse(self.where, "expected as many numbers as the shape has", got)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array where jax takes its memory as it is: without a copy, half is enough."""
    nbytes = math.prod(shape) * dtype.itemsize
    memory = np.empty(nbytes + 64, "uint8")
    start = -memory.ctypes.data % 64
    return memory[start : start + nbytes].view(dtype).reshape(shape)

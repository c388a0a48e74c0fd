"""Ring: room for a number of batches of one shape, stacked as the programs read them."""

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np

from lamina._core import dtypes, tree
from lamina._data.arrays import standard_dtype
from lamina._data.memory import Pool, empty, on_device

ROOM_BYTES, ROOM_BATCHES = 4 << 20, 512  # whichever is less
MORE, END = object(), object()  # why a ring takes no more batches: see `fill`


class Ring:
    """Room for batches of one shape.

    Args:
        batch: a structure of arrays like those that will be in it.
        together: there is room for a multiple of this many.
    """

    def __init__(self, batch: Any, together: int = 1) -> None:
        self.kind = kind_of(batch)
        self.form, self._shapes, self._dtypes = self.kind
        self.rows = self._shapes[0][0]
        room = max(1, min(ROOM_BYTES // max(_bytes(self.kind), 1), ROOM_BATCHES))
        self.room, self._together = max(room - room % together, together), together
        self.order = np.arange(self.room * self.rows, dtype="int32")
        self._raw_form: Any = None  # how batches look when they come: unknown
        self._pairs = False
        names = ("x", "y", "sample_weight")
        self._names = [n for n, p in zip(names, batch, strict=True) for _ in _leaves(p)]
        self._pool = Pool(partial(_memory, self.room, self._shapes, self._dtypes))
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self._buffers, self._places = self._pool.take()
        for known in ("nan", "data"):
            self.__dict__.pop(known, None)

    def fresh(self) -> "Ring":
        """Return an empty ring of this kind."""
        ring = object.__new__(Ring)
        ring.__dict__.update(self.__dict__)
        ring._clear()
        return ring

    @property
    def full(self) -> bool:
        """Whether there is no room for another batch."""
        return self.count == self.room

    @property
    def whole(self) -> bool:
        """Whether it may be handed over as it is."""
        return self.count > 0 and self.count % self._together == 0

    def expect(self, raw: Any) -> None:
        """Let `fill` know what a batch of this kind looks like when it comes."""
        leaves, form = jax.tree.flatten(raw)
        arrays = all(type(a) is np.ndarray for a in leaves)
        if arrays and tuple(a.shape for a in leaves) == self._shapes:
            self._raw_form, self._raw_dtypes = form, tuple(a.dtype for a in leaves)
            self._pairs = type(raw) in (tuple, list) and len(raw) == len(leaves) == 2

    def fill(self, batches: Iterator[Any], reader: Any) -> Any:
        """Copy batches into the next places.

        Args:
            batches: as they come.
            reader: `reader.urgent` says that the ring is wanted as it is.

        Returns:
            MORE if the ring is full or wanted, END after the last batch, else the first batch that
            does not look as expected: it was not copied.
        """
        if self._raw_form is None:
            return next(batches, END)
        return self._fill_pairs(batches, reader) if self._pairs else self._fill(batches, reader)

    def _fill_pairs(self, batches: Iterator[Any], reader: Any) -> Any:
        """Fill with (x, y), two arrays: what most generators give.

        The thread that runs this shares the interpreter with the generator: what is spent here
        for a batch, a microsecond, is what a fast generator loses. So nothing is called.
        """
        (x_shape, y_shape), (x_dtype, y_dtype) = self._shapes, self._raw_dtypes
        array, together, count = np.ndarray, self._together, self.count
        try:
            for (x_place, y_place), raw in zip(self._places[count:], batches):  # noqa: B905
                if (type(raw) is not tuple and type(raw) is not list) or len(raw) != 2:
                    return raw
                x, y = raw
                if type(x) is not array or x.shape != x_shape:
                    return raw
                if type(y) is not array or y.shape != y_shape:
                    return raw
                if x.dtype is not x_dtype and x.dtype != x_dtype:
                    return raw
                if y.dtype is not y_dtype and y.dtype != y_dtype:
                    return raw
                x_place[...] = x
                y_place[...] = y
                count += 1
                if reader.urgent and count % together == 0:
                    return MORE
        finally:
            self.count = count
        return MORE if self.full else END

    def _fill(self, batches: Iterator[Any], reader: Any) -> Any:
        """Fill with batches of any other form."""
        flatten, form, looks = jax.tree.flatten, self._raw_form, (self._shapes, self._raw_dtypes)
        for places, raw in zip(self._places[self.count :], batches):  # noqa: B905
            leaves, found = flatten(raw)
            if found != form:
                return raw
            for place, leaf, shape, dtype in zip(places, leaves, *looks, strict=True):
                if type(leaf) is not np.ndarray or leaf.shape != shape or leaf.dtype != dtype:
                    return raw
                place[...] = leaf
            self.count += 1
            if reader.urgent and self.whole:
                return MORE
        return MORE if self.full else END

    def put(self, batch: Any) -> bool:
        """Copy a batch of arrays into the next place; return whether it is of this kind."""
        if kind_of(batch) != self.kind:
            return False
        for buffer, leaf in zip(self._buffers, jax.tree.leaves(batch), strict=True):
            buffer[self.count] = leaf
        self.count += 1
        return True

    def prepared(self) -> "Ring":
        """Work out what is known of it once no batch is added any more; return the ring."""
        _ = self.nan, self.data
        return self

    @cached_property
    def data(self) -> Any:
        """What programs read, in the form of a batch: (R * N, ...)."""
        flat = [b.reshape(self.room * self.rows, *b.shape[2:]) for b in self._buffers]
        return on_device(jax.tree.unflatten(self.form, flat))

    @cached_property
    def nan(self) -> tuple[str, int] | None:
        """The name of the part that has a NaN, and the place of its batch; None if none has."""
        for name, buffer in zip(self._names, self._buffers, strict=True):
            used = buffer[: self.count]
            if used.size and dtypes.is_float(used.dtype.name) and np.isnan(used.min()):
                at = np.isnan(used.reshape(self.count, -1)).any(axis=1).argmax()
                return name, int(at)
        return None


def kind_of(batch: Any) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Return the form, the shapes and the dtypes of a batch in its ring."""
    leaves, form = jax.tree.flatten(batch)
    dtypes_ = tuple(np.dtype(standard_dtype(a.dtype)) for a in leaves)
    return form, tuple(a.shape for a in leaves), dtypes_


def _memory(room: int, shapes: Any, dtypes: Any) -> tuple[list[np.ndarray], list[Any]]:
    """Return an array (R, N, ...) for each part of a batch, and the places of all batches."""
    buffers = [empty((room, *s), d) for s, d in zip(shapes, dtypes, strict=True)]
    return buffers, list(zip(*buffers, strict=True))


def _bytes(kind: Any) -> int:
    _, shapes, kinds = kind
    return sum(int(np.prod(s)) * d.itemsize for s, d in zip(shapes, kinds, strict=True))


def _leaves(part: Any) -> list[Any]:
    return [a for a in tree.flatten(part) if a is not None]

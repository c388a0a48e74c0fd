"""Ring: room for a number of batches of one shape, stacked as the programs read them."""

from typing import Any

import jax
import numpy as np

from lamina._core import dtypes, tree
from lamina._data.arrays import standard_dtype

ROOM_BYTES, ROOM_BATCHES = 4 << 20, 512  # whichever is less
_ALIGNED = 64  # bytes: such arrays are on the CPU "device" without a copy


class Ring:
    """Room for batches of one shape, with one of them in it.

    Args:
        batch: a structure of arrays.
        together: there is room for a multiple of this many.
    """

    def __init__(self, batch: Any, together: int = 1) -> None:
        leaves, self.form = jax.tree.flatten(batch)
        self._shapes = tuple(a.shape for a in leaves)
        self._dtypes = tuple(np.dtype(standard_dtype(a.dtype)) for a in leaves)
        self.kind = (self.form, self._shapes, self._dtypes)
        self.rows = self._shapes[0][0]
        room = max(1, min(ROOM_BYTES // max(_bytes(self.kind), 1), ROOM_BATCHES))
        self.room = max(room - room % together, together)
        self.order = np.arange(self.room * self.rows, dtype="int32")
        self._expected: tuple[Any, ...] = ()
        names = ("x", "y", "sample_weight")
        self._names = [n for n, p in zip(names, batch, strict=True) for _ in _leaves(p)]
        self._clear()
        self.put(batch)

    def _clear(self) -> None:
        self.count = 0
        self._buffers = [
            empty((self.room, *s), d) for s, d in zip(self._shapes, self._dtypes, strict=True)
        ]  # (R, N, ...)

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

    def expect(self, raw: Any) -> None:
        """Let `add` know what the batch that is in looked like when it came."""
        plain = type(raw) is tuple and all(type(a) is np.ndarray for a in raw)
        if plain and tuple(a.shape for a in raw) == self._shapes:  # nothing was padded
            self._expected = tuple((a.shape, a.dtype) for a in raw)

    def add(self, raw: Any) -> bool:
        """Copy a batch that looks as expected into the next place; return whether it does.

        This is the quick way: the thread that runs it shares the interpreter with the generator.
        """
        if type(raw) is not tuple or len(raw) != len(self._expected):
            return False
        at = self.count
        for leaf, expected, buffer in zip(raw, self._expected, self._buffers, strict=True):
            shape, dtype = expected
            if type(leaf) is not np.ndarray or leaf.shape != shape or leaf.dtype != dtype:
                return False
            buffer[at] = leaf
        self.count = at + 1
        return True

    def put(self, batch: Any) -> bool:
        """Copy a batch of arrays into the next place; return whether it is of this kind."""
        leaves, form = jax.tree.flatten(batch)
        kinds = tuple(np.dtype(standard_dtype(a.dtype)) for a in leaves)
        if (form, tuple(a.shape for a in leaves), kinds) != self.kind:
            return False
        for buffer, leaf in zip(self._buffers, leaves, strict=True):
            buffer[self.count] = leaf
        self.count += 1
        return True

    def arrays(self) -> list[np.ndarray]:
        """Return what programs read: (R * N, ...)."""
        return [b.reshape(self.room * self.rows, *b.shape[2:]) for b in self._buffers]

    def first_nan(self) -> tuple[str, int] | None:
        """Return the name of the part that has a NaN, and the place of its batch."""
        for name, buffer in zip(self._names, self._buffers, strict=True):
            used = buffer[: self.count]
            if used.size and dtypes.is_float(used.dtype.name) and np.isnan(used.min()):
                at = np.isnan(used.reshape(self.count, -1)).any(axis=1).argmax()
                return name, int(at)
        return None


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array that the CPU device can use where it is."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + _ALIGNED, "uint8")
    start = -memory.ctypes.data % _ALIGNED
    return memory[start : start + size].view(dtype).reshape(shape)


def _bytes(kind: Any) -> int:
    _, shapes, kinds = kind
    return sum(int(np.prod(s)) * d.itemsize for s, d in zip(shapes, kinds, strict=True))


def _leaves(part: Any) -> list[Any]:
    return [a for a in tree.flatten(part) if a is not None]

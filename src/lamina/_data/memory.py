"""Memory: arrays that programs read where they are, made once and used again."""

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

_MOST = 8  # that a pool keeps: two being used, two waiting, one being filled, and some in doubt
_ALIGNED = 64  # bytes: such arrays are on the CPU "device" without a copy


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array that the CPU device can use where it is."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + _ALIGNED, "uint8")
    start = -memory.ctypes.data % _ALIGNED
    return memory[start : start + size].view(dtype).reshape(shape)


def on_device(data: Any) -> Any:
    """Return a structure of `empty` arrays on the device; on a CPU that can wait: it is no copy."""
    return data if jax.default_backend() == "cpu" else jax.device_put(data)


class Pool:
    """Arrays of the same shapes, given out again when nobody has them any more.

    New memory is slow: the system clears each page of it, and no cache has any of it.

    Args:
        make: returns new arrays of `empty`, and anything that goes with them.
    """

    def __init__(self, make: Callable[[], tuple[list[np.ndarray], Any]]) -> None:
        self._make = make
        self._kept: list[tuple[list[np.ndarray], Any, list[int]]] = []

    def take(self) -> tuple[list[np.ndarray], Any]:
        """Return arrays that nobody else reads, and what goes with them."""
        free = (kept for kept in self._kept if _holders(kept[0]) == kept[2])
        arrays, more, _ = next(free, None) or self._new()
        return [a[...] for a in arrays], more  # views: as long as one of them lives, it is taken

    def _new(self) -> tuple[list[np.ndarray], Any, list[int]]:
        arrays, more = self._make()
        self._kept = [*self._kept[1 - _MOST :], (arrays, more, _holders(arrays))]
        return self._kept[-1]


def _holders(arrays: list[np.ndarray]) -> list[int]:
    """Return how many there are of what holds the memory of each array: views, running programs."""
    return [sys.getrefcount(a.base) for a in arrays]

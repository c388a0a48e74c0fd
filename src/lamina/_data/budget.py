"""How much data may lie on the device as a whole; what is larger streams.

`LAMINA_DATA_BUDGET` sets it, in bytes.
"""

import os
from functools import cache
from typing import Any

import jax
import numpy as np


def budget() -> int:
    """Return the bytes that data may take: half of a GPU's free memory, a quarter of a CPU's."""
    given = os.environ.get("LAMINA_DATA_BUDGET")
    if given:
        return int(float(given))
    stats = jax.local_devices()[0].memory_stats()
    if stats is None or "bytes_limit" not in stats:
        return _installed() // 4
    return int(stats["bytes_limit"] - stats.get("bytes_in_use", 0)) // 2


@cache
def _installed() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on this system
        return 8 << 30


def size(array: Any) -> int:
    """Return the bytes of an array of any kind."""
    return int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize


def stays_away(array: Any) -> bool:
    """Return whether an array is read piece by piece: one in a file that is over the budget."""
    in_file = isinstance(array, np.memmap) or (  # h5py, zarr
        hasattr(array, "chunks") and hasattr(array, "shape") and hasattr(array, "dtype")
    )
    return in_file and np.dtype(array.dtype).kind in "biuf" and size(array) > budget()

"""Data as the programs want it: blocks of rows on the device."""

from lamina._data.arrays import (
    as_arrays,
    check_lengths,
    pack,
    rows,
    split_validation,
    symbolic,
)
from lamina._data.source import ArraySource, Block

__all__ = [
    "ArraySource", "Block", "as_arrays", "check_lengths", "pack", "rows", "split_validation",
    "symbolic",
]  # fmt: skip

"""Data as the programs want it: blocks of rows on the device."""

from lamina._data.arrays import (
    as_arrays,
    check_lengths,
    pack,
    rows,
    symbolic,
)
from lamina._data.choice import source_of, split_validation, stream_of
from lamina._data.feeds import is_stream
from lamina._data.source import ArraySource, Block, Source
from lamina._data.stream import StreamSource

__all__ = [
    "ArraySource", "Block", "Source", "StreamSource", "as_arrays", "check_lengths", "is_stream",
    "pack", "rows", "source_of", "split_validation", "stream_of", "symbolic",
]  # fmt: skip

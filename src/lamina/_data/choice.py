"""Which Source data of a kind gets."""

import inspect
from typing import Any

import jax

from lamina._core.errors import describe, explain
from lamina._data.arrays import pack, split_rows
from lamina._data.budget import budget, size
from lamina._data.feeds import feed_for, is_stream
from lamina._data.pieces import Pieces
from lamina._data.source import ArraySource, Source
from lamina._data.stream import StreamSource


def split_validation(
    source: Source, fraction: float, batch_size: int
) -> tuple[ArraySource, ArraySource]:
    """Return sources of the first rows, for training, and of the last `fraction` of them.

    Raises:
        ValueError: not arrays, or nothing would be left on one side.
    """
    if not isinstance(source, ArraySource):
        raise ValueError(
            explain(
                "validation_split",
                "expected arrays, whose last rows can be kept",
                "data that comes in batches",
                "give validation_data=, or split the data with utils.split_dataset",
            )
        )
    first, last = split_rows(source.sample, fraction)
    kind = type(source)
    return kind(first, source.batch, source.shuffle, source.resume), kind(last, batch_size)


def source_of(
    where: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int,
    shuffle: bool = False,
    steps: int | None = None,
    resume: bool = False,
) -> Source:
    """Return a Source for data of any kind.

    Args:
        where: the method that errors name.
        x, y, sample_weight: arrays, frames, lists, dictionaries; or as x alone what gives batches.
        batch_size: rows per step, for what does not come in batches.
        shuffle: whether each pass of arrays, or of a PyDataset, has an order of its own.
        steps: steps of an epoch, if fewer than a pass has.
        resume: whether an epoch goes on where the last one stopped.

    Raises:
        ValueError: labels or weights beside what gives them itself; no batches.
    """
    if inspect.isgeneratorfunction(x):
        name = getattr(x, "__name__", "batches")
        raise TypeError(
            explain(where, "expected a generator", f"the function {name}", f"call it: {name}()")
        )
    if not is_stream(x):
        packed = pack(x, y, sample_weight)
        large = sum(map(size, jax.tree.leaves(packed))) > budget()
        return (Pieces if large else ArraySource)(packed, batch_size, shuffle, resume)
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                explain(
                    where,
                    f"expected no `{name}` beside a {type(x).__name__}, which gives whole batches",
                    describe(value),
                    f"let it give (x, y) or (x, y, sample_weight), and leave `{name}=` out",
                )
            )
    return stream_of(where, x, batch_size, shuffle, steps, resume)


def stream_of(
    where: str,
    x: Any,
    batch_size: int = 32,
    shuffle: bool = False,
    steps: int | None = None,
    resume: bool = False,
) -> StreamSource:
    """Return a Source for data that gives batches; see `source_of`."""
    return StreamSource(where, feed_for(where, x, shuffle, batch_size), steps, resume)

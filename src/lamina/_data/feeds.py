"""Feeds: one pass over the batches of a generator, a data set or a loader of any library.

Other libraries are known by what their objects can do; none of them is imported here.
"""

import random
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from lamina._core.errors import describe, explain
from lamina._data.frames import is_frame, is_table, table_batches
from lamina._data.workers import in_workers
from lamina.utils import PyDataset

_WHOLE = (list, tuple, dict, str, bytes, range, array, memoryview)  # structures of rows
_ENDLESS = 1 << 48  # grain: the length of a data set that repeats itself


class Feed:
    """Where the batches of a stream come from."""

    once = False  # whether it is one pass that cannot be started again
    steps: int | None = None  # batches of a pass; None if that is not known
    empty = "look at how the data was loaded or filtered"
    endless = "give it more batches, or fewer steps_per_epoch"

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> Iterator[Any]:
        """Start a pass."""
        raise NotImplementedError

    def order(self) -> list[int] | None:
        """Return the order of the open pass, if it was drawn."""
        return None

    def set_order(self, order: list[int] | None) -> None:
        """Let the next pass have this order."""

    def look(self, count: int) -> list[Any] | None:
        """Return the first batches of all, or None if that takes them out of a pass."""
        return None

    def begin_epoch(self) -> None:
        """Called before an epoch's first batch."""

    def end_epoch(self) -> None:
        """Called after its last one."""


class IteratorFeed(Feed):
    """A generator or iterator: one pass, which goes on from epoch to epoch."""

    once = True
    empty = "an iterator that was read to its end gives nothing more: make a new one"
    endless = "begin it with `while True:`, or use fewer epochs or steps_per_epoch"

    def __init__(self, iterator: Iterator[Any]) -> None:
        super().__init__(f"the {type(iterator).__name__}")
        self._iterator = iterator

    def open(self) -> Iterator[Any]:
        """Return the one iterator."""
        return self._iterator


class IterableFeed(Feed):
    """A loader or data set that every `for` reads from its beginning."""

    endless = "repeat the data set with `.repeat()`, or leave steps_per_epoch out"

    def __init__(self, iterable: Any, open: Callable[[], Iterable[Any]], steps: Any) -> None:
        super().__init__(f"the {type(iterable).__name__}")
        self._open, self.steps = open, steps

    def open(self) -> Iterator[Any]:
        """Return an iterator from the beginning."""
        return iter(self._open())


class PyDatasetFeed(Feed):
    """A PyDataset: batches by their number, fetched by workers if it has any."""

    def __init__(self, dataset: PyDataset, shuffle: bool) -> None:
        super().__init__(f"the {type(dataset).__name__}")
        self._dataset, self._shuffle = dataset, shuffle
        self.steps = dataset.num_batches
        self._next = count()  # an infinite one goes on where it was
        self._order: list[int] | None = None
        self._given: list[int] | None = None  # an order that the next pass shall have

    def open(self) -> Iterator[Any]:
        """Return an iterator over all batches, shuffled if that is wanted."""
        dataset, numbers = self._dataset, self._numbers()
        workers, processes = dataset.workers or 0, dataset.use_multiprocessing
        if workers > 1 or (workers == 1 and processes):
            ahead = max(dataset.max_queue_size, workers)
            return in_workers(dataset, numbers, workers, bool(processes), ahead)
        return (dataset[i] for i in numbers)

    def _numbers(self) -> Iterable[int]:
        self.steps = self._dataset.num_batches
        if self.steps is None:
            return self._next
        given, self._given = self._given, None
        self._order = given or list(range(self.steps))
        if self._shuffle and not given:
            random.shuffle(self._order)
        return self._order

    def order(self) -> list[int] | None:
        """Return the numbers of the batches of the open pass."""
        return self._order

    def set_order(self, order: list[int] | None) -> None:
        """Let the next pass have this order."""
        self._given = order

    def look(self, count: int) -> list[Any] | None:
        """Return the first batches: outside of a pass, whose order is drawn when it begins."""
        return [self._dataset[i] for i in range(min(count, self.steps or count))]

    def begin_epoch(self) -> None:
        """Tell the data set."""
        self._dataset.on_epoch_begin()

    def end_epoch(self) -> None:
        """Tell the data set."""
        self._dataset.on_epoch_end()


def is_stream(x: Any) -> bool:
    """Return whether `x` gives batches, rather than being one structure of rows."""
    if isinstance(x, PyDataset):
        return True
    if x is None or isinstance(x, _WHOLE):
        return False
    if hasattr(x, "__array__") or is_frame(x) or (is_table(x) and hasattr(x, "__len__")):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__next__")


def feed_for(where: str, x: Any, shuffle: bool, batch_size: int) -> Feed:
    """Return the feed for data of any kind that gives batches.

    Args:
        where: the method that errors name.
        x: the data.
        shuffle: whether a PyDataset is read in an order of its own.
        batch_size: for what gives single rows.
    """
    if is_table(x):
        return IterableFeed(x, lambda: table_batches(x, batch_size), None)
    if isinstance(x, PyDataset):
        return PyDatasetFeed(x, shuffle)
    if isinstance(x, Iterator):
        return IteratorFeed(x)
    return IterableFeed(x, _opener(x), _length(where, x))


def _opener(x: Any) -> Callable[[], Iterable[Any]]:
    # tf.data: numpy arrays at once, rather than tensors that are then converted
    return getattr(x, "as_numpy_iterator", x.__iter__)


def _length(where: str, x: Any) -> int | None:
    """Return how many batches a pass has, if that can be known without one."""
    try:
        steps = len(x)
    except TypeError:  # has no length, or an infinite one
        return None
    if steps > _ENDLESS:
        return None
    if steps == 0:
        raise ValueError(
            explain(where, "expected at least one batch", f"an empty {describe(x)}", Feed.empty)
        )
    return int(steps)

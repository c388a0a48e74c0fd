"""PyDataset: batches by their number, for `fit` to fetch in parallel."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain


class PyDataset:
    """Base class of data sets that make a batch from its number.

    Write `__getitem__(index)`, which returns a whole batch: x, (x, y) or (x, y, sample_weight);
    and `__len__`, the number of batches, or `num_batches`, None for a data set without end.

    Args:
        workers: threads or processes that fetch batches for `fit`, `evaluate` and `predict`; they
            arrive in order all the same.
        use_multiprocessing: whether the workers are processes, for what Python computes itself;
            each has a copy of the data set as it is at the beginning of an epoch.
        max_queue_size: batches that are fetched ahead.

    Raises:
        ValueError: an argument that is not a count.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return [index], [index**2]
        >>> list(Squares(workers=2))
        [([0], [0]), ([1], [1])]
    """

    # Also for subclasses that do not call __init__: they get the defaults.
    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        for name, value in (("workers", workers), ("max_queue_size", max_queue_size)):
            if not is_integer(value) or value < 0:
                raise ValueError(
                    explain(
                        type(self).__name__,
                        f"expected an integer of 0 or more as `{name}`",
                        describe(value),
                        "4 workers are a good start",
                    )
                )
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Return the batch of this number."""
        raise NotImplementedError(self._missing("__getitem__", "return x, y"))

    @property
    def num_batches(self) -> int | None:
        """Batches of a pass; None if there is no end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(self._missing("__len__", "return the number of batches"))
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before every epoch."""

    def on_epoch_end(self) -> None:
        """Called after every epoch: the place to shuffle."""

    def __iter__(self) -> Iterator[Any]:
        batches = self.num_batches
        return (self[i] for i in (count() if batches is None else range(batches)))

    def _missing(self, method: str, body: str) -> str:
        return explain(
            type(self).__name__,
            f"expected a method `{method}`",
            "a data set without one",
            f"write `def {method}(self{', index' if method == '__getitem__' else ''}): {body}`",
        )

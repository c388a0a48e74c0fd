"""Source: where the steps of an epoch get their rows from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from lamina._data.arrays import rows


@dataclass(frozen=True)
class Block:
    """Rows on the device and the order in which steps use them."""

    data: Any  # structure of arrays (N, ...)
    order: Any  # int32 (at least stop * batch,)
    start: int  # number of the first step to take
    stop: int
    batch: int


class ArraySource:
    """Arrays in memory: put on the device once, read through the order of each epoch.

    Args:
        data: (x, y, sample_weight), each a structure of arrays or None.
        batch_size: rows per step; the last step of an epoch has what is left.
        shuffle: whether each pass has an order of its own.
        resume: whether an epoch of fewer steps than a pass has goes on where the last one stopped.
    """

    def __init__(
        self, data: Any, batch_size: int, shuffle: bool = False, resume: bool = False
    ) -> None:
        self.rows = rows(data)
        self.batch = min(batch_size, self.rows)
        self.shuffle, self.resume = shuffle, resume
        self.data = jax.tree.map(jax.device_put, data)
        self._order = np.arange(self.rows, dtype="int32")
        self._at = 0  # steps of this pass that earlier epochs took

    @property
    def steps(self) -> int:
        """Steps per epoch, the last smaller one included."""
        return -(-self.rows // self.batch)

    def blocks(self, steps: int | None = None) -> Iterator[Block]:
        """Yield the blocks of one epoch: whole batches, then what is left."""
        if self.shuffle and self._at == 0:
            # numpy's global generator, so that np.random.seed fixes it in old scripts too
            self._order = np.random.permutation(self.rows).astype("int32")  # noqa: NPY002
        whole, rest = divmod(self.rows, self.batch)
        used = whole * self.batch
        start = self._at
        stop = self.steps if steps is None else min(start + steps, self.steps)
        self._at = stop % self.steps if self.resume else 0
        if start < whole:
            yield Block(self.data, self._order[:used], start, min(stop, whole), self.batch)
        if rest and stop > whole:
            yield Block(self.data, self._order[used:], 0, 1, rest)

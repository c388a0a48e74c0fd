"""Source: where the steps of an epoch get their rows from."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import jax
import numpy as np

from lamina._core import tree
from lamina._core.errors import explain
from lamina._data.arrays import rows, symbolic


@dataclass(frozen=True)
class Block:
    """Rows on the device and the order in which steps use them."""

    data: Any  # structure of arrays (N, ...)
    order: Any  # int32 (at least stop * batch,)
    start: int  # number of the first step to take
    stop: int
    batch: int

    @cached_property
    def spec(self) -> Any:
        """What a program is compiled for."""
        leaves, form = jax.tree.flatten(self.data)
        return form, self.batch, tuple((a.shape, a.dtype) for a in leaves)


class Source(Protocol):
    """Gives the blocks of one epoch after the other."""

    @property
    def sample(self) -> Any:
        """(x, y, sample_weight), structures of arrays: all rows, or the first batch."""

    @property
    def spec(self) -> Any:
        """The same, of symbolic tensors."""

    @property
    def batch(self) -> int:
        """Rows of a step; of the first one if they differ."""

    @property
    def steps(self) -> int | None:
        """Steps per epoch, the last smaller one included; None if that is not known yet."""

    def more(self) -> bool:
        """Return whether there is anything for another epoch."""

    def blocks(
        self, steps: int | None = None, together: int = 1
    ) -> Generator[Block | None, None, None]:
        """Yield the blocks of one epoch, and None now and then while there is nothing to do.

        Args:
            steps: at most this many.
            together: blocks have a multiple of this many steps wherever that is possible.
        """

    def weigh(self, function: Callable[[Any], Any]) -> None:
        """Let a function of (x, y, sample_weight) give the rows other weights."""

    def state(self) -> dict[str, Any]:
        """Return what the order of the following epochs depends on, between two epochs."""

    def restore(self, state: dict[str, Any], same: bool) -> None:
        """Go on from there; `same` tells whether the next epoch had begun before."""

    def close(self) -> None:
        """Let go of threads, processes and files."""


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
        self.sample: Any = data
        self.rows = rows(data)
        self.batch = min(batch_size, self.rows)
        self.shuffle, self.resume = shuffle, resume
        self._order = np.arange(self.rows, dtype="int32")
        self._at = 0  # steps of this pass that earlier epochs took

    @cached_property
    def spec(self) -> Any:
        """Symbolic tensors like the arrays."""
        return tree.map_structure(symbolic, self.sample)

    @cached_property
    def data(self) -> Any:
        """The arrays on the device."""
        return jax.tree.map(jax.device_put, self.sample)

    @property
    def steps(self) -> int:
        """Steps per epoch, the last smaller one included."""
        return -(-self.rows // self.batch)

    def more(self) -> bool:
        """Arrays can be read again and again."""
        return True

    def blocks(
        self, steps: int | None = None, together: int = 1
    ) -> Generator[Block | None, None, None]:
        """Yield the blocks of one epoch: whole batches, then what is left."""
        del together
        start, stop = self._pass(steps)
        whole, rest = divmod(self.rows, self.batch)
        used = whole * self.batch
        if start < whole:
            yield Block(self.data, self._order[:used], start, min(stop, whole), self.batch)
        if rest and stop > whole:
            yield Block(self.data, self._order[used:], 0, 1, rest)

    def _pass(self, steps: int | None) -> tuple[int, int]:
        """Return the steps of the next epoch, from and up to; a new pass is shuffled."""
        if self.shuffle and self._at == 0:
            # numpy's global generator, so that np.random.seed fixes it in old scripts too
            self._order = np.random.permutation(self.rows).astype("int32")  # noqa: NPY002
        start = self._at
        stop = self.steps if steps is None else min(start + steps, self.steps)
        self._at = stop % self.steps if self.resume else 0
        return start, stop

    def state(self) -> dict[str, Any]:
        """Return what the order of the next epoch depends on, beside numpy's generator."""
        order = self._order.copy() if self._at else None  # else the next pass draws its own
        return {"rows": self.rows, "batch": self.batch, "at": self._at, "order": order}

    def restore(self, state: dict[str, Any], same: bool) -> None:
        """Take over what `state` returned, in a run that goes on where another stopped.

        Args:
            state: that of the earlier run's source.
            same: whether the steps must be the same, since some of the epoch's are done.

        Raises:
            ValueError: it is the state of other data, or of another batch size.
        """
        mine, its = (self.rows, self.batch), (state["rows"], state["batch"])
        if mine != its and (same or state["order"] is not None):
            raise ValueError(
                explain(
                    "resuming",
                    f"expected the data of the run that goes on: {its[0]} rows in batches of "
                    f"{its[1]}",
                    f"{mine[0]} rows in batches of {mine[1]}",
                    "other data can follow at the end of an epoch, not inside one",
                )
            )
        if mine == its and state["order"] is not None:
            self._at, self._order = state["at"], state["order"]

    def weigh(self, function: Callable[[Any], Any]) -> None:
        """Give the rows other weights."""
        self.sample = function(self.sample)

    def close(self) -> None:
        """Nothing is held but the arrays."""

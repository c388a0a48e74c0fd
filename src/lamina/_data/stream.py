"""StreamSource: batches that come one by one, stacked into rings of many steps.

A thread pulls batches, stacks those of one shape and puts them on the device, while the last ring
is being used. A ring has room for a fixed number of batches, so that one compilation serves it
however many are in it.
"""

import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, islice
from typing import Any

import jax
import numpy as np

from lamina._core import tree
from lamina._core.errors import explain
from lamina._core.tensor import KerasTensor
from lamina._data import arrays
from lamina._data.ahead import Ahead
from lamina._data.feeds import Feed
from lamina._data.ring import END, MORE, Ring, kind_of
from lamina._data.source import Block
from lamina.utils import unpack_x_y_sample_weight

_KINDS = 16  # kinds of batches whose rings are kept
_SHAPES = 8  # shapes of batches at which a note is due: each is compiled for


class StreamSource:
    """Batches of a feed: of a generator, a data set, a loader.

    Args:
        where: the method that errors name.
        feed: where the batches come from.
        steps: steps of an epoch, if fewer than a pass has.
        resume: whether an epoch goes on where the last one stopped.
    """

    def __init__(
        self, where: str, feed: Feed, steps: int | None = None, resume: bool = False
    ) -> None:
        self.where, self.feed, self.resume = where, feed, resume or feed.once
        self.steps = feed.steps
        self._weigh: Callable[[Any], Any] | None = None
        self._pad: Callable[[Any], Any] | None = None
        self._pass: Iterator[Any] | None = None  # the pass that is open
        self._early: list[Any] = []  # batches of it that were looked at, still to be used
        self._taken = 0  # batches of it that were used
        self._pulled = 0  # batches altogether ...
        self._number = 0  # ... of which so many have left their rings
        self._shapes: set[Any] = set()
        self._ring: Ring | None = None  # an empty one
        self._kinds: dict[Any, Ring] = {}  # one of each kind, whose memory others of it use again
        wanted = min(steps or 2, 2)
        looked = feed.look(wanted)
        while looked is None and len(self._early) < wanted and self._look():
            pass
        batches = [self._standard(batch) for batch in looked or self._early]
        if not batches:
            raise ValueError(
                explain(where, "expected at least one batch", f"none from {feed.name}", feed.empty)
            )
        self.sample, self.spec = batches[0], _spec(batches)
        self.batch = arrays.rows(self.sample)

    def more(self) -> bool:
        """Return whether there is a batch for another epoch; warn if there is none."""
        if self._early or not self.feed.once or self._look():
            return True
        self._warn("another epoch", "no more batches")
        return False

    def blocks(
        self, steps: int | None = None, together: int = 1
    ) -> Generator[Block | None, None, None]:
        """Yield the blocks of one epoch: as many batches each as came meanwhile."""
        taken, self._number = 0, self._pulled
        # The thread ends before the pass that it reads is closed.
        with self._epoch(), Ahead(partial(self._rings, steps, together)) as rings:
            for ring in rings:
                if ring is None:
                    yield None
                    continue
                taken += ring.count
                yield from self._blocks(ring)
        if steps is None:
            self.steps = self.steps or taken
        elif taken < steps:
            self._warn(f"{steps} batches in an epoch", str(taken))

    def batches(self, steps: int | None = None) -> Generator[Any, None, None]:
        """Yield (x, y, sample_weight) of one epoch, batch by batch."""
        with self._epoch():
            yield from map(self._standard, self._raw(steps))

    @contextmanager
    def _epoch(self) -> Iterator[None]:
        self.feed.begin_epoch()
        try:
            yield
        finally:
            if not self.resume:
                self.close()
            self.feed.end_epoch()

    def weigh(self, function: Callable[[Any], Any]) -> None:
        """Give the rows other weights, batch by batch."""
        self._weigh = function

    def pad(self, function: Callable[[Any], Any]) -> None:
        """Let a function of `x` pad it, batch by batch."""
        self._pad = function

    def state(self) -> dict[str, Any]:
        """Return how far the pass is, and in which order it goes on."""
        order = None if self._pass is None else self.feed.order()
        return {"taken": self._taken, "order": order}

    def restore(self, state: dict[str, Any], same: bool) -> None:
        """Pass over the batches that were used; `same` makes no difference."""
        del same
        self.close()  # a pass that was opened before the generators' states were given back
        self.close()  # the pass that was opened to look at its first batches
        self.feed.set_order(state["order"])
        for _ in self._raw(state["taken"] - self._taken):
            pass

    def close(self) -> None:
        """End the pass that is open: its threads, processes and files."""
        if not self.feed.once:
            with suppress(ValueError):  # it still runs, in a thread that does not end
                getattr(self._pass, "close", lambda: None)()
            self._pass, self._early, self._taken = None, [], 0

    # --- batches as they come -------------------------------------------------------------------

    def _look(self) -> bool:
        """Pull a batch that will be used later; return whether there was one."""
        early, self._early = self._early, []
        found = [tree.map_structure(_copy, batch) for batch in self._raw(1)]
        self._count(-len(found))
        self._early = early + found
        return bool(found)

    def _raw(self, steps: int | None) -> Iterator[Any]:
        """Yield batches as they come: at most so many, to the end of the pass."""
        for batches in self._passes(steps):
            try:
                for batch in batches:
                    self._count(1)
                    yield batch
            except Exception as error:
                self._annotate(error)
                raise

    def _passes(self, steps: int | None) -> Iterator[Iterator[Any]]:
        """Yield the rest of the pass, at most so many batches of it; who reads them counts them.

        If the last epoch had ended together with the pass, that is nothing, and another follows.
        """
        begun, opened = self._taken, self._pass is None
        if self._pass is None:
            self._pass = iter(self.feed.open())
        yield islice(chain(_drained(self._early), self._pass), steps)
        if steps is None or self._taken - begun < steps:
            nothing = self._taken == begun
            self._taken = 0
            if not self.feed.once:
                self._pass = None
                if nothing and not opened:
                    yield from self._passes(steps)

    def _count(self, batches: int) -> None:
        self._taken += batches
        self._pulled += batches

    def _annotate(self, error: Exception) -> None:
        error.add_note(
            explain(
                self.where,
                "expected another batch",
                f"this error of {self.feed.name}, asked for batch {self._pulled + 1}",
                "what was learned from the batches before is kept",
            )
        )

    def _standard(self, batch: Any) -> Any:
        """Return (x, y, sample_weight) of arrays."""
        parts = unpack_x_y_sample_weight(tree.map_structure(arrays.on_host, batch))
        packed = arrays.pack(*parts, nan="xyw")
        packed = packed if self._weigh is None else self._weigh(packed)
        return packed if self._pad is None else (self._pad(packed[0]), *packed[1:])

    # --- in the thread --------------------------------------------------------------------------

    def _rings(self, steps: int | None, together: int, reader: Ahead) -> Iterator[Ring]:
        """Yield rings with batches in them."""
        ring: Any = self._ring
        self._ring, error = None, None
        try:
            for batches in self._passes(steps):
                while (raw := self._fill(ring, batches, reader)) is not END:
                    if raw is not MORE:
                        last, ring = ring, self._put(raw, ring, together)
                        if last is not None and last is not ring and last.count:
                            yield last.prepared()
                    if ring.full or (reader.urgent and ring.whole):
                        yield ring.prepared()
                        ring = ring.fresh()
        except Exception as raised:  # what came before it is used first
            error = raised
        if ring is not None and ring.count:
            yield ring.prepared()
            ring = ring.fresh()
        self._ring = ring
        if error is not None:
            raise error

    def _fill(self, ring: Ring | None, batches: Iterator[Any], reader: Ahead) -> Any:
        """Fill a ring; return MORE, END, or the next batch as it came: see `Ring.fill`."""
        before = ring.count if ring else 0
        try:
            try:
                raw = ring.fill(batches, reader) if ring else next(batches, END)
            finally:
                self._count(ring.count - before if ring else 0)
        except Exception as error:
            self._annotate(error)
            raise
        if raw is not MORE and raw is not END:
            self._count(1)
        return raw

    def _put(self, raw: Any, ring: Ring | None, together: int) -> Ring:
        """Return the ring, or another one, with a batch in it that looks otherwise."""
        batch = self._standard(raw)
        if ring is None or not ring.put(batch):
            ring = self._ring_for(batch, together)
        if self._weigh is None:
            ring.expect(raw)
        return ring

    def _ring_for(self, batch: Any, together: int) -> Ring:
        """Return a ring with this batch in it."""
        kind = kind_of(batch)
        if kind in self._kinds:
            ring = self._kinds[kind].fresh()
            ring.put(batch)
            return ring
        ring = Ring(batch, together)
        if self._shapes and ring.form != next(iter(self._shapes))[0]:
            raise ValueError(
                explain(
                    self.where,
                    f"expected batches like the first one, {_shown(self.sample)}",
                    f"{_shown(batch)} as batch {self._pulled} of {self.feed.name}",
                    "give every batch the same parts under the same names",
                )
            )
        self._shapes.add(ring.kind)
        if len(self._shapes) == (_SHAPES if self._pad is None else 4 * _SHAPES):
            text = explain(
                self.where,
                "expected batches of few shapes, since each shape is compiled for",
                f"{_SHAPES} shapes so far, the last {_shown(batch)}",
                "pad sequences to few lengths, as 32, 64, 128: utils.pad_sequences(x, maxlen=64)",
            )
            warnings.warn(text, stacklevel=2)
        self._kinds = dict(list(self._kinds.items())[1 - _KINDS :]) | {kind: ring.fresh()}
        ring.put(batch)
        return ring

    # --- in the thread that trains --------------------------------------------------------------

    def _blocks(self, ring: Ring) -> Iterator[Block]:
        """Yield the block of a ring, as far as it holds numbers."""
        bad = ring.nan
        count = ring.count if bad is None else bad[1]
        if count:
            yield Block(ring.data, ring.order, 0, count, ring.rows)
        self._number += count
        if bad is not None:
            raise ValueError(
                explain(
                    self.where,
                    f"expected numbers in `{bad[0]}`",
                    f"NaN in batch {self._number + 1} of {self.feed.name}",
                    "drop such rows or fill them in, for example with np.nan_to_num(x)",
                )
            )

    def _warn(self, wanted: str, got: str) -> None:
        text = explain(
            self.where,
            f"expected {wanted}, but the input ran out of data",
            got,
            f"{self.feed.name} must give steps_per_epoch * epochs batches: {self.feed.endless}",
        )
        warnings.warn(text, stacklevel=2)


def _copy(part: Any) -> Any:
    """Return what an iterator that fills the same array again and again cannot change."""
    return part.copy() if isinstance(part, np.ndarray) else part


def _drained(batches: list[Any]) -> Iterator[Any]:
    while batches:
        yield batches.pop(0)


def _spec(batches: list[Any]) -> Any:
    """Return symbolic tensors for batches like these: None where they differ."""
    first, *others = batches
    form: Any = jax.tree.structure(first)

    def merge(a: Any, *others: Any) -> Any:
        if a is None:
            return None
        shape = [
            n if all(b.ndim == a.ndim and b.shape[i] == n for b in others) else None
            for i, n in enumerate(a.shape)
        ]
        return KerasTensor((None, *shape[1:]), str(arrays.standard_dtype(a.dtype)))

    return tree.map_structure(merge, first, *(b for b in others if jax.tree.structure(b) == form))


def _shown(batch: Any) -> str:
    names = ("x", "y", "sample_weight")
    shape = lambda a: None if a is None else tuple(a.shape)  # noqa: E731
    parts = tuple(tree.map_structure(shape, p) for p in batch)
    return ", ".join(f"{n}: {p}" for n, p in zip(names, parts, strict=True) if p is not None)

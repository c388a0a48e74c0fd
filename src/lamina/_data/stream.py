"""StreamSource: batches that come one by one, stacked into rings of many steps.

A thread pulls batches, stacks those of one shape and puts them on the device, while the last ring
is being used. A ring has room for a fixed number of batches, so that one compilation serves it
however many are in it.
"""

import time
import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

import jax
import numpy as np

from lamina._core import dtypes, tree
from lamina._core.errors import explain
from lamina._core.tensor import KerasTensor
from lamina._data import arrays
from lamina._data.ahead import Ahead
from lamina._data.feeds import Feed
from lamina._data.source import Block
from lamina.utils import unpack_x_y_sample_weight

RING_BYTES, RING_BATCHES = 4 << 20, 512  # room of a ring, whichever is less
_PROMPT = (
    0.02  # seconds after which a waiting program gets a ring that is not full: each costs 0.1 ms
)
_SHAPES = 8  # shapes of batches from which on a note is due: each is compiled for
_END = object()


class StreamSource:
    """Batches of a feed: of a generator, a data set, a loader.

    Args:
        where: the method that errors name.
        feed: where the batches come from.
        steps: steps of an epoch, if fewer than a pass has.
        resume: whether an epoch goes on where the last one stopped.
    """

    def __init__(
        self,
        where: str,
        feed: Feed,
        steps: int | None = None,
        resume: bool = False,
    ) -> None:
        self.where, self.feed, self.resume = where, feed, resume or feed.once
        self.steps = feed.steps
        self._weigh: Callable[[Any], Any] | None = None
        self._batches: Iterator[Any] | None = None  # the pass that is open
        self._early: list[Any] = []  # batches that were looked at, still to be used
        self._taken = 0  # batches of this pass
        self._pulled = 0  # batches altogether, for errors
        self._shapes: set[Any] = set()
        wanted = 2 if steps is None else min(steps, 2)
        self._early = [b for _ in range(wanted) if (b := self._pull()) is not _END]
        if not self._early:
            raise ValueError(
                explain(where, "expected at least one batch", f"none from {feed.name}", feed.empty)
            )
        self.sample = self._early[0]
        self.spec = _spec(self._early)
        self.batch = arrays.rows(self.sample)

    def more(self) -> bool:
        """Return whether there is a batch for another epoch; warn if there is none."""
        if self._early or not self.feed.once:
            return True
        batch = self._pull()
        if batch is not _END:
            self._early.append(batch)
            return True
        self._warn("another epoch", "no more batches")
        return False

    def blocks(
        self, steps: int | None = None, together: int = 1
    ) -> Generator[Block | None, None, None]:
        """Yield the blocks of one epoch: as many batches each as came meanwhile."""
        taken = 0
        self.feed.begin_epoch()
        try:
            with Ahead(lambda waiting: self._rings(steps, together, waiting)) as rings:
                for ring in rings:
                    taken += 0 if ring is None else ring.stop
                    yield ring
        finally:
            if not self.resume:
                self.close()
            self.feed.end_epoch()
        if steps is None:
            self.steps = self.steps or taken
        elif taken < steps:
            self._warn(f"{steps} batches in an epoch", str(taken))

    def batches(self, steps: int | None = None) -> Iterator[Any]:
        """Yield (x, y, sample_weight) of one epoch, batch by batch."""
        self.feed.begin_epoch()
        try:
            yield from self._upto(steps)
        finally:
            if not self.resume:
                self.close()
            self.feed.end_epoch()

    def weigh(self, function: Callable[[Any], Any]) -> None:
        """Give the rows other weights, batch by batch."""
        self._weigh = function

    def state(self) -> dict[str, Any]:
        """Return how far the pass is."""
        return {"taken": self._taken - len(self._early)}

    def restore(self, state: dict[str, Any], same: bool) -> None:
        """Pass over the batches that were used."""
        del same
        for _ in range(state["taken"] - (self._taken - len(self._early))):
            if (self._early.pop(0) if self._early else self._pull()) is _END:
                break

    def close(self) -> None:
        """End the pass that is open: its threads, processes and files."""
        batches, self._batches, self._early, self._taken = self._batches, None, [], 0
        if not self.feed.once:
            getattr(batches, "close", lambda: None)()

    # --- in the thread --------------------------------------------------------------------------

    def _upto(self, steps: int | None) -> Iterator[Any]:
        """Yield batches, at most so many, to the end of the pass."""
        count = 0
        while steps is None or count < steps:
            batch = self._early.pop(0) if self._early else self._pull()
            if batch is _END:
                return
            count += 1
            yield batch if self._weigh is None else self._weigh(batch)

    def _pull(self) -> Any:
        """Return the next batch of this pass, checked, or _END; a pass that is over is left."""
        fresh = self._batches is None
        if self._batches is None:
            self._batches = iter(self.feed.open())
        try:
            batch = next(self._batches, _END)
        except Exception as error:
            error.add_note(self._note())
            raise
        if batch is not _END:
            self._pulled += 1
            self._taken += 1
            return self._standard(batch)
        ended_at, self._taken = self._taken, 0
        if not self.feed.once:
            self._batches = None
            if ended_at == 0 and not fresh:
                return self._pull()
        return _END

    def _note(self) -> str:
        return explain(
            self.where,
            "expected another batch",
            f"this error of {self.feed.name}, asked for batch {self._pulled + 1}",
            "what was learned from the batches before is kept",
        )

    def _standard(self, batch: Any) -> Any:
        """Return (x, y, sample_weight) of arrays; quickly if it is a tuple of them."""
        if type(batch) is tuple and len(batch) == 2:
            x, y = batch
            if _ready(x) and _ready(y) and len(x) == len(y):
                return x, y, None
        x, y, w = unpack_x_y_sample_weight(tree.map_structure(_host, batch))
        return arrays.pack(x, y, w, nan="xyw")

    def _rings(
        self, steps: int | None, together: int, waiting: Callable[[], bool]
    ) -> Iterator[Block]:
        """Yield blocks, each on the device."""
        ring, handed, first = None, time.perf_counter(), self._pulled - len(self._early)
        batches = self._upto(steps)
        error = None
        while True:
            try:
                batch = next(batches, _END)
            except Exception as raised:  # what came before it is used first
                error, batch = raised, _END
            if ring is not None and (batch is _END or not ring.takes(batch)):
                if ring.count:
                    yield self._block(ring, first)
                    first += ring.count
                ring = None
            if batch is _END:
                break
            if ring is None:
                ring = self._ring(batch, together)
            ring.add(batch)
            prompt = waiting() and time.perf_counter() - handed > _PROMPT
            if ring.full or (prompt and ring.count % together == 0):
                yield self._block(ring, first)
                first += ring.count
                ring, handed = ring.fresh(), time.perf_counter()
        if error is not None:
            raise error

    def _ring(self, batch: Any, together: int) -> "Ring":
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
        self._shapes.add(ring.key)
        if len(self._shapes) == _SHAPES:
            text = explain(
                self.where,
                "expected batches of few shapes, since each shape is compiled for",
                f"{_SHAPES} shapes so far, the last {_shown(batch)}",
                "pad sequences to few lengths, as 32, 64, 128: utils.pad_sequences(x, maxlen=64)",
            )
            warnings.warn(text, stacklevel=2)
        return ring

    def _block(self, ring: "Ring", first: int) -> Block:
        for i, leaf in enumerate(ring.buffers):
            rows = leaf[: ring.count * ring.rows]
            if dtypes.is_float(rows.dtype.name) and np.isnan(np.sum(rows, dtype=np.float64)):
                self._refuse_nan(ring, i, rows, first)
        data = jax.device_put(jax.tree.unflatten(ring.form, ring.buffers))
        return Block(data, ring.order, 0, ring.count, ring.rows)

    def _refuse_nan(self, ring: "Ring", i: int, rows: Any, first: int) -> None:
        bad = np.argwhere(np.isnan(rows))
        if len(bad):
            name = ("x", "y", "sample_weight")[min(i, 2)] if len(ring.buffers) < 4 else f"part {i}"
            raise ValueError(
                explain(
                    self.where,
                    f"expected numbers in `{name}`",
                    f"{len(bad)} NaN, the first in batch {first + bad[0][0] // ring.rows + 1} of "
                    f"{self.feed.name}",
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


class Ring:
    """Room for a number of batches of one shape, stacked.

    Args:
        batch: a structure of arrays like those that will be added.
        together: room is a multiple of this.
    """

    def __init__(self, batch: Any, together: int = 1) -> None:
        leaves, self.form = jax.tree.flatten(batch)
        self._shapes = tuple(a.shape for a in leaves)
        self._dtypes = tuple(np.dtype(arrays.standard_dtype(a.dtype)) for a in leaves)
        self._given = tuple(a.dtype for a in leaves)
        self.key = (self.form, self._shapes, self._dtypes)
        self.rows = self._shapes[0][0]
        size = sum(
            int(np.prod(s)) * d.itemsize for s, d in zip(self._shapes, self._dtypes, strict=True)
        )
        room = max(1, min(RING_BYTES // max(size, 1), RING_BATCHES))
        self.room = max(room - room % together, together)
        self.order = np.arange(self.room * self.rows, dtype="int32")
        self._empty()

    def _empty(self) -> None:
        self.count = 0
        self.buffers = [
            np.empty((self.room * s[0], *s[1:]), d)
            for s, d in zip(self._shapes, self._dtypes, strict=True)
        ]  # (R * N, ...)

    def fresh(self) -> "Ring":
        """Return an empty ring of this kind."""
        ring = object.__new__(Ring)
        ring.__dict__.update(self.__dict__)
        ring._empty()
        return ring

    def takes(self, batch: Any) -> bool:
        """Return whether `batch` is of this kind."""
        leaves, form = _flatten(batch)
        return (
            tuple([a.shape for a in leaves]) == self._shapes
            and tuple([a.dtype for a in leaves]) == self._given
            and (form is None or form == self.form)
        )

    @property
    def full(self) -> bool:
        """Whether there is no room for another batch."""
        return self.count == self.room

    def add(self, batch: Any) -> None:
        """Copy a batch into the next place."""
        at = self.count * self.rows
        for buffer, leaf in zip(self.buffers, jax.tree.leaves(batch), strict=True):
            buffer[at : at + self.rows] = leaf
        self.count += 1


def _flatten(batch: Any) -> tuple[Any, Any]:
    return jax.tree.flatten(batch)


def _ready(a: Any) -> bool:
    return type(a) is np.ndarray and a.ndim > 0 and a.dtype.kind in "fiub" and len(a) > 0


def _host(leaf: Any) -> Any:
    """Return tensors of other libraries as numpy arrays."""
    if isinstance(leaf, (np.ndarray, jax.Array)) or leaf is None:
        return leaf
    if hasattr(leaf, "detach"):  # torch: may be on a device, or need a gradient
        leaf = leaf.detach().cpu()
    return leaf.numpy() if hasattr(leaf, "numpy") and not isinstance(leaf, type) else leaf


def _spec(batches: list[Any]) -> Any:
    """Return symbolic tensors for batches like these: None where they differ."""
    first, *others = batches
    forms = [jax.tree.structure(b) for b in batches]
    same = [b for b, form in zip(others, forms[1:], strict=True) if form == forms[0]]

    def merge(a: Any, *others: Any) -> Any:
        if a is None:
            return None
        shape = [
            n if all(len(b.shape) == len(a.shape) and b.shape[i] == n for b in others) else None
            for i, n in enumerate(a.shape)
        ]
        return KerasTensor((None, *shape[1:]), str(arrays.standard_dtype(a.dtype)))

    return tree.map_structure(merge, first, *same)


def _shown(batch: Any) -> str:
    names = ("x", "y", "sample_weight")
    shape = lambda a: None if a is None else tuple(a.shape)  # noqa: E731
    parts = tuple(tree.map_structure(shape, p) for p in batch)
    return ", ".join(f"{n}: {p}" for n, p in zip(names, parts, strict=True) if p is not None)

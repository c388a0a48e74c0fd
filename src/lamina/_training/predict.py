"""Predictor: a model's outputs for any number of rows, with few compilations."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np

from lamina import _data as data
from lamina._core import tree
from lamina._core.errors import explain
from lamina._training.program import Forward
from lamina._training.stateless import stateful
from lamina._training.watch import Watch
from lamina.utils import pack_x_y_sample_weight

_CHUNK = 64  # batches per dispatch at most
_ROOM = 64 << 20  # bytes of inputs and outputs per dispatch, if a batch has no more
_SHAPES_KEPT = 64  # shapes of rows, sequences of many lengths say, for which programs are kept


class Predictor:
    """The compiled forward pass of one model.

    Sizes are rounded up to powers of two (rows up to one batch, then batches), so that a new length
    rarely compiles again; the rows added repeat the last one and their outputs are dropped.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._forward: Forward | None = None
        self._shapes: set[Any] = set()  # of rows that were compiled for
        self._row: tuple[int, ...] | None = None  # shape of a row that the model is known to take
        self._bytes = 0  # of a row and what comes of it
        self._ran: Any = None  # shape of the rows of the last dispatch

    def fits(self) -> bool:
        """Return whether the model is still the one that this was made for."""
        return self._forward is None or self._watch.holds()

    def __call__(self, x: Any, batch: int, verbose: Any, steps: int | None, callbacks: Any) -> Any:
        """Return the outputs for all rows at once."""
        parts = [part for part, _ in self._parts(x, batch, verbose, steps, callbacks)]
        return parts[0] if len(parts) == 1 else tree.map_structure(_joined, *parts)

    def batches(self, x: Any, batch: int, steps: int | None) -> Iterator[Any]:
        """Return an iterator over the outputs, batch by batch."""
        return _split(self._parts(x, batch, 0, steps, None))

    def _parts(
        self, x: Any, batch: int, verbose: Any, steps: int | None, callbacks: Any
    ) -> Generator[tuple[Any, int], None, None]:
        """Return an iterator over the outputs of one dispatch after the other.

        Beside them it gives the rows of a batch.
        """
        if data.is_stream(x):
            return self._stream(x, batch, verbose, steps, callbacks)
        x = _as_input(x)
        count = data.rows(x)
        if steps is not None:
            count = min(count, steps * batch)
        self._get_ready(x, x, x.shape[1:] if type(x) is np.ndarray else None)
        shown = self._callbacks(-(-count // batch), verbose, callbacks)
        if count <= batch:
            return self._run(((x, 0, count, batch),), shown)
        single = shown is not None and shown.wants_batches("predict")
        chunk = batch * (1 if single else self._batches_at_once(batch))
        rows = ((x, at, min(chunk, count - at), batch) for at in range(0, count, chunk))
        return self._run(rows, shown)

    def _stream(
        self, x: Any, batch: int, verbose: Any, steps: int | None, callbacks: Any
    ) -> Generator[tuple[Any, int], None, None]:
        """Yield the same for what comes in batches."""
        source = data.stream_of("predict", x, batch, steps=steps)
        with closing(source), closing(source.batches(steps)) as batches:
            self._get_ready(source.sample[0], source.spec[0], None)
            known = min((n for n in (source.steps, steps) if n is not None), default=None)
            shown = self._callbacks(known, verbose, callbacks)
            sizes = ((x, data.rows(x)) for x, _, _ in batches)
            # One dispatch each: a batch of rows rounded up.
            yield from self._run(((x, 0, n, _power(n)) for x, n in sizes), shown)

    def _get_ready(self, sample: Any, like: Any, row: tuple[int, ...] | None) -> None:
        """Make what runs, for inputs like these.

        Args:
            sample: the inputs, or the first batch of them.
            like: symbolic tensors for all, or the inputs.
            row: shape of a row, if it is known.
        """
        if self._forward is None or row != self._row:
            if self.model._computes:
                # Wrong shapes are refused as they were given, not as they are rounded up.
                outputs = self.model._build_for(tree.map_structure(data.symbolic, like))
                self._bytes = _row_bytes(sample, outputs)
            self._row = row
        if self._forward is None:
            model = self.model
            self._buckets = model._buckets("predict")
            self._watch = Watch(model, lambda: [*model.variables, *model.metrics_variables])
            self._forward = self._make()
        if self._buckets.used:
            self._buckets.begin(sample)

    def _batches_at_once(self, batch: int) -> int:
        """Return how many batches a dispatch takes: a power of two."""
        most = _ROOM // max(self._bytes * batch, 1)
        return 1 << (max(min(most, _CHUNK), 1).bit_length() - 1)

    def _run(
        self, rows: Iterable[tuple[Any, int, int, int]], shown: Any
    ) -> Generator[tuple[Any, int], None, None]:
        """Yield the outputs for rows of data, given as (x, first row, rows, rows of a step)."""
        shown.call("on_predict_begin") if shown else None
        done = 0
        for x, at, size, batch in rows:
            if shown:
                shown.call("on_predict_batch_begin", done)
            part = self._rows(x, at, size, batch)
            done += -(-size // batch)
            if shown:
                shown.call("on_predict_batch_end", done - 1, logs={"outputs": part})
                shown.call("on_dispatch_end", done, logs={})
            yield part, batch
        if shown:
            shown.call("on_predict_end")

    def _rows(self, x: Any, at: int, size: int, batch: int) -> Any:
        if self.model._eager():
            return self._rows_eagerly(x, at, at + size, batch)
        stop = -(-size // batch)
        wanted = min(_power(size), batch) if size <= batch else _power(stop) * batch
        whole = type(x) is np.ndarray and at == 0 and size == wanted == len(x)
        given = x if whole else tree.map_structure(lambda a: _padded(a[at : at + size], wanted), x)
        buckets = self._buckets if self._buckets.used else None
        part = given if buckets is None else buckets.pad(given)
        if type(part) is not np.ndarray or part.shape[1:] != self._ran:
            self._count(part)
        out = self._forward(part, batch, stop)  # type: ignore[misc]
        out = tree.map_structure(lambda y: np.array(y)[:size], out)
        return out if buckets is None else buckets.trim(out, given)

    def _count(self, part: Any) -> None:
        """Forget what was compiled if it is for many shapes of rows."""
        single = type(part) is np.ndarray
        shapes = part.shape[1:] if single else tuple(a.shape[1:] for a in tree.flatten(part))
        if shapes not in self._shapes and len(self._shapes) >= _SHAPES_KEPT:
            self._shapes, self._forward = set(), self._make()
        self._shapes.add(shapes)
        self._ran = shapes

    def _rows_eagerly(self, x: Any, start: int, stop: int, batch: int) -> Any:
        """Run batches as they are by Python, op by op: `run_eagerly=True`."""
        step = self._step()
        parts = [
            step(tree.map_structure(lambda a, i=i: a[i : min(i + batch, stop)], x))
            for i in range(start, stop, batch)
        ]
        return tree.map_structure(lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts)

    def _step(self) -> Any:
        step = stateful(self.model, "predict", self.model.predict_step)
        return lambda x: step(pack_x_y_sample_weight(x))

    def _make(self) -> Forward:
        return Forward(self._step(), self._watch.variables)

    def _callbacks(self, steps: int | None, verbose: Any, callbacks: Any) -> Any:
        if not callbacks and (not verbose or (verbose == "auto" and (steps or 0) <= _CHUNK)):
            return None
        return self.model._callbacks(callbacks, verbose, steps=steps)


def _as_input(x: Any) -> Any:
    if type(x) is np.ndarray and x.dtype == np.float32 and x.ndim and len(x):
        return x  # the common case: nothing to convert
    return data.pack(x, None, None, nan="x")[0]


def _split(parts: Generator[tuple[Any, int], None, None]) -> Iterator[Any]:
    """Yield the outputs of dispatches batch by batch."""
    with closing(parts):
        for part, size in parts:
            for at in range(0, data.rows(part), size):
                yield tree.map_structure(lambda y, at=at, size=size: y[at : at + size], part)


def _row_bytes(inputs: Any, outputs: Any) -> int:
    """Return about how many bytes a row and what comes of it have."""
    shapes = [a.shape[1:] for a in tree.flatten([inputs, outputs]) if a is not None]
    steps = max((shape[0] or 1 for shape in shapes if shape), default=1)  # for sizes not known
    return sum(4 * int(np.prod([n or steps for n in shape])) for shape in shapes)


def _joined(*parts: Any) -> Any:
    """Return the outputs of all dispatches as one array."""
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError(
            explain(
                "predict",
                "expected outputs of one shape, to put them together",
                ", ".join(str(shape) for shape in sorted({part.shape for part in parts})[:4]),
                "take them batch by batch: for y in model.predict_batches(x)",
            )
        )
    return np.concatenate(parts)


def _power(n: int) -> int:
    """Return the smallest power of two that is not below `n`."""
    return 1 << (n - 1).bit_length()


def _padded(a: Any, wanted: int) -> Any:
    missing = wanted - a.shape[0]
    if missing == 0:
        return a
    return np.concatenate([a, np.repeat(np.asarray(a[-1:]), missing, axis=0)])

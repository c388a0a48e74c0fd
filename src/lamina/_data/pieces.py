"""Pieces: arrays that are larger than the device has room for, a piece of many steps at a time."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import jax
import numpy as np

from lamina._core import dtypes
from lamina._core.errors import explain
from lamina._data.ahead import Ahead
from lamina._data.arrays import standard_dtype
from lamina._data.budget import size, stays_away
from lamina._data.memory import Pool, empty, on_device
from lamina._data.source import ArraySource, Block

PIECE = 4 << 20  # bytes


class Pieces(ArraySource):
    """Arrays in memory or in files; a thread gathers the next piece while the last one is used."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pools: dict[int, Pool] = {}

    def blocks(
        self, steps: int | None = None, together: int = 1
    ) -> Generator[Block | None, None, None]:
        """Yield the blocks of one epoch: pieces of whole batches, then what is left."""
        start, stop = self._pass(steps)
        with Ahead(lambda _: self._pieces(start, stop, together)) as pieces:
            yield from pieces

    def _pieces(self, start: int, stop: int, together: int) -> Iterator[Block]:
        batch, (whole, rest) = self.batch, divmod(self.rows, self.batch)
        per_row = sum(size(a) // self.rows for a in jax.tree.leaves(self.sample))
        room = max(1, min(PIECE // max(per_row * batch, 1), whole))
        room = max(room - room % together, together)
        for at in range(start, min(stop, whole), room):
            end = min(at + room, stop, whole)
            yield self._piece(self._order[at * batch : end * batch], room * batch, batch)
        if rest and stop > whole:
            yield self._piece(self._order[whole * batch :], rest, rest)

    def _piece(self, rows: np.ndarray, room: int, batch: int) -> Block:
        order = np.arange(room, dtype="int32")
        if any(map(stays_away, jax.tree.leaves(self.sample))):
            # Files are read in their order.
            places = np.argsort(rows)
            rows, order[places] = rows[places], order[: len(rows)].copy()
        take = _slice(rows) or _gather(rows)
        leaves, form = jax.tree.flatten(self.sample)
        pieces, _ = self._pool(room).take()
        for array, piece in zip(leaves, pieces, strict=True):
            self._copy(array, take, piece[: len(rows)])
        data = on_device(jax.tree.unflatten(form, pieces))
        return Block(data, order, 0, len(rows) // batch, batch)

    def _pool(self, room: int) -> Pool:
        """Return where arrays for pieces of so many rows come from."""
        if room not in self._pools:
            kinds = [
                ((room, *a.shape[1:]), np.dtype(standard_dtype(a.dtype)))
                for a in jax.tree.leaves(self.sample)
            ]
            self._pools[room] = Pool(lambda: ([empty(*kind) for kind in kinds], None))
        return self._pools[room]

    def _copy(self, array: Any, take: Callable[..., None], piece: np.ndarray) -> None:
        take(array, piece)
        if not stays_away(array) or not dtypes.is_float(piece.dtype.name):
            return
        if np.isnan(piece.min()):
            raise ValueError(
                explain(
                    "data",
                    "expected numbers",
                    f"NaN in an array of shape {array.shape} that is read from a file",
                    "drop such rows or fill them in, for example with np.nan_to_num(x)",
                )
            )


def _slice(rows: np.ndarray) -> Callable[..., None] | None:
    """Return how to copy rows that follow each other, else None."""
    first, last = int(rows[0]), int(rows[-1])
    if last - first != len(rows) - 1 or (np.diff(rows) != 1).any():
        return None

    def copy(array: Any, out: np.ndarray) -> None:
        out[:] = array[first : last + 1]

    return copy


def _gather(rows: np.ndarray) -> Callable[..., None]:
    def copy(array: Any, out: np.ndarray) -> None:
        if isinstance(array, np.ndarray) and array.dtype == out.dtype:
            np.take(array, rows, axis=0, out=out, mode="clip")
        else:
            out[:] = array[rows]

    return copy

"""Windows of a time series as a data set."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain
from lamina.utils._dataset import Dataset


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Return windows of a time series, as a data set of batches.

    Args:
        data: the series, a row per step.
        targets: the value that belongs to the window which begins at the same row; None for none.
        sequence_length: rows of a window.
        sequence_stride: rows between the beginnings of two windows.
        sampling_rate: rows between two rows of a window.
        batch_size: windows at a time; None for single ones.
        shuffle: whether every pass has an order of its own.
        seed: of the order.
        start_index: first row that is used.
        end_index: row before which to stop.
        format: is not looked at; the result works with everything.

    Shapes:
        data (T, ...) -> windows (N, sequence_length, ...), targets (N, ...).

    Raises:
        ValueError: numbers that leave no window.

    Example:
        >>> series = np.arange(6)
        >>> x, y = next(iter(timeseries_dataset_from_array(series, series[3:], 3)))
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [1, 2, 3], [2, 3, 4]], [3, 4, 5])
    """
    del format
    data = np.asarray(data)
    counts = {
        "sequence_length": sequence_length,
        "sequence_stride": sequence_stride,
        "sampling_rate": sampling_rate,
        "batch_size": 1 if batch_size is None else batch_size,
    }
    for name, value in counts.items():
        if not is_integer(value) or value < 1:
            raise ValueError(_text(f"an integer of 1 or more as `{name}`", describe(value)))
    first, stop = start_index or 0, len(data) if end_index is None else end_index
    if not 0 <= first < stop <= len(data):
        got = f"start_index={start_index}, end_index={end_index} for {len(data)} rows"
        raise ValueError(_text("0 <= start_index < end_index <= rows of data", got))
    data = data[first:stop]
    windows = len(data) - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)[first:]
        windows = min(windows, len(targets))
    if windows < 1:
        got = f"{len(data)} rows for windows over {(sequence_length - 1) * sampling_rate + 1} rows"
        raise ValueError(_text("at least one window", got))
    starts = np.arange(0, windows, sequence_stride)
    offsets = np.arange(sequence_length) * sampling_rate
    return _windows(data, targets, starts, offsets, batch_size, shuffle, seed)


def _windows(
    data: np.ndarray, targets: Any, starts: np.ndarray, offsets: np.ndarray,
    batch_size: int | None, shuffle: bool, seed: int | None,
) -> Dataset:  # fmt: skip
    each = batch_size or 1
    passes = iter(range(1 << 62))

    def open() -> Iterator[Any]:
        order = starts.copy()
        if shuffle:
            # numpy's global generator, so that set_random_seed fixes it
            chosen = np.random.randint(2**31) if seed is None else seed  # noqa: NPY002
            np.random.default_rng((chosen, next(passes))).shuffle(order)
        for at in range(0, len(order), each):
            rows = order[at] if batch_size is None else order[at : at + each]
            x = data[np.add.outer(rows, offsets)]  # (N, T, ...)
            yield x if targets is None else (x, targets[rows])

    return Dataset(open, -(-len(starts) // each), _batch_size=batch_size)


def _text(expected: str, got: str) -> str:
    return explain("timeseries_dataset_from_array", f"expected {expected}", got)

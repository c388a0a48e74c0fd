"""A data set in two."""

import random
from typing import Any

import numpy as np

from lamina._core import tree
from lamina._core.configurable import is_integer, is_real
from lamina._core.errors import describe, explain
from lamina.utils._dataset import Dataset, slices


def split_dataset(
    dataset: Any,
    left_size: Any = None,
    right_size: Any = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Return a data set in two parts, say for training and testing.

    Args:
        dataset: an array, or a list, tuple or dictionary of arrays of one length; a data set,
            whose elements are then read into memory.
        left_size: samples of the first part, as a number or as a fraction of all.
        right_size: samples of the second part, likewise; one of the two may be left out.
        shuffle: whether to shuffle the samples first.
        seed: of that.
        preferred_backend: is not looked at; the result works with everything.

    Returns:
        Two data sets of samples; of batches, if `dataset` has batches.

    Raises:
        ValueError: sizes that do not fit.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(x) for x in right]
        (8, [8, 9])
    """
    del preferred_backend
    samples, batch_size = _samples(dataset)
    left, right = _sizes(left_size, right_size, len(samples))
    if shuffle:
        random.Random(seed).shuffle(samples)
    parts = samples[:left], samples[len(samples) - right :]
    first, second = (_of(part, batch_size) for part in parts)
    return first, second


def _samples(dataset: Any) -> tuple[list[Any], int | None]:
    """Return the samples of a data set of any kind, and the size of its batches if it has any."""
    if isinstance(dataset, Dataset):
        whole = dataset if dataset._batch_size is None else dataset.unbatch()
        return list(whole.as_numpy_iterator()), dataset._batch_size
    if isinstance(dataset, np.ndarray) or tree.is_nested(dataset):
        return list(slices(tuple(dataset) if isinstance(dataset, list) else dataset)._open()), None
    if hasattr(dataset, "as_numpy_iterator"):  # tf.data
        return list(dataset.as_numpy_iterator()), None
    if hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):  # torch
        elements = (dataset[i] for i in range(len(dataset)))
        return [tree.map_structure(np.asarray, element) for element in elements], None
    raise TypeError(
        explain(
            "split_dataset",
            "expected arrays of one length, or a data set",
            describe(dataset),
            "give x, (x, y) or what image_dataset_from_directory returns",
        )
    )


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    counts = []
    for name, size in (("left_size", left), ("right_size", right)):
        whole = is_integer(size) and 0 < size < total
        if size is not None and not whole and not (is_real(size) and 0 < size < 1):
            raise ValueError(
                explain(
                    "split_dataset",
                    f"expected a fraction between 0 and 1 as `{name}`, or a number of the "
                    f"{total} samples",
                    describe(size),
                    "0.8 is usual",
                )
            )
        counts.append(size if size is None or whole else round(size * total))
    first, second = counts
    first = total - second if first is None and second is not None else first
    second = total - first if second is None and first is not None else second
    if first is None or first + second > total or min(first, second) < 1:
        raise ValueError(
            explain(
                "split_dataset",
                f"expected sizes that leave some of {total} samples on both sides",
                f"left_size={left}, right_size={right}",
                "one of them is enough: left_size=0.8",
            )
        )
    return first, second


def _of(samples: list[Any], batch_size: int | None) -> Dataset:
    dataset = Dataset(lambda: iter(samples), len(samples))
    return dataset if batch_size is None else dataset.batch(batch_size)

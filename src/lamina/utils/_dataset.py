"""Dataset: what `image_dataset_from_directory` and its siblings return.

The part of `tf.data.Dataset` that tutorials use, over plain Python iterators and numpy arrays.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import numpy as np

from lamina._core import tree
from lamina._core.configurable import is_integer
from lamina._core.errors import describe, explain
from lamina._core.tensor import KerasTensor


class Dataset:
    """Elements that can be read again and again: arrays, or tuples and dictionaries of them.

    Every method returns a new data set and leaves this one as it is. Nothing is read before a
    `for` asks for it; `fit` reads ahead in a thread of its own.

    Args:
        open: returns an iterator from the beginning.
        length: number of elements; None if that is not known.
        names: attributes, as `class_names`; data sets made of this one have them too.

    Example:
        >>> numbers = Dataset(lambda: iter(range(6)), 6)
        >>> [batch.tolist() for batch in numbers.map(lambda x: x * x).batch(4)]
        [[0, 1, 4, 9], [16, 25]]
    """

    def __init__(
        self, open: Callable[[], Iterator[Any]], length: int | None = None, **names: Any
    ) -> None:
        self._open, self._length, self._names = open, length, names
        vars(self).update(names)

    _batch_size: int | None = None  # rows of an element, if it is a batch

    @staticmethod
    def from_tensor_slices(tensors: Any, name: Any = None) -> Dataset:
        """Return the rows of arrays: of one, or of a tuple or dictionary of them."""
        del name
        return slices(_arrays(tensors))

    @staticmethod
    def from_tensors(tensors: Any, name: Any = None) -> Dataset:
        """Return a data set of one element."""
        del name
        return Dataset(lambda: iter([_arrays(tensors)]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = (),
        output_signature: Any = None,
        name: Any = None,
    ) -> Dataset:
        """Return what a function yields, which is called for every pass.

        Args:
            generator: the function.
            output_types: dtypes of what it yields, in the structure of an element.
            args: its arguments.
            output_shapes, output_signature, name: are not looked at.
        """
        del output_shapes, output_signature, name
        typed = _arrays
        if output_types is not None:
            typed = lambda e: tree.map_up_to(np.asarray, output_types, e, output_types)  # noqa: E731
        return Dataset(lambda: map(typed, generator(*args)))

    @staticmethod
    def range(*args: int, **kwargs: Any) -> Dataset:
        """Return whole numbers, as Python's `range`."""
        del kwargs
        numbers = range(*args)
        return Dataset(lambda: map(np.int64, numbers), len(numbers))

    @staticmethod
    def zip(*datasets: Any, **kwargs: Any) -> Dataset:
        """Return tuples of one element of each data set, as long as all have one."""
        del kwargs
        parts = datasets[0] if len(datasets) == 1 else datasets
        lengths = [part._length for part in parts]
        known = None if None in lengths else min(lengths)
        return Dataset(lambda: zip(*(part._open() for part in parts), strict=False), known)

    def __iter__(self) -> Iterator[Any]:
        return (tree.map_structure(_tensor, element) for element in self._open())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the elements, as plain numpy arrays."""
        return self._open()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError(
                explain(
                    "len",
                    "expected a data set of known length",
                    "one that has to be read to be counted, or never ends",
                    "use sum(1 for _ in dataset), or .take(n) of one that never ends",
                )
            )
        return self._length

    def cardinality(self) -> int:
        """Return the number of elements, -2 if it is not known."""
        return -2 if self._length is None else self._length

    @property
    def element_spec(self) -> Any:
        """Symbolic tensors like the first element."""
        return tree.map_structure(
            lambda a: KerasTensor(np.shape(a), np.asarray(a).dtype.name), next(self._open())
        )

    def _with(self, open: Callable[[], Iterator[Any]], length: int | None) -> Dataset:
        return Dataset(open, length, **self._names)

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: Any = None,
    ) -> Dataset:
        """Return the elements changed by a function; a tuple is given as several arguments."""
        del num_parallel_calls, deterministic
        return self._with(lambda: (_apply(map_func, e) for e in self._open()), self._length)

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """Return the elements for which a function is true."""
        return self._with(lambda: (e for e in self._open() if _apply(predicate, e)), None)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: Any = None,
    ) -> Dataset:
        """Return so many elements stacked at a time; the last batch has what is left."""
        del num_parallel_calls, deterministic
        _whole("batch", 1, batch_size=batch_size)

        def open() -> Iterator[Any]:
            for group in _groups(self._open(), batch_size, drop_remainder):
                yield tree.map_structure(lambda *parts: np.stack(parts), *group)

        whole = None if self._length is None else self._length // batch_size
        if whole is not None and not drop_remainder:
            whole += self._length % batch_size > 0
        return Dataset(open, whole, **self._names | {"_batch_size": batch_size})

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: Any = None,
    ) -> Dataset:
        """Return so many elements stacked at a time, filled up to one shape.

        Args:
            batch_size: elements at a time.
            padded_shapes: shapes in the structure of an element, with None or -1 for the longest
                of the batch; None for that everywhere.
            padding_values: what to fill up with, in the structure of an element (default: 0).
            drop_remainder: whether to leave out a smaller last batch.
        """
        del name
        like = self.batch(batch_size, drop_remainder)

        def open() -> Iterator[Any]:
            for group in _groups(self._open(), batch_size, drop_remainder):
                yield _padded(group, padded_shapes, padding_values)

        return like._with(open, like._length)

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: Any,
        bucket_batch_sizes: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Return batches of elements of similar lengths, filled up to one shape.

        With `pad_to_bucket_boundary` there are as many shapes as buckets, so that few programs are
        compiled. Elements come in another order.

        Args:
            element_length_func: returns the length of an element.
            bucket_boundaries: lengths at which a new bucket begins.
            bucket_batch_sizes: elements of a batch of each bucket; one more than boundaries.
            padded_shapes, padding_values, drop_remainder: see `padded_batch`.
            pad_to_bucket_boundary: whether to fill up to the longest that the bucket may have,
                rather than to the longest of the batch; longer elements are refused then.
        """
        where, bounds = "bucket_by_sequence_length", list(bucket_boundaries)
        if len(bucket_batch_sizes) != len(bounds) + 1:
            expected = f"expected {len(bounds) + 1} batch sizes for {len(bounds)} boundaries"
            raise ValueError(explain(where, expected, describe(bucket_batch_sizes)))

        def stacked(bucket: int, group: list[Any]) -> Any:
            if pad_to_bucket_boundary and bucket == len(bounds):
                expected = f"expected elements shorter than {bounds[-1]}"
                raise ValueError(explain(where, expected, "a longer one", "add a boundary"))
            longest = bounds[bucket] - 1 if pad_to_bucket_boundary else None
            return _padded(group, padded_shapes, padding_values, longest)

        def open() -> Iterator[Any]:
            buckets: list[list[Any]] = [[] for _ in bucket_batch_sizes]
            for element in self._open():
                bucket = bisect(bounds, int(_apply(element_length_func, element)))
                buckets[bucket].append(element)
                if len(buckets[bucket]) == bucket_batch_sizes[bucket]:
                    yield stacked(bucket, buckets[bucket])
                    buckets[bucket] = []
            for bucket, group in enumerate(buckets):
                if group and not drop_remainder:
                    yield stacked(bucket, group)

        return self._with(open, None)

    def unbatch(self) -> Dataset:
        """Return the rows of batches as elements."""

        def open() -> Iterator[Any]:
            for batch in self._open():
                rows = len(next(a for a in tree.flatten(batch) if a is not None))
                for i in range(rows):
                    yield tree.map_structure(lambda a, i=i: a[i], batch)

        return Dataset(open, None, **self._names | {"_batch_size": None})

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Return the elements in random order: each drawn from the next `buffer_size` ones."""
        _whole("shuffle", 1, buffer_size=buffer_size)
        passes = count()

        def open() -> Iterator[Any]:
            number = next(passes) if reshuffle_each_iteration else 0
            # numpy's global generator, so that set_random_seed fixes it
            chosen = np.random.randint(2**31) if seed is None else seed  # noqa: NPY002
            draw, buffer = np.random.default_rng((chosen, number)), []
            for element in self._open():
                buffer.append(element)
                if len(buffer) >= buffer_size:
                    yield _popped(buffer, draw)
            while buffer:
                yield _popped(buffer, draw)

        return self._with(open, self._length)

    def repeat(self, count: int | None = None) -> Dataset:
        """Return the elements several times over; without end if `count` is None."""

        def open() -> Iterator[Any]:
            done = 0
            while count is None or count < 0 or done < count:
                number = -1
                for number, element in enumerate(self._open()):  # noqa: B007  is looked at below
                    yield element
                if number < 0:  # there is nothing to repeat
                    return
                done += 1

        known = self._length is not None and count is not None and count >= 0
        return self._with(open, self._length * count if known else None)  # type: ignore[operator]

    def take(self, count: int) -> Dataset:
        """Return the first elements; all of them if `count` is -1."""
        stop = None if count < 0 else count
        length = self._length if stop is None else _least(self._length, stop)
        return self._with(lambda: islice(self._open(), stop), length)

    def skip(self, count: int) -> Dataset:
        """Return the elements without the first ones."""
        length = None if self._length is None else max(self._length - count, 0)
        return self._with(lambda: islice(self._open(), count, None), length)

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Return the elements of this data set, then those of the other one."""

        def open() -> Iterator[Any]:
            yield from self._open()
            yield from dataset._open()

        known = self._length is not None and dataset._length is not None
        return self._with(open, self._length + dataset._length if known else None)  # type: ignore[operator]

    def cache(self, filename: Any = "") -> Dataset:
        """Return the same elements, kept in memory once all have been read."""
        del filename
        kept: list[Any] = []

        def open() -> Iterator[Any]:
            if kept:
                yield from kept
                return
            seen = []
            for element in self._open():
                seen.append(element)
                yield element
            kept[:] = seen

        return self._with(open, self._length)

    def prefetch(self, buffer_size: Any = None, name: Any = None) -> Dataset:
        """Return the same data set: `fit` reads ahead anyway."""
        del buffer_size, name
        return self

    def __repr__(self) -> str:
        length = "unknown length" if self._length is None else f"{self._length} elements"
        return f"<Dataset of {length}>"


class Tensor(np.ndarray):
    """An array that also has the method `numpy`, as tensors in tutorials have."""

    def numpy(self) -> np.ndarray:
        """Return a plain array."""
        return np.asarray(self)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return part if isinstance(part, np.ndarray) else _tensor(part)


def slices(arrays: Any) -> Dataset:
    """Return a data set of the rows of arrays: an array, or a tuple or dictionary of arrays.

    Example:
        >>> len(slices((np.zeros((3, 2)), np.zeros(3))))
        3
    """
    length = len(tree.flatten(arrays)[0])
    row = lambda i: tree.map_structure(lambda a: a[i], arrays)  # noqa: E731
    return Dataset(lambda: map(row, range(length)), length)


def _arrays(element: Any) -> Any:
    """Return an element as arrays; a list is one."""
    if isinstance(element, tuple):
        return tuple(map(_arrays, element))
    if isinstance(element, dict):
        return {name: _arrays(part) for name, part in element.items()}
    return np.asarray(element)


def _groups(elements: Iterator[Any], size: int, whole: bool) -> Iterator[list[Any]]:
    while (group := list(islice(elements, size))) and (len(group) == size or not whole):
        yield group


def _padded(group: list[Any], shapes: Any, values: Any, longest: int | None = None) -> Any:
    """Return elements stacked: filled up to shapes, or along their first axis to a length."""
    form = group[0]
    shapes = tree.map_structure(lambda _: None, form) if shapes is None else shapes
    values = tree.map_structure(lambda _: 0, form) if values is None else values

    def stack(shape: Any, value: Any, *parts: Any) -> np.ndarray:
        size = np.max([np.shape(p) for p in parts], axis=0).astype(int)
        if shape is None and longest is not None and len(size):
            size[0] = longest
        for axis, n in enumerate(shape or ()):
            size[axis] = size[axis] if n in (None, -1) else n
        out = np.full((len(parts), *size), value, np.asarray(parts[0]).dtype)
        for i, part in enumerate(parts):
            out[(i, *map(slice, np.shape(part)))] = part
        return out

    return tree.map_up_to(stack, form, shapes, values, *group)


def _tensor(value: Any) -> Any:
    return None if value is None else np.asarray(value).view(Tensor)


def _apply(function: Callable[..., Any], element: Any) -> Any:
    return function(*element) if isinstance(element, tuple) else function(element)


def _popped(buffer: list[Any], draw: np.random.Generator) -> Any:
    i = int(draw.integers(len(buffer)))
    buffer[i], buffer[-1] = buffer[-1], buffer[i]
    return buffer.pop()


def _least(known: int | None, stop: int) -> int | None:
    return None if known is None else min(known, stop)


def _whole(where: str, least: int, **named: Any) -> None:
    ((name, value),) = named.items()
    if not is_integer(value) or value < least:
        raise ValueError(
            explain(where, f"expected an integer of {least} or more as `{name}`", describe(value))
        )

"""Data frames of any make, and tables of Hugging Face, as arrays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lamina._core.errors import explain
from lamina._data.budget import budget

_LABELS = ("label", "labels")  # what data sets call them


def is_frame(value: Any) -> bool:
    """Return whether `value` is a frame, a column or anything else that turns into an array."""
    return any(
        hasattr(value, name) for name in ("to_numpy", "__arrow_c_stream__", "collect_schema")
    )


def frame_array(what: str, value: Any) -> Any:
    """Return a frame's numbers as an array: a row per row, a column per column.

    Raises:
        TypeError: columns that do not hold numbers; they are named.
        ValueError: values that are missing.
    """
    import narwhals  # knows pandas, polars, pyarrow and others, without importing them

    try:
        frame = narwhals.from_native(value, pass_through=True, allow_series=True)
    except narwhals.exceptions.DuplicateError:  # pandas lets columns have one name
        frame = value
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, narwhals.Series):
        columns, single = [(str(frame.name), frame)], True
    elif isinstance(frame, narwhals.DataFrame):
        named = zip(frame.columns, frame.iter_columns(), strict=True)
        columns, single = [(str(name), column) for name, column in named], False
    else:
        return value.to_numpy() if hasattr(value, "to_numpy") else value
    _refuse(what, columns)
    arrays = [np.asarray(column.to_numpy()) for _, column in columns]
    return arrays[0] if single else np.stack(arrays, axis=1)  # (N,) * C -> (N, C)


def _refuse(what: str, columns: list[tuple[str, Any]]) -> None:
    import narwhals

    strange = {
        name: column.dtype
        for name, column in columns
        if not (column.dtype.is_numeric() or column.dtype == narwhals.Boolean)
    }
    if strange:
        shown = ", ".join(f"{name!r} ({dtype})" for name, dtype in list(strange.items())[:8])
        raise TypeError(
            explain(
                "data",
                f"expected columns of numbers in `{what}`",
                shown + (", ..." if len(strange) > 8 else ""),
                "leave them out, or encode them: words and categories with "
                "layers.StringLookup, dates as days since a start",
            )
        )
    holes = {name: n for name, column in columns if (n := column.null_count())}
    if holes:
        raise ValueError(
            explain(
                "data",
                f"expected no missing values in `{what}`",
                ", ".join(f"{n} in {name!r}" for name, n in list(holes.items())[:8]),
                "drop such rows or fill them in",
            )
        )


def is_table(x: Any) -> bool:
    """Return whether `x` is a data set of Hugging Face: named columns, read row by row."""
    return hasattr(x, "with_format") and hasattr(x, "column_names")


def table_arrays(x: Any, y: Any) -> tuple[Any, Any]:
    """Return (x, y) of a table: its columns by name, and the one called 'label' or 'labels'.

    A table in files that is over the budget stays there.
    """
    table = x.with_format("numpy")
    if (x.data.nbytes if hasattr(x, "data") else 0) > budget():
        columns: dict[str, Any] = {name: Column(table, name) for name in x.column_names}
    else:
        whole = table[:]
        columns = {name: np.asarray(whole[name]) for name in x.column_names}
    return _split(columns) if y is None else (_alone(columns), y)


def table_batches(x: Any, batch_size: int) -> Iterable[Any]:
    """Return an iterable of the batches (x, y) of a table that can only be read in its order."""
    batched = x.with_format("numpy").batch(batch_size)

    class Batches:
        def __iter__(self) -> Iterator[Any]:
            return map(_split, batched)

    return Batches()


def _split(columns: dict[str, Any]) -> tuple[Any, Any]:
    label = next((name for name in _LABELS if name in columns), None)
    others = {name: column for name, column in columns.items() if name != label}
    return _alone(others), columns.get(label) if label else None


def _alone(columns: dict[str, Any]) -> Any:
    return next(iter(columns.values())) if len(columns) == 1 else columns


class Column:
    """A column of a table that stays in its file."""

    chunks = None  # known as an array in a file

    def __init__(self, table: Any, name: str) -> None:
        self._table, self._name = table, name
        first = np.asarray(table[:1][name])
        self.shape, self.dtype = (len(table), *first.shape[1:]), first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return np.asarray(self._table[rows][self._name])

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

"""Arrays: data of any accepted kind as structures of arrays with one row per sample."""

from array import array as py_array
from typing import Any

import jax
import numpy as np

from lamina._core import config, dtypes, tree
from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain
from lamina._core.tensor import KerasTensor
from lamina._data.budget import stays_away
from lamina._data.frames import frame_array, is_frame, is_table, table_arrays


def symbolic(array: Any) -> Any:
    """Return a symbolic tensor for arrays like this one, with any number of rows."""
    if array is None:
        return None
    return KerasTensor((None, *array.shape[1:]), str(standard_dtype(array.dtype)))


def rows(data: Any) -> int:
    """Return how many samples the arrays hold."""
    if hasattr(data, "shape"):
        return int(data.shape[0])
    return int(jax.tree.leaves(data)[0].shape[0])


def as_arrays(what: str, value: Any, nan: bool = False) -> Any:
    """Return data of any accepted kind as a structure of numpy or jax arrays.

    Nested lists of numbers are one array; lists and dictionaries of arrays are several inputs.

    Args:
        what: what errors call it.
        value: the data.
        nan: whether NaN is let through.

    Raises:
        TypeError: it is nothing that holds numbers.
        ValueError: it holds no samples, or NaN.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        return {k: as_arrays(f"{what}[{k!r}]", v, nan) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not _is_numbers(value):
        return type(value)(as_arrays(f"{what}[{i}]", v, nan) for i, v in enumerate(value))
    if stays_away(value):
        return value  # cast and looked at piece by piece
    array = _array(what, value)
    if not nan:
        _refuse_nan(what, array)
    return array


def _is_numbers(value: Any) -> bool:
    """Whether a list is one array written out, rather than several arrays."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float, np.generic, str, list, tuple))


def _array(what: str, value: Any) -> Any:
    array: Any = value
    if not isinstance(value, jax.Array):
        value = frame_array(what, value) if is_frame(value) else on_host(value)
        if hasattr(value, "__getitem__") and not isinstance(value, (list, tuple)):
            _refuse_samples(what, value)
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                explain(
                    "data",
                    f"expected rows of equal length in `{what}`",
                    str(error).split(".")[0],
                    "pad the rows to one length, for example with utils.pad_sequences",
                )
            ) from None
        if not _numeric(array):
            raise TypeError(
                explain(
                    "data",
                    f"expected numbers in `{what}`",
                    describe(value),
                    "give numpy arrays, lists of numbers or data frames of numbers",
                )
            )
        array = array.astype(standard_dtype(array.dtype), copy=False)
    if array.ndim == 0:
        raise TypeError(
            explain(
                "data",
                f"expected an array with one row per sample as `{what}`",
                describe(value),
                "give one sample as x[None], or a list with one number per sample",
            )
        )
    if array.shape[0] == 0:
        raise ValueError(
            explain(
                "data",
                f"expected at least one sample in `{what}`",
                describe(array),
                "look at how the data was loaded or filtered",
            )
        )
    return array


def _refuse_samples(what: str, value: Any) -> None:
    """Refuse a data set of single samples: as an array it would be one of objects."""
    known = (str, range, np.ndarray, memoryview, py_array)
    if isinstance(value, known) or hasattr(value, "__array__") or not hasattr(value, "__len__"):
        return
    raise TypeError(
        explain(
            "data",
            f"expected arrays or batches as `{what}`",
            f"{describe(value)}, a data set of single samples",
            "put a loader around it, as torch.utils.data.DataLoader(data, batch_size=32)",
        )
    )


def on_host(value: Any) -> Any:
    """Return the tensor of another library as a numpy array, anything else as it is."""
    if isinstance(value, (np.ndarray, jax.Array)) or value is None:
        return value
    if hasattr(value, "detach"):  # torch: may be on a device, or need a gradient
        value = value.detach().cpu()
    return value.numpy() if callable(getattr(value, "numpy", None)) else value


def _numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "biuf" or dtypes.is_float(array.dtype.name)


def standard_dtype(dtype: Any) -> Any:
    """Return what the engine computes with for data of this dtype: the default float, int32."""
    if dtype == np.float64:
        return np.dtype(config.floatx() if config.floatx() != "bfloat16" else "float32")
    return np.dtype("int32") if dtype == np.int64 else dtype


def _refuse_nan(what: str, array: Any) -> None:
    if not dtypes.is_float(array.dtype.name):
        return
    # A sum is NaN if any term is: one pass, without a temporary array.
    total = array.sum() if isinstance(array, jax.Array) else np.sum(array, dtype=np.float64)
    if np.isnan(total):
        bad = np.argwhere(np.isnan(np.asarray(array)))
        if len(bad):
            raise ValueError(
                explain(
                    "data",
                    f"expected numbers in `{what}`",
                    f"{len(bad)} NaN, the first in row {bad[0][0]}",
                    "drop such rows or fill them in, for example with np.nan_to_num(x)",
                )
            )


def check_lengths(**named: Any) -> None:
    """Raise if the arrays do not have the same number of rows."""
    sizes = {
        f"{name}" if len(tree.flatten(value)) == 1 else f"{name}[{i}]": leaf.shape[0]
        for name, value in named.items()
        if value is not None
        for i, leaf in enumerate(tree.flatten(value))
        if leaf is not None
    }
    if len(set(sizes.values())) > 1:
        shown = [f"{k}: {v}" for k, v in sizes.items()]
        raise ValueError(
            explain(
                "data",
                "expected the same number of samples in all data",
                ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", *shown[-2:]]),
                "every sample needs its row in each of them; a list of rows becomes one array with "
                "np.stack(x)",
            )
        )


def split_rows(data: Any, fraction: float) -> tuple[Any, Any]:
    """Return the first rows for training and the last `fraction` for validation."""
    total = rows(data)
    if not is_real(fraction):
        raise ValueError(
            explain(
                "data",
                "expected a number as `validation_split`",
                describe(fraction),
                "0.2 keeps the last 20 % of the samples for validation",
            )
        )
    at = int(np.floor(total * (1.0 - fraction)))
    if not 0 < at < total:
        raise ValueError(
            explain(
                "data",
                "expected a `validation_split` that leaves samples on both sides",
                f"{fraction} of {total} samples",
                "0.2 keeps the last 20 % of the samples for validation",
            )
        )
    return jax.tree.map(lambda a: a[:at], data), jax.tree.map(lambda a: a[at:], data)


def pack(x: Any, y: Any, sample_weight: Any, nan: str = "") -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) as arrays, checked; those named in `nan` may have NaN."""
    if is_table(x):
        x, y = table_arrays(x, y)
    x, y, sample_weight = (
        as_arrays("x", x, "x" in nan),
        as_arrays("y", y, "y" in nan),
        as_arrays("sample_weight", sample_weight, "w" in nan),
    )
    if x is None:
        raise ValueError(explain("data", "expected data as `x`", "None", "give numpy arrays"))
    check_lengths(x=x, y=y, sample_weight=sample_weight)
    return x, y, sample_weight

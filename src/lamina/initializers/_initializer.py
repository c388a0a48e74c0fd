"""The base of initializers, and those that are not random.

Initial values are made on the host by numpy: nothing is compiled before the first step, the numbers
do not depend on the device, and no second copy of the weights is ever on it.
"""

from typing import Any

import numpy as np

from lamina._core import dtypes
from lamina._core.configurable import Configurable
from lamina._core.errors import describe, explain


class Initializer(Configurable):
    """Base of initializers: subclasses write `__call__(shape, dtype=None)`.

    Example:
        >>> class Twos(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 2, dtype or "float32")
        >>> Twos()((2,)).tolist()
        [2.0, 2.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Return an array of `shape` and `dtype`; subclasses write this."""
        raise NotImplementedError(
            explain(type(self).__name__, "expected a `__call__(shape, dtype)` method")
        )

    def clone(self) -> "Initializer":
        """Return a new one with the same config."""
        return type(self).from_config(self.get_config())


def as_dtype(values: Any, dtype: Any) -> np.ndarray:
    """Return `values` in the dtype of that name (None: the default float dtype)."""
    return np.asarray(values).astype(np.dtype(dtypes.standardize_dtype(dtype)), copy=False)


class Zeros(Initializer):
    """All zeros.

    Example:
        >>> Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.zeros(shape, dtypes.standardize_dtype(dtype))


class Ones(Initializer):
    """All ones.

    Example:
        >>> Ones()((2,)).tolist()
        [1.0, 1.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.ones(shape, dtypes.standardize_dtype(dtype))


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that broadcasts to the shape asked for.

    Example:
        >>> Constant(3.0)((2,)).tolist()
        [3.0, 3.0]
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return as_dtype(np.broadcast_to(np.asarray(self.value), shape), dtype)


class Identity(Initializer):
    """A matrix with `gain` on its diagonal.

    Args:
        gain: the value on the diagonal.

    Raises:
        ValueError: the shape asked for has not two axes.

    Example:
        >>> Identity()((2, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(
                explain("Identity initializer", "expected a shape of two axes", describe(shape))
            )
        return as_dtype(self.gain * np.eye(*shape), dtype)


class Given(Initializer):
    """The values of an array, for a weight of its shape: what `get` makes of arrays."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if tuple(shape) != tuple(self.value.shape):
            raise ValueError(
                explain(
                    "initializer",
                    f"expected an array of the weight's shape {tuple(shape)}",
                    describe(self.value),
                )
            )
        return as_dtype(self.value, dtype)

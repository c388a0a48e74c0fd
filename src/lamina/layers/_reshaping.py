"""Layers that only change the shape."""

import math
from typing import Annotated, Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import Check, PositiveInt, is_integer
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer

Order = Annotated[
    Any,
    Check(
        "each number from 1 to the number of axes, once",
        lambda d: isinstance(d, (list, tuple)) and sorted(d) == list(range(1, len(d) + 1)),
        "axis 1 is the first after the batch: (2, 1) swaps the axes of (N, T, C)",
    ),
]
Shape = Annotated[
    Any,
    Check(
        "sizes without the batch, at most one of them -1",
        lambda s: (
            isinstance(s, (list, tuple))
            and all(is_integer(n) and n >= -1 for n in s)
            and list(s).count(-1) <= 1
        ),
        "as (3, 4), or (-1, 4), where -1 is what is left",
    ),
]


class Flatten(Layer):
    """All axes but the batch's, as one.

    Args:
        data_format: 'channels_last' or 'channels_first'; the latter moves channels last first, so
            that weights after it fit both formats (default: `config.image_data_format()`).

    Shapes:
        (N, A, B, ...) -> (N, A * B * ...); (N,) -> (N, 1).

    Example:
        >>> import numpy as np
        >>> Flatten()(np.zeros((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.supports_masking = False

    def call(self, inputs: Any) -> Any:
        x = inputs
        if self.data_format == "channels_first" and x.ndim > 1:
            x = jnp.moveaxis(x, 1, -1)  # (N, C, ...) -> (N, ..., C)
        return jnp.reshape(x, (x.shape[0], math.prod(x.shape[1:])))  # (N, ...) -> (N, F)


class Identity(Layer):
    """Pass the inputs on, whatever their structure.

    Example:
        >>> import numpy as np
        >>> Identity()(np.ones(2)).tolist()
        [1.0, 1.0]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Permute(Layer):
    """The axes in another order.

    Args:
        dims: for each axis of the output after the batch, the axis of the input it is; the first
            after the batch is 1.

    Shapes:
        (N, A, B) -> (N, B, A), for dims (2, 1).

    Example:
        >>> import numpy as np
        >>> Permute((2, 1))(np.zeros((5, 10, 64))).shape
        (5, 64, 10)
    """

    def __init__(self, dims: Order, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return jnp.transpose(inputs, (0, *self.dims))  # (N, A, B) -> (N, B, A)


class RepeatVector(Layer):
    """The input `n` times, along a new axis of time.

    Args:
        n: times.

    Shapes:
        (N, C) -> (N, n, C).

    Example:
        >>> import numpy as np
        >>> RepeatVector(2)(np.array([[1.0, 2.0]])).tolist()
        [[[1.0, 2.0], [1.0, 2.0]]]
    """

    def __init__(self, n: PositiveInt, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        size, features = inputs.shape
        return jnp.broadcast_to(inputs[:, None], (size, self.n, features))  # (N, C) -> (N, n, C)


class Reshape(Layer):
    """The same numbers in the same order, in another shape.

    Args:
        target_shape: shape of one sample; -1 for one size that follows from the others.

    Shapes:
        (N, ...) -> (N, *target_shape).

    Example:
        >>> import numpy as np
        >>> Reshape((3, -1))(np.zeros((5, 12))).shape
        (5, 3, 4)
    """

    def __init__(self, target_shape: Shape, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        batch, *sizes = inputs.shape
        total = math.prod(sizes)
        known = math.prod(n for n in self.target_shape if n != -1)
        free = -1 in self.target_shape
        if isinstance(total, int) and (total % known if free and known else total != known):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected samples of {'a multiple of ' * free}{known} numbers, "
                    f"for the shape {self.target_shape}",
                    f"samples of shape {tuple(sizes)}, {total} numbers",
                    "the batch axis is not part of target_shape; -1 stands for one size",
                )
            )
        target = [total // max(known, 1) if n == -1 else n for n in self.target_shape]
        return jnp.reshape(inputs, (batch, *target))  # (N, ...) -> (N, *target_shape)

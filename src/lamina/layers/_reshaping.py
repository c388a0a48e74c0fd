"""Layers that only change the shape."""

import math
from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.layer import Layer


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

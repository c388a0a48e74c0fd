"""Rescaling: numbers brought to another range."""

from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import Check
from lamina._core.layer import Layer

Numbers = Annotated[
    Any,
    Check(
        "a number, or an array of them",
        lambda x: x is not None and np.asarray(x).dtype.kind in "biufV",  # V: short floats
        "as 1 / 255, or one number for each channel",
    ),
]


class Rescaling(Layer):
    """x * scale + offset, as 1 / 255 for pixels from 0 to 255.

    Args:
        scale: factor, or one for each channel.
        offset: added afterwards.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 127.5, offset=-1.0)(np.array([0, 255])).tolist()
        [-1.0, 1.0]
    """

    def __init__(self, scale: Numbers, offset: Numbers = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        scale, offset = jnp.asarray(self.scale, dtype), jnp.asarray(self.offset, dtype)
        if scale.ndim and config.image_data_format() == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))  # (C,) -> (C, 1, 1)
        return inputs.astype(dtype) * scale + offset

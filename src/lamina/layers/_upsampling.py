"""Layers that make sequences, images and volumes larger."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import PositiveInt
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import check_choice, integers

_METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling(Layer):
    """Base of the upsampling layers: each of `rank` axes of space grows by a whole factor."""

    rank: ClassVar[int]

    def _set_size(self, size: Any, data_format: str | None, interpolation: str) -> None:
        self._factors = integers(type(self).__name__, "size", size, self.rank)
        self.size = self._factors[0] if self.rank == 1 else self._factors
        self.data_format = config.standardize_data_format(data_format)
        self.interpolation = interpolation.lower()
        check_choice(type(self).__name__, "interpolation", self.interpolation, _METHODS)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        x, axis = inputs, 2 if self.data_format == "channels_first" else 1
        if self.interpolation == "nearest":
            for i, factor in enumerate(self._factors, axis):
                x = jnp.repeat(x, factor, axis=i)  # (N, H, C) -> (N, H * factor, C)
            return x
        shape = list(x.shape)
        for i, factor in enumerate(self._factors, axis):
            shape[i] = shape[i] * factor
        return jax.image.resize(x, shape, self.interpolation, antialias=False)


class UpSampling1D(UpSampling):
    """Each time step `size` times.

    Args:
        size: factor.

    Shapes:
        (N, T, C) -> (N, T * size, C).

    Example:
        >>> import numpy as np
        >>> UpSampling1D(2)(np.array([[[1.0], [2.0]]])).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    rank = 1

    def __init__(self, size: PositiveInt = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_size(size, "channels_last", "nearest")


class UpSampling2D(UpSampling):
    """Images made larger.

    Args:
        size: factor, or (of rows, of columns).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        interpolation: 'nearest' repeats pixels; 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'.

    Shapes:
        (N, H, W, C) -> (N, H * rows, W * columns, C).

    Example:
        >>> import numpy as np
        >>> UpSampling2D((1, 2))(np.zeros((2, 4, 5, 3))).shape
        (2, 4, 10, 3)
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_size(size, data_format, interpolation)


class UpSampling3D(UpSampling):
    """Volumes made larger by repeating their voxels.

    Args:
        size: factor, or one for each axis.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, D, H, W, C) -> (N, D * a, H * b, W * c, C).

    Example:
        >>> import numpy as np
        >>> UpSampling3D(2)(np.zeros((2, 4, 5, 6, 3))).shape
        (2, 8, 10, 12, 3)
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set_size(size, data_format, "nearest")

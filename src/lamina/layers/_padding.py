"""Layers that take margins away, and that add them."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from lamina._core import config
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import pairs


class Cropping(Layer):
    """Base of the cropping layers: `rank` axes of space lose some steps at both ends."""

    rank: ClassVar[int]

    def _set_cropping(self, cropping: Any, data_format: str | None) -> None:
        self._margins = pairs(type(self).__name__, "cropping", cropping, self.rank)
        self.cropping = self._margins[0] if self.rank == 1 else self._margins
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        axis = 2 if self.data_format == "channels_first" else 1
        start, stop = [0] * inputs.ndim, list(inputs.shape)
        for i, (before, after) in enumerate(self._margins, axis):
            if isinstance(stop[i], int) and before + after >= stop[i]:
                raise ValueError(
                    explain(
                        self._where(),
                        f"expected more than {before + after} steps along axis {i}, to take "
                        f"{before} and {after} off the ends",
                        f"shape {inputs.shape}",
                        f"crop less, or check data_format: it is '{self.data_format}'",
                    )
                )
            start[i], stop[i] = before, stop[i] - after
        return lax.slice(inputs, start, stop)  # (N, H, C) -> (N, H - before - after, C)


class Cropping1D(Cropping):
    """Steps of time are taken off both ends.

    Args:
        cropping: how many at each end: one number, or (at the start, at the end).

    Shapes:
        (N, T, C) -> (N, T - start - end, C).

    Example:
        >>> import numpy as np
        >>> Cropping1D((1, 0))(np.zeros((2, 5, 3))).shape
        (2, 4, 3)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_cropping(cropping, "channels_last")


class Cropping2D(Cropping):
    """Rows and columns of images are taken off the edges.

    Args:
        cropping: how many: one number; (rows, columns) for both edges; or
            ((top, bottom), (left, right)).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, H, W, C) -> (N, H - top - bottom, W - left - right, C).

    Example:
        >>> import numpy as np
        >>> Cropping2D(((2, 2), (4, 4)))(np.zeros((2, 28, 28, 3))).shape
        (2, 24, 20, 3)
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set_cropping(cropping, data_format)


class Cropping3D(Cropping):
    """Steps along three axes of space are taken off the ends.

    Args:
        cropping: how many: one number; one for each axis; or a pair for each axis.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, D, H, W, C) -> (N, D - ..., H - ..., W - ..., C).

    Example:
        >>> import numpy as np
        >>> Cropping3D(1)(np.zeros((2, 4, 5, 6, 3))).shape
        (2, 2, 3, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_cropping(cropping, data_format)


class ZeroPadding(Layer):
    """Base of the padding layers: `rank` axes of space get zeros at both ends."""

    rank: ClassVar[int]

    def _set_padding(self, padding: Any, data_format: str | None) -> None:
        self._margins = pairs(type(self).__name__, "padding", padding, self.rank)
        self.padding = self._margins[0] if self.rank == 1 else self._margins
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        first = self.data_format == "channels_first"
        widths = ((0, 0), (0, 0), *self._margins) if first else ((0, 0), *self._margins, (0, 0))
        return jnp.pad(inputs, widths)  # (N, H, C) -> (N, before + H + after, C)


class ZeroPadding1D(ZeroPadding):
    """Zeros before and after a sequence.

    Args:
        padding: how many: one number, or (before, after).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, T, C) -> (N, before + T + after, C).

    Example:
        >>> import numpy as np
        >>> ZeroPadding1D((1, 0))(np.ones((1, 2, 1))).ravel().tolist()
        [0.0, 1.0, 1.0]
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set_padding(padding, data_format)


class ZeroPadding2D(ZeroPadding):
    """A frame of zeros around images.

    Args:
        padding: how wide: one number; (rows, columns) for both edges; or
            ((top, bottom), (left, right)).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, H, W, C) -> (N, top + H + bottom, left + W + right, C).

    Example:
        >>> import numpy as np
        >>> ZeroPadding2D((1, 2))(np.zeros((2, 4, 5, 3))).shape
        (2, 6, 9, 3)
    """

    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._set_padding(padding, data_format)


class ZeroPadding3D(ZeroPadding):
    """Zeros around three axes of space.

    Args:
        padding: how many: one number; one for each axis; or a pair for each axis.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).

    Shapes:
        (N, D, H, W, C) -> (N, ... + D + ..., ... + H + ..., ... + W + ..., C).

    Example:
        >>> import numpy as np
        >>> ZeroPadding3D(1)(np.zeros((2, 4, 5, 6, 3))).shape
        (2, 6, 7, 8, 3)
    """

    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_padding(padding, data_format)

"""Pooling: the largest or the mean of each window of space, or of all of it."""

from typing import Any, ClassVar

import jax.numpy as jnp

from lamina._core import config
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import check_choice, integers
from lamina.layers._rank import over_axes
from lamina.ops import _pooling


class Pooling(Layer):
    """Base of the layers that pool windows of a given size."""

    rank: ClassVar[int]
    _pool: ClassVar[Any]

    def _set_windows(self, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> None:
        where, rank = type(self).__name__, self.rank
        self.pool_size = integers(where, "pool_size", pool_size, rank)
        strides = self.pool_size if strides is None else strides
        self.strides = integers(where, "strides", strides, rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        check_choice(where, "padding", self.padding, ("valid", "same"))
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(  # (N, H, W, C) -> (N, P, Q, C)
            self._where(), inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling(Pooling):
    """y[n, p, c] = the largest of x[n, strides p + q, c] for q below pool_size.

    Args:
        pool_size: pixels of a window along each axis: one number, or one for each.
        strides: pixels from one window to the next; None for `pool_size`.
        padding: 'valid' for windows inside only; 'same' for some that reach over the edge, where
            only what lies inside counts: as many as pixels / strides, rounded up.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
    """

    _pool = staticmethod(_pooling.pool_max)

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._set_windows(pool_size, strides, padding, data_format)


class AveragePooling(Pooling):
    """y[n, p, c] = the mean of x[n, strides p + q, c] for q below pool_size.

    Args:
        pool_size: pixels of a window along each axis: one number, or one for each.
        strides: pixels from one window to the next; None for `pool_size`.
        padding: 'valid' for windows inside only; 'same' for some that reach over the edge, where
            only what lies inside counts: as many as pixels / strides, rounded up.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
    """

    _pool = staticmethod(_pooling.pool_mean)

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self._set_windows(pool_size, strides, padding, data_format)


class GlobalPooling(Layer):
    """Base of the layers that pool all of space."""

    rank: ClassVar[int]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


class GlobalMaxPooling(GlobalPooling):
    """The largest over all of space, per channel.

    Args:
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        keepdims: whether the axes of space stay, with size 1.
    """

    def call(self, inputs: Any) -> Any:
        return jnp.max(inputs, axis=self._axes, keepdims=self.keepdims)  # (N, H, W, C) -> (N, C)


class GlobalAveragePooling(GlobalPooling):
    """The mean over all of space, per channel.

    Args:
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        keepdims: whether the axes of space stay, with size 1.
    """

    def call(self, inputs: Any) -> Any:
        return jnp.mean(inputs, axis=self._axes, keepdims=self.keepdims)  # (N, H, W, C) -> (N, C)


class AdaptivePooling(Layer):
    """Base of the layers that pool as many windows as are asked for."""

    rank: ClassVar[int]
    _pool: ClassVar[Any]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = integers(type(self).__name__, "output_size", output_size, self.rank)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(  # (N, H, W, C) -> (N, P, Q, C)
            self._where(), inputs, self.output_size, self.data_format
        )


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest of windows, as many and as large as it takes for `output_size` of them.

    Window i of n reaches from pixel floor(i H / n) to ceil((i + 1) H / n).

    Args:
        output_size: number of windows along each axis: one number, or one for each.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
    """

    _pool = staticmethod(_pooling.pool_max_adaptively)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of windows, as many and as large as it takes for `output_size` of them.

    Window i of n reaches from pixel floor(i H / n) to ceil((i + 1) H / n).

    Args:
        output_size: number of windows along each axis: one number, or one for each.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
    """

    _pool = staticmethod(_pooling.pool_mean_adaptively)


@over_axes(1)
class MaxPooling1D(MaxPooling):
    """The largest of each window of sequences.

    Shapes:
        (N, T, C) -> (N, P, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
        [3.0, 2.0]
    """


@over_axes(2, "pool_size")
class MaxPooling2D(MaxPooling):
    """The largest of each window of images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> MaxPooling2D((2, 1))(np.array([1.0, 3, 2, 0]).reshape(1, 2, 2, 1)).ravel().tolist()
        [2.0, 3.0]
    """


@over_axes(3, "pool_size")
class MaxPooling3D(MaxPooling):
    """The largest of each window of volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> MaxPooling3D(2)(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 2, 3, 4, 3)
    """


@over_axes(1)
class AveragePooling1D(AveragePooling):
    """The mean of each window of sequences.

    Shapes:
        (N, T, C) -> (N, P, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).ravel().tolist()
        [2.0, 1.0]
    """


@over_axes(2)
class AveragePooling2D(AveragePooling):
    """The mean of each window of images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AveragePooling2D(2)(np.array([1.0, 3, 2, 0]).reshape(1, 2, 2, 1)).ravel().tolist()
        [1.5]
    """


@over_axes(3)
class AveragePooling3D(AveragePooling):
    """The mean of each window of volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AveragePooling3D(2)(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 2, 3, 4, 3)
    """


@over_axes(1)
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest of each channel of sequences.

    Shapes:
        (N, T, C) or (N, C, T) -> (N, C); with `keepdims` (N, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling1D()(np.zeros((2, 6, 3))).shape
        (2, 3)
    """


@over_axes(2)
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest of each channel of images.

    Shapes:
        (N, H, W, C) or (N, C, H, W) -> (N, C); with `keepdims` (N, 1, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling2D()(np.zeros((2, 6, 8, 3))).shape
        (2, 3)
    """


@over_axes(3)
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest of each channel of volumes.

    Shapes:
        (N, D, H, W, C) or (N, C, D, H, W) -> (N, C); with `keepdims` (N, 1, 1, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling3D()(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 3)
    """


@over_axes(1)
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean of each channel of sequences; steps that a mask hides do not count.

    Shapes:
        (N, T, C) or (N, C, T) -> (N, C); with `keepdims` (N, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling1D()(np.zeros((2, 6, 3))).shape
        (2, 3)
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        (axis,) = self._axes
        kept = jnp.expand_dims(jnp.asarray(mask, bool), 3 - axis)  # (N, T) -> (N, T, 1)
        total = jnp.sum(jnp.where(kept, inputs, 0), axis=axis, keepdims=self.keepdims)
        return total / jnp.sum(kept.astype(inputs.dtype), axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None


@over_axes(2)
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of each channel of images.

    Shapes:
        (N, H, W, C) or (N, C, H, W) -> (N, C); with `keepdims` (N, 1, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling2D()(np.zeros((2, 6, 8, 3))).shape
        (2, 3)
    """


@over_axes(3)
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of each channel of volumes.

    Shapes:
        (N, D, H, W, C) or (N, C, D, H, W) -> (N, C); with `keepdims` (N, 1, 1, 1, C) or its like.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling3D()(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 3)
    """


@over_axes(1)
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest of each of `output_size` windows of sequences.

    Shapes:
        (N, T, C) -> (N, P, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling1D(2)(np.zeros((2, 6, 3))).shape
        (2, 2, 3)
    """


@over_axes(2)
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest of each of `output_size` windows of images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling2D(2)(np.zeros((2, 6, 8, 3))).shape
        (2, 2, 2, 3)
    """


@over_axes(3)
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest of each of `output_size` windows of volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPooling3D(2)(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 2, 2, 2, 3)
    """


@over_axes(1)
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows of sequences.

    Shapes:
        (N, T, C) -> (N, P, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling1D(2)(np.zeros((2, 6, 3))).shape
        (2, 2, 3)
    """


@over_axes(2)
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows of images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling2D(2)(np.zeros((2, 6, 8, 3))).shape
        (2, 2, 2, 3)
    """


@over_axes(3)
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows of volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, C), or with channels first.

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling3D(2)(np.zeros((2, 4, 6, 8, 3))).shape
        (2, 2, 2, 2, 3)
    """

"""Layers that make training harder on purpose, against overfitting."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp

from lamina import random, regularizers
from lamina._core import config
from lamina._core.configurable import Fraction
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator
from lamina.layers._checks import BelowOne, NonNegative, Seed
from lamina.layers._dropout import NoiseShape, sizes_of_noise

# Klambauer et al., 2017: selu's limit for x far below 0 is -_SELU_ALPHA * _SELU_SCALE.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


class GaussianNoise(Layer):
    """x + normal noise while training.

    Args:
        stddev: standard deviation of the noise, in the units of the inputs.
        seed: a whole number for repeatable noise.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> GaussianNoise(0.5)(np.ones(2)).tolist()
        [1.0, 1.0]
        >>> x = GaussianNoise(0.5, seed=0)(np.ones(1000), training=True)
        >>> bool(0.45 < x.std() < 0.55)
        True
    """

    def __init__(self, stddev: NonNegative, seed: Seed | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed = seed
        if stddev > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        return inputs + random.normal(
            inputs.shape, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )


class GaussianDropout(Layer):
    """x * normal noise of mean 1 and variance rate / (1 - rate) while training.

    Args:
        rate: fraction in [0, 1), as of the `Dropout` whose noise has this variance.
        seed: a whole number for repeatable noise.

    Shapes:
        (N, ...) -> (N, ...).

    Reference:
        Srivastava et al., 2014.

    Example:
        >>> import numpy as np
        >>> x = GaussianDropout(0.5, seed=0)(np.ones(1000), training=True)
        >>> bool(0.9 < x.std() < 1.1)
        True
    """

    def __init__(self, rate: BelowOne, seed: Seed | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * random.normal(
            inputs.shape, 1.0, stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )


class AlphaDropout(Layer):
    """Dropout for nets of `selu`: keeps mean 0 and variance 1.

    While training a fraction of the inputs is set to selu's lower limit, then all are scaled and
    shifted.

    Args:
        rate: fraction in [0, 1) that is dropped.
        noise_shape: shape of the mask, 1 where it is shared and None where it follows the input.
        seed: a whole number for repeatable masks.

    Shapes:
        (N, ...) -> (N, ...).

    Reference:
        Klambauer et al., 2017, arXiv 1706.02515.

    Example:
        >>> import numpy as np
        >>> x = AlphaDropout(0.3, seed=0)(np.random.normal(size=10_000), training=True)
        >>> bool(abs(x.mean()) < 0.05), bool(0.95 < x.std() < 1.05)
        (True, True)
    """

    def __init__(
        self,
        rate: BelowOne,
        noise_shape: NoiseShape | None = None,
        seed: Seed | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        shape = sizes_of_noise(self._where(), self.noise_shape, inputs.shape)
        kept = random.uniform(shape, seed=self.seed_generator) >= self.rate
        lowest = -_SELU_ALPHA * _SELU_SCALE
        scale = ((1 - self.rate) * (1 + self.rate * lowest**2)) ** -0.5
        shift = -scale * lowest * self.rate
        return scale * jnp.where(kept, inputs, jnp.asarray(lowest, inputs.dtype)) + shift


class SpatialDropout(Layer):
    """Base of the layers that drop whole channels: `rank` axes of space share one mask.

    Reference:
        Tompson et al., 2014, arXiv 1411.4280.
    """

    rank: ClassVar[int]

    def _set_rate(self, rate: float, data_format: str | None, seed: int | None) -> None:
        self.rate = rate
        self.seed = seed
        self.data_format = config.standardize_data_format(data_format)
        if rate > 0:
            self.seed_generator = SeedGenerator(seed)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        axis = 1 if self.data_format == "channels_first" else -1
        shape = [1] * inputs.ndim  # (N, 1, 1, C): one draw a channel
        shape[0], shape[axis] = inputs.shape[0], inputs.shape[axis]
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["trainable"]  # Keras' constructor does not take it
        return config


class SpatialDropout1D(SpatialDropout):
    """Whole channels of sequences are set to 0 while training, a fraction `rate` of them.

    Args:
        rate: fraction in [0, 1] of the channels that is dropped.
        seed: a whole number for repeatable masks.

    Shapes:
        (N, T, C) -> (N, T, C).

    Reference:
        Tompson et al., 2014, arXiv 1411.4280.

    Example:
        >>> import numpy as np
        >>> x = SpatialDropout1D(0.5, seed=0)(np.ones((1, 3, 8)), training=True)
        >>> bool((x == x[:, :1]).all()), sorted(set(x.ravel().tolist()))
        (True, [0.0, 2.0])
    """

    rank = 1

    def __init__(
        self, rate: Fraction, seed: Seed | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._set_rate(rate, "channels_last", seed)


class SpatialDropout2D(SpatialDropout):
    """Whole channels of images are set to 0 while training, a fraction `rate` of them.

    Args:
        rate: fraction in [0, 1] of the channels that is dropped.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        seed: a whole number for repeatable masks.

    Shapes:
        (N, H, W, C) -> (N, H, W, C).

    Reference:
        Tompson et al., 2014, arXiv 1411.4280.

    Example:
        >>> import numpy as np
        >>> SpatialDropout2D(0.5)(np.ones((1, 2, 2, 3))).shape
        (1, 2, 2, 3)
    """

    rank = 2

    def __init__(
        self,
        rate: Fraction,
        data_format: str | None = None,
        seed: Seed | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._set_rate(rate, data_format, seed)


class SpatialDropout3D(SpatialDropout):
    """Whole channels of volumes are set to 0 while training, a fraction `rate` of them.

    Args:
        rate: fraction in [0, 1] of the channels that is dropped.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        seed: a whole number for repeatable masks.

    Shapes:
        (N, D, H, W, C) -> (N, D, H, W, C).

    Reference:
        Tompson et al., 2014, arXiv 1411.4280.

    Example:
        >>> import numpy as np
        >>> SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3

    def __init__(
        self,
        rate: Fraction,
        data_format: str | None = None,
        seed: Seed | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._set_rate(rate, data_format, seed)


class ActivityRegularization(Layer):
    """Pass the inputs on, and add l1 * sum(|x|) + l2 * sum(x^2), per sample, to the loss.

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> layer = ActivityRegularization(l2=0.5)
        >>> _ = layer(np.array([[1.0, 2.0]]))
        >>> float(layer.losses[0])
        2.5
    """

    def __init__(self, l1: NonNegative = 0.0, l2: NonNegative = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return config

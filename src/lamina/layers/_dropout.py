"""Dropout: random zeros while training, against overfitting."""

from typing import Any

from lamina import random
from lamina._core.configurable import Fraction
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator


class Dropout(Layer):
    """Set a fraction `rate` of the inputs to 0 while training; scale the rest by 1 / (1 - rate).

    Args:
        rate: fraction in [0, 1] that is dropped.
        noise_shape: shape of the mask, 1 or None where it is shared or follows the input; as
            (N, 1, C) to drop whole rows of (N, T, C).
        seed: a whole number for repeatable masks.

    Shapes:
        (N, ...) -> (N, ...).

    Reference:
        Srivastava et al., 2014.

    Example:
        >>> import numpy as np
        >>> Dropout(0.5)(np.ones(4)).tolist()
        [1.0, 1.0, 1.0, 1.0]
        >>> sorted(set(Dropout(0.5, seed=0)(np.ones(100), training=True).tolist()))
        [0.0, 2.0]
    """

    def __init__(
        self, rate: Fraction, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
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
        return random.dropout(
            inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator
        )

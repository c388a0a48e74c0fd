"""Dropout: random zeros while training, against overfitting."""

from typing import Annotated, Any

from lamina import random
from lamina._core.configurable import Check, Fraction, is_integer
from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator
from lamina.layers._checks import Seed

NoiseShape = Annotated[
    Any,
    Check(
        "sizes of 1 or more, or None, one for each axis",
        lambda s: (
            isinstance(s, (list, tuple)) and all(n is None or (is_integer(n) and n > 0) for n in s)
        ),
        "as (None, 1, None), to draw once for all time steps of (N, T, C)",
    ),
]


class Dropout(Layer):
    """Set a fraction `rate` of the inputs to 0 while training; scale the rest by 1 / (1 - rate).

    Args:
        rate: fraction in [0, 1] that is dropped.
        noise_shape: shape of the mask, 1 where it is shared and None where it follows the input; as
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
        self,
        rate: Fraction,
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
        return random.dropout(inputs, self.rate, noise_shape=shape, seed=self.seed_generator)


def sizes_of_noise(where: str, noise_shape: Any, shape: Any) -> tuple[int, ...]:
    """Return the shape in which to draw noise for inputs of `shape`.

    Args:
        noise_shape: None for one draw a place; else 1 for axes that share, None for others.

    Raises:
        ValueError: `noise_shape` has another number of axes, or a size of its own.

    Example:
        >>> sizes_of_noise("Dropout", (None, 1), (4, 3))
        (4, 1)
    """
    if noise_shape is None:
        return tuple(shape)
    if len(noise_shape) != len(shape) or any(
        is_integer(n) and n not in (1, s)
        for s, n in zip(shape, noise_shape, strict=True)
        if isinstance(s, int)
    ):
        raise ValueError(
            explain(
                where,
                f"expected a noise_shape of {len(shape)} sizes, as the inputs have, each None, 1 "
                "or the inputs' own",
                f"noise_shape={noise_shape} for inputs of shape {tuple(shape)}",
                "write 1 for axes that share one draw, None for the others",
            )
        )
    return tuple(s if n is None else n for s, n in zip(shape, noise_shape, strict=True))

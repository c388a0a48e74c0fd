"""Masking: which time steps are padding."""

from typing import Any

import jax.numpy as jnp

from lamina._core.layer import Layer


class Masking(Layer):
    """Mask the time steps in which every feature equals `mask_value`, and set them to 0.

    Args:
        mask_value: what padding is filled with.

    Shapes:
        (N, T, ..., C) -> (N, T, ..., C), with a mask (N, T, ...).

    Example:
        >>> import numpy as np
        >>> layer = Masking(-1.0)
        >>> layer(np.array([[[1.0, 2.0], [-1.0, -1.0]]])).tolist()
        [[[1.0, 2.0], [0.0, 0.0]]]
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        kept = self.compute_mask(inputs)[..., None]  # (N, T) -> (N, T, 1)
        return jnp.where(kept, inputs, jnp.zeros((), inputs.dtype))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return jnp.any(jnp.not_equal(inputs, self.mask_value), axis=-1)  # (N, T, C) -> (N, T)

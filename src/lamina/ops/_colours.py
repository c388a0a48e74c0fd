"""Colours of images: grey, and hue, saturation and value."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._promotion import inexact


def channel_axis(where: str, images: Any, data_format: str | None) -> int:
    """Return the axis of the channels, from the end, of an image or a batch of them."""
    if images.ndim not in (3, 4):
        expected = "expected an image, 3 axes, or a batch of them, 4 axes"
        raise ValueError(explain(where, expected, describe(images)))
    return -1 if config.standardize_data_format(data_format) == "channels_last" else -3


def _planes(where: str, images: Any, data_format: str | None) -> tuple[Any, int]:
    """The three channels of float images, and their axis."""
    axis = channel_axis(where, images, data_format)
    if not jnp.issubdtype(images.dtype, jnp.floating) or images.shape[axis] != 3:
        expected = "expected floats with 3 channels"
        help = f"scale whole numbers to [0, 1] first; the channels are axis {axis}"
        raise ValueError(explain(where, expected, describe(images), help))
    return jnp.moveaxis(images, axis, 0), axis


@op
def rgb_to_grayscale(images: Array, data_format: str | None = None) -> Array:
    """Return 0.2989 red + 0.587 green + 0.114 blue, in the dtype of the images.

    Args:
        images: (H, W, 3) or (N, H, W, 3), or channels first; grey ones, of 1 channel, are returned
            as they are.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Shapes:
        Returns (..., H, W, 1), or channels first.

    Raises:
        ValueError: other axes or channels.

    Example:
        >>> rgb_to_grayscale(jnp.ones((1, 1, 3))).round(3).tolist()
        [[[1.0]]]
    """
    where = "ops.image.rgb_to_grayscale"
    axis = channel_axis(where, images, data_format)
    if images.shape[axis] not in (1, 3):
        raise ValueError(
            explain(where, f"expected 1 or 3 channels on axis {axis}", describe(images))
        )
    if images.shape[axis] == 1:
        return images
    colours = jnp.moveaxis(jnp.asarray(inexact(images)), axis, -1)
    weights = jnp.array([0.2989, 0.5870, 0.1140], colours.dtype)
    grey = jnp.expand_dims(jnp.tensordot(colours, weights, axes=1), axis)
    return grey.astype(images.dtype)


@op
def rgb_to_hsv(images: Array, data_format: str | None = None) -> Array:
    """Return hue, saturation and value, each in [0, 1].

    Args:
        images: red, green and blue in [0, 1]: (H, W, 3) or (N, H, W, 3), or channels first.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: other axes or channels, or whole numbers.

    Reference:
        Smith, "Color gamut transform pairs", 1978.

    Example:
        >>> rgb_to_hsv(jnp.array([[[0.0, 1.0, 0.0]]])).round(3).tolist()
        [[[0.3330000042915344, 1.0, 1.0]]]
    """
    planes, axis = _planes("ops.image.rgb_to_hsv", images, data_format)
    r, g, b = jnp.where(jnp.abs(planes) < jnp.finfo(planes.dtype).eps, 0.0, planes)
    value = jnp.maximum(jnp.maximum(r, g), b)
    spread = value - jnp.minimum(jnp.minimum(r, g), b)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1.0), 0.0)
    # A third of the circle for each channel that is the largest, plus how far it leans.
    sixth = 1.0 / (6.0 * jnp.where(spread > 0, spread, 1.0))
    hue = jnp.where(value == g, sixth * (b - r) + 2.0 / 6.0, sixth * (r - g) + 4.0 / 6.0)
    hue = jnp.where(value == r, sixth * (g - b), hue)
    hue = jnp.where(spread > 0, hue, 0.0)
    hue = jnp.where(hue < 0, hue + 1.0, hue)
    return jnp.stack((hue, saturation, value), axis=axis).astype(images.dtype)


@op
def hsv_to_rgb(images: Array, data_format: str | None = None) -> Array:
    """Return red, green and blue, of hue, saturation and value; see `rgb_to_hsv`.

    Example:
        >>> hsv_to_rgb(jnp.array([[[0.0, 1.0, 1.0]]])).tolist()
        [[[1.0, 0.0, 0.0]]]
    """
    (hue, saturation, value), axis = _planes("ops.image.hsv_to_rgb", images, data_format)
    turn = jnp.mod(hue, 1.0) * 6.0
    pure = (
        jnp.abs(turn - 3.0) - 1.0,
        2.0 - jnp.abs(turn - 2.0),
        2.0 - jnp.abs(turn - 4.0),
    )
    channels = [value * (1.0 - saturation + saturation * jnp.clip(p, 0.0, 1.0)) for p in pure]
    return jnp.stack(channels, axis=axis)

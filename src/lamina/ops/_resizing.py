"""Images in other sizes: resized, cropped, padded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import describe, explain, unknown
from lamina._core.graph import Array, op
from lamina.ops._colours import channel_axis
from lamina.ops._conversion import saturate_cast

_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_METHODS = (
    "linear",
    "bilinear",
    "trilinear",
    "cubic",
    "bicubic",
    "tricubic",
    "lanczos3",
    "lanczos5",
)


def _plane(where: str, images: Any, data_format: str | None) -> tuple[int, int]:
    """The axes of height and width."""
    n = images.ndim
    return (n - 3, n - 2) if channel_axis(where, images, data_format) == -1 else (n - 2, n - 1)


@op
def resize(
    images: Array,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Array:
    """Return images of another size, in their dtype.

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        size: (height, width) in pixels.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'.
        antialias: whether a smaller image averages over the pixels it leaves out.
        crop_to_aspect_ratio: whether to cut off what would be distorted.
        pad_to_aspect_ratio: whether to fill up with `fill_value` instead.
        fill_mode: 'constant'.
        fill_value: of the pixels that are added.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: options or axes that do not fit.

    Example:
        >>> resize(jnp.array([[[0.0], [1.0]]]), (1, 4))[0, :, 0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    where = "ops.image.resize"
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(unknown("interpolation", interpolation, _INTERPOLATIONS))
    if fill_mode != "constant":
        raise ValueError(explain(where, "expected fill_mode 'constant'", describe(fill_mode)))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        expected = "expected one of crop_to_aspect_ratio and pad_to_aspect_ratio"
        raise ValueError(explain(where, expected, "both"))
    if len(size) != 2 or min(size) < 1:
        raise ValueError(explain(where, "expected size=(height, width)", describe(size)))
    plane = _plane(where, images, data_format)
    x = images
    if crop_to_aspect_ratio:
        x = _crop_to(x, plane, size)
    elif pad_to_aspect_ratio:
        x = _pad_to(x, plane, size, fill_value)
    shape = list(x.shape)
    for axis, n in zip(plane, size, strict=True):
        shape[axis] = n
    x = jax.image.resize(x, shape, method=interpolation, antialias=antialias)
    if x.dtype == images.dtype:
        return x
    return saturate_cast(
        jnp.round(x) if jnp.issubdtype(images.dtype, jnp.integer) else x, images.dtype
    )


def _matching(have: Sequence[Any], size: Sequence[int]) -> tuple[int, int]:
    """The height that goes with the width at the aspect ratio of `size`, and the other way."""
    height, width = have
    return int(float(width * size[0]) / size[1]), int(float(height * size[1]) / size[0])


def _crop_to(x: Any, plane: tuple[int, int], size: Sequence[int]) -> Any:
    have = [x.shape[axis] for axis in plane]
    for axis, n, fit in zip(plane, have, _matching(have, size), strict=True):
        keep = max(min(n, fit), 1)
        start = int((n - keep) / 2)
        x = jax.lax.slice_in_dim(x, start, start + keep, axis=axis)
    return x


def _pad_to(x: Any, plane: tuple[int, int], size: Sequence[int], fill_value: float) -> Any:
    have = [x.shape[axis] for axis in plane]
    before = [int((max(n, f) - n) / 2) for n, f in zip(have, _matching(have, size), strict=True)]
    widths = [(0, 0)] * x.ndim
    for axis, b in zip(plane, before, strict=True):
        widths[axis] = (b, b)
    return jnp.pad(x, widths, constant_values=fill_value)


_SIDES = {
    "crop": ("top_cropping", "bottom_cropping", "left_cropping", "right_cropping"),
    "pad": ("top_padding", "bottom_padding", "left_padding", "right_padding"),
}


def _margins(
    where: str, kind: str, total: Any, before: Any, after: Any, target: Any, first: int
) -> tuple[Any, Any]:
    """What is cut off or added before and after, one of the three numbers being open."""
    names = (*_SIDES[kind][first : first + 2], "target_height" if first == 0 else "target_width")
    given = dict(zip(names, (before, after, target), strict=True))
    shown = ", ".join(f"{name}={value}" for name, value in given.items())
    if [before, after, target].count(None) != 1:
        raise ValueError(explain(where, f"expected two of {', '.join(names)}", shown))
    sign = 1 if kind == "pad" else -1
    if before is None:
        before = sign * (target - total) - after
    elif after is None:
        after = sign * (target - total) - before
    else:
        target = total + sign * (before + after)
    if any(isinstance(v, int) and v < 0 for v in (before, after, *_known(given, target))):
        expected = f"expected {', '.join(names)} of 0 or more for {total} pixels"
        raise ValueError(explain(where, expected, shown))
    return before, after


def _known(given: dict[str, Any], target: Any) -> list[Any]:
    return [v for v in (*given.values(), target) if v is not None]


@op
def crop_images(
    images: Array,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Return images without some pixels at the edges.

    Of top, bottom and target height two are given, and so of left, right and target width.

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        top_cropping, left_cropping, bottom_cropping, right_cropping: pixels to cut off.
        target_height, target_width: pixels to keep.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: numbers that are missing, too many, or do not fit.

    Example:
        >>> crop_images(jnp.ones((4, 5, 1)), 1, 1, target_height=2, target_width=3).shape
        (2, 3, 1)
    """
    where = "ops.image.crop_images"
    tall, wide = _plane(where, images, data_format)
    h, w = images.shape[tall], images.shape[wide]
    top, bottom = _margins(where, "crop", h, top_cropping, bottom_cropping, target_height, 0)
    left, right = _margins(where, "crop", w, left_cropping, right_cropping, target_width, 2)
    images = jax.lax.slice_in_dim(images, top, h - bottom, axis=tall)
    return jax.lax.slice_in_dim(images, left, w - right, axis=wide)


@op
def pad_images(
    images: Array,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Array:
    """Return images with pixels of 0 around them; the numbers are as for `crop_images`.

    Example:
        >>> pad_images(jnp.ones((2, 3, 1)), 1, 1, target_height=4, target_width=5).shape
        (4, 5, 1)
    """
    where = "ops.image.pad_images"
    tall, wide = _plane(where, images, data_format)
    h, w = images.shape[tall], images.shape[wide]
    widths: list[tuple[Any, Any]] = [(0, 0)] * images.ndim
    widths[tall] = _margins(where, "pad", h, top_padding, bottom_padding, target_height, 0)
    widths[wide] = _margins(where, "pad", w, left_padding, right_padding, target_width, 2)
    return jnp.pad(images, widths)


@op
def scale_and_translate(
    images: Array,
    output_shape: Sequence[int],
    scale: Array,
    translation: Array,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Array:
    """Return images scaled, then moved: pixel x goes to scale * x + translation.

    Args:
        images: array of any axes.
        output_shape: of the result.
        scale, translation: one number per spatial axis; translation in pixels of the result.
        spatial_dims: the axes that change.
        method: 'linear', 'cubic', 'lanczos3' or 'lanczos5', or a name of these for 2 or 3 axes.
        antialias: whether a smaller image averages over the pixels it leaves out.

    Raises:
        ValueError: an unknown method, or other numbers of sizes, scales or translations.
    """
    if method not in _METHODS:
        raise ValueError(unknown("method", method, _METHODS))
    count = len(spatial_dims)
    if len(output_shape) != images.ndim or {jnp.shape(scale), jnp.shape(translation)} != {(count,)}:
        expected = "expected a size per axis, and one scale and translation per spatial axis"
        got = f"output_shape={tuple(output_shape)} of {describe(images)}, scale={describe(scale)}, "
        got += f"translation={describe(translation)}, spatial_dims={tuple(spatial_dims)}"
        raise ValueError(explain("ops.image.scale_and_translate", expected, got))
    return jax.image.scale_and_translate(
        images,
        tuple(output_shape),
        tuple(spatial_dims),
        jnp.asarray(scale),
        jnp.asarray(translation),
        method,
        antialias,
    )

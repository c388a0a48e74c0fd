"""Images through small windows: blurred, their edges, their likeness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._colours import channel_axis
from lamina.ops._promotion import inexact


def _filtered(images: Any, kernel: Any, axis: int, padding: str) -> Any:
    """Every channel of images, (N, H, W, C) or channels first, through one (h, w) kernel."""
    planes = jnp.moveaxis(images, axis, 1)  # (N, C, H, W)
    n, c, h, w = planes.shape
    flat = jnp.reshape(planes, (n * c, 1, h, w))
    seen = jax.lax.conv_general_dilated(flat, kernel[None, None], (1, 1), padding)
    return jnp.moveaxis(jnp.reshape(seen, (n, c, *seen.shape[2:])), 1, axis)


def _bell(size: int, sigma: Any, dtype: Any) -> Any:
    """A normal curve of `size` points with sum 1."""
    x = (jnp.arange(size) - (size - 1) / 2).astype(dtype)
    curve = jnp.exp(-0.5 * (x / sigma) ** 2)
    return curve / jnp.sum(curve)


@op
def gaussian_blur(
    images: Array,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:
    """Return images as means of the pixels around, weighted by a normal curve.

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        kernel_size: (width, height) in pixels of what a mean is taken of.
        sigma: standard deviations of the curve in pixels, along width and height.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: other axes.

    Example:
        >>> gaussian_blur(jnp.ones((3, 3, 1)))[1, 1].round(3).tolist()
        [1.0]
    """
    axis = channel_axis("ops.image.gaussian_blur", images, data_format)
    x = jnp.asarray(inexact(images))
    sigma_x, sigma_y = jnp.asarray(sigma, x.dtype)
    rows = _bell(kernel_size[1], sigma_y, x.dtype)
    columns = _bell(kernel_size[0], sigma_x, x.dtype)
    batch = x if x.ndim == 4 else x[None]
    blurred = _filtered(batch, jnp.outer(rows, columns), axis, "SAME").astype(images.dtype)
    return blurred if images.ndim == 4 else blurred[0]


@op
def sobel_edges(images: Array, data_format: str | None = None) -> Array:
    """Return how fast images change from row to row and from column to column.

    Args:
        images: (N, H, W, C), or channels first.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Shapes:
        Returns the shape of the images with a new last axis of size 2: along y, along x.

    Raises:
        ValueError: no batch of images.

    Reference:
        Sobel and Feldman, 1968.
    """
    where = "ops.image.sobel_edges"
    axis = channel_axis(where, images, data_format)
    if images.ndim != 4:
        raise ValueError(explain(where, "expected a batch of images, 4 axes", describe(images)))
    across = jnp.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], images.dtype)
    both = (_filtered(images, kernel, axis, "SAME") for kernel in (across.T, across))
    return jnp.stack(list(both), axis=-1)


@op
def ssim(
    image1: Array,
    image2: Array,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Array:
    """Return how alike images are in structure: 1 for equal ones.

    The mean over windows and channels of
    (2 m1 m2 + c1) (2 s12 + c2) / ((m1**2 + m2**2 + c1) (s1**2 + s2**2 + c2)), of means m,
    variances s**2 and covariance s12, with c1 = (k1 max_val)**2 and c2 = (k2 max_val)**2.

    Args:
        image1, image2: (H, W, C) or (N, H, W, C), or channels first.
        max_val: the largest value that a pixel may have.
        filter_size: pixels along each side of a window.
        filter_sigma: standard deviation in pixels of the curve that weights them.
        k1, k2: keep the ratio finite in dark and in smooth windows.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Shapes:
        Returns (), or (N,).

    Raises:
        ValueError: shapes that differ or are smaller than a window.

    Reference:
        Wang et al., "Image quality assessment: from error visibility to structural similarity",
        2004.

    Example:
        >>> ssim(jnp.ones((16, 16, 1)), jnp.ones((16, 16, 1))).round(3).item()
        1.0
    """
    where = "ops.image.ssim"
    axis = channel_axis(where, image1, data_format)
    if image1.shape != image2.shape:
        got = f"{describe(image1)} and {describe(image2)}"
        raise ValueError(explain(where, "expected images of one shape", got))
    dtype = jnp.result_type(inexact(image1))
    one, two = (jnp.asarray(x if x.ndim == 4 else x[None], dtype) for x in (image1, image2))
    bell = _bell(filter_size, filter_sigma, dtype)

    def mean(x: Any) -> Any:
        return _filtered(x, jnp.outer(bell, bell), axis, "VALID")

    if min(mean(one).shape[1:]) == 0:
        expected = f"expected images of {filter_size} pixels or more along each side"
        raise ValueError(explain(where, expected, describe(image1), "give a smaller filter_size"))
    m1, m2 = mean(one), mean(two)
    s1, s2 = mean(one * one) - m1 * m1, mean(two * two) - m2 * m2
    s12 = mean(one * two) - m1 * m2
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    alike = (2 * m1 * m2 + c1) * (2 * s12 + c2) / ((m1**2 + m2**2 + c1) * (s1 + s2 + c2))
    result = jnp.mean(alike, axis=(1, 2, 3)).astype(image1.dtype)
    return result if image1.ndim == 4 else result[0]

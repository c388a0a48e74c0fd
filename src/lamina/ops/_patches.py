"""Images cut into patches, and patches put together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._conv import Sizes, per_axis


def _cut(x: Any, first: int, size: Any, stride: Any, rate: Any) -> Any:
    """Patches of the axes from `first` on: (..., H, W, ...) -> (..., gH, pH, gW, pW, ...)."""
    for i, (length, step, gap) in enumerate(zip(size, stride, rate, strict=True)):
        axis = first + 2 * i
        reach = (length - 1) * gap + 1
        starts = jnp.arange((x.shape[axis] - reach) // step + 1) * step
        places = starts[:, None] + jnp.arange(length) * gap
        x = jnp.take(x, places, axis=axis, mode="clip", unique_indices=False)
    return x


def _pad_same(x: Any, first: int, size: Any, stride: Any, rate: Any) -> Any:
    """`x` with 0 around, so that a patch starts at every `stride`-th pixel."""
    widths = [(0, 0)] * x.ndim
    for i, (length, step, gap) in enumerate(zip(size, stride, rate, strict=True)):
        n = x.shape[first + i]
        total = max((-(-n // step) - 1) * step + (length - 1) * gap + 1 - n, 0)
        widths[first + i] = (total // 2, total - total // 2)
    return jnp.pad(x, widths)


@op
def extract_patches(
    images: Array,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Return the patches of images, or of volumes, each laid out along the axis of the channels.

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first; with three sizes (..., D, H, W, C).
        size: pixels of a patch: one number for a square, (height, width), or (depth, height,
            width) for volumes.
        strides: pixels from one patch to the next; None for `size`.
        dilation_rate: pixels from one of a patch to the next.
        padding: 'valid' for patches inside only, 'same' for some that reach over the edge.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Shapes:
        Returns (..., gH, gW, height * width * C), or channels first.

    Raises:
        TypeError, ValueError: sizes or axes that do not fit.

    Example:
        >>> extract_patches(jnp.arange(16.0).reshape(4, 4, 1), 2)[0, 1].tolist()
        [2.0, 3.0, 6.0, 7.0]
    """
    if not isinstance(size, (int, tuple, list)):
        expected = "expected a whole number or a tuple as size"
        raise TypeError(explain("ops.image.extract_patches", expected, describe(size)))
    rank = 2 if isinstance(size, int) else len(size)
    where = "ops.image.extract_patches"
    return _extract(where, images, rank, size, strides, dilation_rate, padding, data_format)


@op
def extract_patches_3d(
    volumes: Array,
    size: Sizes,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Return the patches of volumes; see `extract_patches`.

    Args:
        volumes: (D, H, W, C) or (N, D, H, W, C), or channels first.
        size: voxels of a patch: one number for a cube, or (depth, height, width).
        strides, dilation_rate, padding, data_format: as for `extract_patches`.
    """
    where = "ops.image.extract_patches_3d"
    return _extract(where, volumes, 3, size, strides, dilation_rate, padding, data_format)


def _extract(
    where: str,
    x: Any,
    rank: int,
    size: Sizes,
    strides: Sizes | None,
    dilation_rate: Sizes,
    padding: str,
    data_format: str | None,
) -> Any:
    if rank not in (2, 3) or x.ndim not in (rank + 1, rank + 2):
        expected = "expected images (H, W, C) or volumes (D, H, W, C), or batches of them"
        raise ValueError(explain(where, expected, f"{describe(x)}, size={size}"))
    if str(padding).lower() not in ("same", "valid"):
        raise ValueError(explain(where, "expected padding 'same' or 'valid'", describe(padding)))
    size = per_axis(where, "size", size, rank)
    stride = per_axis(where, "stride", strides or size, rank)
    rate = per_axis(where, "dilation rate", dilation_rate, rank)
    first = config.standardize_data_format(data_format) == "channels_first"
    x, single = (x, False) if x.ndim == rank + 2 else (x[None], True)
    if first:
        x = jnp.moveaxis(x, 1, -1)
    if padding.lower() == "same":
        x = _pad_same(x, 1, size, stride, rate)
    x = _cut(x, 1, size, stride, rate)  # (N, gH, pH, gW, pW, C)
    grid = range(1, 2 * rank, 2)
    x = jnp.transpose(x, (0, *grid, *(a + 1 for a in grid), x.ndim - 1))  # (N, gH, gW, pH, pW, C)
    x = jnp.reshape(x, (*x.shape[: rank + 1], math.prod(size) * x.shape[-1]))
    if first:
        x = jnp.moveaxis(x, -1, 1)
    return x[0] if single else x


@op
def reconstruct_patches(
    patches: Array,
    size: Sizes,
    output_size: Sequence[int],
    strides: Sizes | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Array:
    """Return the images, or volumes, that `extract_patches` cut into patches side by side.

    Args:
        patches: (gH, gW, height * width * C) or (N, ...), or channels first; with three sizes
            volumes.
        size: pixels of a patch, as given there.
        output_size: pixels of the result: (H, W) or (D, H, W).
        strides: `size`, or None: patches that overlap are not put together.
        padding: as given there.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        TypeError, ValueError, NotImplementedError: sizes that do not fit, or overlap.

    Example:
        >>> image = jnp.arange(16.0).reshape(4, 4, 1)
        >>> patches = extract_patches(image, 2)
        >>> bool((reconstruct_patches(patches, 2, (4, 4)) == image).all())
        True
    """
    where = "ops.image.reconstruct_patches"
    if not isinstance(output_size, (tuple, list)):
        raise TypeError(explain(where, "expected a tuple as output_size", describe(output_size)))
    rank = 2 if isinstance(size, int) else len(size)
    size = per_axis(where, "size", size, rank)
    wanted = per_axis(where, "output size", output_size, rank)
    if strides is not None and per_axis(where, "stride", strides, rank) != size:
        expected = "expected strides equal to size: overlapping patches are not put together"
        raise NotImplementedError(explain(where, expected, f"strides={strides}, size={size}"))
    if rank not in (2, 3) or patches.ndim not in (rank + 1, rank + 2):
        expected = "expected the patches of images (gH, gW, C) or of volumes (gD, gH, gW, C)"
        raise ValueError(explain(where, expected, f"{describe(patches)}, size={size}"))
    first = config.standardize_data_format(data_format) == "channels_first"
    x, single = (patches, False) if patches.ndim == rank + 2 else (patches[None], True)
    if first:
        x = jnp.moveaxis(x, 1, -1)
    grid = x.shape[1:-1]
    _check_cover(where, grid, size, wanted, padding)
    x = jnp.reshape(x, (x.shape[0], *grid, *size, x.shape[-1] // math.prod(size)))
    order = [a for i in range(1, rank + 1) for a in (i, i + rank)]
    x = jnp.transpose(x, (0, *order, x.ndim - 1))  # (N, gH, pH, gW, pW, C)
    full = [g * p for g, p in zip(grid, size, strict=True)]
    x = jnp.reshape(x, (x.shape[0], *full, x.shape[-1]))
    for axis, (have, want) in enumerate(zip(full, wanted, strict=True), 1):
        start = (have - want) // 2
        x = jax.lax.slice_in_dim(x, start, start + want, axis=axis)
    if first:
        x = jnp.moveaxis(x, -1, 1)
    return x[0] if single else x


def _check_cover(where: str, grid: Any, size: Any, wanted: Any, padding: str) -> None:
    """Refuse sizes that patches side by side do not make up."""
    slack = [p - 1 if padding == "same" else 0 for p in size]
    fits = all(
        want <= g * p <= want + more
        for g, p, want, more in zip(grid, size, wanted, slack, strict=True)
        if isinstance(g, int)
    )
    if padding not in ("same", "valid") or not fits:
        whole = tuple(g * p for g, p in zip(grid, size, strict=True))
        expected = f"expected an output_size that patches of {size} make up: {whole}"
        if padding == "same":
            expected += ", or less than a patch smaller"
        raise ValueError(explain(where, expected, f"{tuple(wanted)}, padding={padding!r}"))


def _pair(value: Sizes) -> tuple[int, int]:
    one, other = (value, value) if isinstance(value, int) else value
    return one, other


@op
def unfold(
    x: Array, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Array:
    """Return the patches of images as columns.

    Args:
        x: (N, C, H, W).
        kernel_size: pixels of a patch, one number or (height, width); so are the others.
        dilation: pixels from one of a patch to the next.
        padding: pixels of 0 on every side of the image.
        stride: pixels from one patch to the next.

    Shapes:
        Returns (N, C * height * width, patches).

    Raises:
        ValueError: x has not four axes.

    Example:
        >>> unfold(jnp.arange(6.0).reshape(1, 1, 2, 3), 2)[0].tolist()
        [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    if x.ndim != 4:
        raise ValueError(explain("ops.unfold", "expected images (N, C, H, W)", describe(x)))
    return _columns(x, _pair(kernel_size), _pair(dilation), _pair(padding), _pair(stride))


def _columns(x: Any, size: Any, rate: Any, padding: Any, stride: Any) -> Any:
    x = jnp.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    x = _cut(x, 2, size, stride, rate)  # (N, C, gH, pH, gW, pW)
    x = jnp.transpose(x, (0, 1, 3, 5, 2, 4))  # (N, C, pH, pW, gH, gW)
    n, c, ph, pw, gh, gw = x.shape
    return jnp.reshape(x, (n, c * ph * pw, gh * gw))


@op
def fold(
    x: Array,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Array:
    """Return the images whose patches are the columns of x; where patches overlap they are added.

    Args:
        x: (N, C * height * width, patches).
        output_size: pixels of the images, one number or (H, W).
        kernel_size, dilation, padding, stride: as for `unfold`.

    Shapes:
        Returns (N, C, H, W).

    Raises:
        ValueError: x has not three axes, or as many columns as there are patches.

    Example:
        >>> x = jnp.arange(6.0).reshape(1, 1, 2, 3)
        >>> fold(unfold(x, 2), (2, 3), 2)[0, 0].tolist()
        [[0.0, 2.0, 2.0], [3.0, 8.0, 5.0]]
    """
    if x.ndim != 3:
        raise ValueError(explain("ops.fold", "expected columns of patches, 3 axes", describe(x)))
    size, rate, pads = _pair(kernel_size), _pair(dilation), _pair(padding)
    shape = (x.shape[0], x.shape[1] // math.prod(size), *_pair(output_size))
    # Adding up is the transpose of cutting out.
    cut = jax.linear_transpose(
        lambda image: _columns(image, size, rate, pads, _pair(stride)),
        jax.ShapeDtypeStruct(shape, x.dtype),
    )
    return cut(x)[0]

"""Images seen through other coordinates: affine, perspective, elastic."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import ndimage

from lamina._core.errors import describe, explain, unknown
from lamina._core.graph import Array, op
from lamina._core.random import draw_key
from lamina.ops._colours import channel_axis
from lamina.ops._filters import gaussian_blur

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


@op
def map_coordinates(
    inputs: Array,
    coordinates: Array,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Array:
    """Return the values of an array between its elements.

    Args:
        inputs: array of R axes.
        coordinates: (R, ...): where to look, along each axis; 0 is the first element.
        order: 0 for the nearest element, 1 for straight lines between them.
        fill_mode: what lies beyond: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: of 'constant'.

    Shapes:
        Returns the shape of the coordinates without their first axis.

    Raises:
        ValueError: axes or options that do not fit.

    Example:
        >>> map_coordinates(jnp.array([0.0, 10.0, 20.0]), jnp.array([[0.5, 1.25]]), 1).tolist()
        [5.0, 12.5]
    """
    where = "ops.image.map_coordinates"
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        expected = f"expected coordinates of shape ({inputs.ndim}, ...), a row per axis"
        raise ValueError(explain(where, expected, describe(coordinates)))
    if fill_mode not in _FILL_MODES:
        raise ValueError(unknown("fill_mode", fill_mode, _FILL_MODES))
    if order not in (0, 1):
        raise ValueError(explain(where, "expected order 0 or 1", describe(order)))
    return ndimage.map_coordinates(inputs, list(coordinates), order, fill_mode, fill_value)


def _check(where: str, images: Any, interpolation: str, fill_mode: str, data_format: Any) -> int:
    if interpolation not in _ORDERS:
        raise ValueError(unknown("interpolation", interpolation, _ORDERS))
    if fill_mode not in _FILL_MODES:
        raise ValueError(unknown("fill_mode", fill_mode, _FILL_MODES))
    return channel_axis(where, images, data_format)


def _sample(images: Any, rows: Any, columns: Any, axis: int, **how: Any) -> Any:
    """Images at rows and columns of (N, H, W): every channel of a sample at the same places."""

    def one(channel: Any, *places: Any) -> Any:
        return ndimage.map_coordinates(channel, places, **how)

    channels = jnp.moveaxis(images, axis, 1)  # (N, C, H, W)
    seen = jax.vmap(jax.vmap(one, in_axes=(0, None, None)))(channels, rows, columns)
    return jnp.moveaxis(seen, 1, axis)


def _pixels(images: Any, axis: int) -> tuple[Any, Any]:
    """The rows and columns of the pixels, (H, 1) and (1, W), as floats."""
    h, w = (images.shape[-3:-1]) if axis == -1 else images.shape[-2:]
    return jnp.arange(h, dtype="float32")[:, None], jnp.arange(w, dtype="float32")[None]


@op
def affine_transform(
    images: Array,
    transform: Array,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Return images turned, scaled, sheared and moved.

    The pixel at (x, y) shows what was at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        transform: a0, a1, a2, b0, b1, b2, 0, 0: (8,) or (N, 8). The last two are not used.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what lies beyond: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: of 'constant'.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: axes or options that do not fit.

    Example:
        >>> row = jnp.array([[[1.0], [2.0], [3.0]]])
        >>> affine_transform(row, [1, 0, 1, 0, 1, 0, 0, 0])[0, :, 0].tolist()
        [2.0, 3.0, 0.0]
    """
    where = "ops.image.affine_transform"
    axis = _check(where, images, interpolation, fill_mode, data_format)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(
            explain(where, "expected a transform of shape (8,) or (N, 8)", describe(transform))
        )
    batch = images if images.ndim == 4 else images[None]
    a0, a1, a2, b0, b1, b2 = jnp.asarray(transform, "float32").reshape(-1, 8).T[:6, :, None, None]
    y, x = _pixels(batch, axis)
    rows, columns = b0 * x + b1 * y + b2, a0 * x + a1 * y + a2  # (N, H, W)
    size = (batch.shape[0], *rows.shape[1:])
    seen = _sample(
        batch,
        jnp.broadcast_to(rows, size),
        jnp.broadcast_to(columns, size),
        axis,
        order=_ORDERS[interpolation],
        mode=fill_mode,
        cval=fill_value,
    )
    return seen if images.ndim == 4 else seen[0]


@op
def perspective_transform(
    images: Array,
    start_points: Array,
    end_points: Array,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Return images seen from elsewhere, such that four points of them move to four others.

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        start_points, end_points: (4, 2) or (N, 4, 2), each point (x, y) in pixels.
        interpolation: 'bilinear' or 'nearest'.
        fill_value: what lies beyond the image.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: axes or options that do not fit.
    """
    where = "ops.image.perspective_transform"
    axis = _check(where, images, interpolation, "constant", data_format)
    if start_points.shape != end_points.shape or start_points.shape[-2:] != (4, 2):
        expected = "expected start and end points of one shape, (4, 2) or (N, 4, 2)"
        got = f"{describe(start_points)} and {describe(end_points)}"
        raise ValueError(explain(where, expected, got))
    batch = images if images.ndim == 4 else images[None]
    points = (jnp.asarray(p, "float32").reshape(-1, 4, 2) for p in (start_points, end_points))
    m = _homography(*points).T[:, :, None, None]  # (8, N, 1, 1)
    y, x = _pixels(batch, axis)
    depth = m[6] * x + m[7] * y + 1.0
    rows = (m[3] * x + m[4] * y + m[5]) / depth
    columns = (m[0] * x + m[1] * y + m[2]) / depth
    size = (batch.shape[0], *rows.shape[1:])
    rows, columns = jnp.broadcast_to(rows, size), jnp.broadcast_to(columns, size)
    order = _ORDERS[interpolation]
    seen = _sample(batch, rows, columns, axis, order=order, mode="constant", cval=fill_value)
    return seen if images.ndim == 4 else seen[0]


def _homography(start: Any, end: Any) -> Any:
    """The 8 numbers of the map that takes each end point to its start point: (N, 8).

    x' = (m0 x + m1 y + m2) / (m6 x + m7 y + 1), y' = (m3 x + m4 y + m5) / (m6 x + m7 y + 1),
    multiplied out: two linear equations per point.
    """
    (x, y), (u, v) = jnp.moveaxis(end, -1, 0), jnp.moveaxis(start, -1, 0)  # (N, 4) each
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    for_u = jnp.stack((x, y, one, zero, zero, zero, -u * x, -u * y), axis=-1)
    for_v = jnp.stack((zero, zero, zero, x, y, one, -v * x, -v * y), axis=-1)
    equations = jnp.concatenate((for_u, for_v), axis=1)  # (N, 8, 8)
    return jnp.linalg.solve(equations, jnp.concatenate((u, v), axis=1)[..., None])[..., 0]


@op
def elastic_transform(
    images: Array,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Array:
    """Return images pulled about like rubber: every pixel by a smooth random step.

    Rows and columns are moved independently, as in the paper (Keras on JAX moves both by the same
    numbers).

    Args:
        images: (H, W, C) or (N, H, W, C), or channels first.
        alpha: how far.
        sigma: how smooth: the width in pixels of the blur of the steps, and their size before it.
        interpolation: 'bilinear' or 'nearest'.
        fill_mode: what lies beyond: 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'.
        fill_value: of 'constant'.
        seed: a whole number, key or SeedGenerator.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.

    Raises:
        ValueError: axes or options that do not fit.

    Reference:
        Simard et al., "Best practices for convolutional neural networks", 2003.
    """
    axis = _check("ops.image.elastic_transform", images, interpolation, fill_mode, data_format)
    batch = images if images.ndim == 4 else images[None]
    y, x = _pixels(batch, axis)
    size = (batch.shape[0], y.shape[0], x.shape[1], 2)
    steps = jax.random.normal(jnp.asarray(draw_key(seed)), size) * sigma
    width = int(6 * float(sigma)) | 1  # odd, three sigmas on each side
    steps = alpha * gaussian_blur(steps, (width, width), (sigma, sigma), "channels_last")
    seen = _sample(
        batch,
        y + steps[..., 0],
        x + steps[..., 1],
        axis,
        order=_ORDERS[interpolation],
        mode=fill_mode,
        cval=fill_value,
    )
    return seen if images.ndim == 4 else seen[0]

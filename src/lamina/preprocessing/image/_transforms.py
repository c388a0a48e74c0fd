"""Changes of single images by numpy, as Keras 1 and 2 had them; new code uses layers."""

from typing import Any

import numpy as np

from lamina._core.errors import describe, explain
from lamina.utils import array_to_img, img_to_array


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Return an image turned, moved, sheared and zoomed around its middle.

    Args:
        x: an image of three axes.
        theta: angle in degrees.
        tx, ty: pixels by which to move along height and width.
        shear: angle in degrees.
        zx, zy: factors of height and width; below 1 the picture becomes larger.
        row_axis, col_axis, channel_axis: which axes are which.
        fill_mode: 'nearest', 'constant', 'reflect' or 'wrap', for what comes in at the edges.
        cval: value for 'constant'.
        order: of the splines: 0 takes the nearest pixel, 1 is linear.

    Raises:
        ValueError: axes that are not those of an image.

    Example:
        >>> apply_affine_transform(np.eye(3)[..., None], 90, 0, 0, 0, 1, 1, 0, 1, 2)[..., 0].round()
        array([[0., 0., 1.],
               [0., 1., 0.],
               [1., 0., 0.]])
    """
    from scipy.ndimage import affine_transform

    if x.ndim != 3 or sorted((row_axis, col_axis, channel_axis)) != [0, 1, 2]:
        got = f"{describe(x)}, axes {row_axis}, {col_axis}, {channel_axis}"
        expected = "expected an image and its three axes, each once"
        raise ValueError(explain("apply_affine_transform", expected, got))
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    turn, lean = np.deg2rad(theta), np.deg2rad(shear)
    matrix = (
        np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
        @ np.array([[1, -np.sin(lean), 0], [0, np.cos(lean), 0], [0, 0, 1]])
        @ np.diag([zx, zy, 1])
    )
    middle = np.array([x.shape[row_axis] / 2 - 0.5, x.shape[col_axis] / 2 - 0.5])
    linear, offset = matrix[:2, :2], matrix[:2, 2] + middle - matrix[:2, :2] @ middle
    if col_axis > row_axis:  # the angles are those of (x, y), the axes are (y, x)
        linear, offset = linear[::-1, ::-1], offset[::-1]
    planes = [
        affine_transform(plane, linear, offset, order=order, mode=fill_mode, cval=cval)
        for plane in np.moveaxis(x, channel_axis, 0)
    ]
    return np.stack(planes, axis=channel_axis)


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Return an image with a number added to every value, within the least and the largest one."""
    del channel_axis  # all channels alike
    return np.clip(x + intensity, x.min(), x.max())


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """Return an image that is brighter by a factor.

    Args:
        x: an image of three axes, as `config.image_data_format()` says.
        brightness: the factor; 1 changes nothing.
        scale: whether to stretch the values over 0 to 255.
    """
    from PIL import ImageEnhance

    low, high = x.min(), x.max()
    outside = low < 0 or high > 255
    image = array_to_img(x, scale=bool(outside or scale))
    x = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    return x / 255 * (high - low) + low if outside and not scale else x


def random_rotation(x: np.ndarray, rg: float, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return an image turned by up to `rg` degrees; see `apply_affine_transform`."""
    return _affine(x, args, kwargs, theta=_uniform(rg))


def random_shift(x: np.ndarray, wrg: float, hrg: float, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return an image moved by up to these fractions of its width and height."""
    axes = dict(zip(("row_axis", "col_axis"), (*args, 1, 2)[:2], strict=True)) | kwargs
    height, width = x.shape[axes.get("row_axis", 1)], x.shape[axes.get("col_axis", 2)]
    tx = _uniform(hrg) * height
    return _affine(x, args, kwargs, tx=tx, ty=_uniform(wrg) * width)


def random_shear(x: np.ndarray, intensity: float, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return an image sheared by up to `intensity` degrees."""
    return _affine(x, args, kwargs, shear=_uniform(intensity))


def random_zoom(x: np.ndarray, zoom_range: Any, *args: Any, **kwargs: Any) -> np.ndarray:
    """Return an image zoomed by factors between the two of `zoom_range`."""
    if len(zoom_range) != 2:
        expected = "expected two factors as `zoom_range`"
        raise ValueError(explain("random_zoom", expected, describe(zoom_range)))
    zx, zy = np.random.uniform(*zoom_range, 2)  # noqa: NPY002
    return _affine(x, args, kwargs, zx=zx, zy=zy)


def random_channel_shift(
    x: np.ndarray, intensity_range: float, channel_axis: int = 0
) -> np.ndarray:
    """Return an image with a number of up to `intensity_range` added or taken away."""
    return apply_channel_shift(x, _uniform(intensity_range), channel_axis)


def random_brightness(x: np.ndarray, brightness_range: Any, scale: bool = True) -> np.ndarray:
    """Return an image that is brighter by a factor between the two of `brightness_range`."""
    if len(brightness_range) != 2:
        expected = "expected two factors as `brightness_range`"
        raise ValueError(explain("random_brightness", expected, describe(brightness_range)))
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)  # noqa: NPY002


def _uniform(most: float) -> float:
    # numpy's global generator, so that np.random.seed fixes it in old scripts too
    return np.random.uniform(-most, most)  # noqa: NPY002


def _affine(x: np.ndarray, args: Any, kwargs: dict[str, Any], **change: float) -> np.ndarray:
    names = ("row_axis", "col_axis", "channel_axis", "fill_mode", "cval", "interpolation_order")
    options = dict(zip(names, args, strict=False)) | kwargs
    order = options.pop("interpolation_order", 1)
    return apply_affine_transform(x, order=order, **options, **change)

"""Images in files, as PIL images and as arrays."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from lamina._core import config
from lamina._core.errors import describe, explain, unknown

_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Any = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return an image file as a PIL image.

    Args:
        path: of the file, or an open binary file.
        color_mode: 'grayscale', 'rgb' or 'rgba'.
        target_size: (height, width) in pixels; None for the size that it has.
        interpolation: 'nearest', 'bilinear', 'bicubic', 'hamming', 'box' or 'lanczos'.
        keep_aspect_ratio: whether to cut off what would be distorted.

    Raises:
        ValueError: an unknown option.
        FileNotFoundError: there is no such file.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> save_img(file, np.zeros((4, 6, 3)), file_format="png")
        >>> load_img(file, target_size=(2, 2)).size
        (2, 2)
    """
    from PIL import Image

    if color_mode not in _MODES:
        raise ValueError(unknown("color_mode", color_mode, _MODES))
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(unknown("interpolation", interpolation, _INTERPOLATIONS))
    image = Image.open(_source(path))
    image.load()
    if image.mode not in _MODES[color_mode]:
        image = image.convert(_MODES[color_mode][0])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    size = (target_size[1], target_size[0])
    method = getattr(Image.Resampling, interpolation.upper())
    return image.resize(size, method, box=_centre(image.size, size) if keep_aspect_ratio else None)


def _source(path: Any) -> Any:
    if hasattr(path, "read"):
        path.seek(0)
        return path
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(
            explain("load_img", "expected a path or an open file", describe(path), "use 'cat.jpg'")
        )
    return io.BytesIO(Path(os.fsdecode(path)).read_bytes())


def _centre(have: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box in the middle that has the proportions wanted."""
    width, height = have
    box = min(width, height * wanted[0] // wanted[1]), min(height, width * wanted[1] // wanted[0])
    left, top = (width - box[0]) // 2, (height - box[1]) // 2
    return left, top, left + box[0], top + box[1]


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Return a PIL image as an array.

    Args:
        img: a PIL image, or an array of two or three axes.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.
        dtype: of the result; None for `config.floatx()`.

    Shapes:
        (H, W, C), or (C, H, W) if channels are first.

    Example:
        >>> img_to_array(array_to_img(np.zeros((2, 3, 1)))).shape
        (2, 3, 1)
    """
    x = np.asarray(img, dtype=dtype or config.floatx())
    if x.ndim == 2:
        x = x[..., None]  # (H, W) -> (H, W, 1)
    if x.ndim != 3:
        raise ValueError(
            explain("img_to_array", "expected an image of two or three axes", describe(x))
        )
    return x.transpose(2, 0, 1) if _channels_first(data_format) else x  # -> (C, H, W)


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Any:
    """Return an array as a PIL image.

    Args:
        x: (H, W, C), or (C, H, W) if channels are first; 1, 3 or 4 channels.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.
        scale: whether to stretch the values from the least to the largest over 0 to 255.
        dtype: to compute with; None for `config.floatx()`.

    Raises:
        ValueError: other axes or channels.

    Example:
        >>> array_to_img(np.ones((2, 3, 3))).size
        (3, 2)
    """
    from PIL import Image

    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim == 3 and _channels_first(data_format):
        x = x.transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    if x.ndim != 3 or x.shape[2] not in (1, 3, 4):
        raise ValueError(
            explain(
                "array_to_img",
                "expected an image (height, width, channels) with 1, 3 or 4 channels",
                describe(x),
                "take one image of a batch, as images[0]; add a channel axis with x[..., None]",
            )
        )
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    if x.shape[2] == 1:
        deep = x.max() > 255
        return Image.fromarray(x[:, :, 0].astype("int32" if deep else "uint8"))
    return Image.fromarray(x.astype("uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: of the file, or a file open for writing.
        x: (H, W, C), or (C, H, W) if channels are first.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.
        file_format: as 'png'; by default what the ending of `path` says.
        scale: see `array_to_img`.
        kwargs: for `PIL.Image.save`.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = Path(path).suffix[1:]
    file_format = "jpeg" if (file_format or "").lower() == "jpg" else file_format
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and (file_format or "").lower() == "jpeg":
        warnings.warn(
            explain(
                "save_img",
                "expected no transparency, which JPEG files do not keep",
                "4 channels",
                "write a .png file",
            ),
            stacklevel=2,
        )
        image = image.convert("RGB")
    image.save(path, format=file_format or None, **kwargs)


def _channels_first(data_format: str | None) -> bool:
    return config.standardize_data_format(data_format) == "channels_first"

"""smart_resize: images of one size without distortion."""

from typing import Any

import numpy as np

from lamina import ops


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Return images of another size: what would be distorted is cut off around the middle.

    Args:
        x: (H, W, C) or (N, H, W, C), or channels first.
        size: (height, width) in pixels.
        interpolation: 'bilinear', 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'.
        data_format: 'channels_last' or 'channels_first'.

    Returns:
        A numpy array for a numpy array, else an array of the device.

    Raises:
        ValueError: options or axes that do not fit.

    Example:
        >>> smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
        (2, 2, 3)
    """
    kwargs.pop("backend_module", None)
    image = np.asarray(x, "float32") if isinstance(x, np.ndarray) else x
    resized = ops.image.resize(
        image, tuple(size), interpolation, crop_to_aspect_ratio=True, data_format=data_format,
        **kwargs,
    )  # fmt: skip
    return np.asarray(resized) if isinstance(x, np.ndarray) else resized

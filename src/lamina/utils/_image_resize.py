"""Images in other sizes, computed by numpy: a data set's images have many sizes, and the compiled
`ops.image.resize` would be compiled for each.
"""

from collections.abc import Callable

import numpy as np


def _bilinear(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """Mitchell and Netravali, Reconstruction filters in computer graphics, 1988."""

    def kernel(x: np.ndarray) -> np.ndarray:
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b
        far = (
            (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + 8 * b + 24 * c
        )
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6

    return kernel


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x**2), 0)


# Name -> (weight by the distance in pixels, distance from which on it is 0).
KERNELS = {
    "bilinear": (_bilinear, 1),
    "nearest": (None, 0),
    "bicubic": (_cubic(0, 0.5), 2),
    "area": (None, 0),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "gaussian": (_gaussian, 2),
    "mitchellcubic": (_cubic(1 / 3, 1 / 3), 2),
}


def resized(
    image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear", fit: str = "stretch"
) -> np.ndarray:
    """Return an image in another size; smaller ones leave pixels out, except with 'area'.

    Args:
        image: (H, W, C).
        size: (height, width) in pixels.
        interpolation: a name of KERNELS.
        fit: 'stretch'; 'crop' cuts off and 'pad' fills up with 0 what would be distorted.

    Example:
        >>> resized(np.array([[[0.0], [1.0]]]), (1, 4))[0, :, 0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    if fit != "stretch":
        image = _cropped(image, size) if fit == "crop" else _padded(image, size)
    for axis, wanted in enumerate(size):
        if image.shape[axis] != wanted:
            image = _along(image, axis, wanted, interpolation)
    return image


def _along(image: np.ndarray, axis: int, wanted: int, interpolation: str) -> np.ndarray:
    n = image.shape[axis]
    if interpolation == "nearest":
        places = np.floor((np.arange(wanted) + 0.5) * (n / wanted)).astype(int)
        return image.take(np.minimum(places, n - 1), axis)
    if interpolation == "area":
        weights = _overlaps(n, wanted).astype(image.dtype)  # (wanted, n)
        return np.moveaxis(np.tensordot(weights, image, (1, axis)), 0, axis)
    kernel, radius = KERNELS[interpolation]
    centre = (np.arange(wanted) + 0.5) * (n / wanted) - 0.5
    taps = np.floor(centre).astype(int)[:, None] + np.arange(1 - radius, radius + 1)
    weights = kernel(np.abs(centre[:, None] - taps)) * ((taps >= 0) & (taps < n))  # type: ignore
    weights = (weights / weights.sum(1, keepdims=True)).astype(image.dtype)  # (wanted, taps)
    taps = taps.clip(0, n - 1)
    shape = [1, 1, 1]
    shape[axis] = wanted
    return sum(
        image.take(t, axis) * w.reshape(shape) for t, w in zip(taps.T, weights.T, strict=True)
    )  # type: ignore[return-value]


def _overlaps(n: int, wanted: int) -> np.ndarray:
    """Return how much of each new pixel each old one covers."""
    edges = np.arange(wanted + 1) * (n / wanted)
    old = np.arange(n)
    shared = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.maximum(shared, 0) * (wanted / n)


def _matching(image: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """Return the height that goes with the width, and the other way."""
    height, width = image.shape[:2]
    return int(width * size[0] / size[1]), int(height * size[1] / size[0])


def _cropped(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    slices = []
    for n, fit in zip(image.shape, _matching(image, size), strict=False):
        keep = max(min(n, fit), 1)
        slices.append(slice((n - keep) // 2, (n - keep) // 2 + keep))
    return image[tuple(slices)]


def _padded(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    widths = [
        ((max(n, fit) - n) // 2, max(n, fit) - n - (max(n, fit) - n) // 2)
        for n, fit in zip(image.shape, _matching(image, size), strict=False)
    ]
    return np.pad(image, [*widths, (0, 0)])

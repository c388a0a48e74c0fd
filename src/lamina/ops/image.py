"""Images: (H, W, C) or (N, H, W, C), or channels first."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.ops._colours import (
        hsv_to_rgb,
        rgb_to_grayscale,
        rgb_to_hsv,
    )
    from lamina.ops._filters import (
        gaussian_blur,
        sobel_edges,
        ssim,
    )
    from lamina.ops._patches import (
        extract_patches,
        extract_patches_3d,
        reconstruct_patches,
    )
    from lamina.ops._resizing import (
        crop_images,
        pad_images,
        resize,
        scale_and_translate,
    )
    from lamina.ops._warping import (
        affine_transform,
        elastic_transform,
        map_coordinates,
        perspective_transform,
    )


__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches",
    "extract_patches_3d", "gaussian_blur", "hsv_to_rgb", "map_coordinates", "pad_images",
    "perspective_transform", "reconstruct_patches", "resize", "rgb_to_grayscale", "rgb_to_hsv",
    "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)  # `lamina.ops` has these names only as `ops.image.resize`

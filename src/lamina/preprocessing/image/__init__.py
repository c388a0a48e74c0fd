"""Images in files and arrays; and as Keras 1 and 2 had it, images that are changed at random."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.preprocessing.image._generator import ImageDataGenerator
    from lamina.preprocessing.image._iterators import (
        DataFrameIterator,
        DirectoryIterator,
        Iterator,
        NumpyArrayIterator,
    )
    from lamina.preprocessing.image._smart_resize import smart_resize
    from lamina.preprocessing.image._transforms import (
        apply_affine_transform,
        apply_brightness_shift,
        apply_channel_shift,
        random_brightness,
        random_channel_shift,
        random_rotation,
        random_shear,
        random_shift,
        random_zoom,
    )
    from lamina.utils import array_to_img, img_to_array, load_img, save_img


__all__ = [
    "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "Iterator",
    "NumpyArrayIterator", "apply_affine_transform", "apply_brightness_shift",
    "apply_channel_shift", "array_to_img", "img_to_array", "load_img", "random_brightness",
    "random_channel_shift", "random_rotation", "random_shear", "random_shift", "random_zoom",
    "save_img", "smart_resize",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

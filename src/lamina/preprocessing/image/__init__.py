"""Images in files and arrays."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.preprocessing.image._smart_resize import smart_resize
    from lamina.utils import array_to_img, img_to_array, load_img, save_img


__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
__getattr__, __dir__ = _lazy(__name__)

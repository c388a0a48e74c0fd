"""Data before it reaches a model."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.preprocessing import sequence


__all__ = ["sequence"]
__getattr__, __dir__ = _lazy(__name__)

"""Callbacks: what runs beside training."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.callbacks._backup import BackupAndRestore
    from lamina.callbacks._callback import Callback
    from lamina.callbacks._callback_list import CallbackList
    from lamina.callbacks._history import History
    from lamina.callbacks._lambda import LambdaCallback
    from lamina.callbacks._progress import ProgbarLogger


__all__ = [
    "BackupAndRestore", "Callback", "CallbackList", "History", "LambdaCallback", "ProgbarLogger",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

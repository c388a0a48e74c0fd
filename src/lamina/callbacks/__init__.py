"""Callbacks: what runs beside training."""

from lamina._core import serialize as _serialize
from lamina.callbacks._callback import Callback
from lamina.callbacks._callback_list import CallbackList
from lamina.callbacks._history import History
from lamina.callbacks._lambda import LambdaCallback
from lamina.callbacks._progress import ProgbarLogger

__all__ = ["Callback", "CallbackList", "History", "LambdaCallback", "ProgbarLogger"]
_serialize.export(globals())

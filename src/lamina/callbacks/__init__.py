"""Callbacks: what runs beside training."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.callbacks._backup import BackupAndRestore
    from lamina.callbacks._callback import Callback
    from lamina.callbacks._callback_list import CallbackList
    from lamina.callbacks._csv_logger import CSVLogger
    from lamina.callbacks._early_stopping import EarlyStopping
    from lamina.callbacks._history import History
    from lamina.callbacks._lambda import LambdaCallback
    from lamina.callbacks._learning_rate import LearningRateScheduler, ReduceLROnPlateau
    from lamina.callbacks._model_checkpoint import ModelCheckpoint
    from lamina.callbacks._orbax_checkpoint import OrbaxCheckpoint
    from lamina.callbacks._progress import ProgbarLogger
    from lamina.callbacks._remote_monitor import RemoteMonitor
    from lamina.callbacks._swap_ema import SwapEMAWeights
    from lamina.callbacks._tensorboard import TensorBoard
    from lamina.callbacks._terminate_on_nan import TerminateOnNaN


__all__ = [
    "BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History",
    "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TensorBoard",
    "TerminateOnNaN",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

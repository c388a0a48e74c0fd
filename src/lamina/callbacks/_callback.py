"""The base of callbacks: what runs at the start and end of training, epochs and batches."""

from typing import Any


class Callback:
    """Hooks that `fit`, `evaluate` and `predict` call; subclasses write those they need.

    A callback that writes `on_train_batch_begin` or `on_train_batch_end` makes training stop at
    every batch (every `steps_per_execution` batches). `on_dispatch_end(step, logs)` is the cheap
    way to follow
    an epoch: it is called when the compiled program returns, about three times a second.

    Attributes:
        model: the model in training.
        params: dictionary with 'epochs', 'steps' and 'verbose'.

    Example:
        >>> class Stop(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         if logs["loss"] < 0.1:
        ...             self.model.stop_training = True
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        return getattr(self, "_model", None)

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Called once, before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """Called once, after the last epoch; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called before each epoch; `epoch` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called after each epoch; `logs` has the metrics, validation's as 'val_...'."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The old name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """The old name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each training batch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each training batch; `logs` has the metrics so far in the epoch."""
        self.on_batch_end(batch, logs=logs)

    def on_dispatch_end(self, step: int, logs: Any = None) -> None:
        """Called when a compiled program returns; `step` batches of the epoch are done."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Called before evaluation, also that on validation data."""

    def on_test_end(self, logs: Any = None) -> None:
        """Called after evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of evaluation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of evaluation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Called before prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Called after prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before each batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after each batch of prediction; `logs` has the 'outputs'."""

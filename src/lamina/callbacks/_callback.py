"""The base of callbacks: what runs at the start and end of training, epochs and batches."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

_Hook = TypeVar("_Hook", bound=Callable[..., Any])
_NOTHING = object()


def acts_after(name: str) -> Callable[[_Hook], _Hook]:
    """Mark a batch hook that does nothing at most batches, so that these may be run as one program.

    Args:
        name: the callback's method that returns after how many batches the hook has something to
            do, or None if never.
    """

    def mark(hook: _Hook) -> _Hook:
        hook._acts_after = name  # type: ignore[attr-defined]
        return hook

    return mark


class Callback:
    """Hooks that `fit`, `evaluate` and `predict` call; subclasses write those they need.

    A callback that writes `on_train_batch_begin` or `on_train_batch_end` makes training stop at
    every batch (every `steps_per_execution` batches). `on_dispatch_end(step, logs)` is the cheap
    way to follow an epoch: it is called when the compiled program returns, about three times a
    second.

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

    def state_dict(self) -> dict[str, Any]:
        """Return what the callback has learned since training began: backups keep it.

        By default these are its attributes that are numbers, strings, arrays, or lists, tuples and
        dictionaries of such, except those named like arguments of the constructor. Write your own
        version, and `load_state_dict`, for anything else.

        Example:
            >>> class Count(Callback):
            ...     def __init__(self, by): super().__init__(); self.by, self.epochs = by, 0
            >>> Count(by=2).state_dict()
            {'epochs': 0}
        """
        given = {"params", "_model", *inspect.signature(type(self).__init__).parameters}
        copies = {k: _copied(v) for k, v in vars(self).items() if k not in given}
        return {name: value for name, value in copies.items() if value is not _NOTHING}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, in a run that goes on where another stopped."""
        vars(self).update(state)

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


def _copied(value: Any, depth: int = 0) -> Any:
    """Return a copy of a plain value, or _NOTHING if it holds anything else."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        if isinstance(value, (np.ndarray, np.generic)):
            return value.copy() if value.dtype.kind not in "OMm" else _NOTHING
        return value if type(value).__module__.startswith("jax") else _NOTHING
    if type(value) not in (list, tuple, dict) or depth > 8:
        return _NOTHING
    items = list(value.items()) if isinstance(value, dict) else list(value)
    copies = [
        tuple(_copied(x, depth + 1) for x in item) if isinstance(value, dict)
        else _copied(item, depth + 1)
        for item in items
    ]  # fmt: skip
    flat = [x for pair in copies for x in pair] if isinstance(value, dict) else copies
    return _NOTHING if any(x is _NOTHING for x in flat) else type(value)(copies)

"""Callbacks from plain functions."""

from collections.abc import Callable
from typing import Any

from lamina._core.errors import describe, explain, unknown
from lamina.callbacks._callback import Callback


class LambdaCallback(Callback):
    """A callback whose hooks are given as functions.

    Args:
        on_epoch_begin, on_epoch_end: functions of (epoch, logs).
        on_train_begin, on_train_end: functions of (logs).
        on_train_batch_begin, on_train_batch_end: functions of (batch, logs).
        kwargs: other hooks by name.

    Raises:
        ValueError: there is no hook of that name, or it is given something that cannot be called.

    Example:
        >>> losses = []
        >>> cb = LambdaCallback(on_epoch_end=lambda epoch, logs: losses.append(logs["loss"]))
        >>> cb.on_epoch_end(0, {"loss": 0.5}); losses
        [0.5]
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }  # fmt: skip
        for name, function in given.items():
            if function is not None:
                if name.startswith("on_"):
                    _check(name, function)
                setattr(self, name, function)


def _check(name: str, function: Any) -> None:
    hooks = [n for n in dir(Callback) if n.startswith("on_")] + ["on_interrupt"]
    if name not in hooks:
        raise ValueError(unknown("hook", name, hooks))
    if not callable(function):
        expected = f"expected a function as `{name}`"
        raise ValueError(explain("LambdaCallback", expected, describe(function)))

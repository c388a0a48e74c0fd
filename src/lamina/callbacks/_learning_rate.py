"""Callbacks that change the learning rate between epochs."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain
from lamina._core.state import Variable
from lamina.callbacks._callback import Callback
from lamina.callbacks._monitor import MonitorCallback
from lamina.callbacks._progress import say


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: function of the epoch, from 0, and of the learning rate now; or of the epoch
            alone. It returns the new learning rate.
        verbose: 1 says what is set.

    Raises:
        ValueError: the function returned no number, or the optimizer has a schedule of its own.

    Example:
        >>> halve = LearningRateScheduler(lambda epoch, lr: lr if epoch < 10 else lr / 2)
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            expected = "expected a function of (epoch, learning rate) as `schedule`"
            raise ValueError(explain("LearningRateScheduler", expected, describe(schedule)))
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for label, optimizer in labelled_optimizers(self.model):
            rate = require_rate("LearningRateScheduler", optimizer)
            takes_rate = _takes_two(self.schedule)
            new = self.schedule(epoch, rate) if takes_rate else self.schedule(epoch)
            array = np.asarray(new)
            if array.shape != () or array.dtype.kind not in "iuf":
                expected = "expected a number from `schedule`"
                raise ValueError(explain("LearningRateScheduler", expected, describe(new)))
            optimizer.learning_rate = float(array)
            if self.verbose > 0:
                say(f"Epoch {epoch + 1}: {label or 'learning_rate'} is set to {float(array):.6g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs.update(learning_rates(self.model))


class ReduceLROnPlateau(MonitorCallback):
    """Lowers the learning rate when a value has not got better for some epochs.

    new rate = max(rate * factor, min_lr)

    Args:
        monitor: name in the logs; 'acc' finds 'accuracy' too, and the like.
        factor: what the rate is multiplied by, below 1.
        patience: how many epochs in a row may pass without getting better.
        verbose: 1 says what is set.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        min_delta: smallest change that counts as better.
        cooldown: epochs after a change during which nothing is counted.
        min_lr: the lowest rate.

    Raises:
        ValueError: `monitor` is not in the logs, or the optimizer has a schedule of its own.

    Example:
        >>> reduce = ReduceLROnPlateau("val_loss", factor=0.5, patience=3, min_lr=1e-5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 0.0001,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        min_delta = kwargs.pop("epsilon", min_delta)  # its name in Keras 1 and 2
        if kwargs:
            expected = "expected only arguments that it knows"
            raise ValueError(explain("ReduceLROnPlateau", expected, ", ".join(kwargs)))
        super().__init__(monitor, mode, min_delta=min_delta)
        if not is_real(factor) or factor >= 1:
            help = "factor=0.1 divides the rate by ten"
            expected = "expected a number below 1 as `factor`"
            raise ValueError(explain("ReduceLROnPlateau", expected, describe(factor), help))
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: Any = None
        self.wait = self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Return whether the last change was less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = {} if logs is None else logs
        logs.update(learning_rates(self.model))
        current = self._watched(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        """Lower every rate that is above `min_lr`; return whether there was one."""
        lowered = False
        for label, optimizer in labelled_optimizers(self.model):
            rate = require_rate("ReduceLROnPlateau", optimizer)
            if rate > np.float32(self.min_lr):
                new, lowered = max(rate * self.factor, self.min_lr), True
                optimizer.learning_rate = new
                if self.verbose > 0:
                    say(f"Epoch {epoch + 1}: {label or 'learning_rate'} is lowered to {new:.6g}")
        return lowered


def labelled_optimizers(model: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield the model's optimizer; of several in one, each with what logs call its rate."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if hasattr(optimizer, "optimizers"):
        for one in optimizer.optimizers:
            yield f"learning_rate_{one.name}", getattr(one, "inner_optimizer", one)
    else:
        yield None, optimizer


def learning_rates(model: Any) -> dict[str, float]:
    """Return the learning rate of each optimizer, as logs show it."""
    return {
        label or "learning_rate": float(np.asarray(one.learning_rate))
        for label, one in labelled_optimizers(model)
        if hasattr(one, "learning_rate")
    }


def require_rate(where: str, optimizer: Any) -> float:
    """Return the learning rate of an optimizer, if it is one that can be set."""
    rate = getattr(optimizer, "learning_rate", None)
    if not isinstance(rate, Variable):
        help = "give the optimizer a number as learning_rate, or leave out this callback"
        expected = "expected an optimizer whose learning rate is a number"
        raise ValueError(explain(where, expected, "one that follows a schedule of its own", help))
    return float(rate)


def _takes_two(schedule: Callable[..., Any]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a function without a signature
        return True
    return True

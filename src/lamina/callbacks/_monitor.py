"""Callbacks that watch one value: whether it got better, and what it is called."""

from typing import Any

import numpy as np

from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain, nearest
from lamina.callbacks._callback import Callback

# What logs call a metric depends on what `compile` called it; scripts know it by either name.
_SYNONYMS = [
    ("acc", "accuracy"), ("mse", "mean_squared_error"), ("mae", "mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"), ("msle", "mean_squared_logarithmic_error"),
    ("lr", "learning_rate"),
]  # fmt: skip


class MonitorCallback(Callback):
    """A callback that watches `monitor` in the logs and knows whether more or less is better.

    Args:
        monitor: name in the logs, as 'val_loss'. 'acc' finds 'accuracy' too, and the like.
        mode: 'min' or 'max', what is better; 'auto' asks the metric.
        baseline: the value to beat first.
        min_delta: smallest change that counts as better.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if mode not in ("auto", "min", "max"):
            expected = "expected 'min', 'max' or 'auto' as `mode`"
            raise ValueError(explain(type(self).__name__, expected, describe(mode)))
        if not is_real(min_delta):
            expected = "expected a number as `min_delta`"
            raise ValueError(explain(type(self).__name__, expected, describe(min_delta)))
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(min_delta)
        self.best = baseline
        self._direction: str | None = None if mode == "auto" else mode

    def _watched(self, logs: Any, later: bool = True) -> Any:
        """Return the value of `monitor`; None if validation will give it in a later epoch.

        Raises:
            ValueError: nothing of that name is there, nor will be.
        """
        logs = logs or {}
        name = find_log(self.monitor, logs)
        if name is not None:
            value = logs[name]
            if np.ndim(value):
                expected = f"expected one number as '{name}'"
                help = "monitor another value"
                raise ValueError(explain(type(self).__name__, expected, describe(value), help))
            return value
        plain = self.monitor.removeprefix("val_")
        validates = getattr(self.model, "_validates", True)
        if later and plain != self.monitor and validates and find_log(plain, logs) is not None:
            return None
        raise ValueError(self._missing(logs, validates, later))

    def check_logs(self, names: list[str]) -> None:
        """Raise if the logs, which will have these names, will not have what is watched.

        Raises:
            ValueError: so that a misspelled name is told before the first epoch, not after it.
        """
        if not getattr(self, "save_best_only", True):
            return
        at_batches = getattr(self, "save_freq", "epoch") != "epoch"
        names = [n for n in names if not (at_batches and n.startswith("val_"))]
        self._watched(dict.fromkeys(names, 0.0), later=not at_batches)
        if self._direction is None:
            self._direction = self._find_direction()

    def _missing(self, logs: dict[str, Any], validates: bool, later: bool) -> str:
        near = nearest(self.monitor, logs)
        help = f"monitor '{near}', or another of those" if near else "monitor one of those"
        if self.monitor.startswith("val_") and not validates:
            help = f"give `fit` validation_split= or validation_data=, or {help}"
        elif self.monitor.startswith("val_") and not later:
            help = "batches have no validation: save_freq='epoch' has, or monitor one of those"
        names = ", ".join(logs) or "no logs at all"
        expected = f"expected a name in the logs as `monitor`: {names}"
        return explain(type(self).__name__, expected, repr(self.monitor), help)

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if self._direction is None:
            self._direction = self._find_direction()
        if reference is None:
            return True
        if self._direction == "min":
            return bool(np.float32(value + self.min_delta) < np.float32(reference))
        return bool(np.float32(value - self.min_delta) > np.float32(reference))

    def _find_direction(self) -> str:
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return "min"
        for metric in getattr(self.model, "metrics", ()):
            known = getattr(metric, "_direction", None)
            if known and any(n == metric.name or n.endswith(f"_{metric.name}") for n in also(name)):
                return "max" if known == "up" else "min"
        raise ValueError(
            explain(
                type(self).__name__,
                f"expected `mode` beside monitor='{self.monitor}', for it is not known whether "
                "more or less of it is better",
                "mode='auto'",
                "write mode='max' or mode='min'",
            )
        )


def find_log(name: str, logs: Any) -> str | None:
    """Return what the logs call `name`, or None if nothing in them is meant.

    Example:
        >>> find_log("val_acc", {"accuracy": 0.5, "val_accuracy": 0.25})
        'val_accuracy'
    """
    return next((n for n in also(name) if n in logs), None)


def also(name: str) -> list[str]:
    """Return the names by which a metric may go: its own first.

    Example:
        >>> also("val_acc")
        ['val_acc', 'val_accuracy']
    """
    found = [name]
    for pair in _SYNONYMS:
        for one, other in (pair, pair[::-1]):
            if name == one or name.endswith(f"_{one}"):
                found.append(name.removesuffix(one) + other)
    return found

"""Faults: a loss that is no number any more stops `fit`, at the step and layer where it began.

The loss of each dispatch is looked at, which takes microseconds. If it is not finite, the dispatch
runs again from the state before it, half by half, until the step is known; then that step alone,
with a probe behind every layer.
"""

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from lamina import callbacks, config, optimizers
from lamina._core.errors import explain
from lamina._training.probes import find_origin
from lamina._training.watch import Tracked

# A state that a dispatch consumes has to be copied to be there afterwards: if it is not larger than
# this, in bytes, and not more often than lets the copies take this part of the time.
_COPIED_UP_TO = 1 << 29
_PART = 0.02
_HELP = (
    "lower the learning rate, scale the inputs, or set clipnorm=1.0 in the optimizer; "
    "lamina.config.disable_nan_stop() lets training go on"
)


@dataclass
class Dispatch:
    """Steps of a block that were run in one go.

    Args:
        program: what ran.
        block: on what.
        start, stop: numbers of the steps in the block.
        done: steps of the epoch before these.
        values: the state before, if it was kept.
    """

    program: Any
    block: Any
    start: int
    stop: int
    done: int
    values: list[Any] | None = None

    def run(self, values: list[Any], start: int, stop: int) -> tuple[list[Any], Any]:
        """Run some of the steps again; `values` stay good."""
        if self.program.donates:
            values = copies_of(values)
        return self.program(values, self.block.data, self.block.order, start, stop)

    def rows(self, step: int) -> Any:
        """Return the batch of one step."""
        batch = self.block.batch
        rows = np.asarray(self.block.order)[step * batch : (step + 1) * batch]
        return jax.tree.map(lambda a: jax.numpy.asarray(a[rows]), self.block.data)

    def has_data_of(self, other: "Dispatch") -> bool:
        """Return whether the rows of both dispatches are in the same arrays."""
        if self.block.data is other.block.data:
            return True
        own, others = jax.tree.leaves(self.block.data), jax.tree.leaves(other.block.data)
        return len(own) == len(others) and all(map(operator.is_, own, others))


class Faults:
    """Watches one `fit`, unless a callback does or it is switched off.

    Args:
        model: what is trained.
        callbacks: a CallbackList; with TerminateOnNaN in it, that decides.
        tracked: the variables of the state.
    """

    def __init__(self, model: Any, listed: Any, tracked: Tracked) -> None:
        # A loss scale finds the largest scale by passing it: steps that overflow are left out.
        self.watching = (
            config.is_nan_stop_enabled()
            and not any(isinstance(c, callbacks.TerminateOnNaN) for c in listed)
            and not any(isinstance(o, optimizers.LossScaleOptimizer) for o in model._optimizers())
        )
        self._model = model
        values = [v._value for v in tracked.variables]
        self._weights = [i for i in tracked.weights if values[i].dtype.kind in "fV"]
        self._small = sum(v.nbytes for v in values) <= _COPIED_UP_TO
        self._past: list[Dispatch] = []
        self._copied, self._seconds = -np.inf, 0.0  # when a copy was made, and what it took

    def before(self, dispatch: Dispatch, values: list[Any]) -> None:
        """Keep what is needed if the coming dispatch goes wrong."""
        if not self.watching:
            return
        if self._past and not self._past[-1].has_data_of(dispatch):
            self._past.clear()  # its rows are gone
        kept = 2  # the last update of a dispatch may be what the loss of the next one shows
        if not dispatch.program.donates:
            dispatch.values = values
        else:
            kept = 1
            if self._worth_a_copy():
                dispatch.values = self._sound_copy(values)
        self._past.append(dispatch)
        places = [i for i, d in enumerate(self._past) if d.values is not None]
        first = places[-kept] if len(places) >= kept else places[0] if places else -1
        self._past = self._past[first:]

    def _worth_a_copy(self) -> bool:
        return self._small and self._seconds < _PART * (time.perf_counter() - self._copied)

    def _sound_copy(self, values: list[Any]) -> list[Any] | None:
        begun = time.perf_counter()
        copies = _kept(values) if self._sound(values) else None
        self._copied = time.perf_counter()
        self._seconds = self._copied - begun
        return copies

    def _sound(self, values: list[Any]) -> bool:
        """Return whether all weights of a state are finite."""
        # By numpy: on CPUs nothing is copied for it, and nothing has to be compiled.
        return all(bool(np.isfinite(np.asarray(values[i])).all()) for i in self._weights)

    def check(self, logs: Any, epoch: int, restore: Callable[[list[Any]], None]) -> None:
        """Raise if the loss of the last dispatch is not finite, with the state before that step.

        Args:
            logs: what the dispatch returned.
            epoch: number of the epoch, from 0.
            restore: called with the state before the step at which it began, if that is known.

        Raises:
            FloatingPointError: the loss is NaN or infinite.
        """
        if not self.watching or (name := _not_finite(logs)) is None:
            return
        loss, found = float(np.asarray(logs[name])), self._search()
        got = f"{name} = {loss} in epoch {epoch + 1}"
        if found is None:
            last = self._past[-1]
            got += f", by step {last.done + last.stop - last.start}"
        else:
            dispatch, step, values = found
            _, logs = dispatch.run(values, step, step + 1)
            restore(values)
            got += f", step {dispatch.done + step - dispatch.start + 1}"
            got += f": {self._origin(dispatch.rows(step), logs)}"
        help_ = _HELP if found is None else f"the weights are as before that step; {_HELP}"
        raise FloatingPointError(explain("fit", "expected a finite loss", got, help_))

    def _origin(self, rows: Any, logs: Any) -> str:
        step, _ = self._model._step_of("train")
        return find_origin(self._model, step, rows, _not_finite(logs) is None)

    def _search(self) -> tuple[Dispatch, int, list[Any]] | None:
        """Return the dispatch, its step that went wrong, and the state before that step."""
        past = self._past
        starts = [i for i, d in enumerate(past) if d.values is not None and self._sound(d.values)]
        if not starts:
            return None
        values: Any = jax.device_put(past[starts[-1]].values)
        for dispatch in past[starts[-1] :]:
            after, logs = values, None
            if dispatch is not past[-1]:
                after, logs = dispatch.run(values, dispatch.start, dispatch.stop)
            if logs is None or self._went_wrong(after, logs):
                return dispatch, *self._bisect(dispatch, values)
            values = after
        return None

    def _bisect(self, dispatch: Dispatch, values: list[Any]) -> tuple[int, list[Any]]:
        """Return the step that goes wrong, and the state before it."""
        good, bad = dispatch.start, dispatch.stop
        while bad - good > 1:
            middle = (good + bad) // 2
            after, logs = dispatch.run(values, good, middle)
            if self._went_wrong(after, logs):
                bad = middle
            else:
                good, values = middle, after
        return good, values

    def _went_wrong(self, values: list[Any], logs: Any) -> bool:
        return _not_finite(logs) is not None or not self._sound(values)


def _not_finite(logs: Any) -> str | None:
    """Return the name of a loss among the logs that is NaN or infinite."""
    losses = [name for name in logs if name == "loss" or name.endswith("_loss")]
    return next((name for name in losses if not np.isfinite(np.asarray(logs[name])).all()), None)


def _kept(values: list[Any]) -> list[Any]:
    """Return copies to go back to: on CPUs numpy makes them in a tenth of jax's time."""
    if jax.default_backend() == "cpu":
        return [np.array(v) for v in values]
    return jax.block_until_ready(copies_of(values))


def copies_of(values: list[Any]) -> list[Any]:
    copies: list[Any] = jax.device_put(values, may_alias=False)  # faster than one by one
    return copies

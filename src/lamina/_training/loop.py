"""Loop: drives the compiled programs over the blocks of an epoch, and keeps the state meanwhile.

Between dispatches the state is a list of arrays that belongs to the loop. The variables are
brought up to date before anybody may look at them: callbacks, and the end, however it comes.
"""

from typing import Any

import jax
import numpy as np

from lamina._training.plan import Interruption, Pace, clock


class Loop:
    """One run of `fit` or `evaluate`.

    Args:
        model: what is trained.
        callbacks: a CallbackList.
        kind: 'train' or 'test', the hooks that are called at the start and the end.
    """

    def __init__(self, model: Any, callbacks: Any, kind: str) -> None:
        self.model, self.callbacks, self.kind = model, callbacks, kind
        self.variables = model._state()
        self._watched = {k: callbacks.wants_batches(k) for k in ("train", "test")}
        self._followed = callbacks.wants_dispatches()
        by_steps = {k: watched or model.run_eagerly for k, watched in self._watched.items()}
        steps = model.steps_per_execution
        self._pace = {k: Pace(steps if by_steps[k] else None) for k in by_steps}
        self._values: list[Any] = []
        self._left = True  # whether the variables, not the loop, have the newest values
        self._owned = False  # whether the arrays are the loop's alone, and may be donated
        self._interruption = Interruption()
        self.logs: dict[str, Any] = {}  # given to the hook at the end
        self._programs: dict[Any, Any] = {}
        model.reset_metrics()
        metric_variables = {id(v) for metric in model.metrics for v in metric.variables}
        self._resets = {
            i: v._value for i, v in enumerate(self.variables) if id(v) in metric_variables
        }

    def __enter__(self) -> "Loop":
        self._interruption.__enter__()
        self.callbacks.call(f"on_{self.kind}_begin")
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        try:
            self.leave()
            if kind is None:
                if self.kind == "train":
                    self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
                self.callbacks.call(f"on_{self.kind}_end", logs=self.logs)
            else:
                self.callbacks.call_if_there("on_interrupt")
        finally:
            self._interruption.__exit__()
        if kind is None:
            self._interruption.check()  # Ctrl-C after the last dispatch

    # --- whose values are the newest ------------------------------------------------------------

    def leave(self) -> None:
        """Bring the variables up to date; from now on they count."""
        if not self._left:
            for variable, value in zip(self.variables, self._values, strict=True):
                if not value.is_deleted():  # consumed by a dispatch that a second Ctrl-C broke off
                    variable._value = value
        self._left, self._owned = True, False

    def hand_over(self) -> None:
        """Do so if a callback may look at them or change them."""
        if self.callbacks.touches_model():
            self.leave()

    def _take(self, reset: bool) -> None:
        if self._left:
            self._values = [v._value for v in self.variables]
            self._left = self._owned = False
        if reset:
            for i, value in self._resets.items():
                self._values[i] = _copy(value) if self._owned else value

    def _own(self, program: Any) -> None:
        """Copy what a program will consume, so that nobody else's reference dies with it."""
        if program.donates and not self._owned:
            written = {id(v) for v in program.written}
            self._values = [
                _copy(value) if id(variable) in written else value
                for variable, value in zip(self.variables, self._values, strict=True)
            ]
            self._owned = True

    # --- an epoch -------------------------------------------------------------------------------

    def epoch(self, kind: str, source: Any, steps: int) -> dict[str, Any]:
        """Run one pass over the source; return the logs as plain numbers.

        Args:
            kind: 'train' or 'test'.
            source: where the blocks come from.
            steps: at most this many.
        """
        self._take(reset=True)
        done, logs = 0, {}
        for block in source.blocks(steps):
            program = self._program(kind, block)
            start = block.start
            while start < block.stop:
                stop = self._pace[kind].stop(start, block.stop)
                logs = self._dispatch(kind, program, block, start, stop, done)
                done, start = done + stop - start, stop
                if kind == "train" and self.model.stop_training:
                    return self._numbers(logs)
        return self._numbers(logs)

    def _program(self, kind: str, block: Any) -> Any:
        """Return the compiled program for these steps; making it is told to the progress bar."""
        key = (kind, block.batch, id(block.data))
        if key not in self._programs:
            self.callbacks.call_if_there("on_compile_begin")
            begun = clock()
            program = self.model._program(kind, block.data, block.batch, self.variables)
            program.prepare(self._values, block.data, block.order)
            self.callbacks.call_if_there("on_compile_end", clock() - begun)
            self._programs[key] = program
        return self._programs[key]

    def _dispatch(
        self, kind: str, program: Any, block: Any, start: int, stop: int, done: int
    ) -> Any:
        if self._watched[kind]:
            self.leave()
            self.callbacks.call(f"on_{kind}_batch_begin", done)
            self._take(reset=False)
        self._interruption.check()
        self._own(program)
        begun = clock()
        self._values, logs = program(self._values, block.data, block.order, start, stop)
        jax.block_until_ready(self._values)
        self.model._settle()
        self._pace[kind].took(stop - start, clock() - begun)
        self._interruption.check()
        done += stop - start
        if self._watched[kind]:
            logs = self._numbers(logs)
            self.leave()
            self.callbacks.call(f"on_{kind}_batch_end", done - 1, logs=logs)
            self._take(reset=False)
        if kind == self.kind:
            if self._followed:
                logs = self._numbers(logs)
                self.leave()
            self.callbacks.call("on_dispatch_end", done, logs=logs)
            self._take(reset=False)
        return logs

    def _numbers(self, logs: Any) -> dict[str, Any]:
        self.logs = {name: _number(logs[name]) for name in sorted(logs)}
        return self.logs


def _number(value: Any) -> Any:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array


def _copy(array: Any) -> Any:
    return jax.device_put(array, may_alias=False)

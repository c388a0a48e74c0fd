"""Loop: drives the compiled programs over the blocks of an epoch, and keeps the state meanwhile.

Between dispatches the state is a list of arrays that belongs to the loop. The variables are
brought up to date before anybody may look at them: callbacks, and the end, however it comes.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import jax

from lamina._core.state import Scope, Variable
from lamina._native import overwrite
from lamina._training import snapshot
from lamina._training.faults import Dispatch, Faults, copies_of
from lamina._training.plan import Interruption, Pace, clock
from lamina._training.steps import number

# Compiled programs of a model that are kept: batches whose lengths vary need one for each length.
PROGRAMS_KEPT = 64


class Loop:
    """One run of `fit` or `evaluate`.

    Args:
        model: what is trained.
        callbacks: a CallbackList.
        kind: 'train' or 'test', the hooks that are called at the start and the end.
    """

    def __init__(self, model: Any, callbacks: Any, kind: str) -> None:
        self.model, self.callbacks, self.kind = model, callbacks, kind
        self._watched = {k: callbacks.wants_batches(k) for k in ("train", "test")}
        by_steps = {k: callbacks.wants_each_batch(k) or model.run_eagerly for k in self._watched}
        self._counted = {k: self._watched[k] and not by_steps[k] for k in by_steps}
        steps = model.steps_per_execution
        self._pace = {k: Pace(steps if by_steps[k] else None) for k in by_steps}
        self._followed = callbacks.wants_dispatches()
        self._values: list[Any] = []
        self._left = True  # whether the variables, not the loop, have the newest values
        self._owned: set[int] = set()  # places of arrays that are the loop's alone, to be donated
        self._keepers = (
            [c for c in callbacks if hasattr(c, "keep_snapshot")] if kind == "train" else []
        )
        self._interruption = Interruption(terminate=bool(self._keepers))
        self.logs: dict[str, Any] = {}  # given to the hook at the end
        self._raw: Any = None  # those of the last dispatch, before they are made numbers
        self._programs: dict[Any, Any] = {}
        self._at = (0, 0)  # the epoch, and how many of its steps are done
        self._source: Any = None
        self._begun: dict[str, Any] = {}  # generators and source as the epoch found them
        self._resumed: dict[str, Any] | None = None  # the snapshot from which this run goes on
        self._before: dict[str, Any] | None = None  # the last moment at which all was in order
        self._track()

    def __enter__(self) -> "Loop":
        self._interruption.__enter__()
        try:
            for keeper in self._keepers:
                keeper.set_run(self)
            if self.kind == "train" and not self.model._eager():
                self.callbacks.check_logs(self._names)
            self.callbacks.call(f"on_{self.kind}_begin")
            if self._resumed is not None:
                self._apply(self._resumed)  # once more, over what other callbacks began with
        except BaseException:
            self._break_off()
            raise
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is not None:
            self._break_off()
            return
        try:
            self.leave()
            if self.kind == "train":
                weights = [self.variables[i] for i in self._tracked.weights]
                trained = [v for v in weights if v.trainable]
                self.model.optimizer.finalize_variable_values(trained)
            self.callbacks.call(f"on_{self.kind}_end", logs=self.logs)
        except BaseException:
            self._break_off()
            raise
        self._interruption.__exit__()
        self._interruption.check()  # Ctrl-C after the last dispatch

    def _names(self) -> list[str] | None:
        """Return what the logs of epochs will be called; None if a step of the user's says it."""
        reports = [self.model._step_of(kind)[1] for kind in ("train", "test")]
        if None in reports:
            return None
        with Scope():  # nothing is computed, and nothing kept
            names = sorted(jax.eval_shape(reports[0]))
        held = [f"val_{name}" for name in names] if self.model._validates else []
        return [*names, *held, "learning_rate"]

    def _break_off(self) -> None:
        try:
            self.leave()
            self.callbacks.call_if_there("on_interrupt")
        finally:
            self._interruption.__exit__()

    def _track(self) -> None:
        """Take stock of the model, and forget what was compiled for the one that it was."""
        tracked = self.model._tracked()
        self._made = Variable.made
        self._tracked, self.variables = tracked, tracked.variables
        self.metric_names = tracked.metric_names
        self._programs.clear()
        if self.kind == "train":
            self._faults = Faults(self.model, self.callbacks, tracked)

    # --- whose values are the newest ------------------------------------------------------------

    def leave(self) -> None:
        """Bring the variables up to date; from now on they count."""
        if not self._left:
            for variable, value in zip(self.variables, self._values, strict=True):
                if not value.is_deleted():  # consumed by a dispatch that a second Ctrl-C broke off
                    variable._value = value
        self._left, self._owned = True, set()

    def hand_over(self) -> None:
        """Do so if a callback may look at them or change them."""
        if self.callbacks.touches_model():
            self.leave()

    def _take(self, reset: bool) -> None:
        if self._left:
            self._values = [v._value for v in self.variables]
            self._left, self._owned = False, set()
        if reset:
            for i, value in self._tracked.resets.items():
                if i not in self._owned or not overwrite(self._values[i], value):
                    self._values[i] = value
                    self._owned.discard(i)

    def _own(self, program: Any) -> None:
        """Copy what a program will consume, so that nobody else's reference dies with it."""
        if not program.donates:
            return
        places = [i for i in program.places if i not in self._owned]
        if places:
            copies = copies_of([self._values[i] for i in places])
            for i, copy in zip(places, copies, strict=True):
                self._values[i] = copy
            self._owned.update(places)

    # --- epochs ---------------------------------------------------------------------------------

    def epochs(self, first: int, stop: int) -> Iterator[int]:
        """Yield the number of each epoch that is to be trained, calling the hooks around it.

        Args:
            first: number of the first epoch, unless the run goes on where another stopped.
            stop: number of epochs.
        """
        first = first if self._resumed is None else self._at[0]
        for epoch in range(first, stop):
            if self.model.stop_training:
                break
            self._at = (epoch, self._at[1])
            if self._keepers:
                self._before = self._resumed or self.snapshot()
            self.hand_over()
            self.callbacks.call("on_epoch_begin", epoch)
            if self._resumed is not None and self._resumed["step"]:
                self._apply(self._resumed)  # that epoch had begun before
            yield epoch
            self.hand_over()
            self.callbacks.call("on_epoch_end", epoch, logs=dict(self.logs))
            self._at, self._raw, self._before = (epoch + 1, 0), None, None
            self._boundary()

    def epoch(self, kind: str, source: Any, steps: int | None) -> dict[str, Any]:
        """Run one pass over the source; return the logs as plain numbers.

        Args:
            kind: 'train' or 'test'.
            source: where the blocks come from.
            steps: at most this many; None for a whole pass.
        """
        training = kind == self.kind == "train"
        done = self._at[1] if training else 0
        if self._left and self._made != Variable.made and not self._tracked.holds():
            for each in (self.kind, kind):  # a callback has changed the model
                self.model._prepare(source.sample, each, source.batch, source.spec)
            self._track()
        self._take(reset=done == 0)
        self._raw = logs = self.logs if done else {}
        with closing(self._blocks(training, source, steps, self._pace[kind].fixed or 1)) as blocks:
            for block, start in blocks:
                program = self._program(kind, block)
                block = replace(block, data=program.placed(block.data))
                while start < block.stop:
                    self._boundary()
                    stop = self._stop(kind, start, block.stop)
                    self._raw = logs = self._dispatch(kind, program, block, start, stop, done)
                    done, start = done + stop - start, stop
                    if training:
                        self._at, self._before = (self._at[0], done), None
                    if kind == "train" and self.model.stop_training:
                        return self._numbers(logs)
        return self._numbers(logs)

    def _blocks(
        self, training: bool, source: Any, steps: int | None, together: int
    ) -> Generator[tuple[Any, int], None, None]:
        """Yield blocks, and the first step of each; those that were done before are passed over."""
        resumed, done = self._resumed, self._at[1]
        if training:
            self._source, self._resumed = source, None
            if resumed is not None:
                if done:
                    snapshot.set_generators(resumed["begun"])
                if resumed["source"] is not None:
                    source.restore(resumed["source"], same=done > 0)
            if self._keepers:
                self._begun = {"begun": snapshot.generators(), "source": _state(source)}
        if not training or not done:
            done, resumed = 0, None
        with closing(source.blocks(steps, together)) as blocks:
            for block in blocks:
                if block is None:  # nothing has come yet
                    self._boundary()
                    continue
                passed = min(done, block.stop - block.start)
                done -= passed
                if not done and resumed is not None:
                    snapshot.set_generators(resumed["generators"])
                    resumed = None
                if block.start + passed < block.stop:
                    yield block, block.start + passed

    def _stop(self, kind: str, start: int, total: int) -> int:
        """Return the step before which the dispatch that begins at `start` stops."""
        stop = self._pace[kind].stop(start, total)
        if self._counted[kind]:
            left = self.callbacks.batches_left(kind)
            stop = stop if left is None else min(stop, start + left)
        return stop

    def _program(self, kind: str, block: Any) -> Any:
        """Return the compiled program for these steps; making it is told to the progress bar."""
        key = (kind, block.spec)
        if key not in self._programs:
            self.callbacks.call_if_there("on_compile_begin")
            begun = clock()
            single = self._pace[kind].fixed == 1
            program = self.model._program(kind, block.data, block.batch, self._tracked, single)
            self._take(reset=False)
            program.prepare(self._values, block.data, block.order)
            self.callbacks.call_if_there("on_compile_end", clock() - begun)
            while len(self._programs) >= PROGRAMS_KEPT:
                self._programs.pop(next(iter(self._programs)))
            self._programs[key] = program
            self._pace[kind].expect(program.seconds)
        return self._programs[key]

    def _dispatch(
        self, kind: str, program: Any, block: Any, start: int, stop: int, done: int
    ) -> Any:
        if self._watched[kind]:
            self.leave()
            self.callbacks.call(f"on_{kind}_batch_begin", done)
        self._take(reset=False)
        self._own(program)
        if kind == "train":
            self._faults.before(Dispatch(program, block, start, stop, done), self._values)
        begun = clock()
        self._values, logs = program(self._values, block.data, block.order, start, stop)
        if self._pace[kind].fixed is None:  # else reading the logs waits
            jax.block_until_ready(self._values)
        self.model._settle()
        self._pace[kind].took(stop - start, clock() - begun)
        program.seconds = self._pace[kind].per_step
        if kind == "train":
            self._faults.check(logs, self._at[0], self._go_back)
        done += stop - start
        if self._watched[kind]:
            logs = self._numbers(logs)
            self.leave()
            self.callbacks.call(f"on_{kind}_batch_end", done - 1, logs=logs)
        if kind == self.kind:
            if self._followed:
                logs = self._numbers(logs)
                self.leave()
            self.callbacks.call("on_dispatch_end", done, logs=logs)
        return logs

    def _go_back(self, values: list[Any]) -> None:
        """Give the variables values of an earlier state."""
        self._values, self._left = values, False
        self.leave()

    def _numbers(self, logs: Any) -> dict[str, Any]:
        self.logs = {name: number(logs[name]) for name in sorted(logs)}
        return self.logs

    # --- stopping and going on ------------------------------------------------------------------

    def validate(self, source: Any, steps: int | None) -> dict[str, Any]:
        """Run one pass of evaluation within training; return its logs."""
        trained = self.logs
        self.hand_over()
        if self._keepers:
            self._before = self.snapshot()
        self.callbacks.call("on_test_begin")
        logs = self.epoch("test", source, steps)
        self.hand_over()
        self.callbacks.call("on_test_end", logs=logs)
        self._before = None
        self.logs = trained | {f"val_{name}": value for name, value in logs.items()}
        return self.logs

    def _boundary(self) -> None:
        """Between two dispatches all is in order: the time to keep it, and to stop if asked to.

        At the start of an epoch and in evaluation hooks are half way: the moment before is kept.
        """
        asked = self._interruption.asked
        for keeper in self._keepers:
            if keeper.wants_snapshot() or asked:
                if self._raw and not self._before:
                    self._numbers(self._raw)
                keeper.keep_snapshot(self._before or self.snapshot())
        self._interruption.check()

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the rest of this run depends on."""
        self.leave()
        now = snapshot.generators()
        begun = self._begun if self._at[1] else {"begun": now, "source": _state(self._source)}
        return {
            "epoch": self._at[0], "step": self._at[1], "logs": dict(self.logs),
            "stopped": bool(self.model.stop_training), "generators": now, **begun,
            "variables": [v._value for v in self.variables],
            "callbacks": snapshot.callback_states(self.callbacks),
        }  # fmt: skip

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on from what `snapshot` returned, in this run or another one.

        Raises:
            ValueError: it is that of another model.
        """
        snapshot.check_values(self.variables, kept["variables"])
        self._resumed = kept
        self._at = (kept["epoch"], kept["step"])
        self._apply(kept)

    def _apply(self, kept: dict[str, Any]) -> None:
        self.leave()
        for variable, value in zip(self.variables, kept["variables"], strict=True):
            variable.assign(value)
        snapshot.set_generators(kept["generators"])
        snapshot.load_callback_states(self.callbacks, kept["callbacks"])
        self.model.stop_training = kept["stopped"]
        self.logs = dict(kept["logs"])


def _state(source: Any) -> Any:
    return source.state() if hasattr(source, "state") else None

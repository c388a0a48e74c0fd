"""The progress bar of `fit` and `evaluate`."""

from typing import Any
from weakref import WeakSet

from lamina.callbacks._callback import Callback
from lamina.utils import Progbar
from lamina.utils._progbar import say as _say

_drawing: WeakSet[Progbar] = WeakSet()  # those that may have an unfinished line on the screen


def say(text: str) -> None:
    """Show a message on a line of its own, below what a progress bar has drawn so far."""
    for bar in list(_drawing):
        bar.close()
    _say(text)


class ProgbarLogger(Callback):
    """Shows steps, time per step and metrics: live where it can, else in one line per epoch.

    `fit` adds one itself unless `verbose=0`.
    """

    only_displays = True

    def __init__(self) -> None:
        super().__init__()
        self._bar: Progbar | None = None
        self._evaluating = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._start()
        if self._bar is not None and self.params.get("epochs", 1) > 1:
            self._bar.heading(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_dispatch_end(self, step: int, logs: Any = None) -> None:
        if self._bar is not None:
            self._bar.update(step, list((logs or {}).items()), finalize=False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_compile_begin(self) -> None:
        """Called before a program is compiled."""
        if self._bar is not None:
            self._bar.note("compiling (first time only)")

    def on_compile_end(self, seconds: float) -> None:
        """Called when it is."""
        if self._bar is not None and seconds > 0.01:  # less is a program that was there already
            self._bar.compiled(seconds)

    def on_test_begin(self, logs: Any = None) -> None:
        if self._bar is None:
            self._evaluating = True
            self._start()

    def on_test_end(self, logs: Any = None) -> None:
        if self._evaluating:
            self._evaluating = False
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._start()

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish({})

    def _start(self) -> None:
        verbose = self.params.get("verbose", 1)
        self._bar = Progbar(self.params.get("steps"), verbose=verbose, stateless_metrics=set())
        _drawing.add(self._bar)

    def _finish(self, logs: Any) -> None:
        if self._bar is not None:
            self._bar.finish(list((logs or {}).items()))
            self._bar = None

    def on_interrupt(self) -> None:
        """Called when training ends by an exception."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

"""How many steps one dispatch runs, and what an interruption may interrupt."""

import signal
import threading
import time
from types import FrameType
from typing import Any

# Seconds that one dispatch should take: long enough to hide its cost, short enough for the progress
# bar to move and for Ctrl-C to be answered.
TARGET = 0.15


class Pace:
    """Chooses where each dispatch of an epoch stops.

    With `fixed` steps (a callback wants to see batches), every dispatch has that many. Else the
    first has one step and is not timed, and the following grow until one takes `TARGET`; a program
    that has run before says how long its steps take (`expect`).
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self.per_step: float | None = None  # seconds, once they are known
        self._first = True

    def stop(self, start: int, total: int) -> int:
        """Return the step before which the dispatch that begins at `start` stops."""
        if self.fixed is not None:
            return min(start + self.fixed, total)
        if self.per_step is None:
            return min(start + 1, total)
        return min(start + max(1, int(TARGET / self.per_step)), total)

    def expect(self, seconds: float | None) -> None:
        """Take over what a step of this program took the last time, if that is known."""
        if self.per_step is None and seconds is not None:
            self.per_step, self._first = seconds, False

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a dispatch."""
        if self._first:
            self._first = False
        else:
            self.per_step = max(seconds / steps, 1e-9)


class Interruption:
    """While entered, Ctrl-C is noted and raised by `check`, between two dispatches.

    A second Ctrl-C is raised at once. In threads other than the main one nothing is changed, nor is
    a handler that somebody else has set.

    Args:
        terminate: whether SIGTERM, with which systems ask a process to end, is treated alike.
    """

    def __init__(self, terminate: bool = False) -> None:
        self.asked = 0  # number of the signal
        self._watched: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler}
        if terminate:
            self._watched[signal.SIGTERM] = signal.SIG_DFL
        self._replaced: list[signal.Signals] = []

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number, default in self._watched.items():
                if signal.getsignal(number) is default:
                    signal.signal(number, self._note)
                    self._replaced.append(number)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, number
        if again:
            self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt, or SystemExit after a SIGTERM, if one came meanwhile."""
        if self.asked == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)  # the status that shells show for it
        if self.asked:
            raise KeyboardInterrupt

    def __exit__(self, *error: Any) -> None:
        while self._replaced:
            number = self._replaced.pop()
            signal.signal(number, self._watched[number])


clock = time.perf_counter

"""How many steps one dispatch runs, and what an interruption may interrupt."""

import signal
import threading
import time
from types import FrameType
from typing import Any

# Seconds that one dispatch should take: long enough to hide its cost, short enough for the progress
# bar to move and for Ctrl-C to be answered.
TARGET = 0.3


class Pace:
    """Chooses where each dispatch of an epoch stops.

    With `fixed` steps (a callback wants to see batches), every dispatch has that many. Else the
    first has one step and is not timed (it compiles), and the following grow until one takes
    `TARGET`.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self._per_step: float | None = None
        self._first = True

    def stop(self, start: int, total: int) -> int:
        """Return the step before which the dispatch that begins at `start` stops."""
        if self.fixed is not None:
            return min(start + self.fixed, total)
        if self._per_step is None:
            return min(start + 1, total)
        return min(start + max(1, int(TARGET / self._per_step)), total)

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a dispatch."""
        if self._first:
            self._first = False
        else:
            self._per_step = max(seconds / steps, 1e-9)


class Interruption:
    """While entered, Ctrl-C is noted and raised by `check`, between two dispatches.

    A second Ctrl-C is raised at once. In threads other than the main one nothing is changed.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is not signal.default_int_handler:
                self._before = None  # somebody else's handler: leave it alone
            else:
                signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed meanwhile."""
        if self._asked:
            raise KeyboardInterrupt

    def __exit__(self, *error: Any) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


clock = time.perf_counter

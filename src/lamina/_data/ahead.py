"""Ahead: what an iterator gives, worked out in a thread while earlier results are used."""

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

_PROMPT = 0.02  # seconds after which a waiting reader takes less than a whole result
_PATIENCE = 0.1  # seconds after which it is told that there is nothing yet
_FAREWELL = 5.0  # seconds that a thread gets to end; one that a user's code blocks is left alone


class Ahead:
    """Runs an iterator in a thread, up to `depth` results ahead of its reader.

    Args:
        make: returns the iterator, given this object. It is run, and closed, in the thread.
        depth: results that are kept.

    Attributes:
        urgent: whether the reader has waited for so long that it would rather have what there is.

    Iterating gives the results in their order, None whenever nothing has come for a while, and
    raises in the end what the iterator raised. Leaving the `with` ends the thread.
    """

    def __init__(self, make: Callable[["Ahead"], Iterator[Any]], depth: int = 2) -> None:
        self._make, self._depth = make, depth
        self._ready: deque[Any] = deque()
        self._changed = threading.Condition()
        self.urgent = self._stopped = self._ended = False
        self._error: BaseException | None = None
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="lamina-data", daemon=True
        )

    def __enter__(self) -> "Ahead":
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        with self._changed:
            self._stopped = self.urgent = True
            self._changed.notify_all()
        self._thread.join(_FAREWELL)
        self._error = None  # its traceback holds frames of the thread

    def __iter__(self) -> Iterator[Any]:
        while True:
            with self._changed:
                self._wait()
                result = self._ready.popleft() if self._ready else None
                if result is None and self._ended:
                    break
                self._changed.notify_all()
            yield result
        if self._error is not None:
            raise self._error

    def _wait(self) -> None:
        def come() -> bool:
            return bool(self._ready) or self._ended

        if not self._changed.wait_for(come, _PROMPT):
            self.urgent = True
            self._changed.wait_for(come, _PATIENCE)

    def _run(self) -> None:
        results = self._make(self)
        try:
            for result in results:
                if not self._hand_over(result):
                    break
        except BaseException as error:
            self._error = error
        finally:
            try:
                getattr(results, "close", lambda: None)()
            finally:
                with self._changed:
                    self._ended = True
                    self._changed.notify_all()

    def _hand_over(self, result: Any) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: len(self._ready) < self._depth or self._stopped)
            self._ready.append(result)
            self.urgent = self._stopped
            self._changed.notify_all()
            return not self._stopped

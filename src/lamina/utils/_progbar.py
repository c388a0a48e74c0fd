"""The progress bar: one live line where lines can be rewritten, one plain line elsewhere."""

import codecs
import io
import logging
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from lamina._core.errors import describe, explain
from lamina.config import is_interactive_logging_enabled

_SHORTEST_BAR = 5  # columns; a shorter one says nothing, so it goes
_DONE, _LEFT, _PLAIN = "\x1b[32m", "\x1b[90m", "\x1b[0m"


class Screen:
    """What a text stream is, and what it can show.

    Args:
        stream: where the text goes, such as `sys.stdout`; None where there is none (pythonw).

    `kind` is "terminal", "notebook" (rewrites a line at a carriage return, has no columns), "file"
    or "nowhere"; a stream that fails becomes "nowhere", for a display must not end a training.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._flush = getattr(stream, "flush", None)
        self.kind = _kind_of(stream)
        self.encoding = _encoding_of(stream)
        if self.kind == "notebook":
            self._flush = None  # the kernel does so 5 times a second; asking blocks until it did
        legacy = sys.platform == "win32" and not {"WT_SESSION", "TERM_PROGRAM"} & os.environ.keys()
        self.unicode = self.encoding.startswith("utf") and not (legacy and self.kind == "terminal")
        dumb = legacy or os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
        self.colour = self.kind == "terminal" and not dumb

    def columns(self) -> int | None:
        """Return how many columns a line may fill, or None for any number."""
        if self.kind != "terminal":
            return None
        return max(shutil.get_terminal_size().columns - 1, 1)  # a full line wraps in some terminals

    def printable(self, text: str) -> str:
        """Return `text` on one line and in characters that the stream can carry."""
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)
        if text.isascii():
            return text
        return text.encode(self.encoding, "replace").decode(self.encoding)

    def write(self, text: str) -> None:
        """Write `text`, made of printable parts, as it is."""
        if self.kind == "nowhere":
            return
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:  # a stream that says utf-8 and means something else
                self._stream.write(text.encode("ascii", "replace").decode())
            if self._flush is not None:
                self._flush()
        except (ValueError, OSError):  # closed, full, or its reader is gone
            self.kind = "nowhere"


class LogStream:
    """A stream whose lines go to the logger 'lamina', for programs that nobody watches."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        """Log each line of `text` at level INFO."""
        for line in text.splitlines():
            logging.getLogger("lamina").info("%s", line)


def standard_stream() -> Any:
    """Return where progress and messages go: the screen, or the log if that was asked for."""
    return sys.stdout if is_interactive_logging_enabled() else LogStream()


def say(text: str) -> None:
    """Show a message of one or more lines, as `print` does, or log it if that was asked for."""
    Screen(standard_stream()).write(f"{text}\n")


def _kind_of(stream: Any) -> str:
    if stream is None or not hasattr(stream, "write"):
        return "nowhere"
    if isinstance(stream, LogStream):
        return "file"
    classes = type(stream).__mro__
    if any(c.__name__ == "OutStream" for c in classes):  # ipykernel: Jupyter, Colab, VS Code
        return "notebook"
    if any(c.__module__.startswith("idlelib") for c in classes):
        return "file"  # IDLE calls itself a tty and shows carriage returns as they are
    try:
        if hasattr(stream, "isatty") and stream.isatty():
            return "terminal"
    except (ValueError, OSError):  # closed
        return "nowhere"
    if "PYCHARM_HOSTED" in os.environ:
        return "notebook"
    if _in_kernel() and not isinstance(stream, (io.StringIO, io.TextIOWrapper)):
        return "notebook"  # a wrapper around the kernel's stream
    return "file"


def _in_kernel() -> bool:
    """Whether this process is a notebook's kernel; who drives one has imported ipykernel too."""
    app = sys.modules.get("ipykernel.kernelapp")
    return app is not None and app.IPKernelApp.initialized()


def _encoding_of(stream: Any) -> str:
    encoding = getattr(stream, "encoding", None)
    if not isinstance(encoding, str):  # text in memory takes everything, a stranger may not
        return "utf-8" if stream is None or isinstance(stream, io.StringIO) else "ascii"
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "ascii"


def display_width(text: str) -> int:
    """Return how many columns `text` takes in a terminal.

    Example:
        >>> display_width("loss"), display_width("损失")
        (4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text
    )


def _cut(text: str, columns: int) -> str:
    """Return the start of `text` that `columns` hold."""
    while text and display_width(text) > columns:
        text = text[: columns - display_width(text)]
    return text


class Progbar:
    """Shows how far a loop is, how long it takes and what its metrics are.

    In a terminal or a notebook it is one line that rewrites itself; into a file or a pipe it is one
    line, written at the end, without control characters. Which one is decided from `sys.stdout`
    when the bar is made. After `config.disable_interactive_logging()` that line goes to the log.

    Args:
        target: the number of steps to expect, or None if unknown.
        width: length of the bar, in columns.
        verbose: 0 shows nothing, 1 the live line, 2 one line at the end everywhere.
        interval: shortest time between two redrawings, in seconds.
        stateful_metrics: names of the metrics shown as given; the others are averaged over the
            steps since the start.
        stateless_metrics: names of the metrics to average; the others are shown as given.
            At most one of the two may be used; with neither all are averaged.
        unit_name: what a step is called.

    Raises:
        ValueError: if both `stateful_metrics` and `stateless_metrics` are given.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.update(2, [("loss", 0.25)])  # doctest: +ELLIPSIS
        2/2 - 0s - .../step - loss: 0.2500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int | str = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                explain(
                    "Progbar",
                    "expected `stateful_metrics` or `stateless_metrics`, not both",
                    f"{describe(stateful_metrics)} and {describe(stateless_metrics)}",
                    "name those to show as given in the first, or those to average in the second",
                )
            )
        self.target = target
        self.width = width
        self.verbose = 1 if verbose == "auto" else verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = (
            None if stateless_metrics is not None else set(stateful_metrics or ())
        )
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._screen = Screen(standard_stream())
        self._live = self.verbose == 1 and self._screen.kind in ("terminal", "notebook")
        self._heading = ""
        self._values: dict[str, tuple[Any, int]] = {}  # name: sum and count
        self._labels: dict[str, str] = {}
        self._seen_so_far = 0
        self._start = perf_counter()
        self._compile_time = 0.0
        self._after_first_step: float | None = None  # working seconds
        self._step_time = 0.0
        self._drawn_at = -float("inf")
        self._drawn_width = 0  # columns of the unfinished line on the screen

    def heading(self, text: str) -> None:
        """Show `text` (such as "Epoch 1/10") above a live line, or at the start of a plain one."""
        if not self.verbose:
            return
        text = self._screen.printable(text)
        if self._live:
            self._screen.write(f"{text}\n")
        else:
            self._heading = f"{text} - "

    def note(self, text: str) -> None:
        """Show `text` in the live line until the first update; elsewhere nothing."""
        if self._live and not self._seen_so_far:
            self._draw_live(0, " " + self._screen.printable(text), [], last=False)

    def compiled(self, seconds: float) -> None:
        """Say that `seconds` of the time up to now were compilation.

        They are left out of the time per step, and the finished line names them. To be called
        before the update that follows the compilation.
        """
        self._compile_time += seconds

    def update(
        self,
        current: int,
        values: Sequence[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that `current` steps are done.

        Args:
            current: number of finished steps.
            values: pairs of a metric's name and its value for the last step.
            finalize: whether this is the last update; None: whether `current` reached the target.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        now = perf_counter()
        if values:
            self._record(current, values, finalize)
        if current != self._seen_so_far:
            self._time_steps(current, now - self._start - self._compile_time)
            self._seen_so_far = current
        if not self.verbose:
            return
        if self._live:
            if finalize or now - self._drawn_at >= self.interval:
                self._draw_live(
                    current, self._times(current, now, finalize), self._metrics(), finalize
                )
                self._drawn_at = now
        elif finalize:
            self._write_line(current, now)

    def add(self, n: int, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done; `values` as in `update`."""
        self.update(self._seen_so_far + n, values)

    def finish(self, values: Sequence[tuple[str, Any]] | None = None) -> None:
        """Make the last update, at the steps seen so far; if no target was known, they are it."""
        if self.target is None:
            self.target = self._seen_so_far
        self.update(self._seen_so_far, values, finalize=True)

    def close(self) -> None:
        """End an unfinished live line where it stands; what is printed next starts a new one."""
        if self._drawn_width:
            self._screen.write("\n")
            self._drawn_width = 0

    def _record(self, current: int, values: Sequence[tuple[str, Any]], finalize: bool) -> None:
        for name, value in values:
            if self.stateful_metrics is not None:
                averaged = name not in self.stateful_metrics
            else:
                averaged = name in self.stateless_metrics  # type: ignore[operator]
            # As in Keras, the closing value replaces the average: it comes from the metric itself.
            if finalize or not averaged or value is None or isinstance(value, str):
                self._values[name] = (value, 1)
                continue
            if isinstance(value, (list, tuple)):
                value = np.asarray(value)
            steps = max(current - self._seen_so_far, 1)
            total, count = self._values.get(name, (None, 0))
            if total is None or isinstance(total, str):
                total, count = 0, 0
            self._values[name] = (total + value * steps, count + steps)

    def _time_steps(self, current: int, worked: float) -> None:
        """Keep the mean time of a step.

        It is measured when the count moves, so that validation at the end of an epoch is not in it;
        nor is the first step if it was seen alone, which is rarely like the others.
        """
        if self._after_first_step is not None and current > 1:
            self._step_time = max(worked - self._after_first_step, 0.0) / (current - 1)
        elif current:
            self._step_time = max(worked, 0.0) / current
        if current == 1:
            self._after_first_step = worked

    def _count(self, current: int) -> str:
        if not self.target:
            return f"{int(current)}/Unknown"
        target = str(int(self.target))
        return f"{int(current):>{len(target)}}/{target}"

    def _times(self, current: int, now: float, finalize: bool) -> str:
        per_step = f"{_short_time(self._step_time)}/{self._screen.printable(self.unit_name)}"
        if self.target and not finalize:
            left = _clock(self._step_time * max(self.target - current, 0))
            return f" ETA {left} {per_step}"
        return f" {now - self._start:.0f}s {per_step}"

    def _metrics(self) -> list[str]:
        """Return "name: value" of each metric, in characters that the stream can carry."""
        texts = []
        for name, (total, count) in self._values.items():
            label = self._labels.get(name)
            if label is None:
                label = self._labels[name] = self._screen.printable(str(name))
            texts.append(f"{label}: {self._screen.printable(_number(total, count))}")
        return texts

    def _compile_note(self) -> str:
        return f" (compiled in {self._compile_time:.1f}s)" if self._compile_time >= 0.05 else ""

    def _write_line(self, current: int, now: float) -> None:
        times = self._times(current, now, finalize=True).strip().replace(" ", " - ", 1)
        line = " - ".join([f"{self._heading}{self._count(current)}", times, *self._metrics()])
        self._screen.write(f"{line}{self._compile_note()}\n")

    def _draw_live(self, current: int, tail: str, metrics: list[str], last: bool) -> None:
        columns = self._screen.columns()
        count = self._count(current)
        pieces = [f" - {m}" for m in metrics]
        if last and self._compile_time:
            pieces.append(self._compile_note())
        length = self.width if self.target else 0
        indent = len(count) + 1 if columns is None or columns >= 40 else 1
        if columns is None:
            lines = [pieces]
        else:
            tail = _cut(tail, max(columns - len(count), 0))
            room = columns - len(count) - display_width(tail)
            length, lines = _fit(pieces, length, room, columns - indent, last)
        bar, bar_width = self._bar(current, length)
        text = "".join([tail, *lines[0]])
        width = len(count) + bar_width + display_width(text)
        if columns is not None and width > columns:  # narrower than the count itself
            count, bar, text, width = _cut(count, columns), "", "", min(len(count), columns)
        padding = " " * (min(self._drawn_width, columns or self._drawn_width) - width)
        more = [
            f"\n{' ' * indent}{''.join(line).removeprefix(' - ').lstrip()}" for line in lines[1:]
        ]
        end = "\n" if last else ""
        self._screen.write(f"\r{count}{bar}{text}{padding}{''.join(more)}{end}")
        self._drawn_width = 0 if last else width

    def _bar(self, current: int, length: int) -> tuple[str, int]:
        """Return the bar with a space before it, and the columns it takes."""
        if length <= 0:
            return "", 0
        screen, part = self._screen, min(max(current / self.target, 0.0), 1.0)  # type: ignore[operator]
        if not screen.unicode:
            inner = max(length - 2, 1)
            done = int(inner * part)
            head = ">" if done < inner else ""
            return f" [{'=' * done}{head}{'.' * (inner - done - len(head))}]", inner + 3
        done = int(length * part)
        if not screen.colour:
            return f" {'━' * done}{'─' * (length - done)}", length + 1
        return f" {_DONE}{'━' * done}{_LEFT}{'━' * (length - done)}{_PLAIN}", length + 1


def _fit(
    pieces: list[str], length: int, room: int, indented: int, last: bool
) -> tuple[int, list[list[str]]]:
    """Return how long the bar may be, and the pieces for each line.

    A line that is still to be rewritten must not wrap, so what does not fit is left out of it; the
    finished one says everything, on further lines of `indented` columns if need be.
    """
    widths = [display_width(p) for p in pieces]
    spare = room - sum(widths) - 1  # the space before the bar
    if spare >= min(length, _SHORTEST_BAR):
        return min(length, spare), [pieces]
    if spare >= -1:
        return 0, [pieces]
    if not last:
        marker = " ..."
        left, kept = room - len(marker), 0
        while kept < len(pieces) and widths[kept] <= left:
            left -= widths[kept]
            kept += 1
        return 0, [[*pieces[:kept], marker] if room >= len(marker) else []]
    if room <= length:
        length = 0
    lines: list[list[str]] = [[]]
    left = room - (length + 1 if length else 0)
    for piece, width in zip(pieces, widths, strict=True):
        if width > left:
            lines.append([])
            left = indented
            piece = _cut(piece, left + 3)  # without its " - "
            width = min(display_width(piece), left)
        lines[-1].append(piece)
        left -= width
    return length, lines


def _number(total: Any, count: int) -> str:
    """Return a value as Keras writes it: 4 decimals, or the scientific form near zero."""
    if total is None or isinstance(total, str):
        return str(total)
    try:
        if not isinstance(total, (int, float)):
            array = np.asarray(total, np.float64)
            total = array.mean() if array.size else float("nan")
        mean = float(total) / max(count, 1)
    except (TypeError, ValueError):
        return str(total)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def _short_time(seconds: float) -> str:
    if seconds == 0 or round(seconds * 1e3) >= 1000:
        return f"{seconds:.0f}s"
    if round(seconds * 1e6) >= 1000:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}us"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    if whole >= 60:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole}s"

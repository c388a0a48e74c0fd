import io
import os
import re
import sys
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.utils import _progbar
from lamina.utils._progbar import Progbar, Screen, display_width


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class OutStream(io.StringIO):  # named as ipykernel's
    encoding = "UTF-8"


class Encoded(io.TextIOWrapper):
    """A console or file of a given encoding."""

    def __init__(self, encoding, tty):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.tty = tty

    def isatty(self):
        return self.tty

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


class Clock:
    """Replaces the clock, so that times are exact."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(_progbar, "perf_counter", clock)
    return clock


@pytest.fixture
def into(monkeypatch):
    """Return a function that makes a stream `sys.stdout` and the terminal `columns` wide."""
    for name in ("NO_COLOR", "PYCHARM_HOSTED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def place(stream, columns=100):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(
            _progbar.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24))
        )
        return stream

    return place


def without_colour(text):
    return re.sub(r"\x1b\[\d+m", "", text)


def on_screen(text, columns=None):
    """Return the lines that a terminal shows after `text`."""
    lines = []
    for line in without_colour(text).split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
            assert columns is None or display_width(part) < columns
        lines.append(shown.rstrip())
    return lines[:-1] if lines[-1] == "" else lines


def run(clock, steps=4, seconds=1.0, last=(), **options):
    bar = Progbar(steps, stateless_metrics=set(), **options)
    for step in range(1, steps + 1):
        clock.now += seconds
        values = [("loss", 1 / step), ("accuracy", step / steps)]
        bar.update(step, values, finalize=False)
    bar.update(steps, [*values, *last], finalize=True)
    return bar


# --- where it goes --------------------------------------------------------------------------------


def test_a_pipe_gets_one_plain_line(into, clock):
    stream = into(io.StringIO())
    run(clock)
    assert stream.getvalue() == "4/4 - 4s - 1s/step - loss: 0.2500 - accuracy: 1.0000\n"


def test_a_pipe_gets_nothing_before_the_end(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(4)
    bar.note("compiling")
    bar.update(3, [("loss", 1.0)])
    assert stream.getvalue() == ""


def test_the_heading_is_part_of_a_plain_line(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(1)
    bar.heading("Epoch 1/10")
    clock.now += 2
    bar.update(1, [("loss", 1.0)])
    assert stream.getvalue() == "Epoch 1/10 - 1/1 - 2s - 2s/step - loss: 1.0000\n"


def test_a_terminal_rewrites_one_line(into, clock):
    stream = into(Terminal())
    run(clock, interval=0)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert text.count("\r") == 5
    assert on_screen(text) == [
        "4/4 ━━━━━━━━━━━━━━━━━━━━ 4s 1s/step - loss: 0.2500 - accuracy: 1.0000"
    ]
    assert "\r2/4 ━━━━━━━━━━━━━━━━━━━━ ETA 2s 1s/step - loss: 0.5000" in without_colour(text)


def test_a_terminal_shows_the_heading_above(into, clock):
    stream = into(Terminal())
    bar = Progbar(2)
    bar.heading("Epoch 1/3")
    assert stream.getvalue() == "Epoch 1/3\n"


def test_a_shorter_line_covers_the_longer_one(into, clock):
    stream = into(Terminal())
    bar = Progbar(2, interval=0, stateless_metrics=set())
    bar.note("a remark that is much longer than the rest of the line will be")
    bar.update(1)
    bar.update(2)
    assert on_screen(stream.getvalue()) == ["2/2 ━━━━━━━━━━━━━━━━━━━━ 0s 0s/step"]


def test_a_notebook_gets_no_escape_sequences(into, clock):
    stream = into(OutStream())
    run(clock, interval=0)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\b" not in text
    assert text.count("\r") == 5
    assert text.count("\n") == 1
    assert "\r2/4 ━━━━━━━━━━────────── ETA 2s 1s/step" in text


def test_a_wrapper_of_a_notebook_stream_is_a_notebook(into, monkeypatch):
    class Tee:
        def write(self, text): ...

    def kernel(initialized):
        return SimpleNamespace(IPKernelApp=SimpleNamespace(initialized=lambda: initialized))

    monkeypatch.delitem(sys.modules, "ipykernel.kernelapp", raising=False)
    assert Screen(Tee()).kind == "file"
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert Screen(Tee()).kind == "file"  # imported by someone, who drives kernels perhaps
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel(initialized=False))
    assert Screen(Tee()).kind == "file"
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel(initialized=True))
    assert Screen(Tee()).kind == "notebook"
    assert Screen(io.StringIO()).kind == "file"  # redirected


def test_pycharm_rewrites_lines_and_idle_does_not(into, monkeypatch):
    idle = type("StdOutputFile", (Terminal,), {"__module__": "idlelib.run"})
    assert Screen(idle()).kind == "file"
    monkeypatch.setenv("PYCHARM_HOSTED", "1")
    assert Screen(io.StringIO()).kind == "notebook"


def test_verbose_0_prints_nothing(into, clock):
    stream = into(Terminal())
    bar = run(clock, verbose=0, interval=0)
    bar.heading("Epoch 1/2")
    bar.note("compiling")
    bar.close()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [Terminal, OutStream, io.StringIO])
def test_verbose_2_is_one_plain_line_everywhere(into, clock, kind):
    stream = into(kind())
    run(clock, verbose=2, interval=0)
    assert stream.getvalue() == "4/4 - 4s - 1s/step - loss: 0.2500 - accuracy: 1.0000\n"


def test_no_color_leaves_the_bar_readable(into, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = into(Terminal())
    bar = Progbar(4, interval=0)
    clock.now += 1
    bar.update(1)
    assert stream.getvalue() == "\r1/4 ━━━━━─────────────── ETA 3s 1s/step"


def test_colours_end_with_the_bar(into, clock):
    stream = into(Terminal())
    Progbar(4, interval=0).update(1)
    assert "\x1b[32m━━━━━\x1b[90m━━━━━━━━━━━━━━━\x1b[0m " in stream.getvalue()


# --- encodings and names --------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp936", "cp1252", "ascii"])
def test_a_console_of_an_old_encoding_gets_an_ascii_bar(into, clock, encoding):
    stream = into(Encoded(encoding, tty=True))
    run(clock, interval=0)
    text = without_colour(stream.text())
    assert "\r2/4 [=========>........] ETA 2s" in text
    assert "\r4/4 [==================] 4s" in text


def test_names_that_the_console_lacks_are_replaced(into, clock):
    stream = into(Encoded("cp1252", tty=False))
    Progbar(1).update(1, [("损失", 1.0), ("é", 2.0)])
    assert "??: 1.0000 - é: 2.0000" in stream.text()


def test_names_that_the_console_has_are_kept(into, clock):
    stream = into(Encoded("cp936", tty=True))
    Progbar(1).update(1, [("损失", 1.0)])
    assert "损失: 1.0000" in stream.text()


def test_a_stream_that_lies_about_its_encoding_still_gets_the_line(into, clock):
    class Liar(io.StringIO):
        encoding = "utf-8"

        def write(self, text):
            text.encode("ascii")
            return super().write(text)

    stream = into(Liar())
    Progbar(1).update(1, [("损失", 1.0)])
    assert "??: 1.0000" in stream.getvalue()


def test_control_characters_in_names_do_not_reach_the_screen(into, clock):
    stream = into(io.StringIO())
    Progbar(1).update(1, [("a\nb\x1b[2J\rc\u202e", 1.0)])
    assert stream.getvalue() == "1/1 - 0s - 0s/step - a b?[2J c?: 1.0000\n"


def test_display_width():
    assert display_width("loss") == 4
    assert display_width("准确率") == 6
    assert display_width("e\u0301") == 1


# --- width ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [200, 80, 60, 44, 30, 20, 8, 3, 1])
def test_the_line_never_wraps(into, clock, columns):
    stream = into(Terminal(), columns)
    last = [("val_loss", 1.0), ("val_accuracy", 0.5), ("损失函数", 0.25)]
    bar = Progbar(4, interval=0)
    bar.note("compiling (first time only)")
    for step in range(1, 4):
        bar.update(step, [("loss", 1 / step), ("accuracy", step / 4), *last])
    bar.update(4, [("loss", 0.25), *last])
    on_screen(stream.getvalue(), max(columns, 2))


def test_the_bar_shrinks_before_metrics_go(into, clock):
    values = [("loss", 1.0), ("accuracy", 0.5)]
    seen = {}
    for columns in (60, 50, 40):
        stream = into(Terminal(), columns)
        bar = Progbar(4, interval=0)
        clock.now += 4
        bar.update(1, values)
        seen[columns] = on_screen(stream.getvalue())[0]
    assert 5 <= seen[60].count("━") < 20
    assert "accuracy: 0.5000" in seen[60]
    assert seen[50] == "1/4 ETA 12s 4s/step - loss: 1.0000 ..."
    assert seen[40] == "1/4 ETA 12s 4s/step - loss: 1.0000 ..."


def test_the_finished_line_keeps_all_metrics_on_a_second_line(into, clock):
    stream = into(Terminal(), 80)
    run(clock, last=[("val_loss", 1.5), ("val_accuracy", 0.5)])
    assert on_screen(stream.getvalue(), 80) == [
        "4/4 ━━━━━━━━━━━━━━━━━━━━ 4s 1s/step - loss: 0.2500 - accuracy: 1.0000",
        "    val_loss: 1.5000 - val_accuracy: 0.5000",
    ]


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.0, "2s"), (0.99996, "1s"), (0.0123, "12ms"), (8e-6, "8us"), (0, "0s")]
)
def test_time_per_step(into, clock, seconds, text):
    stream = into(io.StringIO())
    run(clock, seconds=seconds)
    assert f" - {text}/step" in stream.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(1, "59s"), (2, "1:58"), (100, "1:38:20")])
def test_time_to_come(into, clock, seconds, text):
    stream = into(Terminal())
    bar = Progbar(60)
    clock.now += seconds
    bar.update(1)
    assert f"ETA {text} " in stream.getvalue()


def test_the_first_step_does_not_count_when_there_are_more(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(3)
    for seconds in (10, 1, 1):
        clock.now += seconds
        bar.add(1)
    assert stream.getvalue() == "3/3 - 12s - 1s/step\n"


def test_compilation_is_named_and_left_out_of_the_time_per_step(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(4)
    clock.now += 0.44
    bar.compiled(0.44)
    clock.now += 4
    bar.update(4, [("loss", 1.0)])
    assert stream.getvalue() == "4/4 - 4s - 1s/step - loss: 1.0000 (compiled in 0.4s)\n"


def test_validation_at_the_end_is_left_out_of_the_time_per_step(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(4)
    clock.now += 4
    bar.update(4, finalize=False)
    clock.now += 8
    bar.update(4, finalize=True)
    assert stream.getvalue() == "4/4 - 12s - 1s/step\n"


def test_a_note_stands_until_the_first_update(into, clock):
    stream = into(Terminal())
    bar = Progbar(10)
    bar.note("compiling (first time only)")
    assert on_screen(stream.getvalue()) == [
        " 0/10 ━━━━━━━━━━━━━━━━━━━━ compiling (first time only)"
    ]
    clock.now += 0.001
    bar.update(1)
    assert "compiling" not in on_screen(stream.getvalue())[0]
    before = stream.getvalue()
    bar.note("too late")
    assert stream.getvalue() == before


def test_updates_within_the_interval_are_not_drawn_but_the_last_is(into, clock):
    stream = into(Terminal())
    run(clock, steps=100, seconds=0.001, interval=0.05)
    drawn = re.findall(r"(\d+)/100", stream.getvalue())
    assert drawn == ["1", "51", "100"] or drawn == ["1", "52", "100"]


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.44071, "0.4407"),
        (0.001, "1.0000e-03"),
        (0.0, "0.0000e+00"),
        (-3, "-3.0000"),
        (float("nan"), "nan"),
        (np.float32(2), "2.0000"),
        (np.array([1.0, 3.0]), "2.0000"),
        (jnp.asarray(0.5, "bfloat16"), "0.5000"),
        (np.array([]), "nan"),
        ([1.0, 3.0], "2.0000"),
        (None, "None"),
        ("n/a", "n/a"),
    ],
)
def test_values_as_text(into, clock, value, text):
    for options in ({}, {"stateless_metrics": set()}):
        stream = into(io.StringIO())
        bar = Progbar(2, **options)
        bar.update(1, [("m", value)])
        bar.update(2, finalize=True)
        assert stream.getvalue().endswith(f"m: {text}\n")


def shown_after(into, updates, **options):
    stream = into(io.StringIO())
    bar = Progbar(100, **options)
    for current, value in updates:
        bar.update(current, [("m", value)])
    bar.update(bar._seen_so_far, finalize=True)
    return float(stream.getvalue().split("m: ")[1])


def test_metrics_are_averaged_over_steps_unless_told_otherwise(into, clock):
    updates = [(1, 1.0), (3, 4.0), (4, 3.0)]
    average = (1 * 1.0 + 2 * 4.0 + 1 * 3.0) / 4
    assert shown_after(into, updates) == average
    assert shown_after(into, updates, stateful_metrics=["other"]) == average
    assert shown_after(into, updates, stateless_metrics=["m"]) == average
    assert shown_after(into, updates, stateful_metrics=["m"]) == 3.0
    assert shown_after(into, updates, stateless_metrics=[]) == 3.0


def test_a_missing_value_does_not_spoil_the_average(into, clock):
    assert shown_after(into, [(1, None), (2, 4.0), (3, 2.0)]) == 3.0


def test_the_closing_value_replaces_the_average(into, clock):
    stream = into(io.StringIO())
    bar = Progbar(2)
    bar.update(1, [("m", 1.0)])
    bar.update(2, [("m", 5.0)])
    assert "m: 5.0000" in stream.getvalue()


def test_both_lists_of_metrics_are_refused():
    with pytest.raises(ValueError, match=r"(?s)Progbar: expected.*Got.*Help"):
        Progbar(1, stateful_metrics=["a"], stateless_metrics=["b"])


# --- robustness -----------------------------------------------------------------------------------


def test_unknown_target(into, clock):
    stream = into(Terminal())
    bar = Progbar(None)
    clock.now += 7
    bar.update(7, [("loss", 1.0)])
    assert on_screen(stream.getvalue()) == ["7/Unknown 7s 1s/step - loss: 1.0000"]
    bar.finish()
    assert on_screen(stream.getvalue()) == ["7/7 ━━━━━━━━━━━━━━━━━━━━ 7s 1s/step - loss: 1.0000"]


def test_more_steps_than_expected(into, clock):
    stream = into(Terminal())
    Progbar(2).update(5, finalize=False)
    assert on_screen(stream.getvalue())[0].count("━") == 20


def test_close_ends_an_unfinished_line_once(into, clock):
    stream = into(Terminal())
    bar = Progbar(2)
    bar.update(1)
    bar.close()
    bar.close()
    assert stream.getvalue().count("\n") == 1


def test_without_a_stdout(into, clock):
    into(None)
    bar = run(clock)
    bar.close()
    assert bar._screen.kind == "nowhere"


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_stream_closed_meanwhile(into, clock, kind):
    stream = into(kind())
    bar = Progbar(2)
    bar.update(1)
    stream.close()
    bar.update(2)
    assert bar._screen.kind == "nowhere"


def test_a_stream_closed_before(into, clock):
    stream = into(io.StringIO())
    stream.close()
    Progbar(1).update(1)


def test_a_stream_with_nothing_but_write(into, clock):
    class Bare:
        text = ""

        def write(self, text):
            self.text += text

    stream = into(Bare())
    Progbar(1).update(1, [("损", 1.0)])
    assert stream.text == "1/1 - 0s - 0s/step - ?: 1.0000\n"


def test_a_full_disk_does_not_end_the_training(into, clock):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError("no space left")

    into(Full())
    Progbar(1).update(1)

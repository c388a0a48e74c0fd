import io
import sys

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential
from lamina.layers import Dense, Dropout, Flatten
from lamina.utils._progbar import display_width


def text_of(model, **options):
    parts = []
    model.summary(print_fn=parts.append, **{"line_length": 120, **options})
    assert len(parts) == 1
    return parts[0]


def rows_of(model, **options):
    """Return the cells of each line of the table, without the header."""
    lines = text_of(model, **options).splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]


class Console(io.TextIOWrapper):
    def __init__(self, encoding, tty=False):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.tty = tty

    def isatty(self):
        return self.tty

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def tutorial():
    return Sequential(
        [Input((3,)), Dense(4, activation="sigmoid", name="hidden"), Dense(2, name="out")],
        name="net",
    )


@pytest.fixture
def several():
    """Two inputs, a shared layer, an op and two outputs."""
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Dense(4, name="shared")
    x, y = shared(a), shared(b)
    return Model([a, b], [Dense(2, name="out")(x * y), Dense(1, name="side")(y)], name="several")


@pytest.fixture
def nested():
    i = Input((3,), name="inner_in")
    inner = Model(i, Dense(4, name="inner_dense")(i), name="inner")
    stack = Sequential([Input((4,)), Dense(2, name="top")], name="stack")
    o = Input((3,), name="outer_in")
    return Model(o, stack(inner(o)), name="outer")


class Own(Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.first = Dense(4, name="first")
        self.second = Dense(2, name="second")

    def call(self, x):
        return self.second(self.first(x))


# --- content --------------------------------------------------------------------------------------


def test_the_whole_text(tutorial):
    assert text_of(tutorial, line_length=60) == (
        'Model: "net"\n'
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓\n"
        "┃ Layer (type)            ┃ Output Shape       ┃   Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩\n"
        "│ hidden (Dense)          │ (None, 4)          │        16 │\n"
        "├─────────────────────────┼────────────────────┼───────────┤\n"
        "│ out (Dense)             │ (None, 2)          │        10 │\n"
        "└─────────────────────────┴────────────────────┴───────────┘\n"
        " Total params: 26 (104.00 B)\n"
        " Trainable params: 26 (104.00 B)\n"
        " Non-trainable params: 0 (0.00 B)\n"
    )


def test_several_inputs_and_a_shared_layer(several):
    rows = {row[0]: row[1:] for row in rows_of(several)}
    assert rows == {
        "a (InputLayer)": ["(None, 3)", "0", "-"],
        "b (InputLayer)": ["(None, 3)", "0", "-"],
        "shared (Dense)": ["(None, 4)", "16", "a[0][0], b[0][0]"],
        "multiply (Multiply)": ["(None, 4)", "0", "shared[0][0], shared[1][0]"],
        "out (Dense)": ["(None, 2)", "10", "multiply[0][0]"],
        "side (Dense)": ["(None, 1)", "5", "shared[1][0]"],
    }


def test_ops_of_one_kind_are_counted():
    x = Input((3,), name="x")
    rows = rows_of(Model(x, (x + 1.0) * (x + 2.0)))
    assert [row[0] for row in rows[1:]] == ["add (Add)", "add_1 (Add)", "multiply (Multiply)"]
    assert rows[3][3] == "add[0][0], add_1[0][0]"


def test_a_functional_chain_has_no_connections(nested):
    assert [len(row) for row in rows_of(nested)] == [3, 3, 3]
    assert "Connected to" not in text_of(nested)


def test_models_inside(nested):
    assert [row[0] for row in rows_of(nested)] == [
        "outer_in (InputLayer)", "inner (Functional)", "stack (Sequential)",
    ]  # fmt: skip
    assert rows_of(nested, expand_nested=True)[1:] == [
        ["inner (Functional)", "(None, 4)", "16"],
        ["└ inner_in (InputLayer)", "(None, 3)", "0"],
        ["└ inner_dense (Dense)", "(None, 4)", "16"],
        ["stack (Sequential)", "(None, 2)", "10"],
        ["└ top (Dense)", "(None, 2)", "10"],
    ]


def test_deeper_models_are_indented_further(nested):
    x = Input((3,))
    text = text_of(Model(x, nested(x)), expand_nested=True)
    assert "│    └ inner (Functional)" in text
    assert "│       └ inner_dense (Dense)" in text


def test_a_subclass():
    model = Own()
    assert rows_of(model) == [
        ["first (Dense)", "?", "0 (unbuilt)"],
        ["second (Dense)", "?", "0 (unbuilt)"],
    ]
    model(np.zeros((5, 3)))
    assert [row[2] for row in rows_of(model)] == ["16", "10"]
    assert [row[1].endswith(", 4)") for row in rows_of(model)] == [True, False]


def test_a_subclass_inside_a_graph():
    x = Input((3,), name="x")
    rows = rows_of(Model(x, Own(name="own")(x)), expand_nested=True)
    assert rows[1:] == [
        ["own (Own)", "(None, 2)", "26"],
        ["└ first (Dense)", "(None, 4)", "16"],
        ["└ second (Dense)", "(None, 2)", "10"],
    ]


def test_a_stack_without_an_input_shape():
    model = Sequential([Dense(4), Flatten()])
    assert rows_of(model)[0][1:] == ["?", "0 (unbuilt)"]
    assert "Total params: 0 (0.00 B)" in text_of(model)


def test_an_empty_model():
    assert rows_of(Sequential()) == []


def test_several_outputs_of_one_layer():
    class Split(lamina.Layer):
        def call(self, x):
            return {"low": x[:, :1], "high": x[:, 1:]}

    x = Input((3,))
    rows = rows_of(Model(x, Split(name="split")(x)))
    assert rows[1][1] == "{high: (None, 2), low: (None, 1)}"


def test_trainable(tutorial):
    tutorial.layers[0].trainable = False
    tutorial.add(Dropout(0.5, name="drop"))
    assert [row[3] for row in rows_of(tutorial, show_trainable=True)] == ["N", "Y", "-"]
    text = text_of(tutorial)
    assert " Trainable params: 10 (40.00 B)" in text
    assert " Non-trainable params: 16 (64.00 B)" in text


def test_the_optimizer_counts(tutorial):
    tutorial.compile("adam", "mse")
    assert "Optimizer" not in text_of(tutorial)
    tutorial.fit(np.zeros((4, 3)), np.zeros((4, 2)), verbose=0)
    optimizer = 2 * 26 + 2  # two moments; the step count and the rate
    assert f" Optimizer params: {optimizer} ({4 * optimizer}.00 B)" in text_of(tutorial)
    assert f" Total params: {26 + optimizer} (" in text_of(tutorial)


def test_memory_by_dtype_and_unit():
    model = Sequential([Input((1000,)), Dense(1000, use_bias=False, dtype="float16")])
    assert "Total params: 1,000,000 (1.91 MB)" in text_of(model)
    assert rows_of(model)[0][2] == "1,000,000"


# --- range ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer_range", "names"),
    [
        (("first", "second"), ["first", "second"]),
        (["second", "third(1)"], ["second", "third(1)"]),
        (("third", "first"), ["first", "second", "third(1)"]),
        (("s", "s"), ["second"]),
        ((".*", "sec.*"), ["first", "second"]),
        (("third(1)", "third(1)"), ["third(1)"]),
        (("third(", "third("), None),
    ],
)
def test_layer_range(layer_range, names):
    layers = [Dense(1, name=name) for name in ("first", "second", "third(1)")]
    model = Sequential([Input((1,)), *layers])
    if names is None:
        with pytest.raises(ValueError, match="did you mean 'third"):
            text_of(model, layer_range=layer_range)
    else:
        shown = [row[0].removesuffix(" (Dense)") for row in rows_of(model, layer_range=layer_range)]
        assert shown == names


@pytest.mark.parametrize("layer_range", ["hidden", ("hidden",), (0, 1), ("hidden", None)])
def test_a_range_that_is_no_pair_of_names(tutorial, layer_range):
    with pytest.raises(ValueError, match=r"(?s)two names.*Got.*Help"):
        tutorial.summary(layer_range=layer_range)


def test_a_range_of_unknown_names(tutorial):
    with pytest.raises(ValueError, match=r"(?s)Got 'hiden'.*did you mean 'hidden'"):
        tutorial.summary(layer_range=("hiden", "out"))


# --- layout ---------------------------------------------------------------------------------------


def widths_of(text):
    return {display_width(line) for line in text.splitlines() if line[0] in "┏┃┡│├└"}


@pytest.mark.parametrize("line_length", [52, 60, 88, 133])
@pytest.mark.parametrize("show_trainable", [False, True])
def test_every_line_is_as_long_as_asked(several, tutorial, line_length, show_trainable):
    options = {"line_length": line_length, "show_trainable": show_trainable}
    assert widths_of(text_of(tutorial, **options)) == {line_length}
    if line_length > 60:
        assert widths_of(text_of(several, **options)) == {line_length}


def test_wide_names_are_aligned():
    model = Sequential([Input((3,)), Dense(4, name="隐藏层"), Dense(2, name="输出")], name="网络")
    text = text_of(model)
    assert widths_of(text) == {120}
    assert 'Model: "网络"' in text
    assert "隐藏层 (Dense) " in text


def test_long_names_are_shown_whole():
    name = "block" + "_of_a_long_name" * 8
    rows = rows_of(Sequential([Input((3,)), Dense(1, name=name)]), line_length=60)
    assert "".join(row[0] for row in rows) == f"{name} (Dense)"


def test_markup_and_control_characters_in_names_are_text():
    model = Sequential([Input((3,)), Dense(1, name="[bold]x[bold]\x1b[31m\n:smile:")], name="[red]")
    text = text_of(model)
    assert "[bold]x[bold]?[31m :smile: (Dense)" in text
    assert 'Model: "[red]"' in text


@pytest.mark.parametrize("positions", [[0.5, 0.7, 1.0], [30, 42, 60]])
def test_positions(tutorial, positions):
    header = text_of(tutorial, line_length=60, positions=positions).splitlines()[2]
    assert [i + 1 for i, c in enumerate(header) if c == "┃"][1:] == [30, 42, 60]


@pytest.mark.parametrize("options", [{"positions": [0.5, 1.0]}, {"line_length": 12}])
def test_columns_that_do_not_fit(tutorial, options):
    with pytest.raises(ValueError, match=r"(?s)summary: expected.*Got"):
        tutorial.summary(**options)


# --- where it goes --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp936", "cp1252"])
@pytest.mark.parametrize("tty", [False, True])
def test_a_console_of_an_old_encoding(nested, monkeypatch, encoding, tty):
    console = Console(encoding, tty)
    monkeypatch.setattr(sys, "stdout", console)
    model = Sequential([Input((3,)), Dense(1, name="层")])
    model.summary()
    nested.summary(expand_nested=True)
    text = console.text()
    assert "+-----" in text
    assert "`- " in text
    assert ("层" if encoding == "cp936" else "?") in text
    assert "━" not in text


def test_print_fn_gets_what_the_console_can_show(tutorial, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Console("cp1252"))
    assert text_of(tutorial).isascii()


def test_a_file_gets_a_fixed_width_and_no_escape_sequences(tutorial, several, monkeypatch):
    for model, width in ((tutorial, 88), (several, 108)):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setenv("COLUMNS", "50")
        model.summary()
        assert "\x1b" not in stream.getvalue()
        assert widths_of(stream.getvalue()) == {width}


@pytest.mark.parametrize(("columns", "width"), [(200, 88), (61, 60), (20, 40)])
def test_a_terminal_gets_lines_that_fit(tutorial, monkeypatch, columns, width):
    console = Console("utf-8", tty=True)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    tutorial.summary()
    assert widths_of(console.text()) == {width}


@pytest.mark.parametrize("columns", [1, 30, 200])
@pytest.mark.parametrize("show_trainable", [False, True])
def test_no_terminal_is_too_small(several, monkeypatch, columns, show_trainable):
    console = Console("utf-8", tty=True)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    several.summary(show_trainable=show_trainable)
    assert len(widths_of(console.text())) == 1


def test_a_terminal_gets_colours(tutorial, monkeypatch):
    console = Console("utf-8", tty=True)
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    tutorial.summary()
    assert "\x1b[32m16\x1b[0m" in console.text()


def test_without_a_stdout(tutorial, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    tutorial.summary()
    assert "hidden" in text_of(tutorial)


def test_rich_is_loaded_only_when_needed(fresh_python):
    code = "import sys, lamina.utils; print('rich' in sys.modules)"
    assert fresh_python(code).strip() == "False"

"""`plot_model` and `model_to_dot`: which boxes, edges and texts, for every kind of model."""

import itertools
from xml.etree import ElementTree

import pytest
from PIL import Image

import lamina
from lamina.layers import Activation, Dense, Dropout, Input, Layer
from lamina.models import Model, Sequential
from lamina.visualization import model_to_dot, plot_model
from lamina.visualization._model_graph import ModelGraph, read_model


class Join(Layer):
    """Adds any number of tensors."""

    def call(self, inputs):
        return sum(inputs)


@pytest.fixture
def tutorial():
    return Sequential(
        [Dense(1, input_dim=3, name="Dense"), Activation("sigmoid", name="Activation")]
    )


@pytest.fixture
def nested():
    encoder = Sequential(
        [Input((8,)), Dense(16, activation="relu", name="wide"), Dense(4, name="code")],
        name="encoder",
    )
    z = Input((4,), name="z")
    hidden = Dense(8, name="hidden")(z)
    heads = [Dense(8, name="left")(hidden), Dense(3, name="right")(hidden)]
    decoder = Model(z, heads, name="decoder")
    x = Input((8,), name="x")
    first, second = decoder(encoder(x))
    return Model(x, [Dense(2, name="last")(first), second])


def texts(picture):
    root = ElementTree.fromstring(picture.to_bytes("svg"))
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def names_and_edges(graph):
    """Return the names of all boxes, and the edges between names."""
    names = {}

    def walk(inner, path):
        for number, child in enumerate(inner.children):
            here = (*path, number)
            if isinstance(child, ModelGraph):
                yield from walk(child, here)
            else:
                names[here] = child.name
        yield from (((*path, *tail), (*path, *head)) for tail, head in inner.edges)

    edges = list(walk(graph, ()))
    return sorted(names.values()), {(names[tail], names[head]) for tail, head in edges}


def test_the_tutorials_call_shows_two_layers_and_makes_the_folder(tutorial, tmp_path):
    file = tmp_path / "images" / "simple-perception.png"
    picture = plot_model(tutorial, to_file=str(file))
    assert texts(picture) == ["Dense", "Activation"]
    with Image.open(file) as image:
        assert image.format == "PNG"
        assert image.info["dpi"][0] == pytest.approx(200, abs=0.1)
    assert file.read_bytes() == picture.data


@pytest.mark.parametrize(
    ("ending", "start"),
    [
        ("png", b"\x89PNG"),
        ("svg", b"<svg"),
        ("pdf", b"%PDF"),
        ("jpg", b"\xff\xd8"),
        ("dot", b"digr"),
    ],
)
def test_the_files_ending_is_its_format(tutorial, tmp_path, ending, start):
    plot_model(tutorial, tmp_path / f"model.{ending}")
    assert (tmp_path / f"model.{ending}").read_bytes().startswith(start)


def test_without_an_ending_it_is_a_png_and_without_a_name_no_file(tutorial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_model(tutorial, to_file=None)
    assert not list(tmp_path.iterdir())
    plot_model(tutorial, to_file="model")
    assert (tmp_path / "model").read_bytes().startswith(b"\x89PNG")
    plot_model(tutorial)
    assert (tmp_path / "model.png").exists()


def test_everything_that_can_be_shown(tutorial):
    shown = texts(
        plot_model(
            tutorial,
            to_file=None,
            show_shapes=True,
            show_dtype=True,
            show_layer_names=True,
            show_layer_activations=True,
            show_trainable=True,
        )
    )
    dense = ["Dense", "Activation", "linear", "Input shape", "(None, 3)"]
    assert shown[: len(dense)] == dense
    assert shown[5:11] == [
        "Output shape",
        "(None, 1)",
        "Output dtype",
        "float32",
        "Trainable",
        "yes",
    ]
    assert "sigmoid" in shown
    assert shown.count("Trainable") == 1  # Activation has no weights


def test_frozen_layers_are_marked(tutorial):
    tutorial.layers[0].trainable = False
    assert texts(plot_model(tutorial, None, show_trainable=True)).count("no") == 1


def test_branches_and_merges():
    x = Input((4,), name="x")
    branches = [Dense(4, name=f"b{i}")(x) for i in range(6)]
    model = Model(x, Join(name="join")(branches))
    names, edges = names_and_edges(read_model(model))
    assert names == ["b0", "b1", "b2", "b3", "b4", "b5", "join", "x"]
    assert edges == {("x", f"b{i}") for i in range(6)} | {(f"b{i}", "join") for i in range(6)}


def test_several_inputs_and_outputs_and_a_shared_layer_is_one_box():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = Dense(4, name="shared")
    one, two = shared(a), shared(b)
    model = Model([a, b], [Dense(1, name="p")(one), Dense(1, name="q")(two)])
    names, edges = names_and_edges(read_model(model))
    assert names == ["a", "b", "p", "q", "shared"]
    assert edges == {("a", "shared"), ("b", "shared"), ("shared", "p"), ("shared", "q")}
    assert texts(plot_model(model, None, show_shapes=True)).count("(None, 4)") == 6


def test_a_layer_used_twice_in_a_row_gets_an_edge_to_itself():
    x = Input((4,), name="x")
    again = Dense(4, name="again")
    model = Model(x, again(Dropout(0.1, name="drop")(again(again(x)))))
    _, edges = names_and_edges(read_model(model))
    assert edges == {("x", "again"), ("again", "again"), ("again", "drop"), ("drop", "again")}
    for rankdir, splines in itertools.product(("TB", "LR"), ("ortho", "curved")):
        plot_model(model, None, rankdir=rankdir, splines=splines).to_bytes("svg")


def test_ops_on_tensors_are_boxes_of_their_own():
    x = Input((4,), name="x")
    model = Model(x, Dense(2, name="d")(x * x + x))
    names, edges = names_and_edges(read_model(model))
    assert names == ["add", "d", "multiply", "x"]
    assert {("x", "multiply"), ("multiply", "add"), ("x", "add"), ("add", "d")} == edges


def test_a_nested_model_is_one_box_or_a_frame_with_its_layers(nested):
    names, edges = names_and_edges(read_model(nested))
    assert names == ["decoder", "encoder", "last", "x"]
    assert edges == {("x", "encoder"), ("encoder", "decoder"), ("decoder", "last")}
    names, edges = names_and_edges(read_model(nested, expand_nested=True))
    assert names == ["code", "hidden", "last", "left", "right", "wide", "x", "z"]
    assert {("x", "wide"), ("wide", "code"), ("code", "z"), ("left", "last")} < edges
    assert not any(tail == "right" for tail, _ in edges)
    shown = texts(plot_model(nested, None, expand_nested=True))
    assert {"encoder", "decoder"} < set(shown)


def test_a_nested_model_used_twice_is_drawn_once():
    encoder = Sequential([Input((4,)), Dense(4, name="inner")], name="encoder")
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], Join(name="join")([encoder(a), encoder(b)]))
    names, edges = names_and_edges(read_model(model, expand_nested=True))
    assert names == ["a", "b", "inner", "join"]
    assert edges == {("a", "inner"), ("b", "inner"), ("inner", "join")}


def test_the_top_of_a_sequential_model_may_be_a_model():
    inner = Sequential([Input((4,)), Dense(4, name="one")], name="inner")
    model = Sequential([inner, Dense(2, name="two")])
    names, edges = names_and_edges(read_model(model, expand_nested=True))
    assert (names, edges) == (["one", "two"], {("one", "two")})


def test_a_subclassed_model_is_one_box():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2)

        def call(self, x):
            return self.dense(x)

    net = Net()
    net(lamina.random.normal((1, 3)))
    assert texts(plot_model(net, None, show_shapes=True)) == [
        "Net",
        *("Input shape", "?"),
        *("Output shape", "?"),
    ]


def test_long_and_hostile_names_stay_text():
    names = ["x" * 5000, "<b>\n& ]]>", "$\\frac", "{label|x}"]
    model = Sequential([Input((3,)), *(Dense(2, name=name.replace("/", "")) for name in names)])
    picture = plot_model(model, to_file=None, show_layer_names=True)
    shown = texts(picture)
    assert {"<b> & ]]>", "$\\frac", "{label|x}"} < set(shown)
    assert picture.scene.width < 400
    for format in ("png", "pdf"):
        assert picture.to_bytes(format)
    text = model_to_dot(model).to_string()
    assert "&lt;b&gt;" in text
    assert "<b>\n" not in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rankdir": "TD"}, "'TB', 'BT', 'LR', 'RL'"),
        ({"splines": "curve"}, "did you mean 'curved'"),
        ({"dpi": 0}, "expected `dpi`"),
        ({"dpi": "high"}, "expected `dpi`"),
        ({"to_file": "model.gif"}, r"\.png, \.jpg"),
        ({"layer_range": ["a", "b"]}, "no longer supported"),
        ({"show_names": True}, "show_names"),
    ],
)
def test_bad_arguments_are_refused_before_a_file_is_made(
    tutorial, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        plot_model(tutorial, **options)
    assert not list(tmp_path.iterdir())


def test_old_arguments_without_effect_are_accepted(tutorial):
    assert plot_model(tutorial, None, layer_range=None, dpi=None).dpi == 96


def test_a_model_without_weights_and_what_is_no_model():
    with pytest.raises(ValueError, match=r"has been built[\s\S]*Got[\s\S]*Help: "):
        plot_model(Sequential([Dense(2)]))
    with pytest.raises(TypeError, match="expected a model"):
        plot_model("model")


def test_dot_text(nested, tmp_path):
    text = str(model_to_dot(nested, rankdir="LR", expand_nested=True, show_shapes=True))
    assert text.startswith("digraph G {")
    assert "rankdir=LR" in text
    assert 'label="encoder"' in text
    assert "n_1_0 -> n_1_1;" in text
    assert text.count("{") == text.count("}")
    assert model_to_dot(nested, subgraph=True).to_string().startswith("subgraph cluster_n {")


def test_dot_draws_itself_as_pydots_would(tutorial, tmp_path):
    dot = model_to_dot(tutorial)
    assert dot.create(prog="dot", format="svg").startswith(b"<svg")
    assert "Dense" in texts(dot._picture)
    assert dot.write(tmp_path / "a" / "model.png")
    assert dot.write(tmp_path / "a" / "model.dot")
    assert (tmp_path / "a" / "model.dot").read_text() == dot.to_string()


def test_a_png_needs_neither_matplotlib_nor_notebooks(fresh_python):
    program = (
        "import sys, lamina\n"
        "from lamina.visualization import plot_model, plot_network\n"
        "m = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)])\n"
        "plot_model(m, 'm.png'); plot_network(m, 'n.png')\n"
        "print('matplotlib' in sys.modules, 'IPython' in sys.modules)"
    )
    assert fresh_python(program) == "False False\n"

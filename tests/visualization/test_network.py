"""`plot_network`: neurons, labels, and lines that show the weights."""

from xml.etree import ElementTree

import numpy as np
import pytest

from lamina.layers import Activation, Dense, Dropout, Flatten, Input, Layer
from lamina.models import Model, Sequential
from lamina.visualization import plot_network
from lamina.visualization._network import _NEGATIVE, _POSITIVE


@pytest.fixture
def net():
    return Sequential(
        [
            Dense(4, input_dim=3, name="Dense1"),
            Activation("relu", name="hidden"),
            Dense(2, name="Dense2"),
            Activation("softmax", name="output"),
        ]
    )


def texts(picture):
    root = ElementTree.fromstring(picture.to_bytes("svg"))
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def lines(picture):
    """Return the strokes between neurons (the last two belong to the legend)."""
    return [s for s in picture.scene.shapes if s.stroke and not s.closed][:-2]


def circles(picture):
    return [s for s in picture.scene.shapes if s.closed and len(s.segments) == 8 and s.stroke]


def test_the_tutorials_net(net, tmp_path):
    picture = plot_network(net, tmp_path / "images" / "nn.png")
    assert (tmp_path / "images" / "nn.png").exists()
    shown = texts(picture)
    assert [t for t in shown if t[1:].isalnum() and len(t) > 3] == ["inputs", "Dense1", "Dense2"]
    assert {"3", "4 \u00b7 relu", "2 \u00b7 softmax"} < set(shown)
    assert (shown.count("x"), shown.count("y")) == (3, 2)
    assert len(circles(picture)) == 3 + 4 + 2
    assert len(lines(picture)) == 3 * 4 + 4 * 2


def test_sign_is_colour_and_size_is_width(net):
    net.layers[0].kernel.assign(np.array([[2.0, -1, 0, 0.5]] * 3))
    strokes = lines(plot_network(net))[:12]  # the first layer's, the smallest weights first
    widths = [s.width for s in strokes]
    assert widths == sorted(widths)
    assert strokes[-1].stroke == _POSITIVE
    assert max(widths) == pytest.approx(3.0)
    red, _, blue = (int(strokes[6].stroke[i : i + 2], 16) for i in (1, 3, 5))
    assert red > blue, f"-1 is drawn in a shade of {_NEGATIVE}"


def test_weights_that_are_all_zero_or_not_numbers_are_drawn_thin(net):
    net.layers[0].kernel.assign(np.full((3, 4), np.nan))
    net.layers[2].kernel.assign(np.zeros((4, 2)))
    assert {round(s.width, 2) for s in lines(plot_network(net))} == {0.35}


def test_large_layers_are_shortened():
    net = Sequential(
        [Input((28, 28)), Flatten(), Dense(128, activation="relu"), Dropout(0.2), Dense(10)]
    )
    picture = plot_network(net, max_neurons=10)
    shown = texts(picture)
    assert {"784 \u00b7 Flatten", "128 \u00b7 relu \u00b7 Dropout", "10", "781", "784"} < set(shown)
    assert "400" not in shown
    assert len(circles(picture)) == 9 + 9 + 10
    assert len(lines(picture)) == 9 * 9 + 9 * 10


def test_biases_come_from_a_neuron_that_is_one(net):
    picture = plot_network(net, show_bias=True)
    assert texts(picture).count("1") == 2 + 2  # two neurons, and the numbers of x1 and y1
    assert len(lines(picture)) == 4 * 4 + 5 * 2


def test_a_functional_chain_with_a_nested_model():
    x = Input((3,))
    inner = Sequential([Input((4,)), Dense(5, name="deep")])
    model = Model(x, Dense(2, name="end")(inner(Dense(4, name="start")(x))))
    assert {"start", "deep", "end"} < set(texts(plot_network(model)))


class Odd(Layer):
    def call(self, x):
        return x


def test_other_models_are_referred_to_plot_model():
    x = Input((3,))
    fork = Model(x, [Dense(1)(x), Dense(2)(x)])
    for model in (fork, Sequential([Input((3,)), Odd(name="odd"), Dense(2)])):
        with pytest.raises(ValueError, match="use plot_model"):
            plot_network(model)
    with pytest.raises(ValueError, match="no Dense layer"):
        plot_network(Sequential([Input((3,)), Activation("relu")]))
    with pytest.raises(ValueError, match="has been built"):
        plot_network(Sequential([Dense(2)]))


@pytest.mark.parametrize("count", [2, 0, True, 4.5, "ten"])
def test_bad_numbers_of_neurons(net, count):
    with pytest.raises(ValueError, match="3 or more"):
        plot_network(net, max_neurons=count)

"""`plot_network`: the neurons of a stack of Dense layers and the weights between them."""

import os
from typing import Any, NamedTuple

import numpy as np

from lamina._core.errors import describe, explain
from lamina.visualization._model_graph import activation_name, check_built, family_of, read_chain
from lamina.visualization._picture import Picture, check_dpi, file_format
from lamina.visualization._scene import Scene
from lamina.visualization._text import clean, measure, shorten

_POSITIVE, _NEGATIVE, _UNKNOWN = "#1f5fa8", "#d9772b", "#9aa4af"
_INPUT, _HIDDEN, _OUTPUT = ("#edf0f4", "#5f6b7a"), ("#e4ecf6", "#34567e"), ("#e5f1e9", "#2f6f4f")
_INK, _GREY = "#1d2733", "#6a7583"

# All in points.
_COLUMN, _ROW, _RADIUS, _MARGIN = 150.0, 37.0, 14.0, 14.0
_THINNEST, _THICKEST = 0.35, 3.0
_CAPTION, _LEGEND = 44.0, 30.0
_NAME_SIZE, _NOTE_SIZE, _SIGN_SIZE = 10.0, 8.5, 11.0


class _Column(NamedTuple):
    """One layer of neurons; `kernel` and `bias` lead to it from the column before."""

    name: str
    size: int
    notes: list[str]
    kernel: np.ndarray | None = None
    bias: np.ndarray | None = None


def plot_network(
    model: Any,
    to_file: str | os.PathLike[str] | None = None,
    max_neurons: int = 10,
    show_bias: bool = False,
    dpi: float | None = 200,
) -> Picture:
    """Draw the neurons of a model of Dense layers, and the weights between them.

    Blue lines are positive weights, orange ones negative; the wider a line, the larger its weight
    beside the others of its layer.

    Args:
        model: a built chain of Dense layers; between them may be activations, Dropout, Flatten and
            normalization, which are written below the neurons they change.
        to_file: the file's name (.png, .jpg, .svg or .pdf), whose folder is made; None: only return
            the picture, which notebooks display.
        max_neurons: of larger layers the middle is left out; 3 or more.
        show_bias: draw biases too, as weights of a neuron that is always 1.
        dpi: dots per inch, for .png and .jpg.

    Raises:
        ValueError: the model is not built, or not such a chain.

    Example:
        >>> dense = lamina.layers.Dense
        >>> model = lamina.Sequential([lamina.Input((3,)), dense(4), dense(2)])
        >>> plot_network(model)
        <Picture of 424 x 250 points>
    """
    where = "plot_network"
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 3:
        raise ValueError(
            explain(
                where,
                "expected `max_neurons` as a whole number of 3 or more",
                describe(max_neurons),
                "10 fits a page",
            )
        )
    format = "png" if to_file is None else file_format(to_file, where)
    dpi = check_dpi(dpi, where)
    columns = _read_columns(model)
    picture = Picture(_draw(columns, max_neurons, show_bias), dpi, format)
    if to_file is not None:
        picture.save(to_file, format)
    return picture


# Reading the model ----------------------------------------------------------------------------

_PASSED = ("activation", "regularization", "normalization")  # families that keep the neurons


def _read_columns(model: Any) -> list[_Column]:
    check_built(model, "plot_network")
    chain = read_chain(model)
    if chain is None:
        raise _refusal(model, "layers that are not one chain")
    columns: list[_Column] = []
    before: list[str] = []
    for layer in chain:
        if any(c.__name__ == "Dense" for c in type(layer).__mro__):
            kernel, bias = _values(layer.kernel), _values(layer.bias)
            if not columns:
                columns.append(_Column("inputs", kernel.shape[0], before))
            elif columns[-1].size != kernel.shape[0]:
                raise _refusal(model, f"'{layer.name}', which takes the neurons in another shape")
            activation = activation_name(layer)
            notes = [clean(activation)] if activation not in (None, "linear") else []
            columns.append(_Column(clean(layer.name), kernel.shape[1], notes, kernel, bias))
        elif family_of(layer) in _PASSED or type(layer).__name__ in ("Flatten", "Identity"):
            note = activation_name(layer) or type(layer).__name__
            (columns[-1].notes if columns else before).append(clean(note))
        else:
            kind = type(layer).__name__
            raise _refusal(
                model, f"a layer of another kind, '{getattr(layer, 'name', kind)}' ({kind})"
            )
    if not columns:
        raise _refusal(model, "no Dense layer")
    return columns


def _values(variable: Any) -> Any:
    return None if variable is None else np.asarray(variable.value, np.float32)


def _refusal(model: Any, got: str) -> ValueError:
    return ValueError(
        explain(
            "plot_network",
            "expected a chain of Dense layers, with activations, Dropout or Flatten between them",
            f"'{model.name}' with {got}",
            "use plot_model, which draws any model",
        )
    )


# Drawing --------------------------------------------------------------------------------------


class _Neurons(NamedTuple):
    """What is drawn of one column: which neurons, and their places."""

    x: float
    shown: list[int]
    y: dict[int, float]
    dots: float | None  # y of the sign for those left out
    bias: float | None  # y of the neuron that is always 1


def _draw(columns: list[_Column], max_neurons: int, show_bias: bool) -> Scene:
    biases = [
        show_bias and i + 1 < len(columns) and columns[i + 1].bias is not None
        for i in range(len(columns))
    ]
    slots = [min(c.size, max_neurons) + bias for c, bias in zip(columns, biases, strict=True)]
    height = 2 * _MARGIN + _CAPTION + max(slots) * _ROW + _LEGEND
    width = 2 * _MARGIN + (len(columns) - 1) * _COLUMN + 96
    scene = Scene(width, height)
    middle = _MARGIN + _CAPTION + max(slots) * _ROW / 2
    places = [
        _place(column.size, max_neurons, bias, _MARGIN + 48 + i * _COLUMN, middle)
        for i, (column, bias) in enumerate(zip(columns, biases, strict=True))
    ]
    for column, left, right in zip(columns[1:], places, places[1:], strict=False):
        _draw_weights(scene, column, left, right)
    for i, (column, place) in enumerate(zip(columns, places, strict=True)):
        kind = "input" if i == 0 else "output" if i == len(columns) - 1 else "hidden"
        _draw_neurons(scene, column, place, kind)
        _draw_caption(scene, column, place.x)
    _draw_legend(scene, width / 2, height - _MARGIN - 2)
    return scene


def _place(size: int, most: int, bias: bool, x: float, middle: float) -> _Neurons:
    if size <= most:
        shown, gap = list(range(size)), None
    else:
        first = most // 2
        shown = [*range(first), *range(size - (most - 1 - first), size)]
        gap = first
    slots = len(shown) + (gap is not None) + bias
    top = middle - slots * _ROW / 2 + _ROW / 2
    y = {}
    for place, neuron in enumerate(shown):
        y[neuron] = top + (place + (gap is not None and place >= gap)) * _ROW
    dots = None if gap is None else top + gap * _ROW
    return _Neurons(x, shown, y, dots, top + (slots - 1) * _ROW if bias else None)


def _draw_weights(scene: Scene, column: _Column, left: _Neurons, right: _Neurons) -> None:
    assert column.kernel is not None
    weights = [
        (float(column.kernel[i, j]), left.y[i], right.y[j]) for i in left.shown for j in right.shown
    ]
    if left.bias is not None and column.bias is not None:
        weights += [(float(column.bias[j]), left.bias, right.y[j]) for j in right.shown]
    largest = max((abs(w) for w, _, _ in weights if np.isfinite(w)), default=0.0) or 1.0
    # The large ones last, so that they lie above.
    for weight, start, end in sorted(
        weights, key=lambda w: abs(w[0]) if np.isfinite(w[0]) else 0.0
    ):
        part = abs(weight) / largest if np.isfinite(weight) else 0.0
        colour = _POSITIVE if weight > 0 else _NEGATIVE if weight < 0 else _UNKNOWN
        line = [(left.x + _RADIUS, start), (right.x - _RADIUS, end)]
        width = _THINNEST + (_THICKEST - _THINNEST) * part
        scene.line(line, _mix(colour, 0.3 + 0.7 * part), width)


def _mix(colour: str, strength: float) -> str:
    """Return a colour mixed with white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(255 + (part - 255) * strength):02x}" for part in parts)


def _draw_neurons(scene: Scene, column: _Column, place: _Neurons, kind: str) -> None:
    fill, stroke = {"input": _INPUT, "hidden": _HIDDEN, "output": _OUTPUT}[kind]
    letter = {"input": "x", "hidden": "", "output": "y"}[kind]
    for neuron, y in place.y.items():
        scene.circle(place.x, y, _RADIUS, fill=fill, stroke=stroke, line=1.2)
        if letter:
            _draw_sign(scene, letter, str(neuron + 1), place.x, y)
    if place.dots is not None:
        for step in (-6.5, 0, 6.5):
            scene.circle(place.x, place.dots + step, 1.6, fill=stroke)
    if place.bias is not None:
        scene.circle(place.x, place.bias, _RADIUS, fill="#ffffff", stroke=stroke, dash=(3, 2.2))
        scene.text(place.x, place.bias + 4, "1", _SIGN_SIZE, colour=_INK, anchor="middle")


def _draw_sign(scene: Scene, letter: str, number: str, x: float, y: float) -> None:
    """Draw a letter with a small number below, as large as the circle allows."""
    small = 0.68 * _SIGN_SIZE
    wide = measure(letter, _SIGN_SIZE) + measure(number, small)
    scale = min(1.0, 1.75 * _RADIUS / wide)
    left = x - wide * scale / 2
    scene.text(left, y + 3.2 * scale, letter, _SIGN_SIZE * scale, colour=_INK)
    left += measure(letter, _SIGN_SIZE * scale)
    scene.text(left, y + 5.8 * scale, number, small * scale, colour=_INK)


def _draw_caption(scene: Scene, column: _Column, x: float) -> None:
    room = _COLUMN - 12
    name = shorten(column.name, _NAME_SIZE, room, bold=True)
    scene.text(x, _MARGIN + 9, name, _NAME_SIZE, bold=True, colour=_INK, anchor="middle")
    notes = [str(column.size), *column.notes]
    note = shorten(" \N{MIDDLE DOT} ".join(notes), _NOTE_SIZE, room)
    scene.text(x, _MARGIN + 23, note, _NOTE_SIZE, colour=_GREY, anchor="middle")


def _draw_legend(scene: Scene, x: float, y: float) -> None:
    parts = [("positive weight", _POSITIVE), ("negative weight", _NEGATIVE)]
    wide = sum(measure(text, _NOTE_SIZE) + 42 for text, _ in parts) - 14
    left = x - wide / 2
    for text, colour in parts:
        scene.line([(left, y - 3), (left + 22, y - 3)], colour, 2)
        scene.text(left + 28, y, text, _NOTE_SIZE, colour=_GREY)
        left += measure(text, _NOTE_SIZE) + 42

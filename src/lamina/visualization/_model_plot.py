"""`plot_model` and `model_to_dot`: the layers of a model and how they are connected."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from lamina._core.errors import explain
from lamina.visualization._dot import Dot, write_dot
from lamina.visualization._layout import RANKDIRS, SPLINES, Area, Box, Drawing, Group, lay_out
from lamina.visualization._model_graph import LayerBox, ModelGraph, Path, read_model
from lamina.visualization._picture import Picture, check_choice, check_dpi, file_format
from lamina.visualization._scene import Point, Scene
from lamina.visualization._text import clean, measure, shorten

# The header's colour by family of layers: dark enough for white text, alike in grey.
_HEADERS = {
    "input": "#5f6b7a",
    "core": "#34495e",
    "convolution": "#1f5c8a",
    "recurrent": "#5f4390",
    "attention": "#8a3f6c",
    "normalization": "#236b63",
    "regularization": "#7b6034",
    "pooling": "#40703a",
    "activation": "#84493b",
    "reshaping": "#566573",
    "merging": "#4d5560",
    "model": "#202b37",
    "plain": "#4d5560",
}
_BORDER, _BODY, _FRAME, _FRAME_FILL = "#b9c1cb", "#ffffff", "#8793a1", "#f6f8fa"
_LABEL, _VALUE, _LINE, _PALE = "#6a7583", "#1d2733", "#5b6775", "#d7dee6"
_GREEN, _RED = "#2e8b57", "#b03a2e"

# All in points.
_TITLE_SIZE, _ROW_SIZE = 11.0, 9.0
_HEADER, _ROW = 25.0, 15.0
_SIDE, _COLUMN_GAP, _KIND_GAP = 12.0, 12.0, 7.0
_LEAST_WIDTH, _LONGEST_NAME, _LONGEST_VALUE = 96.0, 230.0, 260.0
_MOST_LINES = 6  # tensors of one layer that are listed; of more, the rest are counted
_DOT = 3.2  # radius of the mark that says whether a layer is trainable


class Details(NamedTuple):
    """What is written into each box."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Picture:
    """Draw the layers of a model into a file, and return the picture, which notebooks display.

    Nothing but this library is needed for it: no Graphviz, no pydot.

    Args:
        model: a built model.
        to_file: the file's name; its ending says the format: .png, .jpg, .svg, .pdf or .dot. Its
            folder is made. None: only return the picture.
        show_shapes: write the shapes of what goes into each layer and what comes out.
        show_dtype: write the dtype of what comes out.
        show_layer_names: write names beside classes.
        rankdir: the direction of the flow: 'TB' downwards, 'BT' upwards, 'LR' to the right, 'RL' to
            the left.
        expand_nested: draw what is inside nested models, in a frame.
        dpi: dots per inch, for .png and .jpg.
        show_layer_activations: write the activation of layers that have one.
        show_trainable: mark layers with weights as trainable or not.
        splines: how edges run: 'ortho' with right angles, 'curved' or 'spline' smoothly, 'polyline'
            or 'line' straight.

    Raises:
        ValueError: the model is not built, or an argument is none of those named.

    Example:
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(4)])
        >>> plot_model(model, to_file=None)
        <Picture of 112 x 41 points>
    """
    where = "plot_model"
    _refuse(kwargs, where)
    format = "png" if to_file is None else file_format(to_file, where, more=("dot",))
    details = Details(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
    )
    _check(rankdir, splines, where)
    dpi = check_dpi(dpi, where)
    graph = read_model(model, expand_nested, where)
    picture = Picture(draw_model(graph, details, rankdir, splines), dpi, format)
    if to_file is not None and format == "dot":
        Dot(write_dot(graph, _table_of(details), rankdir, splines, dpi), picture).write(to_file)
    elif to_file is not None:
        picture.save(to_file, format)
    return picture


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float | None = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Dot:
    """Return the graph of a model in Graphviz' DOT language: `str()` of the result is its text.

    `.write(path)` and `.create(format=...)` of the result draw it without Graphviz.

    Args:
        model: a built model.
        subgraph: return a cluster to be put into another graph.

    The other arguments are those of `plot_model`.

    Raises:
        ValueError: the model is not built, or an argument is none of those named.

    Example:
        >>> model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(4)])
        >>> model_to_dot(model).to_string().split()[0]
        'digraph'
    """
    where = "model_to_dot"
    _refuse(kwargs, where)
    details = Details(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable
    )
    _check(rankdir, splines, where)
    dpi = check_dpi(dpi, where)
    graph = read_model(model, expand_nested, where)
    text = write_dot(graph, _table_of(details), rankdir, splines, dpi, subgraph)
    return Dot(text, Picture(draw_model(graph, details, rankdir, splines), dpi))


def _refuse(kwargs: dict[str, Any], where: str) -> None:
    if kwargs.pop("layer_range", None) is not None:
        raise ValueError(
            explain(
                where,
                "expected no `layer_range`, which is no longer supported",
                "layer_range",
                "plot a model of the layers that you want to see",
            )
        )
    if kwargs:
        raise ValueError(
            explain(
                where,
                "expected the arguments of its documentation",
                ", ".join(kwargs),
                f"see help({where})",
            )
        )


def _check(rankdir: str, splines: str, where: str) -> None:
    check_choice(rankdir, RANKDIRS, "rankdir", where)
    check_choice(splines, SPLINES, "splines", where)


# Boxes ----------------------------------------------------------------------------------------


class _Table(NamedTuple):
    """What is written into one box: a title, the class beside it, rows of label and value."""

    title: str
    kind: str
    rows: list[tuple[str, str]]


def _table_of(details: Details) -> Any:
    """Return a function that gives the table of a box."""

    def table(box: LayerBox) -> _Table:
        title, kind = (box.name, box.kind) if details.names else (box.kind, "")
        return _Table(clean(title), clean(kind if kind != title else ""), list(_rows(box, details)))

    return table


def _rows(box: LayerBox, details: Details) -> Iterator[tuple[str, str]]:
    if details.activations and box.activation is not None:
        yield "Activation", clean(box.activation)
    if details.shapes:
        if box.family != "input":
            yield from _lines("Input shape", box.input_shapes)
        yield from _lines("Output shape", box.output_shapes)
    if details.dtype:
        yield from _lines("Output dtype", box.output_dtypes)
    if details.trainable and box.trainable is not None:
        yield "Trainable", "yes" if box.trainable else "no"


def _lines(label: str, values: list[str]) -> Iterator[tuple[str, str]]:
    shown = values if len(values) <= _MOST_LINES else values[: _MOST_LINES - 1]
    yield label, shown[0] if shown else "?"
    for value in shown[1:]:
        yield "", value
    if len(shown) < len(values):
        yield "", f"and {len(values) - len(shown)} more"


class _Plate:
    """A box ready to be drawn: its table, shortened, and its size in points."""

    def __init__(self, box: LayerBox, table: _Table) -> None:
        self.colour = _HEADERS[box.family]
        self.title = shorten(table.title, _TITLE_SIZE, _LONGEST_NAME, bold=True)
        self.kind = shorten(table.kind, _ROW_SIZE, _LONGEST_NAME)
        self.rows = [(label, shorten(v, _ROW_SIZE, _LONGEST_VALUE)) for label, v in table.rows]
        self.title_width = measure(self.title, _TITLE_SIZE, bold=True)
        head = self.title_width + (measure(self.kind, _ROW_SIZE) + _KIND_GAP if self.kind else 0)
        self.head_width = head
        self.label_width = max((measure(label, _ROW_SIZE) for label, _ in self.rows), default=0.0)
        value = max((measure(v, _ROW_SIZE) for _, v in self.rows), default=0.0)
        body = (
            self.label_width
            + _COLUMN_GAP
            + value
            + 2 * _DOT
            + 5 * any(label == "Trainable" for label, _ in self.rows)
        )
        self.width = max(_LEAST_WIDTH, head + 2 * _SIDE, (body if self.rows else 0) + 2 * _SIDE)
        self.height = _HEADER + (len(self.rows) * _ROW + 7 if self.rows else 0)

    def draw(self, scene: Scene, area: Area) -> None:
        x, y, width, height = area
        corners = "top" if self.rows else "all"
        if self.rows:
            scene.rect(x, y, width, height, fill=_BODY, stroke=_BORDER, line=1, radius=5)
        scene.rect(x, y, width, _HEADER, fill=self.colour, radius=5, corners=corners)
        left = x + (width - self.head_width) / 2
        base = y + _HEADER / 2 + 0.36 * _TITLE_SIZE
        scene.text(left, base, self.title, _TITLE_SIZE, bold=True, colour="#ffffff")
        if self.kind:
            scene.text(
                left + self.title_width + _KIND_GAP, base, self.kind, _ROW_SIZE, colour=_PALE
            )
        for number, (label, value) in enumerate(self.rows):
            base = y + _HEADER + 3.5 + number * _ROW + _ROW / 2 + 0.36 * _ROW_SIZE
            scene.text(x + _SIDE, base, label, _ROW_SIZE, colour=_LABEL)
            start = x + _SIDE + self.label_width + _COLUMN_GAP
            if label == "Trainable":
                colour = _GREEN if value == "yes" else _RED
                mark = (start + _DOT, base - 0.36 * _ROW_SIZE, _DOT)
                # Filled or hollow, so that it does not hang on the colour.
                scene.circle(*mark, fill=colour if value == "yes" else None, stroke=colour, line=1)
                start += 2 * _DOT + 5
            scene.text(start, base, value, _ROW_SIZE, colour=_VALUE)


# The drawing ----------------------------------------------------------------------------------


def draw_model(graph: ModelGraph, details: Details, rankdir: str, splines: str) -> Scene:
    """Return the picture of a graph."""
    plates: dict[Path, _Plate] = {}
    titles: dict[Path, str] = {}
    edges: list[tuple[Path, Path]] = []
    table = _table_of(details)

    def measured(inner: ModelGraph, path: Path) -> Group:
        children: list[Box | Group] = []
        for number, child in enumerate(inner.children):
            here = (*path, number)
            if isinstance(child, ModelGraph):
                children.append(measured(child, here))
            else:
                plates[here] = _Plate(child, table(child))
                children.append(Box(plates[here].width, plates[here].height))
        edges.extend(((*path, *tail), (*path, *head)) for tail, head in inner.edges)
        titles[path] = shorten(clean(inner.name), _ROW_SIZE + 0.5, _LONGEST_NAME, bold=True)
        return Group(children, measure(titles[path], _ROW_SIZE + 0.5, bold=True), _ROW_SIZE)

    drawing = lay_out(measured(graph, ()), edges, rankdir, splines)
    return _paint(drawing, plates, titles)


def _paint(drawing: Drawing, plates: dict[Path, _Plate], titles: dict[Path, str]) -> Scene:
    scene = Scene(drawing.width, drawing.height)
    for path, area in sorted(drawing.frames.items(), key=lambda item: len(item[0])):
        fill = _FRAME_FILL if len(path) % 2 else "#eef2f6"
        scene.rect(*area, fill=fill, stroke=_FRAME, line=1, dash=(4, 3), radius=7)
        base = area.y + 8 + _ROW_SIZE
        scene.text(area.x + 12, base, titles[path], _ROW_SIZE + 0.5, bold=True, colour=_LABEL)
    heads: dict[tuple[Point, Point], None] = {}
    for start, segments in drawing.routes.values():
        before = (
            segments[-1][-2]
            if len(segments[-1]) > 1
            else (segments[-2][-1] if len(segments) > 1 else start)
        )
        tip = segments[-1][-1]
        length = ((tip[0] - before[0]) ** 2 + (tip[1] - before[1]) ** 2) ** 0.5 or 1.0
        direction = ((tip[0] - before[0]) / length, (tip[1] - before[1]) / length)
        heads[tip, direction] = None
        # The line ends inside the arrow head, else its square end would stick out at the tip.
        end = (tip[0] - 4 * direction[0], tip[1] - 4 * direction[1])
        scene.outline(start, [*segments[:-1], (*segments[-1][:-1], end)], _LINE, 1.2)
    for path, plate in plates.items():
        plate.draw(scene, drawing.boxes[path])
    for tip, direction in heads:
        scene.arrow_head(tip, direction, _LINE)
    return scene

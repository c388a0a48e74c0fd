"""The table that `model.summary()` prints: layers, output shapes, parameters, connections."""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina._core import tree
from lamina._core.errors import describe, explain, nearest
from lamina.utils._progbar import Screen, standard_stream

_FRAME = 3  # columns of a cell beside its text: two spaces and a border


@dataclass
class Row:
    """One line of the table; `level` counts the models around the layer."""

    operation: Any
    name: str
    kind: str
    shape: str
    params: str
    connected: str
    trainable: str
    level: int = 0


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the layers of a model, the shapes of their outputs and the sizes of their weights.

    Args:
        model: any model; one that is not built yet shows `?` for shapes.
        line_length: width of the table, in columns.
        positions: where each column ends: fractions of the line in (0, 1], or columns.
        print_fn: called once with the whole text, instead of printing it.
        expand_nested: whether the layers of models inside the model get lines of their own.
        show_trainable: whether to add a column that says which layers are trainable (Y or N).
        layer_range: names of the first and the last layer to show, or regular expressions that
            match their beginning. The totals are those of the whole model.

    Raises:
        ValueError: if the columns do not fit the line, or `layer_range` names no layer.
    """
    rows, is_chain = summary_rows(model, expand_nested, layer_range)
    screen = Screen(standard_stream())
    length = line_length or _default_length(screen, is_chain, show_trainable)
    widths = _column_widths(length, positions, is_chain, show_trainable)
    content = _render(model, rows, is_chain, show_trainable, widths, screen)
    if print_fn is not None:
        print_fn(_as_text(content, length))
    elif screen.colour or screen.kind == "notebook":
        from rich.console import Console

        Console(width=length, highlight=False).print(content)
    else:
        screen.write(_as_text(content, length))


def summary_rows(
    model: Any, expand_nested: bool = False, layer_range: Sequence[str] | None = None
) -> tuple[list[Row], bool]:
    """Return the lines of the table, and whether the model is a plain chain of layers."""
    nodes = _nodes_of(model)
    is_functional = bool(nodes) and not _is_sequential(model)
    is_chain = not is_functional or _is_chain(nodes)
    rows = _operation_rows(nodes) if is_functional else _layer_rows(model, nodes)
    first, last = _range_of([row.name for row in rows], layer_range)
    rows = rows[first:last]
    if expand_nested:
        rows = [inner for row in rows for inner in _expanded(row)]
    return rows, is_chain


def output_shape_of(layer: Any, nodes: Iterable[Any] = ()) -> str:
    """Return the shape of what a layer returns, as text; `?` if it is not known.

    Args:
        layer: the layer, or the function behind an op.
        nodes: the calls of the graph to look into; the last one of the layer counts.
    """
    calls = [n for n in nodes if n.operation is layer] or list(getattr(layer, "_nodes", ()))
    if calls:
        return _shape_text(tree.map_structure(lambda t: _one_shape(t.shape), calls[-1].outputs))
    function = getattr(layer, "function", None)
    if function is not None:
        return _shape_text(tree.map_structure(lambda t: _one_shape(t.shape), function.outputs))
    shapes = getattr(layer, "_build_shapes", None)
    if not shapes or any(shape is None for shape in shapes.values()):
        return "?"
    try:
        return _shape_text(_map_shapes(layer.compute_output_shape(*shapes.values())))
    except Exception:  # a subclass's own code, asked for a courtesy
        return "?"


# --- rows -----------------------------------------------------------------------------------------


def _is_sequential(model: Any) -> bool:
    return any(c.__name__ == "Sequential" for c in type(model).__mro__)


def _nodes_of(model: Any) -> list[Any]:
    function = getattr(model, "function", None)
    return list(function.nodes) if function is not None else []


def _is_chain(nodes: list[Any]) -> bool:
    """Return whether each node takes just what the one before it gave, and no layer comes twice."""
    operations = {id(n.operation) if hasattr(n.operation, "name") else id(n) for n in nodes}
    if len(operations) < len(nodes) or nodes[0].inputs:
        return False
    return all(len(n.inputs) == 1 and n.inputs[0].node is before for before, n in pairwise(nodes))


def _layer_rows(model: Any, nodes: list[Any], level: int = 0) -> list[Row]:
    return [_row(layer, layer.name, nodes, "", level) for layer in model.layers]


def _operation_rows(nodes: list[Any]) -> list[Row]:
    """Return a row for each layer of a graph, and for each use of an op."""
    names: dict[int, str] = {}  # by node
    uses: dict[Any, list[Any]] = {}  # nodes by layer, or by node for an op
    counts: dict[str, int] = {}
    for node in nodes:
        is_layer = hasattr(node.operation, "name")
        uses.setdefault(id(node.operation) if is_layer else id(node), []).append(node)
        name = node.operation.name if is_layer else node.operation.__name__
        if not is_layer:
            number = counts[name] = counts.get(name, -1) + 1
            name = f"{name}_{number}" if number else name
        names[id(node)] = name
    position = {id(node): i for calls in uses.values() for i, node in enumerate(calls)}
    rows = []
    for calls in uses.values():
        sources = [
            f"{names[id(t.node)]}[{position[id(t.node)]}][{t.index}]"
            for node in calls
            for t in node.inputs
            if id(t.node) in names
        ]
        rows.append(
            _row(calls[-1].operation, names[id(calls[0])], calls, ", ".join(sources) or "-")
        )
    return rows


def _row(operation: Any, name: str, nodes: list[Any], connected: str, level: int = 0) -> Row:
    is_layer = hasattr(operation, "name")
    kind = type(operation).__name__ if is_layer else _class_case(operation.__name__)
    if not is_layer:
        params = "0"
    else:
        params = f"{operation.count_params():,}" if operation.built else "0 (unbuilt)"
    has_weights = is_layer and len(operation.weights) > 0
    trainable = ("Y" if operation.trainable else "N") if has_weights else "-"
    shape = output_shape_of(operation, nodes)
    return Row(operation, name, kind, shape, params, connected, trainable, level)


def _class_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _expanded(row: Row) -> list[Row]:
    rows = [row]
    model = row.operation
    if getattr(model, "layers", None):
        for inner in _layer_rows(model, _nodes_of(model), row.level + 1):
            rows.extend(_expanded(inner))
    return rows


def _range_of(names: list[str], layer_range: Sequence[str] | None) -> tuple[int, int]:
    """Return the first row to show, and the one after the last."""
    if layer_range is None:
        return 0, len(names)
    is_pair = isinstance(layer_range, (list, tuple)) and len(layer_range) == 2
    if not is_pair or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(
            explain(
                "summary",
                "expected as `layer_range` two names of layers, the first and the last to show",
                describe(layer_range),
                f"for the whole model, layer_range=({names[0]!r}, {names[-1]!r})"
                if names
                else None,
            )
        )
    first, last = (_matches(pattern, names) for pattern in layer_range)
    if min(first) > max(last):  # given backwards
        return min(last), max(first) + 1
    return min(first), max(last) + 1


def _matches(pattern: str, names: list[str]) -> list[int]:
    try:
        found = [i for i, name in enumerate(names) if name == pattern or re.match(pattern, name)]
    except re.error:  # a name, not an expression
        found = [i for i, name in enumerate(names) if name == pattern]
    if not found:
        near = nearest(pattern, names)
        listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
        raise ValueError(
            explain(
                "summary",
                "expected in `layer_range` names of layers, or expressions that match some",
                repr(pattern),
                (f"did you mean '{near}'? " if near else "") + f"The layers are {listed or 'none'}",
            )
        )
    return found


# --- shapes and sizes -----------------------------------------------------------------------------


def _one_shape(shape: Iterable[int | None]) -> str:
    return f"({', '.join(str(size) for size in shape)})"


def _map_shapes(shapes: Any) -> Any:
    """Return a structure of shapes with each shape as text."""
    if isinstance(shapes, dict):
        return {key: _map_shapes(shape) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, np.integer)) for size in shapes):
        return _one_shape(shapes)
    return [_map_shapes(shape) for shape in shapes]


def _shape_text(shapes: Any) -> str:
    flat = tree.flatten(shapes)
    return flat[0] if len(flat) == 1 else str(shapes).replace("'", "")


def _size(variables: Iterable[Any]) -> tuple[int, int]:
    """Return how many numbers `variables` hold, and in how many bytes."""
    numbers = memory = 0
    for variable in variables:
        count = int(np.prod(variable.shape))
        numbers += count
        memory += count * jnp.dtype(variable.dtype).itemsize
    return numbers, memory


def _readable(memory: float) -> str:
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if memory < 1024:
            return f"{memory:.2f} {unit}"
        memory /= 1024
    return f"{memory:.2f} PB"


def _totals(model: Any) -> list[tuple[str, int, int]]:
    """Return the lines below the table: what is counted, its numbers and its bytes."""
    parts = [
        ("Trainable params", *_size(model.trainable_weights)),
        ("Non-trainable params", *_size(model.non_trainable_weights)),
    ]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and getattr(optimizer, "built", False):
        parts.append(("Optimizer params", *_size(optimizer.variables)))
    return [("Total params", sum(p[1] for p in parts), sum(p[2] for p in parts)), *parts]


# --- drawing --------------------------------------------------------------------------------------


def _default_length(screen: Screen, is_chain: bool, show_trainable: bool) -> int:
    extra = len("Trainable") + _FRAME if show_trainable else 0
    usual, least = (88, 40) if is_chain else (108, 64)
    columns = screen.columns()
    return extra + (usual if columns is None else min(usual, max(columns - extra, least)))


def _column_widths(
    length: int, positions: Sequence[float] | None, is_chain: bool, show_trainable: bool
) -> list[int]:
    """Return the columns of text in each cell."""
    count = (3 if is_chain else 4) + show_trainable
    if positions is None:
        positions = [0.45, 0.80, 1.0] if is_chain else [0.3, 0.56, 0.74, 1.0]
        if show_trainable:
            rest = 1 - (len("Trainable") + _FRAME) / length
            positions = [position * rest for position in positions] + [1.0]
    if len(positions) != count:
        raise ValueError(
            explain(
                "summary",
                f"expected {count} `positions`, one for each column",
                describe(positions),
                "each is where a column ends, as a fraction of the line or in characters",
            )
        )
    ends = [round(p * length) if positions[-1] <= 1 else int(p) for p in positions]
    widths = [end - start - _FRAME for start, end in zip([1, *ends[:-1]], ends, strict=True)]
    if min(widths) < 4:
        raise ValueError(
            explain(
                "summary",
                "expected columns of 4 characters or more",
                f"line_length={length} and positions={list(positions)}",
                "make the line longer, or move the positions apart",
            )
        )
    return widths


def _render(
    model: Any,
    rows: list[Row],
    is_chain: bool,
    show_trainable: bool,
    widths: list[int],
    screen: Screen,
) -> Any:
    """Return the summary as something that rich draws."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    headers = ["Layer (type)", "Output Shape", "Param #"]
    headers += ([] if is_chain else ["Connected to"]) + (["Trainable"] if show_trainable else [])
    sides: dict[str, Any] = {"Param #": "right", "Trainable": "center"}
    frame = box.HEAVY_HEAD if screen.unicode else box.ASCII_DOUBLE_HEAD
    table = Table(box=frame, show_lines=True, safe_box=False)
    for header, width in zip(headers, widths, strict=True):
        table.add_column(header, justify=sides.get(header, "left"), width=width, overflow="fold")
    for row in rows:
        branch = "   " * row.level + ("└ " if screen.unicode else "`- ") if row.level else ""
        cells = [
            Text.assemble(branch + screen.printable(row.name), " (", (row.kind, "blue"), ")"),
            _numbers(Text(screen.printable(row.shape))),
            _numbers(Text(row.params)),
        ]
        if not is_chain:
            cells.append(_numbers(Text(screen.printable(row.connected)), r"\d+(?=\])"))
        if show_trainable:
            cells.append(
                Text(row.trainable, {"Y": "bold green", "N": "bold red"}.get(row.trainable, "bold"))
            )
        table.add_row(*cells)
    title = Text(f'Model: "{screen.printable(model.name)}"', "bold")
    totals = [
        Text.assemble((f" {label}: ", "bold"), (f"{numbers:,}", "green"), f" ({_readable(memory)})")
        for label, numbers, memory in _totals(model)
    ]
    return Group(title, table, *totals)


def _numbers(text: Any, pattern: str = r"\b[\d,]*\d\b") -> Any:
    """Colour the numbers, and what is not known."""
    text.highlight_regex(pattern, "green")
    text.highlight_regex(r"\bNone\b", "cyan")
    return text


def _as_text(content: Any, length: int) -> str:
    from rich.console import Console

    console = Console(
        file=io.StringIO(),
        width=length,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
    )
    console.print(content)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]

"""The graph of a model in Graphviz' DOT language."""

import os
from collections.abc import Callable
from html import escape
from typing import Any

from lamina.visualization._model_graph import ModelGraph, Path
from lamina.visualization._picture import Picture, file_format
from lamina.visualization._text import clean


class Dot:
    """A graph as DOT text that can also draw itself, without Graphviz.

    It has of pydot's `Dot` what scripts use: `to_string`, `write`, `create`.
    """

    def __init__(self, text: str, picture: Picture) -> None:
        self._text = text
        self._picture = picture

    def to_string(self) -> str:
        """Return the DOT text."""
        return self._text

    __str__ = to_string

    def create(self, prog: Any = None, format: str = "png") -> bytes:
        """Return the drawing as a file of that format; `prog` is ignored."""
        if format in ("dot", "raw"):
            return self._text.encode()
        return self._picture.to_bytes(format)

    def write(
        self, path: str | os.PathLike[str], prog: Any = None, format: str | None = None
    ) -> bool:
        """Write the drawing, or the text if the format is dot, to `path`; `prog` is ignored."""
        format = format or file_format(path, "Dot.write", more=("dot", "raw"))
        if format not in ("dot", "raw"):
            self._picture.save(path, format)
            return True
        folder = os.path.dirname(os.fspath(path))
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self._text)
        return True

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self._picture._repr_mimebundle_(include, exclude)


def write_dot(
    graph: ModelGraph,
    table: Callable[[Any], Any],
    rankdir: str,
    splines: str,
    dpi: float,
    subgraph: bool = False,
) -> str:
    """Return the DOT text of `graph`; `table` gives the title, class and rows of a box."""
    if subgraph:
        lines = _cluster(graph, (), table, "")
    else:
        lines = [
            "digraph G {",
            f'  graph [rankdir={rankdir}, splines="{splines}", dpi="{dpi:g}", concentrate=true];',
            '  node [shape=plain, fontname="Helvetica"];',
            *_content(graph, (), table, "  "),
            "}",
        ]
    return "\n".join(lines) + "\n"


def _content(graph: ModelGraph, path: Path, table: Callable[[Any], Any], indent: str) -> list[str]:
    lines = []
    for number, child in enumerate(graph.children):
        here = (*path, number)
        if isinstance(child, ModelGraph):
            lines += _cluster(child, here, table, indent)
        else:
            lines.append(f"{indent}{_name(here)} [label=<{_label(*table(child))}>];")
    for tail, head in graph.edges:
        lines.append(f"{indent}{_name((*path, *tail))} -> {_name((*path, *head))};")
    return lines


def _cluster(graph: ModelGraph, path: Path, table: Callable[[Any], Any], indent: str) -> list[str]:
    return [
        f"{indent}subgraph cluster_{_name(path)} {{",
        f"{indent}  style=dashed; labeljust=l; label={_quote(graph.name)};",
        *_content(graph, path, table, indent + "  "),
        f"{indent}}}",
    ]


def _name(path: Path) -> str:
    return "_".join(["n", *map(str, path)])


def _quote(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(title: str, kind: str, rows: list[tuple[str, str]]) -> str:
    head = f"<b>{escape(title)}</b>" + (f" ({escape(kind)})" if kind else "")
    lines = [f'<tr><td colspan="2" bgcolor="black"><font color="white">{head}</font></td></tr>']
    for label, value in rows:
        cells = (f"{escape(label)} ", f"<b>{escape(value)}</b>")
        lines.append("<tr>" + "".join(f'<td align="left">{c}</td>' for c in cells) + "</tr>")
    table = '<table border="0" cellborder="1" cellspacing="0" cellpadding="6">'
    return table + "".join(lines) + "</table>"

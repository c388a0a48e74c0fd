"""A picture before it is painted: shapes and texts on a sheet measured in points (1/72 inch)."""

from collections.abc import Sequence
from typing import NamedTuple

Point = tuple[float, float]
# One step of an outline: (end,) is a straight line, (control, control, end) a cubic Bezier curve.
Segment = tuple[Point, ...]

# A quarter of a circle is nearly a Bezier curve whose handles are this part of the radius long.
_QUARTER = 0.5523


class Shape(NamedTuple):
    """An outline that is filled, stroked or both."""

    start: Point
    segments: Sequence[Segment]
    closed: bool = False
    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dash: tuple[float, float] | None = None  # lengths drawn and left out


class Text(NamedTuple):
    """One line of text; `y` is its base line, `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    colour: str = "#000000"
    anchor: str = "start"


class Scene:
    """A sheet of `width` by `height` points; y grows downwards. Texts lie above all shapes."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self.shapes: list[Shape] = []
        self.texts: list[Text] = []

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line: float = 1.0,
        dash: tuple[float, float] | None = None,
        radius: float = 0.0,
        corners: str = "all",
    ) -> None:
        """Add a rectangle; `corners` says which are rounded: all, top or bottom."""
        top = radius if corners in ("all", "top") else 0.0
        bottom = radius if corners in ("all", "bottom") else 0.0
        start, segments = _rounded_box(x, y, x + width, y + height, top, bottom)
        self.shapes.append(Shape(start, segments, True, fill, stroke, line, dash))

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line: float = 1.0,
        dash: tuple[float, float] | None = None,
    ) -> None:
        """Add a circle around (x, y)."""
        box = (x - radius, y - radius, x + radius, y + radius)
        start, segments = _rounded_box(*box, radius, radius)
        self.shapes.append(Shape(start, segments, True, fill, stroke, line, dash))

    def line(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None:
        """Add straight lines from point to point."""
        self.outline(points[0], [(p,) for p in points[1:]], colour, width)

    def outline(
        self, start: Point, segments: Sequence[Segment], colour: str, width: float = 1.0
    ) -> None:
        """Add a line of straight and curved segments."""
        self.shapes.append(Shape(start, segments, stroke=colour, width=width))

    def arrow_head(self, tip: Point, direction: Point, colour: str, length: float = 7.0) -> None:
        """Add a small filled arrow head that ends in `tip`; `direction` has length 1."""
        (x, y), (dx, dy) = tip, direction
        half = 0.42 * length
        back = (x - length * dx, y - length * dy)
        notch = (x - 0.78 * length * dx, y - 0.78 * length * dy)
        left = (back[0] - half * dy, back[1] + half * dx)
        right = (back[0] + half * dy, back[1] - half * dx)
        self.shapes.append(Shape(tip, [(left,), (notch,), (right,)], True, fill=colour))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        colour: str = "#000000",
        anchor: str = "start",
    ) -> None:
        """Add a line of text on the base line y."""
        self.texts.append(Text(x, y, text, size, bold, colour, anchor))


def round_corners(points: Sequence[Point], radius: float) -> tuple[Point, list[Segment]]:
    """Return the outline from point to point, its corners rounded as far as there is room."""
    segments: list[Segment] = []
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        to_before, to_after = _unit(corner, before), _unit(corner, after)
        room = min(radius, _distance(corner, before) / 2, _distance(corner, after) / 2)
        enter = (corner[0] + room * to_before[0], corner[1] + room * to_before[1])
        leave = (corner[0] + room * to_after[0], corner[1] + room * to_after[1])
        first = _between(enter, corner, _QUARTER)
        second = _between(leave, corner, _QUARTER)
        segments += [(enter,), (first, second, leave)]
    return points[0], [*segments, (points[-1],)]


def _rounded_box(
    left: float, top: float, right: float, bottom: float, r: float, s: float
) -> tuple[Point, list[Segment]]:
    """Return the outline of a box with corners of radius r above and s below."""
    a, b = r * (1 - _QUARTER), s * (1 - _QUARTER)
    segments: list[Segment] = [((right - r, top),)]
    if r:
        segments.append(((right - a, top), (right, top + a), (right, top + r)))
    segments.append(((right, bottom - s),))
    if s:
        segments.append(((right, bottom - b), (right - b, bottom), (right - s, bottom)))
    segments.append(((left + s, bottom),))
    if s:
        segments.append(((left + b, bottom), (left, bottom - b), (left, bottom - s)))
    segments.append(((left, top + r),))
    if r:
        segments.append(((left, top + a), (left + a, top), (left + r, top)))
    return (left + r, top), segments


def _distance(a: Point, b: Point) -> float:
    return ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5


def _unit(a: Point, b: Point) -> Point:
    length = _distance(a, b) or 1.0
    return ((b[0] - a[0]) / length, (b[1] - a[1]) / length)


def _between(a: Point, b: Point, part: float) -> Point:
    return (a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]))

"""The drawing of boxes, nested groups of boxes and edges: places and lines, nothing painted.

The flow is what `rankdir` names: downwards for TB. Everything is worked out in two coordinates, x
across the flow and y along it, and turned to those of the sheet at the end. A group is laid out by
itself and then takes part in the drawing around it as one vertex; an edge into a group goes to a
port on its frame, and on from there.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from lamina.visualization._layers import Layers, Link, Size, draw_layers
from lamina.visualization._ranks import find_back_arcs
from lamina.visualization._scene import Point, Segment, round_corners

RANKDIRS = ("TB", "BT", "LR", "RL")
SPLINES = ("ortho", "curved", "spline", "polyline", "line")

Path = tuple[int, ...]  # the number of a child, then of its child, and so on
Edge = tuple[Path, Path]

# All in points.
_BACK = 14.0  # how far from the middle an edge ends that runs against the flow
_LOOP = 16.0  # how far an edge from a box to itself reaches out
_CORNER = 7.0
_PAD = 14.0  # inside frames
_MARGIN = 8.0  # around it all


class Box(NamedTuple):
    """A thing to place, of a size on the sheet."""

    width: float
    height: float


class Group(NamedTuple):
    """Boxes and groups in a frame; the title stands in the upper left corner of the frame."""

    children: Sequence["Box | Group"]
    title_width: float = 0.0
    title_height: float = 0.0


class Area(NamedTuple):
    """A rectangle on the sheet, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class Route(NamedTuple):
    """The line of an edge from its tail to its head."""

    start: Point
    segments: list[Segment]


class Drawing(NamedTuple):
    """Where everything is; paths are keys."""

    width: float
    height: float
    boxes: dict[Path, Area]
    frames: dict[Path, Area]
    routes: dict[Edge, Route]


class _Port(NamedTuple):
    """Where the edges of the box `inner` cross the frame of a group that it is in."""

    inner: Path
    leaving: bool  # at the end of the flow, else at its start
    back: bool  # the edges run against the flow


class _End(NamedTuple):
    """One end of an edge within a group: a vertex, and the port if that is a group."""

    vertex: int
    port: _Port | None = None
    back: bool = False


class _Strand(NamedTuple):
    """What runs from one vertex down to another: an edge, or the line between a box and a port."""

    upper: _End
    lower: _End
    key: Edge | _Port
    back: bool = False


class _Block(NamedTuple):
    """A group laid out. Lines run in the direction of the flow."""

    size: Size
    boxes: dict[Path, Area]
    frames: dict[Path, Area]
    lines: dict[Edge, list[Point]]
    ports: dict[_Port, list[Point]]


def lay_out(
    group: Group, edges: Iterable[Edge], rankdir: str = "TB", splines: str = "ortho"
) -> Drawing:
    """Return the drawing of what is in `group`; the group itself gets no frame.

    Example:
        >>> drawing = lay_out(Group([Box(80, 30), Box(60, 30)]), [((0,), (1,))])
        >>> drawing.boxes[(1,)]
        Area(x=18.0, y=68.0, width=60.0, height=30.0)
    """
    plan = _Plan(rankdir in ("LR", "RL"), rankdir in ("BT", "RL"), splines == "ortho")
    block = _place_group(group, list(dict.fromkeys(edges)), [], plan, framed=False)
    return _turn(block, plan, splines)


class _Plan(NamedTuple):
    sideways: bool
    reverse: bool
    ortho: bool


def _place_group(
    group: Group, edges: Sequence[Edge], ports: Sequence[_Port], plan: _Plan, framed: bool = True
) -> _Block:
    strands = _make_strands(len(group.children), edges, ports)
    blocks = _place_inner_groups(group, edges, strands, plan)
    looping = {tail[0] for tail, head in edges if tail == head and len(tail) == 1}
    sizes = [
        _box_size(child, plan, number in looping) if isinstance(child, Box) else blocks[number].size
        for number, child in enumerate(group.children)
    ]
    boxes = [v for v, child in enumerate(group.children) if isinstance(child, Box)]
    sizes += [Size(0, 0) for _ in ports]
    if not sizes:
        return _Block(Size(0, 0), {}, {}, {}, {})

    def offset(end: _End) -> float:
        if end.port is not None:
            line = blocks[end.vertex].ports[end.port]
            return line[-1 if end.port.leaving else 0][0] - sizes[end.vertex].across / 2
        room = sizes[end.vertex].across - 2 * _LOOP * (end.vertex in looping)
        return min(_BACK, room / 4) if end.back else 0.0

    links = [
        Link(s.upper.vertex, offset(s.upper), s.lower.vertex, offset(s.lower)) for s in strands
    ]
    numbers = dict(zip(ports, range(len(group.children), len(sizes)), strict=True))
    first = [v for port, v in numbers.items() if not port.leaving]
    last = [v for port, v in numbers.items() if port.leaving]
    before, after = _pads(group, plan)[1] if framed else (0.0, 0.0)
    layers = draw_layers(sizes, links, first, last, boxes, (before, after), plan.ortho)
    block = _assemble(group, strands, blocks, sizes, layers)
    for number in looping:
        block.lines[(number,), (number,)] = _loop(block.boxes[number,])
    return _frame(block, group, plan, bool(first), bool(last)) if framed else block


def _make_strands(count: int, edges: Sequence[Edge], ports: Sequence[_Port]) -> list[_Strand]:
    """Return what connects the children of a group with each other and with the group's ports."""
    between = [(tail, head) for tail, head in edges if tail[0] != head[0]]
    turned = find_back_arcs(count, list(dict.fromkeys((t[0], h[0]) for t, h in between)))
    strands = []
    for number, port in enumerate(ports, start=count):
        inner = _end(port.inner, port.leaving, port.back)
        here = _End(number)
        ends = (inner, here) if port.leaving else (here, inner)
        strands.append(_Strand(*ends, port))
    for tail, head in between:
        back = (tail[0], head[0]) in turned
        upper, lower = (head, tail) if back else (tail, head)
        ends = (_end(upper, True, back), _end(lower, False, back))
        strands.append(_Strand(*ends, (tail, head), back))
    return strands


def _end(path: Path, leaving: bool, back: bool) -> _End:
    if len(path) > 1:
        return _End(path[0], _Port(path[1:], leaving, back))
    return _End(path[0], None, back)


def _place_inner_groups(
    group: Group, edges: Sequence[Edge], strands: Sequence[_Strand], plan: _Plan
) -> dict[int, _Block]:
    blocks = {}
    for number, child in enumerate(group.children):
        if isinstance(child, Group):
            inside = [(t[1:], h[1:]) for t, h in edges if t[0] == h[0] == number and t[1:]]
            ends = [end for s in strands for end in (s.upper, s.lower) if end.vertex == number]
            ports = list(dict.fromkeys(end.port for end in ends if end.port is not None))
            blocks[number] = _place_group(child, inside, ports, plan)
    return blocks


def _box_size(box: Box, plan: _Plan, looping: bool) -> Size:
    across, along = (box.height, box.width) if plan.sideways else (box.width, box.height)
    return Size(across + 2 * _LOOP * looping, along)


def _assemble(
    group: Group,
    strands: Sequence[_Strand],
    blocks: dict[int, _Block],
    sizes: Sequence[Size],
    layers: Layers,
) -> _Block:
    """Return all parts of a group in the group's own coordinates."""
    block = _Block(Size(layers.across, layers.along), {}, {}, {}, {})
    inner_ports: dict[tuple[int, _Port], list[Point]] = {}
    for number, child in enumerate(group.children):
        size = sizes[number]
        left, top = layers.x[number] - size.across / 2, layers.y[number] - size.along / 2
        if isinstance(child, Box):
            block.boxes[number,] = Area(left, top, size.across, size.along)
            continue
        inner = blocks[number]
        _shift(inner, left, top)
        block.boxes.update({(number, *path): area for path, area in inner.boxes.items()})
        block.frames.update({(number, *path): area for path, area in inner.frames.items()})
        for (tail, head), line in inner.lines.items():
            block.lines[(number, *tail), (number, *head)] = line
        inner_ports |= {(number, port): line for port, line in inner.ports.items()}
    for strand, line in zip(strands, layers.lines, strict=True):
        before = inner_ports[strand.upper.vertex, strand.upper.port] if strand.upper.port else []
        after = inner_ports[strand.lower.vertex, strand.lower.port] if strand.lower.port else []
        whole = [*before, *line, *after]
        if isinstance(strand.key, _Port):
            block.ports[strand.key] = whole
        else:
            block.lines[strand.key] = whole[::-1] if strand.back else whole
    return block


def _shift(block: _Block, x: float, y: float) -> None:
    for areas in (block.boxes, block.frames):
        for path, area in areas.items():
            areas[path] = area._replace(x=area.x + x, y=area.y + y)
    for line in (*block.lines.values(), *block.ports.values()):
        line[:] = [(px + x, py + y) for px, py in line]


def _loop(area: Area) -> list[Point]:
    """Return a line out of the side of a box and back into it; `area` has room for it."""
    side, out = area.x + area.width - _LOOP, area.x + area.width
    low, high = area.y + 0.75 * area.height, area.y + 0.25 * area.height
    return [(side, low), (out, low), (out, high), (side, high)]


def _pads(group: Group, plan: _Plan) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how far a frame is from what is in it: at the sides, at start and end of the flow."""
    title = group.title_height + 1.2 * _PAD
    if plan.sideways:
        return (title, _PAD), (_PAD + 6, _PAD + 6)
    return (_PAD, _PAD), (_PAD, title) if plan.reverse else (title, _PAD)


def _frame(block: _Block, group: Group, plan: _Plan, entered: bool, left: bool) -> _Block:
    """Return a block with a frame, wide enough for its title and for edges to pass beside that."""
    (side, other_side), (before, after) = _pads(group, plan)
    before, after = 0.0 if entered else before, 0.0 if left else after
    title = group.title_width + 2 * _PAD
    if plan.sideways:
        missing = title - (block.size.along + before + after)
        before, after = before + max(0.0, missing / 2), after + max(0.0, missing / 2)
    else:
        across = block.size.across
        passing = [
            line[-1 if port.leaving else 0][0]
            for port, line in block.ports.items()
            if port.leaving == plan.reverse
        ]
        # On both sides alike, so that the flow stays in the middle.
        side = max([side, (title - across) / 2, *(title - x for x in passing)])
        other_side = side
    _shift(block, side, before)
    size = Size(block.size.across + side + other_side, block.size.along + before + after)
    # Lines to ports end on the frame.
    for port, line in block.ports.items():
        end = size.along if port.leaving else 0.0
        if port.leaving:
            line.append((line[-1][0], end))
        else:
            line.insert(0, (line[0][0], end))
    block.frames[()] = Area(0.0, 0.0, size.across, size.along)
    return block._replace(size=size)


def _turn(block: _Block, plan: _Plan, splines: str) -> Drawing:
    """Return the drawing on the sheet."""
    across, along = block.size.across + 2 * _MARGIN, block.size.along + 2 * _MARGIN
    _shift(block, _MARGIN, _MARGIN)

    def turn(point: Point) -> Point:
        x, y = point[0], along - point[1] if plan.reverse else point[1]
        return (y, x) if plan.sideways else (x, y)

    def turn_area(area: Area, loop: bool) -> Area:
        inset = _LOOP if loop else 0.0
        a = turn((area.x + inset, area.y))
        b = turn((area.x + area.width - inset, area.y + area.height))
        (left, right), (top, bottom) = sorted((a[0], b[0])), sorted((a[1], b[1]))
        return Area(left, top, right - left, bottom - top)

    looping = {tail for tail, head in block.lines if tail == head}
    routes = {}
    for edge, line in block.lines.items():
        points = _without_repeats([turn(p) for p in line])
        if splines == "ortho" or edge[0] == edge[1]:
            routes[edge] = Route(*round_corners(points, _CORNER))
        elif splines in ("line", "polyline"):
            routes[edge] = Route(points[0], [(p,) for p in points[1:]])
        else:
            routes[edge] = Route(points[0], _curves(points, plan.sideways))
    width, height = (along, across) if plan.sideways else (across, along)
    boxes = {path: turn_area(area, path in looping) for path, area in block.boxes.items()}
    frames = {path: turn_area(area, False) for path, area in block.frames.items()}
    return Drawing(width, height, boxes, frames, routes)


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """Return `points` without those that lie on a straight line between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) < 0.01:
            continue
        if len(kept) > 1 and any(_aligned(kept[-2], kept[-1], point, axis) for axis in (0, 1)):
            kept.pop()
        kept.append(point)
    return kept


def _aligned(a: Point, b: Point, c: Point, axis: int) -> bool:
    return abs(a[axis] - b[axis]) < 0.01 and abs(b[axis] - c[axis]) < 0.01


def _curves(points: Sequence[Point], sideways: bool) -> list[Segment]:
    """Return smooth curves that leave and reach every point in the direction of the flow."""
    segments: list[Segment] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 == x1 or y0 == y1:
            segments.append(((x1, y1),))
        elif sideways:
            middle = (x0 + x1) / 2
            segments.append(((middle, y0), (middle, y1), (x1, y1)))
        else:
            middle = (y0 + y1) / 2
            segments.append(((x0, middle), (x1, middle), (x1, y1)))
    return segments

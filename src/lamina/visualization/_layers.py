"""The layered drawing of one plain graph whose links all run downwards.

`x` is across the flow and `y` along it, whatever they will be on the sheet.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from lamina.visualization._columns import place_columns
from lamina.visualization._ranks import Arc, Wire, assign_ranks, longest_paths, order_ranks
from lamina.visualization._scene import Point
from lamina.visualization._tracks import End, assign_tracks, make_bars

# All in points.
_BESIDE = (26.0, 18.0, 14.0)  # between neighbours of which none, one or both have no width
_STUB, _TRACK, _TAIL = 13.0, 9.0, 17.0  # before the first cross bar, between two, after the last


class Link(NamedTuple):
    """An edge from `upper` down to `lower`; offsets are counted from the vertices' centres."""

    upper: int
    upper_offset: float
    lower: int
    lower_offset: float


class Size(NamedTuple):
    """The size of a vertex across the flow and along it."""

    across: float
    along: float


class Layers(NamedTuple):
    """The finished drawing: centres of the vertices, and a line for each link."""

    x: list[float]
    y: list[float]
    lines: list[list[Point]]
    across: float
    along: float


class _Web(NamedTuple):
    """The graph with a vertex in each rank that a long link passes."""

    sizes: list[Size]
    rank: list[int]
    bends: set[int]
    ways: list[list[Wire]]  # of each link
    main: dict[Wire, bool]  # every wire: is it on a longest way


def draw_layers(
    sizes: Sequence[Size],
    links: Sequence[Link],
    first: Collection[int] = (),
    last: Collection[int] = (),
    movable: Collection[int] = (),
    rooms: tuple[float, float] = (0.0, 0.0),
    ortho: bool = True,
) -> Layers:
    """Return where vertices and links go.

    Args:
        sizes: of the vertices.
        links: without cycles.
        first: vertices that alone are on the first rank.
        last: vertices that alone are on the last rank.
        movable: vertices whose links may end a little beside the place asked for.
        rooms: the least distance in points after `first`, and before `last`.
        ortho: give links right angles instead of oblique lines.
    """
    web = _make_web(sizes, links, first, last)
    ranks = order_ranks(_first_order(web), list(web.main), [size.across for size in web.sizes])
    x = _place_across(web, ranks)
    middles: list[float] = []
    corners: dict[Wire, list[Point]] = {}
    bottom = 0.0
    for number, rank in enumerate(ranks):
        top = bottom
        bottom = top + max((web.sizes[v].along for v in rank), default=0.0)
        middles.append((top + bottom) / 2)
        wires = [wire for wire in web.main if web.rank[wire.upper] == number]
        draw = _draw_right_angles if ortho else _draw_oblique
        room, points = draw(wires, x, bottom, movable)
        corners.update(points)
        if first and number == 0:
            room = max(room, rooms[0])
        if last and number == len(ranks) - 2:
            room = max(room, rooms[1])
        bottom += room if number < len(ranks) - 1 else 0.0
    y = [middles[rank] for rank in web.rank]
    lines = [_join(web, way, corners, y) for way in web.ways]
    return _trim(web, x, y, lines, len(sizes), bottom)


def _make_web(
    sizes: Sequence[Size], links: Sequence[Link], first: Collection[int], last: Collection[int]
) -> _Web:
    arcs = list(dict.fromkeys((link.upper, link.lower) for link in links))
    web = _Web(list(sizes), assign_ranks(len(sizes), arcs, first, last), set(), [], {})
    main = _main_arcs(len(sizes), arcs)
    bends: dict[tuple[End, int], int] = {}
    for link in links:
        end: End = (link.upper, link.upper_offset)
        way = []
        for rank in range(web.rank[link.upper] + 1, web.rank[link.lower]):
            # Links from one end share their bends, so that they run as one line for long.
            if (end, rank) not in bends:
                bends[end, rank] = len(web.sizes)
                web.bends.add(len(web.sizes))
                web.sizes.append(Size(0, 0))
                web.rank.append(rank)
            way.append((bends[end, rank], 0.0))
        stops: list[End] = [end, *way, (link.lower, link.lower_offset)]
        wires = [Wire(*a, *b) for a, b in pairwise(stops)]
        for wire in wires:
            web.main[wire] = web.main.get(wire, False) or link[::2] in main
        web.ways.append(wires)
    return web


def _main_arcs(count: int, arcs: Sequence[Arc]) -> set[Arc]:
    """Return the arcs on longest ways: those without a rival at either end."""
    depth, height = longest_paths(count, arcs)
    into: dict[int, list[int]] = {}
    out_of: dict[int, list[int]] = {}
    for tail, head in arcs:
        into.setdefault(head, []).append(depth[tail])
        out_of.setdefault(tail, []).append(height[head])

    def unrivalled(value: int, values: list[int]) -> bool:
        return value == max(values) and values.count(value) == 1

    return {
        (tail, head)
        for tail, head in arcs
        if unrivalled(depth[tail], into[head]) and unrivalled(height[head], out_of[tail])
    }


def _first_order(web: _Web) -> list[list[int]]:
    """Return the ranks as a walk in depth meets them: what belongs together comes together."""
    ranks: list[list[int]] = [[] for _ in range(max(web.rank, default=-1) + 1)]
    below: dict[int, list[int]] = {}
    for wire in web.main:
        below.setdefault(wire.upper, []).append(wire.lower)
    headed = {wire.lower for wire in web.main}
    stack = [v for v in reversed(range(len(web.sizes))) if v not in headed]
    seen: set[int] = set()
    while stack:
        vertex = stack.pop()
        if vertex not in seen:
            seen.add(vertex)
            ranks[web.rank[vertex]].append(vertex)
            stack.extend(reversed(below.get(vertex, [])))
    return ranks


def _place_across(web: _Web, ranks: Sequence[Sequence[int]]) -> list[float]:
    fans = _fans(web, ranks)
    importance: dict[Wire, int] = {}
    for wire, main in web.main.items():
        bends = (wire.upper in web.bends) + (wire.lower in web.bends)
        if main:
            importance[wire] = 0
        elif bends == 2:
            importance[wire] = 1
        elif len(fans[0][wire.upper]) == len(fans[1][wire.lower]) == 1:
            importance[wire] = 2
    for fan in (*fans[0].values(), *fans[1].values()):
        # Of an odd number of branches the middle one runs straight, if no other does.
        if len(fan) in (3, 5, 7, 9) and not any(wire in importance for wire in fan):
            importance[fan[len(fan) // 2]] = 3
    distance: dict[tuple[int, int], float] = {}
    for rank in ranks:
        for a, b in pairwise(rank):
            thin = (not web.sizes[a].across) + (not web.sizes[b].across)
            distance[a, b] = (web.sizes[a].across + web.sizes[b].across) / 2 + _BESIDE[thin]
    return place_columns(ranks, list(web.main), importance, distance)


def _fans(web: _Web, ranks: Sequence[Sequence[int]]) -> tuple[dict[int, list[Wire]], ...]:
    """Return the wires down from each vertex, and those up from each, from left to right."""
    place = {v: i for rank in ranks for i, v in enumerate(rank)}
    down: dict[int, list[Wire]] = {}
    up: dict[int, list[Wire]] = {}
    for wire in sorted(web.main, key=lambda w: (place[w.upper], place[w.lower])):
        down.setdefault(wire.upper, []).append(wire)
        up.setdefault(wire.lower, []).append(wire)
    return down, up


def _draw_right_angles(
    wires: Sequence[Wire], x: Sequence[float], top: float, movable: Collection[int]
) -> tuple[float, dict[Wire, list[Point]]]:
    """Return the room that the cross bars below `top` need, and the corners of each wire."""
    ends = [((w.upper, w.upper_offset), (w.lower, w.lower_offset)) for w in wires]
    bars = make_bars(ends, {end: x[end[0]] + end[1] for pair in ends for end in pair})
    tracks = assign_tracks(bars, movable)
    lines: dict[Wire, list[Point]] = {}
    for bar in bars:
        y = top + _STUB + bar.track * _TRACK
        for source, left in bar.sources.items():
            for target, right in bar.targets.items():
                lines[Wire(*source, *target)] = [(left, y), (right, y)]
    return _STUB + max(0, tracks - 1) * _TRACK + _TAIL, lines


def _draw_oblique(
    wires: Sequence[Wire], x: Sequence[float], top: float, movable: Collection[int]
) -> tuple[float, dict[Wire, list[Point]]]:
    lines = {
        w: [(x[w.upper] + w.upper_offset, top), (x[w.lower] + w.lower_offset, top)] for w in wires
    }
    widest = max((abs(a[0] - b[0]) for a, b in lines.values()), default=0.0)
    room = _STUB + _TAIL + min(40.0, 0.12 * widest)
    return room, {wire: [a, (b[0], top + room)] for wire, (a, b) in lines.items()}


def _join(
    web: _Web, way: Sequence[Wire], corners: dict[Wire, list[Point]], y: Sequence[float]
) -> list[Point]:
    """Return the line of a link from the lower side of one vertex to the upper side of another."""
    inner = [point for wire in way for point in corners[wire]]
    upper, lower = way[0].upper, way[-1].lower
    start = (inner[0][0], y[upper] + web.sizes[upper].along / 2)
    end = (inner[-1][0], y[lower] - web.sizes[lower].along / 2)
    return [start, *inner, end]


def _trim(
    web: _Web, x: list[float], y: list[float], lines: list[list[Point]], count: int, along: float
) -> Layers:
    """Return the drawing, moved so that its left end is at 0."""
    edges = [
        (v - size.across / 2, v + size.across / 2) for v, size in zip(x, web.sizes, strict=True)
    ]
    left = min((a for a, _ in edges), default=0.0)
    right = max((b for _, b in edges), default=0.0)
    moved = [[(px - left, py) for px, py in line] for line in lines]
    return Layers([v - left for v in x[:count]], y[:count], moved, right - left, along)

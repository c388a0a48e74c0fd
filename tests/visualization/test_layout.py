"""Drawings of graphs: what must hold for any graph, and how the usual shapes of networks look."""

import random
from itertools import combinations, pairwise

import pytest

from lamina.visualization._layout import RANKDIRS, SPLINES, Box, Group, lay_out
from lamina.visualization._paint import flatten
from lamina.visualization._scene import Shape


def line(route):
    return flatten(Shape(route.start, route.segments))


def overlap(a, b):
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def inside(inner, outer):
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width + 0.01
        and inner.y + inner.height <= outer.y + outer.height + 0.01
    )


def passes_through(a, b, area):
    """Does the straight line from a to b enter the box, by more than its border?"""
    start, end = 0.0, 1.0
    corner = (area.x + 1, area.y + 1)
    opposite = (area.x + area.width - 1, area.y + area.height - 1)
    for axis in (0, 1):
        low, high, step = corner[axis], opposite[axis], b[axis] - a[axis]
        if abs(step) < 1e-9:
            if not low < a[axis] < high:
                return False
        else:
            first, second = sorted(((low - a[axis]) / step, (high - a[axis]) / step))
            start, end = max(start, first), min(end, second)
    return start < end


def random_group(rng, depth=0):
    children = []
    for _ in range(rng.randint(1, 6 if depth else 9)):
        if depth < 2 and rng.random() < 0.2:
            children.append(random_group(rng, depth + 1))
        else:
            children.append(Box(rng.uniform(40, 200), rng.uniform(20, 90)))
    return Group(children, rng.uniform(20, 120), 10)


def paths_of_boxes(group, path=()):
    for number, child in enumerate(group.children):
        here = (*path, number)
        yield from paths_of_boxes(child, here) if isinstance(child, Group) else [here]


def random_drawing(seed):
    rng = random.Random(seed)
    group = random_group(rng)
    paths = list(paths_of_boxes(group))
    edges = {}
    for _ in range(rng.randint(0, 2 * len(paths))):
        tail, head = rng.choice(paths), rng.choice(paths)
        if rng.random() < 0.85:  # some run against the flow, some from a box to itself
            tail, head = min(tail, head), max(tail, head)
        if tail != head or rng.random() < 0.1:
            edges[tail, head] = None
    splines = SPLINES[seed % 3]
    return lay_out(group, edges, RANKDIRS[seed % 4], splines), list(edges), splines


@pytest.mark.parametrize("seed", range(60))
def test_nothing_overlaps_in_any_graph(seed):
    drawing, edges, _ = random_drawing(seed)
    for a, b in combinations(drawing.boxes.values(), 2):
        assert not overlap(a, b)
    for frame_path, frame in drawing.frames.items():
        for path, box in drawing.boxes.items():
            within = path[: len(frame_path)] == frame_path
            assert inside(box, frame) if within else not overlap(box, frame)
    for tail, head in edges:
        points = line(drawing.routes[tail, head])
        for a, b in pairwise(points):
            assert not any(passes_through(a, b, box) for box in drawing.boxes.values())
        for point, path in ((points[0], tail), (points[-1], head)):
            box = drawing.boxes[path]
            assert box.x - 0.1 <= point[0] <= box.x + box.width + 0.1
            assert box.y - 0.1 <= point[1] <= box.y + box.height + 0.1
        assert all(0 <= x <= drawing.width and 0 <= y <= drawing.height for x, y in points)


@pytest.mark.parametrize("seed", range(0, 180, 3))  # those with right angles
def test_edges_without_a_common_end_never_lie_on_one_another(seed):
    drawing, edges, splines = random_drawing(seed)
    assert splines == "ortho"
    for e, f in combinations(edges, 2):
        if e[0] == f[0] or e[1] == f[1] or (e[0], f[1]) in edges or (f[0], e[1]) in edges:
            continue  # these may share a line: every end of it leads to every other
        for a, b in pairwise(line(drawing.routes[e])):
            for c, d in pairwise(line(drawing.routes[f])):
                for axis in (0, 1):
                    on = {a[axis], b[axis], c[axis], d[axis]}
                    if max(on) - min(on) < 1:
                        low = max(min(a[1 - axis], b[1 - axis]), min(c[1 - axis], d[1 - axis]))
                        high = min(max(a[1 - axis], b[1 - axis]), max(c[1 - axis], d[1 - axis]))
                        assert high - low < 3


def chain(count, width=80.0):
    boxes = [Box(width + 10 * (i % 3), 25) for i in range(count)]
    return Group(boxes), [((i,), (i + 1,)) for i in range(count - 1)]


def centre(area):
    return area.x + area.width / 2


def middle(area):
    return area.y + area.height / 2


@pytest.mark.parametrize("rankdir", RANKDIRS)
def test_a_chain_runs_straight_in_the_direction_asked_for(rankdir):
    drawing = lay_out(*chain(20), rankdir)
    boxes = [drawing.boxes[i,] for i in range(20)]
    along, across = (centre, middle) if rankdir in ("LR", "RL") else (middle, centre)
    assert max(map(across, boxes)) - min(map(across, boxes)) < 0.01
    steps = [along(b) - along(a) for a, b in pairwise(boxes)]
    assert all(step < 0 for step in steps) if rankdir in ("BT", "RL") else min(steps) > 0
    assert all(len(line(route)) == 2 for route in drawing.routes.values())


def test_a_diamond_of_six_is_symmetric_and_keeps_the_order():
    group = Group([Box(80, 25) for _ in range(8)])
    edges = [((0,), (i,)) for i in range(1, 7)] + [((i,), (7,)) for i in range(1, 7)]
    boxes = lay_out(group, edges).boxes
    branches = [boxes[i,] for i in range(1, 7)]
    assert [b.y for b in branches] == [branches[0].y] * 6
    assert sorted(branches) == branches
    for end in (boxes[0,], boxes[7,]):
        assert centre(end) == pytest.approx((centre(branches[0]) + centre(branches[5])) / 2, abs=1)


def test_the_main_way_of_a_residual_net_is_straight_and_the_skips_go_round():
    edges, last = [], 0
    for block in range(3):
        a, b, add = (3 * block + i for i in (1, 2, 3))
        edges += [((last,), (a,)), ((a,), (b,)), ((b,), (add,)), ((last,), (add,))]
        last = add
    drawing = lay_out(Group([Box(80, 25) for _ in range(10)]), edges)
    centres = [centre(drawing.boxes[i,]) for i in range(10)]
    assert max(centres) - min(centres) < 0.01
    skip = line(drawing.routes[(0,), (3,)])
    assert max(x for x, _ in skip) > drawing.boxes[1,].x + 80


def test_a_late_second_input_stands_near_the_layer_that_takes_it():
    group, edges = chain(6)
    group = Group([*group.children, Box(80, 25)])
    boxes = lay_out(group, [*edges, ((6,), (5,))]).boxes
    assert boxes[6,].y == boxes[4,].y


def test_a_title_is_not_crossed_by_the_edge_into_its_frame():
    inner = Group([Box(60, 25)], title_width=120, title_height=10)
    drawing = lay_out(Group([Box(60, 25), inner]), [((0,), (1, 0))])
    entry = line(drawing.routes[(0,), (1, 0)])[-1][0]
    assert entry > drawing.frames[1,].x + 120


def test_an_empty_graph_has_a_drawing():
    assert lay_out(Group([]), []).boxes == {}

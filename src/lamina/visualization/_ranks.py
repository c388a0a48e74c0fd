"""Ranks of a layered drawing: which arcs to turn, the rank of each vertex, the order in a rank.

Reference: Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", 1981; Gansner and others, "A technique for drawing directed graphs", 1993.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Sequence
from typing import NamedTuple

Arc = tuple[int, int]

_SWEEPS = 12


class Wire(NamedTuple):
    """A piece of an edge between neighbouring ranks; offsets are counted from a vertex' centre."""

    upper: int
    upper_offset: float
    lower: int
    lower_offset: float


def find_back_arcs(count: int, arcs: Sequence[Arc]) -> set[Arc]:
    """Return arcs without which the graph of `count` vertices has no cycle."""
    heads: list[list[int]] = [[] for _ in range(count)]
    sources = set(range(count))
    for tail, head in arcs:
        heads[tail].append(head)
        sources.discard(head)
    back: set[Arc] = set()
    state = [0] * count  # 0 not seen, 1 on the way down, 2 done
    for root in [*sorted(sources), *range(count)]:
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(heads[root]))]
        while stack:
            vertex, rest = stack[-1]
            head = next(rest, -1)
            if head < 0:
                state[vertex] = 2
                stack.pop()
            elif state[head] == 1:
                back.add((vertex, head))
            elif state[head] == 0:
                state[head] = 1
                stack.append((head, iter(heads[head])))
    return back


def sort_topologically(count: int, arcs: Sequence[Arc]) -> list[int]:
    """Return the vertices of a graph without cycles, each after its tails."""
    heads: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for tail, head in arcs:
        heads[tail].append(head)
        waiting[head] += 1
    order = [v for v in range(count) if not waiting[v]]
    for vertex in order:  # grows meanwhile
        for head in heads[vertex]:
            waiting[head] -= 1
            if not waiting[head]:
                order.append(head)
    return order


def longest_paths(
    count: int, arcs: Sequence[Arc], start: Sequence[int] | None = None
) -> tuple[list[int], list[int]]:
    """Return for each vertex the number of arcs on the longest path to it, and from it.

    `start` gives numbers to begin with instead of 0.
    """
    depth, height = list(start or [0] * count), [0] * count
    heads: list[list[int]] = [[] for _ in range(count)]
    for tail, head in arcs:
        heads[tail].append(head)
    order = sort_topologically(count, arcs)
    for vertex in order:
        for head in heads[vertex]:
            depth[head] = max(depth[head], depth[vertex] + 1)
    for vertex in reversed(order):
        height[vertex] = max((height[head] + 1 for head in heads[vertex]), default=0)
    return depth, height


def assign_ranks(
    count: int, arcs: Sequence[Arc], first: Collection[int], last: Collection[int]
) -> list[int]:
    """Return each vertex' rank; `first` alone are on the first one and `last` alone on the last."""
    start = [int(bool(first) and v not in first) for v in range(count)]
    rank, _ = longest_paths(count, arcs, start)
    if last:
        end = 1 + max((r for v, r in enumerate(rank) if v not in last), default=0)
        rank = [end if v in last else r for v, r in enumerate(rank)]
    heads: list[list[int]] = [[] for _ in range(count)]
    indegree = [0] * count
    for tail, head in arcs:
        heads[tail].append(head)
        indegree[head] += 1
    # A vertex that could sit lower does so where that makes its edges no longer in sum: a second
    # input comes down to the layer that takes it.
    for vertex in reversed(sort_topologically(count, arcs)):
        if vertex not in first and len(heads[vertex]) >= max(1, indegree[vertex]):
            rank[vertex] = min(rank[head] for head in heads[vertex]) - 1
    return rank


def order_ranks(
    ranks: Sequence[Sequence[int]], wires: Sequence[Wire], widths: Sequence[float]
) -> list[list[int]]:
    """Return the vertices of each rank in an order with few crossings.

    The given order is kept where it has none.
    """
    best = [list(rank) for rank in ranks]
    gaps = _by_gap(best, wires)
    fewest = _crossings(best, gaps, widths)
    order = [list(rank) for rank in best]
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        _sweep(order, gaps, widths, downwards=sweep % 2 == 0)
        _exchange(order, gaps, widths)
        now = _crossings(order, gaps, widths)
        if now < fewest:
            fewest, best = now, [list(rank) for rank in order]
    return best


def _by_gap(ranks: Sequence[Sequence[int]], wires: Sequence[Wire]) -> list[list[Wire]]:
    rank_of = {v: r for r, rank in enumerate(ranks) for v in rank}
    gaps: list[list[Wire]] = [[] for _ in ranks]
    for wire in wires:
        gaps[rank_of[wire.upper]].append(wire)
    return gaps


def _places(rank: Sequence[int]) -> dict[int, int]:
    return {vertex: i for i, vertex in enumerate(rank)}


def _sweep(
    order: list[list[int]], gaps: list[list[Wire]], widths: Sequence[float], downwards: bool
) -> None:
    """Sort each rank by the mean place of its neighbours in the rank before."""
    numbers = range(1, len(order)) if downwards else range(len(order) - 2, -1, -1)
    for r in numbers:
        fixed = _places(order[r - 1 if downwards else r + 1])
        seen: dict[int, list[float]] = {vertex: [] for vertex in order[r]}
        for upper, upper_offset, lower, lower_offset in gaps[r - 1 if downwards else r]:
            if downwards:
                seen[lower].append(fixed[upper] + upper_offset / (widths[upper] + 1))
            else:
                seen[upper].append(fixed[lower] + lower_offset / (widths[lower] + 1))
        place = _places(order[r])
        mean = {v: sum(p) / len(p) if p else float(place[v]) for v, p in seen.items()}
        order[r].sort(key=mean.__getitem__)


def _exchange(order: list[list[int]], gaps: list[list[Wire]], widths: Sequence[float]) -> None:
    """Exchange neighbours as long as that removes crossings."""
    for r, rank in enumerate(order):
        around = [g for g in (r - 1, r) if 0 <= g < len(order) - 1]
        improved = len(rank) > 1 and len(rank) < 40
        while improved:
            improved = False
            now = sum(_crossings_in(order, g, gaps, widths) for g in around)
            for i in range(len(rank) - 1):
                if not now:
                    break
                rank[i], rank[i + 1] = rank[i + 1], rank[i]
                then = sum(_crossings_in(order, g, gaps, widths) for g in around)
                if then < now:
                    now, improved = then, True
                else:
                    rank[i], rank[i + 1] = rank[i + 1], rank[i]


def _crossings(order: list[list[int]], gaps: list[list[Wire]], widths: Sequence[float]) -> int:
    return sum(_crossings_in(order, g, gaps, widths) for g in range(len(order) - 1))


def _crossings_in(
    order: list[list[int]], gap: int, gaps: list[list[Wire]], widths: Sequence[float]
) -> int:
    above, below = _places(order[gap]), _places(order[gap + 1])
    ends = sorted(
        (
            above[w.upper] + w.upper_offset / (widths[w.upper] + 1),
            below[w.lower] + w.lower_offset / (widths[w.lower] + 1),
        )
        for w in gaps[gap]
    )
    crossings = 0
    passed: list[float] = []
    for start, (_, end) in enumerate(ends):
        # Wires that start in one place do not cross: `ends` is sorted, so theirs come in order.
        crossings += start - bisect_left(passed, end + 1e-9)
        insort(passed, end)
    return crossings

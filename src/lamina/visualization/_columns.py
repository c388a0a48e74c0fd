"""Where each vertex of a layered drawing stands across the flow.

Edges that should be straight tie their vertices into columns; then columns move towards what they
are connected with, as far as the distances between neighbours allow. The idea of aligned columns
is that of Brandes and Koepf, "Fast and simple horizontal coordinate assignment", 2001; which edges
are aligned is decided differently here (the longest way through a network runs straight), and the
columns are placed by relaxation, which centres them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from lamina.visualization._ranks import Wire, sort_topologically

_ROUNDS = 80
_SNAP = 9.0  # an edge that is so little oblique, in points, is made straight if there is room


class _Pull(NamedTuple):
    """Column `other` wants this one to stand at its own place plus `delta`."""

    other: int
    delta: float


def place_columns(
    ranks: Sequence[Sequence[int]],
    wires: Sequence[Wire],
    importance: Mapping[Wire, int],
    distance: Mapping[tuple[int, int], float],
) -> list[float]:
    """Return the place of each vertex' centre.

    Args:
        ranks: the vertices of each rank in their order.
        wires: what connects neighbouring ranks.
        importance: wires that should be straight; low numbers are aligned first.
        distance: the least distance between the centres of neighbours in a rank.
    """
    count = sum(len(rank) for rank in ranks)
    aligned = _align(ranks, wires, importance)
    column, shift = _make_columns(count, ranks, aligned)
    least: dict[tuple[int, int], float] = {}
    for rank in ranks:
        for left, right in pairwise(rank):
            pair = (column[left], column[right])
            needed = distance[left, right] + shift[left] - shift[right]
            least[pair] = max(least.get(pair, needed), needed)
    pulls: list[list[_Pull]] = [[] for _ in range(max(column) + 1)]
    for wire in wires:
        a, b = column[wire.upper], column[wire.lower]
        if a != b:
            delta = shift[wire.lower] + wire.lower_offset - shift[wire.upper] - wire.upper_offset
            pulls[a].append(_Pull(b, delta))
            pulls[b].append(_Pull(a, -delta))
    places = _Relaxation(least, pulls).solve()
    return [places[column[v]] + shift[v] for v in range(count)]


def _align(
    ranks: Sequence[Sequence[int]], wires: Sequence[Wire], importance: Mapping[Wire, int]
) -> list[Wire]:
    """Return the wires to be straight: one up and one down of a vertex at most, none crossing."""
    place = {v: i for rank in ranks for i, v in enumerate(rank)}
    number = {v: r for r, rank in enumerate(ranks) for v in rank}
    taken: list[list[Wire]] = [[] for _ in ranks]
    for wire in sorted((w for w in wires if w in importance), key=importance.__getitem__):
        others = taken[number[wire.upper]]
        if all(
            (place[wire.upper] - place[o.upper]) * (place[wire.lower] - place[o.lower]) > 0
            for o in others
        ):
            others.append(wire)
    return [wire for gap in taken for wire in gap]


def _make_columns(
    count: int, ranks: Sequence[Sequence[int]], aligned: Sequence[Wire]
) -> tuple[list[int], list[float]]:
    """Return the column of each vertex, and how far its centre is from the column's line."""
    below = {wire.upper: wire for wire in aligned}
    column, shift = [-1] * count, [0.0] * count
    columns = 0
    for vertex in (v for rank in ranks for v in rank):
        if column[vertex] >= 0:
            continue
        column[vertex] = columns
        while vertex in below:
            wire = below[vertex]
            column[wire.lower] = columns
            shift[wire.lower] = shift[vertex] + wire.upper_offset - wire.lower_offset
            vertex = wire.lower
        columns += 1
    return column, shift


class _Relaxation:
    """Columns that move to the mean of what pulls them, keeping their least distances."""

    def __init__(self, least: Mapping[tuple[int, int], float], pulls: list[list[_Pull]]) -> None:
        count = len(pulls)
        self.pulls = pulls
        self.order = sort_topologically(count, list(least))
        self.before: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        self.after: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        for (left, right), distance in least.items():
            self.before[right].append((left, distance))
            self.after[left].append((right, distance))
        self.at = [0.0] * count
        for c in self.order:
            self.at[c] = max((self.at[b] + d for b, d in self.before[c]), default=0.0)

    def solve(self) -> list[float]:
        for turn in range(_ROUNDS):
            moved = 0.0
            for c in self.order if turn % 2 else reversed(self.order):
                moved = max(moved, abs(self._move([c])))
            for cluster in self._clusters():
                moved = max(moved, abs(self._move(cluster)))
            if moved < 0.05:
                break
        for c in self.order:
            self._snap(c)
        return self.at

    def _move(self, columns: Sequence[int]) -> float:
        """Move `columns` as one towards the mean of what pulls them from outside."""
        inside = set(columns)
        force, count = 0.0, 0
        for c in columns:
            for other, delta in self.pulls[c]:
                if other not in inside:
                    force += self.at[other] + delta - self.at[c]
                    count += 1
        if not count:
            return 0.0
        step = self._possible(columns, force / count)
        for c in columns:
            self.at[c] += step
        return step

    def _possible(self, columns: Sequence[int], step: float) -> float:
        inside = set(columns)
        for c in columns:
            for b, distance in self.before[c]:
                if b not in inside:
                    step = max(step, min(0.0, self.at[b] + distance - self.at[c]))
            for a, distance in self.after[c]:
                if a not in inside:
                    step = min(step, max(0.0, self.at[a] - distance - self.at[c]))
        return step

    def _clusters(self) -> list[list[int]]:
        """Return the sets of columns that touch each other."""
        root = list(range(len(self.at)))

        def find(c: int) -> int:
            while root[c] != c:
                root[c] = root[root[c]]
                c = root[c]
            return c

        for c in self.order:
            for a, distance in self.after[c]:
                if self.at[a] - self.at[c] - distance < 0.01:
                    root[find(a)] = find(c)
        sets: dict[int, list[int]] = {}
        for c in self.order:
            sets.setdefault(find(c), []).append(c)
        return [s for s in sets.values() if len(s) > 1]

    def _snap(self, c: int) -> None:
        """Make the least oblique of the column's edges straight, unless one is straight already."""
        offsets = [self.at[other] + delta - self.at[c] for other, delta in self.pulls[c]]
        near = min((o for o in offsets if abs(o) <= _SNAP), key=abs, default=0.0)
        if near and self._possible([c], near) == near:
            self.at[c] += near

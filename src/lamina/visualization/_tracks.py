"""Right-angled edges between two ranks: which share a cross bar, and the track of each bar."""

from collections.abc import Collection, Sequence

End = tuple[int, float]  # a vertex, and how far from its centre an edge ends there

_NEAR = 4.0  # points; lines closer than this look like one
_SIDESTEP = 8.0


class Bar:
    """A line across the flow that connects every one of `sources` to every one of `targets`.

    Both map ends to their places across the flow.
    """

    def __init__(self, sources: dict[End, float], targets: dict[End, float]) -> None:
        self.sources, self.targets = sources, targets
        self.track = 0
        places = [*sources.values(), *targets.values()]
        self.low, self.high = min(places), max(places)

    @property
    def straight(self) -> bool:
        return self.high - self.low < 0.5


def make_bars(ways: Sequence[tuple[End, End]], places: dict[End, float]) -> list[Bar]:
    """Return bars for `ways`: sources that lead to the same targets share one."""
    heads: dict[End, dict[End, None]] = {}
    for source, target in ways:
        heads.setdefault(source, {})[target] = None
    groups: dict[frozenset[End], list[End]] = {}
    for source, targets in heads.items():
        groups.setdefault(frozenset(targets), []).append(source)
    return [
        Bar({s: places[s] for s in sources}, {t: places[t] for t in heads[sources[0]]})
        for sources in groups.values()
    ]


def assign_tracks(bars: Sequence[Bar], movable: Collection[int]) -> int:
    """Give each bar its track, and return how many tracks there are.

    Ends at vertices in `movable` may be led around an overlap that no order of tracks avoids.
    """
    order = _order([bar for bar in bars if not bar.straight])
    for i, bar in enumerate(order):
        touching = [o.track for o in order[:i] if _overlap(o, bar)]
        bar.track = max(touching, default=-1) + 1
    for i, above in enumerate(order):
        for below in order[i + 1 :]:
            if _overlap(above, below):
                _avoid_overlap(above, below, movable)
    return max((bar.track for bar in order), default=-1) + 1


def _order(bars: list[Bar]) -> list[Bar]:
    """Return the bars from above to below so that few lines cross."""
    bars.sort(key=lambda bar: (bar.low, bar.high))
    numbers = range(len(bars))
    cost = [[_cost(a, b) if a is not b else 0.0 for b in bars] for a in bars]  # of a above b
    order: list[int] = []
    for new in [*numbers] * (1 if len(bars) < 2 else 3):
        # Each goes to its best place among the others, again when all are there.
        order = [o for o in order if o != new]
        now = sum(cost[new][o] for o in order)
        sums = [now]
        for o in order:
            now += cost[o][new] - cost[new][o]
            sums.append(now)
        order.insert(sums.index(min(sums)), new)
    return [bars[o] for o in order]


def _overlap(a: Bar, b: Bar) -> bool:
    low, high = max(a.low, b.low), min(a.high, b.high)
    if abs(high - low) < 1 and any(
        t in b.targets and abs(x - low) < 1 for t, x in a.targets.items()
    ):
        return False  # from both sides to one target
    return a.low - 2 * _NEAR < b.high and b.low - 2 * _NEAR < a.high


def _cost(above: Bar, below: Bar) -> float:
    """Return how bad `above` looks above `below`: lines that cross, or lie on one another."""
    if not _overlap(above, below):
        return 0.0
    cost: float = sum(above.low < x < above.high for x in below.sources.values())
    for x in above.targets.values():
        cost += below.low < x < below.high
        cost += 100 * any(abs(x - s) < _NEAR for s in below.sources.values())
        if len(below.targets) > 1:
            # Where both lead to one target, the one that ends there should join last.
            cost += 0.5 * any(abs(x - t) < _NEAR for t in below.targets.values())
    return cost


def _avoid_overlap(above: Bar, below: Bar, movable: Collection[int]) -> None:
    for target, x in above.targets.items():
        for source, y in below.sources.items():
            if abs(x - y) < _NEAR:
                if target[0] in movable:
                    above.targets[target] += _sidestep(x, above)
                elif source[0] in movable:
                    below.sources[source] += _sidestep(y, below)


def _sidestep(x: float, bar: Bar) -> float:
    return _SIDESTEP if x < (bar.low + bar.high) / 2 else -_SIDESTEP

"""What became of each object when weights were loaded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """An object that did not get its state.

    Args:
        path: in the file.
        name: of the object, as the model's layers are named.
        expected: what it needs.
        found: what the file has.
    """

    path: str
    name: str
    expected: str
    found: str


@dataclass
class LoadReport:
    """Which objects got their state from a file, and why others did not.

    Args:
        matched: paths of the objects whose arrays were all there, with the right shapes.
        missing: objects of which the file has nothing.
        mismatched: objects whose arrays are of other numbers or shapes.
        unused: paths in the file that no object asked for.
    """

    matched: list[str] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    mismatched: list[Problem] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every object got its state."""
        return not (self.missing or self.mismatched)

    def __str__(self) -> str:
        rows = [("layer", "expected", "found")]
        rows += [(p.name, p.expected, p.found) for p in (*self.mismatched, *self.missing)]
        lines = [f"{len(self.matched)} loaded, {len(rows) - 1} not, {len(self.unused)} unused"]
        if len(rows) > 1:
            lines += _table(rows)
        if self.unused:
            lines += [f"not used: {', '.join(_first(self.unused))}"]
        return "\n".join(lines)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    shown = [tuple(_short(cell) for cell in row) for row in rows[:41]]
    widths = [max(len(row[i]) for row in shown) for i in range(3)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells).rstrip()}"
    if len(rows) > len(shown):
        yield f"  ... and {len(rows) - len(shown)} more"


def printable(text: str) -> str:
    """Return `text` without what could disturb a terminal: names come from files."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _short(text: str) -> str:
    """One short line without control characters: names come from files."""
    text = printable(text)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _first(names: Iterable[str], most: int = 12) -> list[str]:
    names = [_short(name or "(the model itself)") for name in names]
    return [*names[:most], f"{len(names) - most} more"] if len(names) > most else names

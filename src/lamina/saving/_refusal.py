"""What readers raise for files that they do not accept."""

from collections.abc import Iterator
from contextlib import contextmanager

from lamina._core.errors import explain

# What h5py, zipfile, zlib and numpy raise for bytes that are not what they should be.
_BROKEN = (OSError, KeyError, RuntimeError, TypeError, AttributeError, EOFError, OverflowError)
_BROKEN += (NotImplementedError, ArithmeticError, LookupError, ValueError)


class FileRefused(ValueError):
    """A file is damaged, is no file of this kind, or holds something that is never accepted."""


def refuse(where: str, expected: str, got: str | None, help: str | None = None) -> FileRefused:
    """Return the error for something in a file, in three parts.

    Args:
        where: the file, or the part of it.
        expected: what it should hold.
        got: what it holds.
        help: what to do.
    """
    return FileRefused(explain(where, expected, got, help))


@contextmanager
def damage_refused(where: str, kind: str) -> Iterator[None]:
    """Turn whatever libraries raise for damaged bytes into a `FileRefused`."""
    try:
        yield
    except FileRefused:
        raise
    except MemoryError as error:
        raise refuse(where, f"expected {kind}", "sizes beyond memory") from error
    except _BROKEN as error:
        said = str(error).split("\n")[0][:200] or type(error).__name__
        raise refuse(where, f"expected {kind}", f"damaged data ({said})") from error


@contextmanager
def malformed_refused(where: str) -> Iterator[None]:
    """Turn what wrong values in a record raise, deep inside, into a `FileRefused`."""
    try:
        yield
    except (*_BROKEN, MemoryError) as error:
        told = isinstance(error, ValueError) and "\n  Got " in str(error)  # in three parts
        if told or isinstance(error, OSError):
            raise
        got = f"{type(error).__name__}: {str(error)[:300]}"
        raise refuse(where, "expected a record whose values fit together", got) from error

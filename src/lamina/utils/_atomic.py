"""Files that are written whole or not at all."""

import glob
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lamina._core.errors import explain

_DAY = 24 * 60 * 60  # seconds


@contextmanager
def atomic_write(path: Any) -> Iterator[Path]:
    """Give the path of an empty temporary file to write; if the block succeeds, it becomes `path`.

    The temporary file lies in the same folder and ends like `path`. Its bytes are on the disk
    before it takes the name, so that at every moment `path` is the old file or the whole new one.
    If the block raises, it is removed and the old file is as it was. An existing file's mode is
    kept, and a link stays a link: what it points to is replaced.

    Args:
        path: the file to write; its folder must exist.

    Raises:
        FileNotFoundError: there is no such folder.
        IsADirectoryError: `path` is a folder.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "notes.txt")
        >>> with atomic_write(path) as temporary:
        ...     _ = temporary.write_text("all of it")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('all of it', 1)
    """
    target = Path(os.path.realpath(os.fspath(path)))
    if target.is_dir():
        raise IsADirectoryError(explain("saving", "expected the path of a file", f"{target}"))
    temporary = _new_file_beside(target)
    try:
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":  # the new name itself, in the folder's own blocks
        _flush(target.parent)


def _new_file_beside(target: Path) -> Path:
    _remove_forgotten(target)
    temporary = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(6)}{target.suffix}")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileNotFoundError:
        raise FileNotFoundError(
            explain("saving", "expected a folder that exists", f"{target.parent}", "make it first")
        ) from None
    os.close(descriptor)
    return temporary


def _remove_forgotten(target: Path) -> None:
    """Remove what writers of `target` left that were killed, a day ago or longer."""
    stem, suffix = glob.escape(target.stem[:100]), glob.escape(target.suffix)
    pattern = f".{stem}.{'[0-9a-f]' * 12}{suffix}"
    for forgotten in target.parent.glob(pattern):
        with suppress(OSError):
            if time.time() - forgotten.stat().st_mtime > _DAY:
                forgotten.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

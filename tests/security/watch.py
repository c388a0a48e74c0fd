"""What Python does while a file is loaded, as an audit hook sees it.

Loading may read the one file that it was given and import the library's own modules; it writes
nothing, runs nothing and talks to nobody. Whatever else happens is refused on the spot and told.
HDF5 opens files in C, unseen by audit hooks: there a `Tripwire` watches a file that none may read.
"""

import ast
import collections
import ctypes
import dataclasses
import importlib.util
import inspect
import os
import select
import sys
import typing
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

FORBIDDEN = (
    "socket.", "subprocess.", "shutil.", "ctypes.", "urllib.", "http.", "ftplib.",
    "smtplib.", "webbrowser.", "pty.", "sqlite3.", "syslog.", "winreg.", "msvcrt.", "cpython.",
    "pickle.", "mmap.", "resource.", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
    "os.fork", "os.startfile", "os.link",
    "os.symlink", "os.truncate", "os.chown", "os.utime", "os.putenv", "os.unsetenv",
    "os.chdir", "os.kill", "builtins.input", "code.__new__", "function.__new__",
    "sys.settrace", "sys.setprofile", "sys.unraisablehook", "os.setxattr",
)  # fmt: skip
IN_FOLDERS = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "tempfile.")
# Packages that the library may still load parts of.
OURS = ("lamina", "jax", "jaxlib", "numpy", "h5py", "ml_dtypes", "opt_einsum", "encodings")

_HOMES = [os.path.dirname(importlib.util.find_spec(name).origin or "") for name in OURS]
_PYTHON = [*_HOMES, *map(os.path.realpath, (sys.prefix, sys.base_prefix))]  # holds no secrets
_PYTHON.append(os.path.dirname(os.path.realpath(__file__)))  # tracebacks show lines of these files
# The standard library evaluates annotations and signatures, and in imports methods of its making.
_EVALUATORS = (typing.__file__, ast.__file__, inspect.__file__)
_WRITERS = (dataclasses.__file__, collections.__file__)

_watch: "Watch | None" = None


class Unexpected(BaseException):
    """Something happened that no file may cause; not an `Exception`, so that nobody swallows it."""


class Watch:
    """Judges events.

    Args:
        readable: files, and folders with all that is in them, that may be opened for reading.
        writable: folders in which files may be made and removed.
    """

    def __init__(self, readable: Iterable[Any] = (), writable: Iterable[Any] = ()) -> None:
        programs = jax.config.jax_compilation_cache_dir  # set where a test before has trained
        self.writable = [os.path.realpath(p) for p in (*writable, programs) if p]
        self.readable = [os.path.realpath(p) for p in readable] + self.writable
        self.seen: list[str] = []

    def judge(self, event: str, args: tuple) -> None:
        if self._bad(event, args):
            self.seen.append(f"{event} {str(args)[:300]}")
            raise Unexpected(self.seen[-1])

    def _bad(self, event: str, args: tuple) -> bool:
        if event == "open":
            return not self._may_open(*args)
        if event == "import":
            return args[0].partition(".")[0] not in OURS and not _importing()
        if event == "exec":
            return not _inside(args[0].co_filename, _HOMES) and not _reads_signatures()
        if event == "compile" or event.startswith("marshal."):
            return not _importing() and not _reads_signatures()
        if event.startswith(IN_FOLDERS):
            return not _inside(args[0], self.writable)
        return event.startswith(FORBIDDEN)

    def _may_open(self, path: Any, mode: Any, flags: int | None) -> bool:
        if isinstance(path, int):
            return True  # a file that is open already
        if (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            return _inside(path, self.writable)
        return _inside(path, self.readable) or _inside(path, _PYTHON)


def _inside(path: Any, places: Iterable[str]) -> bool:
    real = os.path.realpath(os.fsdecode(path))
    return any(real == p or real.startswith(p + os.sep) for p in places)


def _importing() -> bool:
    """Whether an import is under way: its files and its code are judged by where they lie."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _reads_signatures() -> bool:
    """Whether the standard library itself, called by nobody with a file's text, evaluates text."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    asker = None if frame is None else frame.f_code.co_filename
    return asker in _EVALUATORS or (asker in _WRITERS and _importing())


def _hook(event: str, args: tuple) -> None:
    if _watch is not None and event[0] not in "_":
        _watch.judge(event, args)


sys.addaudithook(_hook)  # for the rest of the process, at rest outside `watched`


@contextmanager
def watched(*readable: Any, writable: Iterable[Any] = ()) -> Iterator[Watch]:
    """Fail on everything that loading may not do, also if somebody hides the exception."""
    global _watch
    assert _watch is None
    watch = _watch = Watch(readable, writable)
    try:
        yield watch
    finally:
        _watch = None
    assert not watch.seen, watch.seen


class Tripwire:
    """Tells whether a file was opened, by whatever code (Linux' inotify).

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK)
        opened_or_read = 0x20 | 0x01
        if self._libc.inotify_add_watch(self._fd, os.fsencode(path), opened_or_read) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")

    def tripped(self) -> bool:
        """Return whether somebody opened the file since the last call."""
        ready = bool(select.select([self._fd], [], [], 0)[0])
        return ready and bool(os.read(self._fd, 1 << 16))

    def close(self) -> None:
        os.close(self._fd)

"""Machine code that outlives the process: one file per program, in the folder of XLA's.

A file begins with a checksum of what it is for and what it holds. One that is damaged, or
another's, counts as not there; one that cannot be written is no reason to fail.
"""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path


class Cache:
    """Machine code by a key that says everything it depends on.

    Args:
        folder: where the files are; None for a cache that keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> bytes | None:
        """Return what was put under a key, or None."""
        if self.folder is None:
            return None
        try:
            found = self._path(key).read_bytes()
        except OSError:
            return None
        return found[32:] if found[:32] == _digest(key, found[32:]) else None

    def put(self, key: str, content: bytes) -> None:
        """Keep something; a reader sees all of it or nothing."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):  # read-only or full
            handle, name = tempfile.mkstemp(dir=self.folder, prefix="native-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_digest(key, content) + content)
                os.replace(name, self._path(key))
            except OSError:
                os.unlink(name)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"native-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + content).digest()

"""Machine code that outlives the process: one file per program, in the folder of XLA's.

A file names the program, the processor and the versions that it is for, and has a checksum. One
that is damaged, or another's, counts as not there; one that cannot be written is no reason to fail.
"""

import hashlib
import os
import tempfile
from pathlib import Path

_MAGIC = b"lamina native code\n"


class Cache:
    """Machine code by a key that says everything it depends on.

    Args:
        folder: where the files are; None for a cache that keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> tuple[bytes, bytes] | None:
        """Return what was put under a key, or None."""
        if self.folder is None:
            return None
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        start, digest, rest = content[: len(_MAGIC)], content[len(_MAGIC) :][:32], b""
        rest = content[len(_MAGIC) + 32 :]
        if start != _MAGIC or digest != _digest(key, rest):
            return None
        size = int.from_bytes(rest[:8], "little")
        return rest[8 : 8 + size], rest[8 + size :]

    def put(self, key: str, head: bytes, code: bytes) -> None:
        """Keep two pieces; a reader sees all of them or nothing."""
        if self.folder is None:
            return
        rest = len(head).to_bytes(8, "little") + head + code
        name = None
        try:
            handle, name = tempfile.mkstemp(dir=self.folder, prefix="native-")
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + _digest(key, rest) + rest)
            os.replace(name, self._path(key))
        except OSError:  # read-only or full
            if name is not None and os.path.exists(name):
                os.unlink(name)

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / f"native-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + content).digest()

"""Models as a folder of the files that a `.keras` archive has as members."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lamina.saving._archive import MAX_MEMBERS, is_plain_name
from lamina.saving._refusal import refuse
from lamina.utils._atomic import atomic_write


class FolderArchive:
    """A folder read as an `Archive` is: plain files below it, no links.

    Args:
        path: of the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, path.name
        self._sizes: dict[str, int] = {}
        self._list(path, "")

    def _list(self, folder: Path, prefix: str) -> None:
        for entry in os.scandir(folder):
            name = f"{prefix}{entry.name}"
            if len(self._sizes) >= MAX_MEMBERS or prefix.count("/") > 64:
                raise refuse(self.name, f"expected at most {MAX_MEMBERS} files", "more")
            if entry.is_dir(follow_symlinks=False):
                self._list(Path(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                self._sizes[name] = entry.stat(follow_symlinks=False).st_size
            elif name.partition("/")[0] in ("assets", "config.json", "model.weights.h5"):
                raise refuse(self.name, "expected files, not links or devices", f"{name[:80]!r}")

    def names(self) -> list[str]:
        """Return the names of the files in the folder."""
        return list(self._sizes)

    def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        if name not in self:
            raise refuse(self.name, f"expected a file '{name}'", "none")
        return self._sizes[name]

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def read(self, name: str, most: int) -> bytes:
        """Return the bytes of a file.

        Raises:
            FileRefused: there is none of this name, or it has more than `most`.
        """
        with self.open(name, most) as file:
            return file.read(most)

    def open(self, name: str, most: int) -> BinaryIO:
        """Return a file.

        Raises:
            FileRefused: see `read`.
        """
        if name not in self._sizes:
            raise refuse(self.name, f"expected a file '{name}'", "none")
        if self._sizes[name] > most:
            raise refuse(f"{self.name}/{name}", f"expected at most {most} bytes", "more")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self._path / name, flags), "rb")


def write_folder(
    path: Path,
    texts: Mapping[str, str],
    write_weights: Callable[[Any], None],
    assets: Iterable[tuple[str, bytes]],
) -> None:
    """Write a model as a folder: weights first, the configuration last, each file whole or not."""
    path.mkdir(parents=True, exist_ok=True)
    write_weights(path / "model.weights.h5")
    for name, data in assets:
        if not all(map(is_plain_name, name.split("/"))):
            raise refuse(f"{path.name}", "expected plain names of assets", repr(name[:80]))
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path / name) as temporary:
            temporary.write_bytes(data)
    for name, text in texts.items():
        with atomic_write(path / name) as temporary:
            temporary.write_text(text)

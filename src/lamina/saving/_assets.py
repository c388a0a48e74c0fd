"""Files that layers keep beside their weights (a vocabulary), held in memory."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lamina.saving._archive import Archive
from lamina.saving._refusal import refuse
from lamina.saving._saveables import saveables

MAX_BYTES = 1 << 30  # of all assets together
FOLDER = "assets"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")


class Folder:
    """A folder of files in memory, used as a `Path` is: `folder / name`, then read or write."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files: dict[str, bytes] = {} if files is None else files

    def __truediv__(self, name: str) -> "File":
        return File(self, str(name))

    joinpath = __truediv__


class File:
    """A file in a `Folder`."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self.name = folder, name

    def is_file(self) -> bool:
        """Whether it was written."""
        return self.name in self._folder.files

    def read_bytes(self) -> bytes:
        """Return what it holds."""
        return self._folder.files[self.name]

    def write_bytes(self, data: bytes) -> int:
        """Set what it holds."""
        self._folder.files[self.name] = bytes(data)
        return len(data)

    def __str__(self) -> str:
        return self.name


def collect_assets(model: Any) -> Iterator[tuple[str, bytes]]:
    """Yield (name in the archive, bytes) for each file that the layers of `model` keep."""
    for path, obj in saveables(model):
        if not hasattr(obj, "save_assets"):
            continue
        folder = Folder()
        if _is_ours(obj.save_assets):
            obj.save_assets(folder)
        else:
            with tempfile.TemporaryDirectory() as place:
                obj.save_assets(place)
                for file in sorted(p for p in Path(place).rglob("*") if p.is_file()):
                    folder.files[file.relative_to(place).as_posix()] = file.read_bytes()
        for name, data in folder.files.items():
            yield "/".join(filter(None, (FOLDER, path, name))), data


def _is_ours(method: Any) -> bool:
    return str(getattr(method, "__module__", "")).startswith("lamina.")


class Assets(Mapping[str, Any]):
    """The folders of assets in an archive, by the path of the object that they belong to."""

    def __init__(self, archive: Archive, most: int = MAX_BYTES) -> None:
        self._archive, self._names = archive, {}
        names = [n for n in archive.names() if n.startswith(f"{FOLDER}/")]
        if sum(archive.size(n) for n in names) > most:
            raise refuse(archive.name, f"expected at most {most} bytes of assets", "more")
        for name in names:
            folder, _, file = name.removeprefix(f"{FOLDER}/").rpartition("/")
            self._names.setdefault(folder, []).append((file, name))

    def __getitem__(self, path: str) -> Folder:
        files = {
            file: self._archive.read(name, MAX_BYTES) for file, name in self._names.get(path, ())
        }
        return Folder(files)

    def __contains__(self, path: object) -> bool:
        return path in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def folder_for(obj: Any, folder: Folder) -> Iterator[Any]:
    """Give `folder` as the object's `load_assets` wants it.

    The library's own layers read from memory. Those of users expect a folder on the disk: they
    get a new private one, with files of plain names.
    """
    if _is_ours(obj.load_assets):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        for name, data in folder.files.items():
            if not _NAME.fullmatch(name):
                raise refuse("assets", "expected names of letters, digits, '_', '-' and '.'",
                             repr(name[:80]))  # fmt: skip
            with open(os.path.join(place, name), "xb") as file:
                file.write(data)
        yield place

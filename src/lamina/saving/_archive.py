"""Zip archives, as `.keras` files are: members by name, none of them ever unpacked to a disk.

What the table of contents says is checked before anything is read, and what is read never exceeds
what the table says.
"""

import io
import os
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from lamina.saving._refusal import damage_refused, refuse

MAX_MEMBERS = 10_000
MAX_RATIO = 200  # of bytes to bytes stored, beyond the first MiB
_MIB = 1 << 20
_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@contextmanager
def open_archive(source: Any) -> Iterator["Archive"]:
    """Open a zip archive for reading.

    Args:
        source: a path, or a seekable binary file.

    Raises:
        FileRefused: it is no archive, a damaged one, or beyond the limits.
    """
    path = isinstance(source, (str, os.PathLike))
    name = os.path.basename(os.fspath(source) if path else str(getattr(source, "name", "archive")))
    file = open(source, "rb") if path else source  # noqa: SIM115
    try:
        with damage_refused(name, "a zip archive"):
            _check_count(file, name)
            archive = zipfile.ZipFile(file)
        yield Archive(archive, file, name)
    except zipfile.BadZipFile as error:
        raise refuse(name, "expected a .keras file, a zip archive", f"{error}") from error
    finally:
        if path:
            file.close()


def _check_count(file: BinaryIO, name: str) -> None:
    """Refuse too long a table of contents before `zipfile` makes objects of it."""
    size = file.seek(0, os.SEEK_END)
    start = max(size - 98, 0)  # the end record, and before it those of large archives
    file.seek(start)
    tail = file.read(98)
    if tail[-22:-18] != _END or tail[-2:] != b"\0\0":
        raise refuse(name, "expected a .keras file, a zip archive without a comment", "other bytes")
    count, length = struct.unpack("<HL", tail[-22:][10:16])
    if tail[-42:-38] == _END64:
        (at,) = struct.unpack("<Q", tail[-42:][8:16])
        file.seek(min(at, size))
        record = file.read(56)
        if len(record) == 56:
            count, length = (max(a, b) for a, b in zip(
                (count, length), struct.unpack("<QQ", record[32:48]), strict=True))  # fmt: skip
    if count > MAX_MEMBERS or length > 400 * MAX_MEMBERS:
        raise refuse(name, f"expected at most {MAX_MEMBERS} members", f"{count}")


class Archive:
    """The members of an archive."""

    def __init__(self, archive: zipfile.ZipFile, file: BinaryIO, name: str) -> None:
        self._archive, self._file, self.name = archive, file, name
        self._size = file.seek(0, os.SEEK_END)
        infos = archive.infolist()
        if len(infos) > MAX_MEMBERS:
            raise refuse(name, f"expected at most {MAX_MEMBERS} members", f"{len(infos)}")
        self._members: dict[str, zipfile.ZipInfo] = {}
        taken: set[str] = set()
        for info in infos:
            self._check(info)
            plain = unicodedata.normalize("NFKC", info.filename).casefold()
            if plain in taken:
                raise refuse(name, "expected every name once", f"{info.filename[:80]!r} twice")
            taken.add(plain)
            if not info.is_dir():
                self._members[info.filename] = info
        if sum(info.compress_size for info in infos) > self._size:
            raise refuse(name, "expected members beside each other", "members that overlap")

    def names(self) -> list[str]:
        """Return the names of the files in the archive."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Return how many bytes a member has."""
        if name not in self:
            raise refuse(self.name, f"expected a member '{name}'", "none")
        return self._members[name].file_size

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def _check(self, info: zipfile.ZipInfo) -> None:
        shown = f"{info.filename[:80]!r}"
        parts = info.filename.rstrip("/").split("/")
        plain = all(map(is_plain_name, parts)) and info.orig_filename == info.filename  # no NUL
        if not plain or len(info.filename) > 1000 or len(parts) > 64:
            raise refuse(self.name, "expected plain names below the archive", shown)
        if info.external_attr >> 28 == 0xA:
            raise refuse(self.name, "expected files", f"a link, {shown}")
        if info.flag_bits & 1:
            raise refuse(self.name, "expected no encryption", shown)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse(self.name, "expected stored or deflated members", shown)
        stored = info.compress_type == zipfile.ZIP_STORED
        most = info.compress_size if stored else _MIB + MAX_RATIO * info.compress_size
        if info.file_size > most or info.compress_size > self._size:
            got = f"{info.file_size} bytes in {info.compress_size}, {shown}"
            raise refuse(self.name, f"expected at most {MAX_RATIO} bytes for each stored", got)

    def read(self, name: str, most: int) -> bytes:
        """Return the bytes of a member.

        Raises:
            FileRefused: there is none of this name, it is damaged, or it has more than `most`.
        """
        info = self._members.get(name)
        if info is None:
            raise refuse(self.name, f"expected a member '{name}'", "none")
        if info.file_size > most:
            raise refuse(f"{self.name}:{name}", f"expected at most {most} bytes", info.file_size)
        with damage_refused(f"{self.name}:{name}", "a member of a zip archive"):
            try:
                with self._archive.open(info) as member:
                    return member.read(info.file_size + 1)
            except (zipfile.BadZipFile, zlib.error) as error:
                got = f"damaged data ({error})"
                raise refuse(f"{self.name}:{name}", "expected a whole member", got) from error

    def open(self, name: str, most: int) -> BinaryIO:
        """Return a member as a seekable file.

        Args:
            name: of the member.
            most: bytes of memory that may be taken; for one that is stored plainly it takes none.

        Raises:
            FileRefused: see `read`.
        """
        info = self._members.get(name)
        if info is None or info.compress_type != zipfile.ZIP_STORED or info.file_size <= _MIB:
            return io.BytesIO(self.read(name, max(most, _MIB)))
        self._check_whole(info)
        self._file.seek(info.header_offset + 26)
        lengths = struct.unpack("<HH", self._file.read(4))
        start = info.header_offset + 30 + sum(lengths)
        return io.BufferedReader(_Part(self._file, start, info.file_size), 1 << 16)

    def _check_whole(self, info: zipfile.ZipInfo) -> None:
        """Read a member once, in pieces, for its checksum."""
        where = f"{self.name}:{info.filename}"
        with damage_refused(where, "a member of a zip archive"):
            try:
                with self._archive.open(info) as member:
                    while member.read(_MIB):
                        pass
            except (zipfile.BadZipFile, zlib.error) as error:
                raise refuse(where, "expected a whole member", f"damaged data ({error})") from error


def is_plain_name(name: str) -> bool:
    """Return whether `name` can be one part of a path on every system, and nothing else."""
    return (
        0 < len(name) <= 255
        and name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name not in (".", "..")
        and not name.endswith((".", " "))
        and not _RESERVED.fullmatch(name)
    )


class _Part(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._whole, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")[: max(self._size - self._at, 0)]
        self._whole.seek(self._start + self._at)
        count = self._whole.readinto(view)  # type: ignore[attr-defined]
        self._at += count
        return count

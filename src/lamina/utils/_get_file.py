"""Files from the network, kept in a folder of the user's."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lamina._core.errors import explain, unknown
from lamina.utils._atomic import atomic_write
from lamina.utils._progbar import Progbar

_CHUNK = 1 << 18  # bytes
_OPENERS = {"tar": tarfile.open, "zip": zipfile.ZipFile}
_KNOWS = {"tar": tarfile.is_tarfile, "zip": zipfile.is_zipfile}


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file from the network, which is fetched the first time.

    Args:
        fname: its name here (default: that in `origin`).
        origin: its address.
        untar: as `extract`, for .tar files.
        md5_hash: as `file_hash`, with 'md5'.
        file_hash: its hash in hexadecimal digits; a file with another one is not used.
        cache_subdir: folder inside `cache_dir`.
        hash_algorithm: 'sha256', 'md5', or 'auto' by the length of the hash.
        extract: whether it is an archive to unpack; the folder is returned then.
        archive_format: 'tar', 'zip', a list of these, or 'auto' for both.
        cache_dir: folder of the files (default: the environment's KERAS_HOME, else ~/.keras).
        force_download: whether to fetch it again.

    Raises:
        ValueError: no address, a name with folders in it, or a file with another hash.
        OSError: it cannot be fetched; the message says where to put it by hand.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "words.txt").write_text("a b c")
        >>> path = get_file(origin=(folder / "words.txt").as_uri(), cache_dir=folder)
        Downloading data from ...
        >>> pathlib.Path(path).read_text()
        'a b c'
    """
    if not origin:
        raise ValueError(explain("get_file", "expected an address as `origin`", repr(origin)))
    file_hash, algorithm = file_hash or md5_hash, hash_algorithm if file_hash else "md5"
    name = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not name or os.path.basename(name) != name or name in (".", ".."):
        raise ValueError(
            explain(
                "get_file",
                "expected a file's name as `fname`, without folders",
                repr(name),
                "give cache_dir= and cache_subdir= for the folder",
            )
        )
    folder = _folder(cache_dir, cache_subdir)
    unpack = extract or untar
    stem = name.partition(".")[0] if fname else name
    target = folder / (f"{name}_archive" if unpack and stem == name else name)
    if force_download or not target.exists() or not _matches(target, file_hash, algorithm):
        _fetch(origin, target, file_hash, algorithm)
    if not unpack:
        return str(target)
    unpacked = folder / (f"{stem}_extracted" if stem != name else name)
    _unpack(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def _folder(cache_dir: Any, cache_subdir: str) -> Path:
    given = cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    folder = Path(os.path.expanduser(given)) / cache_subdir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written to
        folder = Path(tempfile.gettempdir()) / ".keras" / cache_subdir
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _hash_of(path: Path, file_hash: str, algorithm: str) -> str:
    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(unknown("hash_algorithm", algorithm, ("auto", "sha256", "md5")))
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _matches(path: Path, file_hash: str | None, algorithm: str) -> bool:
    return file_hash is None or _hash_of(path, file_hash, algorithm) == file_hash.lower()


def _fetch(origin: str, target: Path, file_hash: str | None, algorithm: str) -> None:
    by_hand = f"download it in another way and put it at {target}"
    try:
        with atomic_write(target) as temporary:
            print(f"Downloading data from {origin}")
            _download(origin, temporary)
            if not _matches(temporary, file_hash, algorithm):
                raise ValueError(
                    explain(
                        "get_file",
                        f"expected a file with the hash {file_hash}",
                        f"{_hash_of(temporary, file_hash or '', algorithm)} from {origin}",
                        "the download was cut short, or the file has been changed: try again, "
                        "or compare the hash with its publisher's",
                    )
                )
    except urllib.error.URLError as error:
        reason = getattr(error, "reason", error)
        raise OSError(
            explain("get_file", f"expected {origin} to answer", f"{reason}", by_hand)
        ) from error


def _download(origin: str, path: Path) -> None:
    with urllib.request.urlopen(origin) as answer, path.open("wb") as file:
        size = answer.headers.get("Content-Length")
        bar = Progbar(int(size) if size else None)
        done = 0
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            bar.update(done, finalize=False)
        if size and done < int(size):
            raise urllib.error.URLError(f"{done} of {size} bytes")
        bar.update(done, finalize=True)


def _unpack(archive: Path, folder: Path, formats: Any) -> None:
    """Unpack an archive beside `folder`, which it becomes when all is there."""
    kinds = ("tar", "zip") if formats == "auto" else formats or ()
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    for kind in kinds:
        if kind not in _OPENERS:
            raise ValueError(unknown("archive_format", kind, _OPENERS))
    kind = next((k for k in kinds if _KNOWS[k](archive)), None)
    if kind is None:
        raise ValueError(
            explain("get_file", f"expected an archive: {' or '.join(kinds)}", f"{archive}")
        )
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        with _OPENERS[kind](archive) as opened:  # type: ignore[operator]
            _extract(opened, temporary)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
        os.mkdir(temporary)  # for the context manager to remove


def _extract(archive: Any, folder: str) -> None:
    """Unpack; what would land outside of the folder is refused."""
    try:
        if isinstance(archive, tarfile.TarFile):
            for member in archive:  # links have led past Python's own filter (CVE-2025-4517)
                if not (member.isreg() or member.isdir()):
                    raise ValueError(_outside(f"{member.name!r:.80}, a link or a device"))
            archive.extractall(folder, filter="data")
            return
    except tarfile.FilterError as error:
        raise ValueError(_outside(str(error))) from error
    root = os.path.realpath(folder)
    for member in archive.infolist():
        target = os.path.realpath(os.path.join(root, member.filename))
        if os.path.commonpath([root, target]) != root:
            raise ValueError(_outside(member.filename))
        archive.extract(member, folder)


def _outside(what: str) -> str:
    return explain(
        "get_file",
        "expected an archive whose files stay in its folder",
        what,
        "do not use this archive: it would write elsewhere",
    )

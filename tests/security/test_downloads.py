"""Archives that get_file unpacks: nothing of them lands outside of their folder (W2, W4)."""

import io
import os
import tarfile
import zipfile

import pytest

from lamina import utils

from .watch import watched


def tar(*members):
    """A tar archive of (name, what): bytes, or the fields of a member of another kind."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as file:
        for name, what in members:
            info = tarfile.TarInfo(name)
            data = what if isinstance(what, bytes) else b""
            info.size = len(data)
            for key, value in {} if isinstance(what, bytes) else what.items():
                setattr(info, key, value)
            file.addfile(info, io.BytesIO(data))
    return made.getvalue()


def archive(*members):
    """A zip archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, data in members:
            file.writestr(name, data)
    return made.getvalue()


def link(target, kind=tarfile.SYMTYPE):
    return {"type": kind, "linkname": target}


def long_way():
    """Links whose path, resolved, is longer than the system allows: their check fails silently."""
    deep, steps, found = "d" * 247, "abcdefghijklmnop", []
    path = ""
    for step in steps:
        found += [(f"{path}{deep}", {"type": tarfile.DIRTYPE, "mode": 0o755})]
        found += [(f"{path}{step}", link(deep))]
        path += f"{deep}/"
    there = "/".join(steps) + "/" + "l" * 254
    found += [(there, link("../" * len(steps))), ("out", link(f"{there}/../../../../evil"))]
    return [*found, ("out", b"x")]


BAD = {
    "above": tar(("../evil", b"x")),
    "a link, then through it": tar(("a", link("..")), ("a/evil", b"x")),
    "an absolute link": tar(("a", link("{outside}")), ("a/evil", b"x")),
    "a hard link's target": tar(("a", link("../secret", tarfile.LNKTYPE))),
    "a hard link's name": tar(("b", b"x"), ("../evil", link("b", tarfile.LNKTYPE))),
    "a link to a file": tar(("a", link("../secret"))),
    "a long way": tar(*long_way()),
    "a device": tar(("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})),
    "a pipe": tar(("pipe", {"type": tarfile.FIFOTYPE})),
    "zip, above": archive(("../evil", b"x")),
    "zip, absolute": archive(("/tmp/evil-of-lamina", b"x")),
}
HARMLESS = {
    "absolute": tar(("/evil-of-lamina", b"x")),  # lands in the folder
    "may do more than its owner": tar(("tool", {"mode": 0o6777})),
}


@pytest.mark.parametrize("name", [*BAD, *HARMLESS])
def test_archives(name, tmp_path, monkeypatch):
    here, elsewhere = tmp_path / "cache" / "datasets", tmp_path / "cwd"
    for folder in (here, elsewhere):
        folder.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)  # what is inside is not judged by the working directory
    (here / "secret").write_text("secret")
    source = tmp_path / "source.bin"
    source.write_bytes({**BAD, **HARMLESS}[name])
    before = {p.relative_to(tmp_path) for p in tmp_path.rglob("*")}

    def fetch():
        return utils.get_file("x.bin", source.as_uri(), extract=True, cache_dir=tmp_path / "cache")

    if name in BAD:
        with pytest.raises(ValueError, match=r"\n  Got "):
            fetch()
    else:
        fetch()
    fresh = {p.relative_to(tmp_path) for p in tmp_path.rglob("*")} - before
    kept = os.path.join("cache", "datasets", "x")
    assert all(str(p).startswith(kept) for p in fresh), fresh
    assert not any(p.is_symlink() or p.stat().st_mode & 0o6000 for p in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "/tmp/x"])
def test_names(name, tmp_path):
    with watched(writable=[tmp_path]), pytest.raises(ValueError, match="without folders"):
        utils.get_file(name, "file:///dev/null", cache_dir=tmp_path)

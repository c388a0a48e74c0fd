"""Atomic writes: the old file or the whole new one, nothing else."""

import os
import stat

import pytest

from lamina.utils._atomic import atomic_write


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def interrupted():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_mode_and_links_are_kept(tmp_path):
    path, link = tmp_path / "file.txt", tmp_path / "link.txt"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    with atomic_write(link) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == ["file.txt", "link.txt"]


def test_a_new_file_has_the_usual_mode(tmp_path):
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "b").st_mode


def test_what_cannot_be_written_is_told(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match="a folder that exists"),
        atomic_write(tmp_path / "none" / "a"),
    ):
        pass
    with pytest.raises(IsADirectoryError, match="path of a file"), atomic_write(tmp_path):
        pass


def test_what_killed_writers_left_is_removed_after_a_day(tmp_path):
    old, new, others = (
        tmp_path / name
        for name in (".a.0123456789ab.txt", ".a.0123456789ac.txt", ".b.0123456789ab.txt")
    )
    for path in (old, new, others):
        path.write_text("half")
    for path in (old, others):
        os.utime(path, (0, 0))
    with atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == sorted([new.name, others.name, "a.txt"])

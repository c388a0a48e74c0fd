"""An interpreter in which `keras` means lamina, and a way to run scripts in this one."""

import sys
from types import SimpleNamespace

import pytest

from lamina import cli
from lamina.alias import install_as_keras, uninstall_as_keras


@pytest.fixture
def no_keras(monkeypatch):
    """Hide the real Keras, which other tests of this process may have imported."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("keras", "tensorflow"):
            monkeypatch.delitem(sys.modules, name)
    yield
    uninstall_as_keras()


@pytest.fixture
def as_keras(no_keras):
    """`import keras` means lamina until the test ends."""
    install_as_keras()


@pytest.fixture
def command(no_keras, monkeypatch, tmp_path, capsys):
    """Carry out a command line in this process; returns its status, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lamina"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def run(*arguments: str) -> SimpleNamespace:
        try:
            status = cli.main(arguments)
        except SystemExit as done:
            status = done.code
        out, err = capsys.readouterr()
        return SimpleNamespace(status=status, out=out, err=err)

    return run


@pytest.fixture
def script(tmp_path):
    """Write a script into a folder of its own and return its path."""

    def write(source: str, name: str = "script.py") -> str:
        path = tmp_path / "lessons" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return str(path)

    return write

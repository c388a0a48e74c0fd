"""The oracle of these tests sees what it is there to see, and lets the library load."""

import importlib
import marshal
import os
import pickle
import shutil
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

import lamina

from .watch import Tripwire, Unexpected, watched


def hidden(act):
    """Swallow what `act` raises, as careless code would."""
    with suppress(BaseException):
        act()


DEEDS = {
    "open": lambda p: (p / "other.txt").read_text(),
    "open by os": lambda p: os.open(p / "other.txt", os.O_RDONLY),
    "write": lambda p: (p / "mine.txt").write_text("y"),
    "import": lambda p: importlib.import_module("canary_of_the_watch"),
    "import of the standard library": lambda p: importlib.import_module("this"),
    "exec": lambda p: exec("x = 1"),
    "eval": lambda p: eval("1 + 1"),
    "compile": lambda p: compile("1", "lamina", "eval"),
    "marshal": lambda p: marshal.loads(marshal.dumps(1)),
    "pickle": lambda p: pickle.loads(pickle.dumps(os.getcwd)),
    "system": lambda p: os.system("true"),
    "fork": lambda p: os.fork(),
    "process": lambda p: subprocess.run(["true"]),
    "socket": lambda p: socket.socket().connect(("127.0.0.1", 9)),
    "name": lambda p: socket.getaddrinfo("localhost", 9),
    "remove": lambda p: os.remove(p / "mine.txt"),
    "rename": lambda p: os.rename(p / "mine.txt", p / "b"),
    "remove a folder": lambda p: shutil.rmtree(p),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_deeds_are_seen(deed, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("x")
    (tmp_path / "other.txt").write_text("x")
    (tmp_path / "canary_of_the_watch.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("this", None)
    with pytest.raises((Unexpected, AssertionError)), watched(tmp_path / "mine.txt"):
        hidden(lambda: DEEDS[deed](tmp_path))


def test_work_is_let_be(tmp_path):
    path = tmp_path / "model.keras"
    lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(2)]).save(path)
    with watched(path):
        lamina.models.load_model(path)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_tripwire(tmp_path):
    path = tmp_path / "secret"
    path.write_text("x")
    wire = Tripwire(path)
    assert not wire.tripped()
    path.read_text()
    assert wire.tripped()
    assert not wire.tripped()
    wire.close()

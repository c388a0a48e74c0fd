"""What makes a short script start quickly: three costs of Python that have nothing to do with it.

*Garbage collection.* An import makes hundreds of thousands of objects that live as long as the
process. Looking through them for garbage while they are made, in every full collection after
that, and at the end takes 0.2 s of a small script's second. So jax is imported with the collector
at rest, and `gc.freeze` sets aside what it loaded (CPython's manual recommends it for what is
loaded before the work begins); what comes later is collected as ever.

*The stack of frames.* See `deep`.

*A search for plug-ins.* jax reads the metadata of every distribution that is installed to find
AMD's plug-in: 20 ms where there are 40 of them, 200 ms where there are 400. While it is imported,
only those whose folder has a name of jax's are shown to it.
"""

import gc
import importlib
import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

_ROOM = 1 << 14  # words: some 300 frames


def deep(function: _Function) -> _Function:
    """Let what a function calls have room on CPython's stack; for one that calls deeply and often.

    CPython takes room for frames in pieces of 16 KB, about 50 frames, and gives a piece back to
    the system as soon as it is empty. A loop whose calls happen to cross the end of a piece asks
    the system for memory in every turn, thousands of times while jax traces. A function that says
    that it needs much room gets one large piece, in which its calls find theirs.
    """
    code = getattr(function, "__code__", None)
    if hasattr(code, "replace"):
        function.__code__ = code.replace(co_stacksize=_ROOM)  # type: ignore[attr-defined]
    return function


def _distributions_of_jax(**context: Any) -> Iterator[importlib.metadata.Distribution]:
    for folder in map(Path, sys.path):
        yield from map(importlib.metadata.Distribution.at, folder.glob("jax*.dist-info"))


@deep
def _import_jax() -> None:
    enabled, search = gc.isenabled(), importlib.metadata.distributions
    gc.disable()
    importlib.metadata.distributions = _distributions_of_jax  # type: ignore[assignment]
    try:
        importlib.import_module("jax")
    finally:
        importlib.metadata.distributions = search
        if enabled:
            gc.enable()
    gc.freeze()


if "jax" not in sys.modules:
    _import_jax()

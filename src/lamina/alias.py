"""`import keras` means lamina, for scripts that are to stay as they are.

`install_as_keras()` puts a finder in front of Python's own. It answers for `keras` and
`tensorflow` with modules that hold nothing themselves: every name is looked up in lamina when it is
asked for, so that `keras.layers.Dense` is `lamina.layers.Dense`, whichever way it was imported.
Where the names of old are found today is written in the tables of `lamina.legacy`.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from lamina import legacy
from lamina._core.errors import explain

__all__ = [
    "install_as_keras",
    "load_ipython_extension",
    "uninstall_as_keras",
    "unload_ipython_extension",
]

_ROOTS = ("keras", "tensorflow")
_ABSENT = object()

# Modules of lamina that are about lamina, not about Keras.
_OWN = frozenset({"alias", "cli", "legacy"})


def _parents(name: str) -> Iterator[str]:
    """ "a.b.c" -> "a.b", "a"."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


# What holds a name of some table is a module, even where lamina has nothing like it.
_PACKAGES = frozenset(
    parent
    for table in (legacy.MODULES, legacy.RENAMED, legacy.REMOVED, legacy.REWRITTEN)
    for name in table
    for parent in _parents(name)
) | frozenset(_ROOTS)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


class Alias(MetaPathFinder, Loader):
    """Finds and makes the modules of `keras` and `tensorflow` whose names are those of `target`."""

    def __init__(self, target: str = "lamina") -> None:
        self.target = target

    # The import system's side.

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of ours.

        `from keras.layers import Foo` comes here too, for "keras.layers.Foo", once the module has
        said that it has no such name: raising here is what gives that import our message.
        """
        if fullname.partition(".")[0] not in _ROOTS:
            return None
        place = self._place(fullname)
        if not self._is_module(place):
            module, _, name = fullname.rpartition(".")
            raise ImportError(self._advice(module, name), name=fullname)
        source = next(iter(self._sources(place)), None)
        origin = source.__name__ if source else self.target
        # A package throughout: without a __path__ Python would not ask us for a missing name.
        return ModuleSpec(fullname, self, origin=origin, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        fullname = module.__name__
        place = self._place(fullname)
        for source in self._sources(place):
            module.__doc__ = source.__doc__
            module.__file__ = source.__file__
            break
        if place in legacy.VERSIONS:
            module.__dict__["__version__"] = legacy.VERSIONS[place]
        module.__dict__["__getattr__"] = partial(self.get, fullname)
        module.__dict__["__dir__"] = partial(self.names, fullname)

    # The modules' side.

    def get(self, module: str, name: str) -> Any:
        """Return what `name` means in `module`, as the module's own `__getattr__`."""
        if name == "__all__":
            return self.names(module)
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = self._value(self._place(module), name)
        if value is not _ABSENT:
            legacy.teach_old_ways(value)
            return value
        if self._is_module(self._place(f"{module}.{name}")):
            return importlib.import_module(f"{module}.{name}")
        # An `obj` that is not the module keeps Python from guessing a second time.
        raise AttributeError(self._advice(module, name), name=name, obj=None)

    def names(self, module: str) -> list[str]:
        """Return the names in `module`, as for `dir()` and `import *`."""
        place = self._place(module)
        found = {name for source in self._sources(place) for name in dir(source)}
        found |= {n.removeprefix(f"{place}.") for n in legacy.RENAMED if n.startswith(f"{place}.")}
        return sorted(
            name
            for name in found
            if not name.startswith("_")
            and "." not in name
            and (self._value(place, name) is not _ABSENT or self._is_module(f"{place}.{name}"))
        )

    # Where things are.

    def _place(self, fullname: str) -> str:
        """The first spelling of a module: tensorflow.keras.layers -> keras.layers."""
        name = fullname
        while prefix := next((p for p in (name, *_parents(name)) if p in legacy.REWRITTEN), None):
            name = legacy.REWRITTEN[prefix] + name.removeprefix(prefix)
        return name

    def _sources(self, place: str) -> Iterator[ModuleType]:
        """The modules in which the names of `place` are looked up, in this order."""
        root, _, path = place.partition(".")
        if root == "keras" and (own := self._module(f".{path}")):
            yield own
        for name in legacy.MODULES.get(place, ()):
            if module := self._module(name):
                yield module

    def _module(self, dotted: str) -> ModuleType | None:
        """The module at a dotted name of the tables, where a leading dot stands for the target."""
        if dotted.startswith(".") and any(_is_private(p) or p in _OWN for p in dotted.split(".")):
            return None
        found = self._walk(dotted)
        return found if isinstance(found, ModuleType) and self._is_ours(found) else None

    def _is_ours(self, module: ModuleType) -> bool:
        return module.__name__.partition(".")[0] in (self.target, "lamina")

    def _walk(self, dotted: str) -> Any:
        """The object at a dotted name of the tables, or _ABSENT."""
        path = self.target + dotted if dotted.startswith(".") else dotted
        first, *rest = path.rstrip(".").split(".")
        value: Any = importlib.import_module(first)
        for name in rest:
            holder, value = value, getattr(value, name, _ABSENT)
            if value is _ABSENT and isinstance(holder, ModuleType):
                value = _submodule(holder, name)
            if value is _ABSENT:
                break
        return value

    def _is_module(self, place: str) -> bool:
        if place in _PACKAGES or place in legacy.MODULES:
            return True
        root, _, path = place.partition(".")
        return root == "keras" and self._module(f".{path}") is not None

    def _value(self, place: str, name: str) -> Any:
        """What is called `name` in `place` and is no module, or _ABSENT."""
        for source in self._sources(place):
            value = getattr(source, name, _ABSENT) if _offers(source, name) else _ABSENT
            if value is not _ABSENT and not isinstance(value, ModuleType):
                return value
        for spelling in self._spellings(place, name):
            if renamed := legacy.RENAMED.get(spelling):
                return self._walk(renamed)
        return _ABSENT

    def _spellings(self, place: str, name: str) -> list[str]:
        """keras.layers.core, Dense -> keras.layers.core.Dense, keras.layers.Dense."""
        sources = [source.__name__ for source in self._sources(place)]
        own = [s.replace(self.target, "keras", 1) for s in sources if s.startswith(self.target)]
        return [f"{holder}.{name}" for holder in dict.fromkeys([place, *own])]

    # What to say.

    def _advice(self, module: str, name: str) -> str:
        """The text of the error for a name that is not there."""
        place = self._place(module)
        expected = "expected a name that lamina has"
        if place.startswith("tensorflow"):
            expected = "expected a name of `tensorflow.keras`, the part that lamina stands in for"
        got = f"{name!r}, which {module} does not have"
        return explain(f"{module}.{name}", expected, got, self._help(module, place, name))

    def _help(self, module: str, place: str, name: str) -> str:
        spellings = self._spellings(place, name)
        for key in (*spellings, *_parents(spellings[0])):
            if key in legacy.REMOVED:
                return legacy.REMOVED[key]
        for key in spellings:
            if key in legacy.RENAMED:
                present = legacy.RENAMED[key].lstrip(".")
                return f"its present name is keras.{present}, which lamina does not have yet"
        if home := self._home(name):
            return f"it is {home}.{name}"
        if near := get_close_matches(name, self.names(module), cutoff=0.7):
            return f"lamina does not have it; names like it: {', '.join(near)}"
        if place.startswith("tensorflow"):
            return "look for it in `keras.ops`, or run the script with TensorFlow itself"
        return f"lamina does not have it; `dir({module})` lists what is there"

    def _home(self, name: str) -> str | None:
        """The module of `keras` that has `name`, if one has."""
        root = importlib.import_module(self.target)
        for part in ("", *dir(root)):
            module = None if part.startswith("_") else self._module(f".{part}")
            if module and _offers(module, name):
                value = getattr(module, name, _ABSENT)
                if value is not _ABSENT and not isinstance(value, ModuleType):
                    return f"keras.{part}".rstrip(".")
        return None


def _offers(module: ModuleType, name: str) -> bool:
    """Whether `name` is one of the public names of `module`, should it have it."""
    listed = getattr(module, "__all__", None)
    return not name.startswith("_") if listed is None else name in listed


def _submodule(package: ModuleType, name: str) -> Any:
    fullname = f"{package.__name__}.{name}"
    try:
        return importlib.import_module(fullname)
    except ModuleNotFoundError as error:
        if error.name != fullname:
            raise
        return _ABSENT


_installed: list[Alias] = []


def install_as_keras() -> None:
    """Let `import keras` and `import tensorflow.keras` mean lamina from here on, in this process.

    Every spelling of the last ten years is understood: `from keras.layers.core import Dense`,
    `from keras.utils import np_utils`, `import tensorflow as tf; tf.keras.Sequential`. Nothing is
    copied: `keras.layers.Dense` is `lamina.layers.Dense`. It also takes the arguments that Keras 1
    and 2 had, and models have their methods again. A second call changes nothing.

    Raises:
        RuntimeError: if the real Keras or TensorFlow is already imported.
    """
    if _installed:
        return
    for root in _ROOTS:
        if (real := sys.modules.get(root)) is not None:
            version = getattr(real, "__version__", "of unknown version")
            raise RuntimeError(
                explain(
                    "install_as_keras",
                    f"expected that nothing has imported {root} yet",
                    f"{root} {version} from {getattr(real, '__file__', None) or 'memory'}",
                    "restart Python (in a notebook: its kernel), and call install_as_keras() "
                    f"before the first `import {root}`",
                )
            )
    _installed.append(Alias())
    sys.meta_path.insert(0, _installed[0])


def uninstall_as_keras() -> None:
    """Undo `install_as_keras()`. Names that were imported meanwhile stay what they are."""
    for alias in _installed:
        sys.meta_path.remove(alias)
        for name, module in list(sys.modules.items()):
            if getattr(getattr(module, "__spec__", None), "loader", None) is alias:
                del sys.modules[name]
    legacy.forget_all()
    _installed.clear()


def load_ipython_extension(ipython: Any) -> None:
    """Install the alias: what `%load_ext lamina` calls."""
    install_as_keras()


def unload_ipython_extension(ipython: Any) -> None:
    """Remove the alias: what `%unload_ext lamina` calls."""
    uninstall_as_keras()

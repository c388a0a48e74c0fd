"""What packages export: ordinary imports, each of them made when its name is first asked for.

A package's `__init__` writes its imports under `if TYPE_CHECKING:`, where editors and type checkers
find them, and ends with

    __getattr__, __dir__ = lazy(__name__)

So `import lamina` loads the engine, and a program then loads what it uses. `from lamina.layers
import Dense` and `import *` work as ever. (Python 3.15 has `lazy from ... import ...` for this.)
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from types import FunctionType
from typing import Any

from lamina._core.errors import explain, nearest

# The packages whose objects saved records may name, in the order in which a name without its
# package is looked up. Nothing else is ever imported for a record.
PACKAGES = (
    "constraints", "dtype_policies", "initializers", "regularizers", "activations", "layers",
    "losses", "metrics", "models", "optimizers", "optimizers.schedules", "random", "utils", "ops",
    "ops.image",
)  # fmt: skip
# Functions of arrays are found; of other packages only what is made from a config.
_OF_ARRAYS = {"activations", "losses", "metrics", "ops", "ops.image"}
_NOT_OF_ARRAYS = {"get", "serialize", "deserialize"}
# Of these, with their package only: "gelu" alone is the activation, "binary_crossentropy" the loss.
NAMED_IN_FULL = {"ops", "ops.image"}

_IMPORT = re.compile(r"^ {4}from (\S+) import (\([^)]*\)|.*)$", re.MULTILINE)
_places: dict[str, dict[str, tuple[str, str]]] = {}  # package -> name -> (module, name there)
_saved_as: dict[tuple[str, str], str] = {}  # (package, name) -> the module that records name


def lazy(
    package: str,
    home: str | Callable[[str], str] | None = None,
    saved_as: Mapping[str, str] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package, by the imports under `TYPE_CHECKING`.

    Args:
        package: its `__name__`.
        home: the public package that its objects shall name as theirs, or a function that finds
            it for a name; by default the package.
        saved_as: name -> module, where saved records name another module than Keras' of that name.
    """
    module = sys.modules[package]
    source = module.__spec__.loader.get_source(package)  # type: ignore[union-attr]
    places = _places[package] = {
        name: (origin, original)
        for origin, imported in _IMPORT.findall(source.partition("if TYPE_CHECKING:")[2])
        for original, name in _names(origin, imported)
    }
    for name in module.__all__:  # what the package needed at once
        publish(vars(module).get(name), package)
    _saved_as.update({(package, name): where for name, where in (saved_as or {}).items()})

    def load(name: str) -> Any:
        if name not in places:
            raise AttributeError(_missing(package, name), name=name, obj=None)
        origin, original = places[name]
        if origin == package:
            value = import_module(f"{origin}.{original}")
        else:
            value = getattr(import_module(origin), original)
            publish(value, home(name) if callable(home) else home or package, name)
        setattr(module, name, value)
        return value

    return load, lambda: sorted({*vars(module), *places})


def _missing(package: str, name: str) -> str:
    if name.startswith("_"):  # Python asks for such names by itself, and often
        return f"module {package!r} has no attribute {name!r}"
    near = nearest(name, _places[package])
    help = f"did you mean {near!r}?" if near else f"`dir({package})` lists what is there"
    return explain(f"{package}.{name}", "expected a name that lamina has", f"{name!r}", help)


def _names(origin: str, imported: str) -> Iterator[tuple[str, str]]:
    """'(a, b as c)' -> ("a", "a"), ("b", "c")."""
    if imported.startswith("*"):
        imported = ", ".join(import_module(origin).__all__)
    for part in re.sub(r"#.*", "", imported).strip("() \n").split(","):
        original, _, name = part.strip().partition(" as ")
        if original:
            yield original, name or original


def public_part(module: str) -> str:
    """'lamina.layers._dense' -> 'lamina.layers'."""
    return re.sub(r"\._.*", "", module)


def publish(item: Any, home: str | None = None, name: str | None = None) -> None:
    """Let a class or function of a private module name the public package that exports it.

    So repr, tracebacks, pickles and saved files show `lamina.layers.Dense`. Without `home` it is
    the package around, if that exports a thing of this name. `name` is what it is exported as; it
    counts if there is no export of its own name, of which the others are aliases.
    """
    if not isinstance(item, (type, FunctionType)) or "._" not in item.__module__:
        return
    if home is None:
        home = public_part(item.__module__)
        while home and item.__name__ not in _places.get(home, ()):
            home = home.rpartition(".")[0]
    if home and item.__module__.startswith("lamina."):
        own = name is None or item.__name__ in _places.get(home, ())
        item.__module__ = home  # with __qualname__, where pickle finds it
        item.__qualname__ = item.__name__ if own else str(name)


def public_name(item: Any) -> tuple[str, str] | None:
    """Return what records call one of the library's own: ("keras.layers", "Dense"), else None."""
    package, name = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    if package is None or package.partition(".")[0] != "lamina":
        return None
    if getattr(sys.modules.get(package), str(name), None) is not item:
        return None
    default = package.replace("lamina", "keras", 1)
    return _saved_as.get((package, str(name)), default), str(name)


def find(name: str, path: str | None = None) -> Any:
    """Return the class or function that records call `name`, or None.

    Args:
        name: as 'Dense'.
        path: the package's, as 'layers'; None if any will do.
    """
    for package in PACKAGES:
        if (package not in NAMED_IN_FULL) if path is None else (package == path):
            item = getattr(_package(package), name) if name in _exported(package) else None
            if _may_be_named(item, package):
                return item
    return None


def _may_be_named(item: Any, package: str) -> bool:
    """Whether records may name it: nothing that opens files, loads or changes settings."""
    if isinstance(item, type):
        return hasattr(item, "from_config")
    function = isinstance(item, FunctionType) and item.__name__ not in _NOT_OF_ARRAYS
    return function and package in _OF_ARRAYS


def names() -> list[str]:
    """Return every name that `find` knows without a path."""
    return [name for p in PACKAGES if p not in NAMED_IN_FULL for name in _exported(p)]


def _package(path: str) -> Any:
    return import_module(f"lamina.{path}")


def _exported(path: str) -> list[str]:
    places = _places.get(_package(path).__name__, {})
    return [name for name in dict.fromkeys((*places, *_package(path).__all__)) if name[0] != "_"]


class Table(Mapping[str, Any]):
    """What strings mean to a `get` function: the attributes of a package, loaded when asked for.

    Args:
        package: its `__name__`.
        names: the attributes that go by their own names.
        aliases: string -> attribute.
    """

    def __init__(
        self, package: str, names: Iterable[str], aliases: Mapping[str, str] | None = None
    ) -> None:
        self._package = package
        self._attributes = {**{name: name for name in names}, **(aliases or {})}

    def __getitem__(self, name: str) -> Any:
        return getattr(sys.modules[self._package], self._attributes[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._attributes)

    def __len__(self) -> int:
        return len(self._attributes)

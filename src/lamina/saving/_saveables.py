"""The objects of a model that have state in files, and the path of each: Keras' own layout.

A path is made of the names of attributes, so that two models made alike have the same paths,
whatever their layers are called. Attributes are walked in alphabetical order, private ones last;
in lists, tuples and dictionaries an object goes by its class in snake case, counted.
"""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from lamina._core.layer import Layer
from lamina._core.naming import to_snake_case


def saveables(root: Any, skip: Collection[Any] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (path, object) for `root` and all inside it that have state, each once.

    Args:
        root: a model, layer or optimizer.
        skip: objects that are left out, with all that only they hold.
    """
    yield from _walk(root, "", {id(obj) for obj in skip})


def _walk(obj: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if id(obj) in seen:
        return
    seen.add(id(obj))
    yield path, obj
    for name, value in _attributes(obj):
        inner = f"{path}/{name}" if path else name
        if is_saveable(value):
            yield from _walk(value, inner, seen)
        elif isinstance(value, (list, tuple, dict)):
            yield from _walk_container(value, inner, seen, set())


def _walk_container(
    items: Any, path: str, seen: set[int], containers: set[int]
) -> Iterator[tuple[str, Any]]:
    if id(items) in containers:
        return
    containers.add(id(items))
    counts: dict[str, int] = {}
    for item in items.values() if isinstance(items, dict) else items:
        inside = isinstance(item, (list, tuple, dict))
        if not inside and not is_saveable(item):
            continue
        name = "container" if inside else to_snake_case(type(item).__name__)
        number = counts[name] = counts.get(name, -1) + 1
        inner = f"{path}/{name}_{number}" if number else f"{path}/{name}"
        if inside:
            yield from _walk_container(item, inner, seen, containers)
        else:
            yield from _walk(item, inner, seen)


def is_saveable(obj: Any) -> bool:
    """Return whether files may hold state of `obj`: it is a layer, an optimizer or alike."""
    cls = type(obj)
    return hasattr(cls, "save_own_variables") and hasattr(cls, "load_own_variables")


def _attributes(obj: Any) -> Iterator[tuple[str, Any]]:
    if getattr(obj, "_layers_first", False):
        yield "layers", obj.layers
    skipped = _base_attributes(isinstance(obj, Layer))
    names = [n for n in {*vars(obj), *_properties(type(obj))} if n not in skipped and n[:2] != "__"]
    for name in sorted(names, key=lambda n: f"~{n}" if n.startswith("_") else n):
        try:
            value = getattr(obj, name)
        except Exception:  # a property that has no value yet
            continue
        yield name, value


@cache
def _properties(cls: type) -> frozenset[str]:
    return frozenset(n for n in dir(cls) if isinstance(getattr(cls, n, None), property))


@cache
def _base_attributes(layer: bool) -> frozenset[str]:
    """What every layer has: nothing of a layer's own."""
    if not layer:
        return frozenset({"variables"})
    return frozenset({*dir(Layer), *vars(Layer(name="reference"))})

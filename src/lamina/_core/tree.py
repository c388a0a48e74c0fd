"""Nested structures: lists, tuples, named tuples, deques and dictionaries; None is a leaf.

Dictionaries are walked in the order of their keys, an OrderedDict in its own. What is made in the
form of a dictionary has that dictionary's order. As in `keras.tree`.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax.tree_util as jtu

from lamina._core.errors import describe, explain

_KINDS = frozenset({list, tuple, dict, OrderedDict, defaultdict, deque})


def is_nested(structure: Any) -> bool:
    """Return whether `structure` is one, rather than a leaf.

    Example:
        >>> is_nested([]), is_nested("abc"), is_nested(None)
        (True, False, False)
    """
    kind = type(structure)
    return kind in _KINDS or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def keys_of(node: Any) -> Sequence[Any]:
    """Return the keys or indices of the parts of `node`, in the order of a walk."""
    if not isinstance(node, dict):
        return range(len(node))
    if isinstance(node, OrderedDict):
        return list(node)
    try:
        return sorted(node)
    except TypeError:  # keys of several types
        return sorted(node, key=lambda key: (type(key).__name__, key))


def rebuilt(node: Any, parts: Iterable[Any]) -> Any:
    """Return `parts`, which come in the order of a walk, in the form of `node`."""
    kind: Any = type(node)
    if isinstance(node, dict):
        by_key = dict(zip(keys_of(node), parts, strict=True))
        ordered = {key: by_key[key] for key in node}
        return kind(*([node.default_factory] if isinstance(node, defaultdict) else []), ordered)
    if hasattr(kind, "_fields"):
        return kind(*parts)
    return kind(parts, node.maxlen) if kind is deque else kind(parts)


def _parts_like(form: Any, node: Any) -> list[Any]:
    """The parts of `node` in the order of those of `form`."""
    keys = keys_of(form)
    if node is not form:
        kinds = [dict if isinstance(x, dict) else type(x) for x in (form, node)]
        if kinds[0] is not kinds[1] or len(node) != len(keys) or set(keys) != set(keys_of(node)):
            raise ValueError(_unlike(form, node))
    return [node[key] for key in keys]


def _unlike(form: Any, node: Any) -> str:
    return explain("structure", f"expected one like {describe(form)}", describe(node))


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of `structure` in the order of a walk.

    Example:
        >>> flatten({"b": [1, 2], "a": None})
        [None, 1, 2]
    """
    if not is_nested(structure):
        return [structure]
    return [leaf for key in keys_of(structure) for leaf in flatten(structure[key])]


def map_up_to(func: Callable[..., Any], shallow: Any, *structures: Any) -> Any:
    """Apply `func` to the parts of `structures` that stand where `shallow` has leaves."""
    if not is_nested(shallow):
        return func(*structures)
    parts = [_parts_like(shallow, s) for s in (shallow, *structures)]
    return rebuilt(shallow, [map_up_to(func, *each) for each in zip(*parts, strict=True)])


def map_structure(func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` leaf by leaf to structures of one form, and return the results in that form.

    Example:
        >>> map_structure(lambda a, b: a + b, {"y": 1, "x": (2,)}, {"y": 10, "x": (20,)})
        {'y': 11, 'x': (22,)}
    """

    def checked(*leaves: Any) -> Any:
        for leaf in leaves:
            if is_nested(leaf):
                raise ValueError(_unlike(leaves[0], leaf))
        return func(*leaves)

    return map_up_to(func if len(structures) == 1 else checked, structures[0], *structures)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """Return the leaves `flat_sequence`, in the order of a walk, in the form of `structure`.

    Example:
        >>> pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
        {'b': 3, 'a': (1, 2)}
    """
    leaves, count = list(flat_sequence), len(flatten(structure))
    if len(leaves) != count:
        raise ValueError(explain("structure", f"expected {count} leaves", f"{len(leaves)}"))
    rest = iter(leaves)
    return map_up_to(lambda _: next(rest), structure, structure)


def structure_of(structure: Any) -> Any:
    """Return the form of `structure`: comparable, hashable, with `.unflatten(leaves)`."""
    return jtu.tree_structure(structure, is_leaf=lambda x: x is None)

"""Nested structures: lists, tuples, named tuples and dictionaries with leaves of any kind.

None is a leaf here, as in `keras.tree`; dictionaries are walked in the order of their keys.
"""

from collections.abc import Callable
from typing import Any

import jax.tree_util as jtu


def _is_none(x: Any) -> bool:
    return x is None


def is_nested(x: Any) -> bool:
    """Return whether `x` is a structure rather than a leaf."""
    return isinstance(x, (list, tuple, dict))


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of `structure` in order.

    Example:
        >>> flatten({"b": [1, 2], "a": None})
        [None, 1, 2]
    """
    if not is_nested(structure):  # the common case, an order of magnitude faster
        return [structure]
    return jtu.tree_leaves(structure, is_leaf=_is_none)


def map_structure(fn: Callable[..., Any], *structures: Any) -> Any:
    """Apply `fn` leaf by leaf to structures of one form, and return the results in that form.

    Example:
        >>> map_structure(lambda a, b: a + b, {"x": 1, "y": (2,)}, {"x": 10, "y": (20,)})
        {'x': 11, 'y': (22,)}
    """
    if not is_nested(structures[0]):
        return fn(*structures)
    return jtu.tree_map(fn, *structures, is_leaf=_is_none)


def structure_of(structure: Any) -> Any:
    """Return the form of `structure`: comparable, hashable, with `.unflatten(leaves)`."""
    return jtu.tree_structure(structure, is_leaf=_is_none)


def flatten_with_structure(structure: Any) -> tuple[list[Any], Any]:
    """Return the leaves and the form of `structure`."""
    return jtu.tree_flatten(structure, is_leaf=_is_none)


def pack_sequence_as(structure: Any, flat_sequence: list[Any]) -> Any:
    """Return the leaves `flat_sequence` in the form of `structure`.

    Example:
        >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
        {'a': 1, 'b': (2, 3)}
    """
    return jtu.tree_unflatten(structure_of(structure), flat_sequence)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return (path, leaf) pairs; a path holds keys and indices.

    Example:
        >>> flatten_with_path({"a": [7, 8]})
        [(('a', 0), 7), (('a', 1), 8)]
    """
    pairs, _ = jtu.tree_flatten_with_path(structure, is_leaf=_is_none)
    return [(tuple(_key(k) for k in path), leaf) for path, leaf in pairs]


def _key(entry: Any) -> Any:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return entry

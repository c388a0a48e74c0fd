"""What `keras.tree` has beyond the walk of the engine: comparing, traversing, shapes."""

import warnings
from collections.abc import Callable
from typing import Any

from lamina._core import tree
from lamina._core.errors import describe, explain


class MAP_TO_NONE:
    """What a function returns to `traverse` to put None in a place: None itself means "go on".

    Example:
        >>> traverse(lambda x: MAP_TO_NONE if x == 2 else None, [1, 2])
        [1, None]
    """


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` leaf by leaf to structures of one form, and return the results in that form.

    Args:
        func: takes as many arguments as there are structures.
        *structures: lists, tuples, named tuples, deques and dictionaries of one form.
        none_is_leaf: whether `func` is given None too; else None stays None.

    Raises:
        TypeError: `func` is no function.
        ValueError: no structure, or structures of different forms.

    Example:
        >>> map_structure(lambda a, b: a + b, {"x": 1, "y": (2,)}, {"x": 10, "y": (20,)})
        {'x': 11, 'y': (22,)}
    """
    _check("map_structure", func, structures)
    if none_is_leaf:
        return tree.map_structure(func, *structures)

    def but_none(*leaves: Any) -> Any:
        if all(leaf is None for leaf in leaves):
            return None
        if any(leaf is None for leaf in leaves):
            got = " and ".join(map(describe, leaves))
            raise ValueError(explain("map_structure", "expected None in all or in none", got))
        return func(*leaves)

    return tree.map_structure(but_none, *structures)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` to what stands in `structures` where `shallow_structure` has leaves.

    Raises:
        TypeError: `func` is no function.
        ValueError: no structure, or one that ends before `shallow_structure` does.

    Example:
        >>> map_structure_up_to([None, [None]], str, [[1, 1], [[2]]])
        ['[1, 1]', ['[2]']]
    """
    _check("map_structure_up_to", func, structures)
    return tree.map_up_to(func, shallow_structure, *structures)


def _check(where: str, func: Any, structures: tuple) -> None:
    if not callable(func):
        raise TypeError(explain(where, "expected a function as `func`", describe(func)))
    if not structures:
        raise ValueError(explain(where, "expected at least one structure", "none"))


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return (path, leaf) pairs; a path holds the keys and indices that lead to the leaf.

    Example:
        >>> flatten_with_path([{"a": 7, "b": [8]}])
        [((0, 'a'), 7), ((0, 'b', 0), 8)]
    """
    if not tree.is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key in tree.keys_of(structure)
        for path, leaf in flatten_with_path(structure[key])
    ]


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Apply `func` to `structure` and to all in it; what it returns replaces what it was given.

    Args:
        func: returns None to keep what it was given, `MAP_TO_NONE` to put None there, or what to
            put there.
        structure: any structure.
        top_down: whether a structure comes before its parts, which are then not looked at if it is
            replaced; else after them.

    Raises:
        TypeError: `func` is no function.

    Example:
        >>> traverse(lambda x: len(x) if isinstance(x, list) else None, ([1, 2], {"a": [3]}))
        (2, {'a': 1})
    """
    _check("traverse", func, (structure,))
    if top_down:
        found = func(structure)
        if found is None:
            return _traverse_parts(func, structure, top_down)
    else:
        structure = _traverse_parts(func, structure, top_down)
        found = func(structure)
        if found is None:
            return structure
    return None if found is MAP_TO_NONE else found


def _traverse_parts(func: Callable[[Any], Any], structure: Any, top_down: bool) -> Any:
    if not tree.is_nested(structure):
        return structure
    parts = (structure[key] for key in tree.keys_of(structure))
    return tree.rebuilt(structure, [traverse(func, part, top_down) for part in parts])


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise a ValueError unless `a` and `b` differ in nothing but their leaves.

    All kinds of dictionaries count as one; lists, tuples and each named tuple as different.

    Args:
        a, b: any structures.
        check_types: no longer has an effect, as in Keras.

    Example:
        >>> assert_same_structure([(0, 1)], [(2, 3)])
        >>> assert_same_structure([(0, 1)], [[2, 3]])
        Traceback (most recent call last):
            ...
        ValueError: structure: expected one like (0, 1) (tuple).
          Got [2, 3] (list).
    """
    if check_types is not None:
        warnings.warn(
            "assert_same_structure: `check_types` has no effect; use assert_same_paths to compare "
            "nothing but keys and indices",
            DeprecationWarning,
            stacklevel=2,
        )
    tree.map_structure(lambda *_: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise a ValueError unless the leaves of `a` and `b` have the same keys and indices.

    Example:
        >>> assert_same_paths([0, (1, 2)], (3, [4, 5]))
    """
    of_a, of_b = ({path for path, _ in flatten_with_path(x)} for x in (a, b))
    if of_a != of_b:
        raise ValueError(
            explain(
                "assert_same_paths",
                "expected leaves in the same places",
                f"leaves of `a` alone at {sorted(of_a - of_b, key=str)}, of `b` alone at "
                f"{sorted(of_b - of_a, key=str)}",
            )
        )


def lists_to_tuples(structure: Any) -> Any:
    """Return `structure` with all its lists turned into tuples.

    Example:
        >>> lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Apply `func` to each shape in `structure`: to lists and tuples of integers and None.

    Example:
        >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), ()]})
        {'a': 2, 'b': [1, 0]}
    """
    _check("map_shape_structure", func, (structure,))
    if not tree.is_nested(structure) or _is_shape(structure):
        return func(structure)
    parts = (structure[key] for key in tree.keys_of(structure))
    return tree.rebuilt(structure, [map_shape_structure(func, part) for part in parts])


def _is_shape(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and all(isinstance(s, (int, type(None))) for s in x)

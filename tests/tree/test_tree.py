"""Nested structures beside `keras.tree`."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import numpy as np
import pytest

from lamina import tree

Point = namedtuple("Point", "x y")
Other = namedtuple("Other", "x y")

STRUCTURES = [
    5, None, "text", [], (), {}, [1], ([1, (2,)], {"b": 3, "a": None}), Point(1, [2, 3]),
    {"b": 1, "a": {"d": 2, "c": 3}}, OrderedDict(b=1, a=2), defaultdict(list, b=1, a=[2]),
    {10: 1, 2: 2}, {"a": 1, 2: 3}, deque([1, {"k": 2}], maxlen=3), [None, [None]],
]  # fmt: skip


def same(ours, theirs):
    assert repr(ours) == repr(theirs)
    assert type(ours) is type(theirs)


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_one_structure(structure):
    for name in ("is_nested", "flatten", "flatten_with_path", "lists_to_tuples"):
        same(getattr(tree, name)(structure), getattr(keras.tree, name)(structure))
    same(tree.map_structure(repr, structure), keras.tree.map_structure(repr, structure))
    same(*(t.map_structure(repr, structure, none_is_leaf=False) for t in (tree, keras.tree)))
    leaves = range(len(tree.flatten(structure)))
    same(*(t.pack_sequence_as(structure, leaves) for t in (tree, keras.tree)))
    for top_down in (True, False):
        visited = [], []
        for seen, t in zip(visited, (tree, keras.tree), strict=True):
            t.traverse(seen.append, structure, top_down=top_down)
        assert repr(visited[0]) == repr(visited[1])


PAIRS = [
    ([1, 2], [3, 4]), ([1, 2], (3, 4)), ([1, 2], [3]), ({"a": 1}, {"b": 1}), (1, [1]), ([1], 1),
    ({"b": 1, "a": 2}, OrderedDict(b=3, a=4)), (OrderedDict(b=3, a=4), {"a": 1, "b": 2}),
    (Point(1, 2), Point(3, 4)), (Point(1, 2), Other(3, 4)), (Point(1, 2), (3, 4)),
    ([[1], 2], [[3], [4]]), ([None], [1]), ([None, 1], [None, 2]), ({}, {}), ([], ()),
    ({"a": [1, 2]}, defaultdict(int, a=[3, 4])),
]  # fmt: skip


def outcome(fn, *arguments, **options):
    try:
        return repr(fn(*arguments, **options))
    except ValueError:
        return "refused"


@pytest.mark.parametrize("pair", PAIRS, ids=repr)
def test_two_structures(pair):
    for name in ("assert_same_structure", "assert_same_paths"):
        assert outcome(getattr(tree, name), *pair) == outcome(getattr(keras.tree, name), *pair)
    for options in ({}, {"none_is_leaf": False}):
        ours, theirs = (
            outcome(t.map_structure, lambda a, b: (a, b).__repr__(), *pair, **options)
            for t in (tree, keras.tree)
        )
        assert ours == theirs
    ours, theirs = (outcome(t.map_structure_up_to, pair[0], repr, pair[1])
                    for t in (tree, keras.tree))  # fmt: skip
    if "None" not in repr(pair[0]):  # which Keras takes for no leaf here, against its own examples
        assert ours == theirs


def test_shapes():
    shapes = {"b": (None, 3), "a": [(2, 4), [5, 6]], "c": ()}
    same(*(t.map_shape_structure(list, shapes) for t in (tree, keras.tree)))
    same(*(t.map_shape_structure(len, (1, None)) for t in (tree, keras.tree)))


def test_traverse_replaces():
    structure = [(1, 2), {"a": [3, 4]}]
    for t in (tree, keras.tree):
        none = t.MAP_TO_NONE
        cut = t.traverse(lambda x, none=none: none if x == 2 else None, structure)
        assert cut == [(1, None), {"a": [3, 4]}]
        total = t.traverse(lambda x: sum(x) if isinstance(x, (list, tuple)) and all(
            isinstance(e, int) for e in x) else None, structure, top_down=False)  # fmt: skip
        assert total == [3, {"a": 7}]


def test_arrays_are_leaves():
    x = np.ones((2, 2))
    assert tree.flatten({"a": x})[0] is x
    assert tree.map_structure(lambda a: a.shape, [x]) == [(2, 2)]


@pytest.mark.parametrize(
    ("call", "error", "parts"),
    [
        (lambda: tree.map_structure(1, [2]), TypeError, "a function.*1"),
        (lambda: tree.map_structure(len), ValueError, "at least one structure"),
        (lambda: tree.traverse(None, [2]), TypeError, "a function"),
        (lambda: tree.pack_sequence_as([1, 2], [1]), ValueError, "2 leaves.*Got 1"),
        (lambda: tree.pack_sequence_as([1], 3), TypeError, "not iterable"),
        (lambda: tree.map_structure(max, [1], (1,)), ValueError, r"like \[1\].*Got \(1,\)"),
        (lambda: tree.assert_same_paths([1], {"a": 1}), ValueError, r"\(0,\).*\('a',\)"),
    ],
)
def test_errors(call, error, parts):
    with pytest.raises(error, match=f"(?s){parts}"):
        call()


def test_check_types_is_of_no_use():
    with pytest.warns(DeprecationWarning, match="no effect"):
        tree.assert_same_structure([1], [2], check_types=False)

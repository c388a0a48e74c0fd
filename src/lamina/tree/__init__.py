"""Nested structures: lists, tuples, named tuples, deques and dictionaries, with None as a leaf.

Dictionaries are walked in the order of their keys (an OrderedDict in its own), and keep the order
that they have.
"""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.tree import flatten, is_nested, pack_sequence_as
    from lamina.tree._tree import (
        MAP_TO_NONE,
        assert_same_paths,
        assert_same_structure,
        flatten_with_path,
        lists_to_tuples,
        map_shape_structure,
        map_structure,
        map_structure_up_to,
        traverse,
    )


__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path",
    "is_nested", "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to",
    "pack_sequence_as", "traverse",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

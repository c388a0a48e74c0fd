"""Masks: which time steps of a batch count. A mask travels beside its array, unseen.

Arrays and symbolic tensors carry it as an attribute; jax's traced arrays take no attributes, so
for them the outermost call or scope keeps a table.
"""

from typing import Any

from lamina._core.context import context

_NAME = "_keras_mask"


def get_mask(x: Any) -> Any:
    """Return the mask that travels with `x`, or None."""
    mask = getattr(x, _NAME, None)
    if mask is None:
        table = context().masks
        if table:
            entry = table.get(id(x))
            return None if entry is None else entry[1]
    return mask


def set_mask(x: Any, mask: Any) -> None:
    """Let `mask` travel with `x`."""
    try:
        setattr(x, _NAME, mask)
    except AttributeError:
        table = context().masks
        if table is not None:
            table[id(x)] = (x, mask)  # x is kept so that its id stays its own

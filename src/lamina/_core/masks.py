"""What travels beside an array, unseen: its mask (which time steps count), or its logits.

Arrays and symbolic tensors carry it as an attribute; jax's traced arrays take no attributes, so
for them the outermost call or scope keeps a table.
"""

from typing import Any

from lamina._core.context import context

_MASK, _LOGITS = "_keras_mask", "_keras_logits"


def get_mask(x: Any) -> Any:
    """Return the mask that travels with `x`, or None."""
    return _get(x, _MASK)


def set_mask(x: Any, mask: Any) -> None:
    """Let `mask` travel with `x`."""
    _set(x, _MASK, mask)


def get_logits(x: Any) -> Any:
    """Return what a softmax or sigmoid made `x` of, or None."""
    return _get(x, _LOGITS)


def set_logits(x: Any, logits: Any) -> None:
    """Let losses see the logits behind the probabilities `x`: from them they are exact."""
    _set(x, _LOGITS, logits)


def carry_logits(source: Any, target: Any) -> None:
    """Let the logits of `source` travel with `target`, which is `source` in another dtype."""
    logits = get_logits(source)
    if logits is not None and target is not source:
        set_logits(target, logits.astype(target.dtype))


def _get(x: Any, name: str) -> Any:
    found = getattr(x, name, None)
    table = context().masks
    if found is None and table:
        entry = table.get((id(x), name))
        return None if entry is None else entry[1]
    return found


def _set(x: Any, name: str, value: Any) -> None:
    try:
        setattr(x, name, value)
    except AttributeError:
        table = context().masks
        if table is not None:
            table[id(x), name] = (x, value)  # x is kept so that its id stays its own

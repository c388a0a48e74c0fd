"""The state of optimizers in files of Keras 2: which of its arrays is which variable's."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# What Keras 2 called a slot: in 2.11 and later, and before.
_SLOTS = {
    "accum_grad": "accumulated_grad",
    "accum_var": "accumulated_delta_var",
    "m": "momentum",
    "mg": "average_gradient",
    "rms": "velocity",
    "u": "norm",
    "v": "velocity",
    "vhat": "velocity_hat",
}
_COUNTERS = ("iteration", "iterations", "iter")


def legacy_state(
    optimizer: Any, names: Sequence[str], weights: Sequence[tuple[str, Any]]
) -> dict[Any, str] | None:
    """Return the name of the array for each variable of a built optimizer; None if some has none.

    Args:
        optimizer: built for the model.
        names: of the arrays, in the file's order.
        weights: names of the model's weights in the file, and the variables that they became.
    """
    if not any(name.endswith(":0") for name in names):  # Keras 3: in the order of `variables`
        variables = optimizer.variables
        return dict(zip(variables, names, strict=True)) if len(names) == len(variables) else None
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    counter = next((n for n in names if n[:-2].rpartition("/")[2] in _COUNTERS), None)
    slots = [v for per_weight in optimizer._slots.values() for v in per_weight.values()]
    found = _by_name(optimizer, names, weights)
    if found.keys() != set(slots):
        found = _by_order(optimizer, [n for n in names if n != counter])
    if counter is None or found.keys() != set(slots):
        return None
    return {optimizer._iterations: counter, **found}


def _by_name(
    optimizer: Any, names: Sequence[str], weights: Sequence[tuple[str, Any]]
) -> dict[Any, str]:
    """'Adam/m/dense/kernel:0', or before 2.11 'Adam/dense/kernel/m:0'."""
    waiting: dict[tuple[str, str], list[Any]] = {}
    for name, weight in weights:
        for slot, variable in optimizer._slots.get(weight, {}).items():
            waiting.setdefault((name, slot), []).append(variable)
    found: dict[Any, str] = {}
    for name in names:
        parts = name.removesuffix(":0").removeprefix("training/").split("/")
        for label, path in ((parts[1:2], parts[2:]), (parts[-1:], parts[1:-1])):
            slot = _slot(optimizer, label[0]) if label else None
            variables = waiting.get(("/".join(path) + ":0", str(slot)))
            if variables:
                found[variables.pop(0)] = name  # equal names come in the order of the layers
                break
    return found


def _slot(optimizer: Any, label: str) -> str:
    if type(optimizer).__name__ == "Adamax" and label == "v":
        return "norm"
    return _SLOTS.get(label, label)


def _by_order(optimizer: Any, names: Sequence[str]) -> dict[Any, str]:
    """'training/Adam/Variable_7:0': before TensorFlow, one slot of all weights after the other."""
    per_weight = list(optimizer._slots.values())
    if not per_weight or any(len(slots) != len(per_weight[0]) for slots in per_weight):
        return {}
    in_order = [slots[name] for name in per_weight[0] for slots in per_weight]
    return dict(zip(in_order, names, strict=False)) if len(names) >= len(in_order) else {}


def complete_state(optimizer: Any) -> None:
    """Compute what Keras 2 kept out of its files: Nadam's product of momenta so far."""
    if type(optimizer).__name__ == "Nadam":
        steps = np.arange(1, int(optimizer._iterations.numpy()) + 1)
        product = np.prod(optimizer.beta_1 * (1.0 - 0.5 * 0.96**steps))
        optimizer._product.assign(np.asarray(product, optimizer._product.dtype))

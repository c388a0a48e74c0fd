"""Snapshot: everything that the rest of a training run depends on, as arrays and plain values.

A run that is given back a snapshot, with the same data, goes on as if it had never stopped.
"""

import random as python_random
from typing import Any

import numpy as np

from lamina._core import random as core_random
from lamina._core.errors import explain


def generators() -> dict[str, Any]:
    """Return the state of every global generator: numpy's orders the data."""
    own = core_random._global_generator
    return {
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002
        "python": python_random.getstate(),
        "lamina": None if own is None else own.state.numpy(),
    }


def set_generators(states: dict[str, Any]) -> None:
    """Set every global generator to what `generators` returned."""
    if states["lamina"] is None:
        core_random.reset_global_generator()
    else:
        core_random.global_seed_generator().state.assign(states["lamina"])
    np.random.set_state(states["numpy"])  # noqa: NPY002
    python_random.setstate(states["python"])


def callback_states(callbacks: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the name of each callback's class, and what the callback has learned."""
    return [(type(c).__name__, c.state_dict()) for c in callbacks if hasattr(c, "state_dict")]


def load_callback_states(callbacks: Any, states: list[tuple[str, dict[str, Any]]]) -> None:
    """Give callbacks back their states: the first of a class gets the first that was kept, ..."""
    left = list(states)
    for callback in callbacks:
        name = type(callback).__name__
        found = next((entry for entry in left if entry[0] == name), None)
        if found is not None and hasattr(callback, "load_state_dict"):
            left.remove(found)
            callback.load_state_dict(found[1])


def check_values(variables: list[Any], values: list[Any]) -> None:
    """Raise ValueError if the values are those of variables of another kind."""
    fits = len(values) == len(variables) and all(
        value.shape == v.shape and value.dtype == v._value.dtype
        for v, value in zip(variables, values, strict=True)
    )
    if not fits:
        wrong = (
            f"{v.path} of shape {v.shape}, where it has {value.shape}"
            for v, value in zip(variables, values, strict=False)
            if value.shape != v.shape or value.dtype != v._value.dtype
        )
        raise ValueError(
            explain(
                "resuming",
                "expected the backup of this model, compiled as it is now",
                f"one of {len(values)} arrays for {len(variables)} variables"
                + next((f": {text}" for text in wrong), ""),
                "give another folder, or remove this one to start afresh",
            )
        )

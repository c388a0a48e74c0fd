"""Choosing the engine of a program: this one, or XLA with the reason why."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from lamina._native.cache import Cache
from lamina._native.cost import require_gain
from lamina._native.engine import Engine
from lamina._native.graph import Unsupported, require
from lamina._native.switch import CHECKED, is_native_steps_enabled


def choose(
    step: Any,
    report: Callable[[], Any] | None,
    variables: int,
    written: Sequence[int],
    batch: int,
    arrays: Sequence[Any],
    folder: Any,
) -> tuple[Engine | None, str]:
    """Return an engine that is ready to run, and its name; None and the reason if it is XLA's.

    Args:
        step, variables, written, batch: see `Engine`.
        report: returns the jaxpr of what is logged after the steps; None if there is none.
        arrays: the values and the data that it will run on.
        folder: where compiled code is kept, or None.
    """
    if not is_native_steps_enabled():
        return None, "XLA: native steps are turned off"
    try:
        require(jax.default_backend() == "cpu", "not on a CPU")
        devices = [len(a.sharding.device_set) for a in arrays if isinstance(a, jax.Array)]
        require(max(devices, default=1) == 1, "arrays on several devices")
        engine = Engine(step, report() if report else None, variables, written, batch, CHECKED)
        require_gain(*engine.step, engine.machine.lanes)
        engine.compile(Cache(folder))
    except Unsupported as reason:
        return None, f"XLA: {reason}"
    except (RuntimeError, RecursionError, OSError) as error:  # LLVM's: the net can still be trained
        return None, f"XLA: {type(error).__name__}: {error}"
    return engine, "native"

"""A function of arrays, as machine code that tests every access of memory."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina._native.engine import Engine


@pytest.fixture(scope="session", autouse=True)
def _llvmlite():
    pytest.importorskip("llvmlite")


def native(fn: Callable, checked: bool = True) -> Callable:
    """`fn` of arrays, with a list of results, run as one step of an Engine."""

    def run(*arrays):
        arrays = [jnp.array(a, copy=True) for a in arrays]
        jaxpr = jax.make_jaxpr(lambda *a: (*a, *fn(*a)))(*arrays)
        engine = Engine(jaxpr, None, len(arrays), [], 1, checked=checked)
        engine.compile()
        return engine(arrays, [], np.zeros(1, "int32"), 0, 1)

    return run


@pytest.fixture(name="native")
def _native():
    return native

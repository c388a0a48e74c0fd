"""SeedGenerator: a variable that hands out keys, so that randomness is state like any other."""

import random as python_random
from typing import Any

import jax
import numpy as np

from lamina._core.context import context, using
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name
from lamina._core.state import Variable


def make_seed() -> int:
    """Return a seed from Python's `random`, which `set_random_seed` makes repeatable."""
    return python_random.randint(1, int(1e9))


class SeedGenerator:
    """A source of keys: every call of `next` gives another, in a sequence that the seed fixes.

    Its state is a Variable of shape (2,), uint32: the seed and a counter. Keep it as an attribute
    of a layer or model so that compiled code can advance it.

    Args:
        seed: a whole number of 0 or more; None draws one from Python's `random`.

    Example:
        >>> a, b = SeedGenerator(7), SeedGenerator(7)
        >>> bool((a.next() == b.next()).all()), bool((a.next() == SeedGenerator(7).next()).all())
        (True, False)
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (not isinstance(seed, (int, np.integer)) or seed < 0):
            raise ValueError(
                explain("SeedGenerator", "expected a whole number of 0 or more", describe(seed))
            )
        self.name = name or auto_name(type(self))
        self.seed = make_seed() if seed is None else int(seed)
        self._configured_seed = seed
        start = np.array([self.seed % 2**32, 0], "uint32")
        with using(path=(*context().path, self.name)):
            self.state = Variable(start, trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """Return the next key, an array of two uint32."""
        del ordered  # reads and writes of a Variable are always in order
        state = self.state.raw()
        self.state.assign(state + np.array([0, 1], "uint32"))
        return state

    def get_config(self) -> dict[str, Any]:
        return {"seed": self._configured_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeedGenerator":
        return cls(**config)


_global_generator: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """Return the generator behind `seed=None` in `lamina.random`."""
    global _global_generator
    if context().scope is not None:
        raise ValueError(
            explain(
                "random",
                "expected `seed=` in code that is compiled: without one each run would repeat the "
                "same numbers",
                "seed=None",
                "make a `SeedGenerator` in the layer's __init__ and pass it as `seed`",
            )
        )
    if _global_generator is None:
        _global_generator = SeedGenerator(name="global")
    return _global_generator


def reset_global_generator() -> None:
    """Let the generator behind `seed=None` start anew, seeded by Python's `random` when needed."""
    global _global_generator
    _global_generator = None


def draw_key(seed: Any = None) -> Any:
    """Return a key (two uint32) from a SeedGenerator, a whole number, a key, or None."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return np.array([int(seed) % 2**32, 0], "uint32")
    if getattr(seed, "shape", None) == (2,):
        return seed
    if isinstance(seed, jax.Array) and jax.dtypes.issubdtype(seed.dtype, jax.dtypes.prng_key):
        return jax.random.key_data(seed)
    raise ValueError(
        explain("seed", "expected None, a whole number, a SeedGenerator or a key", describe(seed))
    )

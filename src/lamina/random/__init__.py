"""Random arrays, from a seed, a key or a SeedGenerator."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.random import SeedGenerator
    from lamina.random._distributions import (
        beta,
        binomial,
        categorical,
        dropout,
        gamma,
        normal,
        randint,
        shuffle,
        truncated_normal,
        uniform,
    )


__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint",
    "shuffle", "truncated_normal", "uniform",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

"""Random arrays, from a seed, a key or a SeedGenerator."""

from lamina._core import serialize as _serialize
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
_serialize.export(globals())

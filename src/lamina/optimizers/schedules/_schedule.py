"""The base of learning rate schedules."""

from typing import Annotated, Any

import jax.numpy as jnp

from lamina._core import config
from lamina._core.configurable import Check, Configurable, is_real
from lamina._core.errors import explain

DecaySteps = Annotated[float, Check("a number of steps above 0", lambda x: is_real(x) and x > 0)]


class LearningRateSchedule(Configurable):
    """A learning rate that depends on the step: subclasses write `__call__(step)`.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * 0.5 ** (step // 100)
        >>> Halving()(100)
        0.05
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of step `step`, counted from 0; every subclass has its own."""
        raise NotImplementedError(
            explain(type(self).__name__, "expected a `__call__(step)` method")
        )


def number(x: Any) -> Any:
    """Return a step or a rate as a scalar of the default float dtype."""
    return jnp.asarray(x, config.floatx())

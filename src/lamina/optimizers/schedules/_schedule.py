"""The base of learning rate schedules."""

from typing import Any

from lamina._core.configurable import Configurable
from lamina._core.errors import explain


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
        raise NotImplementedError(explain(type(self).__name__, "expected a `__call__(step)` method"))

"""Schedules that fall by a formula, and the one that falls in steps."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lamina._core.errors import explain
from lamina.optimizers.schedules._schedule import DecaySteps, LearningRateSchedule, number


class ExponentialDecay(LearningRateSchedule):
    """initial * rate ** (step / decay_steps).

    Args:
        initial_learning_rate: at step 0.
        decay_steps: in how many steps the rate is multiplied by `decay_rate` once.
        decay_rate: the factor.
        staircase: whether it falls at once, every `decay_steps` steps, instead of smoothly.
        name: kept in the config.

    Example:
        >>> round(float(ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)(200)), 6)
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: DecaySteps,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> Any:
        passed = number(step) / self.decay_steps
        passed = jnp.floor(passed) if self.staircase else passed
        return number(self.initial_learning_rate) * jnp.power(self.decay_rate, passed)


class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + rate * step / decay_steps).

    Args:
        initial_learning_rate: at step 0.
        decay_steps: the unit in which `decay_rate` counts steps.
        decay_rate: how fast it falls.
        staircase: whether it falls at once, every `decay_steps` steps, instead of smoothly.
        name: kept in the config.

    Example:
        >>> round(float(InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)(2)), 6)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: DecaySteps,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> Any:
        passed = number(step) / self.decay_steps
        passed = jnp.floor(passed) if self.staircase else passed
        return number(self.initial_learning_rate) / (1 + self.decay_rate * passed)


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps) ** power + end, and `end` after that.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps until `end_learning_rate` is reached.
        end_learning_rate: the last rate.
        power: 1 for a straight line.
        cycle: whether, instead of staying at the end, `decay_steps` doubles, triples, ... so that
            the rate jumps up and falls again.
        name: kept in the config.

    Example:
        >>> round(float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5)), 6)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: DecaySteps,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power = end_learning_rate, power
        self.cycle, self.name = cycle, name

    def __call__(self, step: Any) -> Any:
        t, total = number(step), number(self.decay_steps)
        if self.cycle:
            total = total * jnp.where(t == 0, 1.0, jnp.ceil(t / total))
        else:
            t = jnp.minimum(t, total)
        drop = number(self.initial_learning_rate) - self.end_learning_rate
        return drop * jnp.power(1 - t / total, self.power) + self.end_learning_rate


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and with step boundaries[0], then values[1] up to boundaries[1], and so on.

    Args:
        boundaries: increasing steps.
        values: rates, one more than boundaries.
        name: kept in the config.

    Raises:
        ValueError: the lengths do not fit.

    Example:
        >>> f = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
        >>> [round(float(f(step)), 6) for step in (10, 11, 21)]
        [1.0, 0.5, 0.1]
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            expected = "expected one more of `values` than of `boundaries`"
            got = f"{len(boundaries)} boundaries and {len(values)} values"
            raise ValueError(explain("PiecewiseConstantDecay", expected, got))
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        step = jnp.asarray(step)
        if len(self.boundaries) == 0:
            return number(self.values[0])
        place = jnp.sum(step > jnp.asarray(self.boundaries).astype(step.dtype))
        return number(self.values)[place]

"""Schedules along half a cosine wave."""

import math
from typing import Any

import jax.numpy as jnp

from lamina.optimizers.schedules._schedule import DecaySteps, LearningRateSchedule, number


class CosineDecay(LearningRateSchedule):
    """initial * (alpha + (1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2), after a warm-up.

    With `warmup_target`, the rate first goes in a straight line from `initial_learning_rate` to it,
    in `warmup_steps` steps, and falls from there.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps of the fall.
        alpha: the last rate, as a fraction of the highest.
        name: kept in the config.
        warmup_target: the highest rate; None for no warm-up.
        warmup_steps: steps of the warm-up.

    Reference:
        Loshchilov and Hutter, 2016, arXiv 1608.03983.

    Example:
        >>> f = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=5)
        >>> [round(float(f(step)), 4) for step in (0, 5, 10, 15)]
        [0.0, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: DecaySteps,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> Any:
        t, start = number(step), number(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._fall(t, start)
        fall = self._fall(t - self.warmup_steps, number(self.warmup_target))
        if not self.warmup_steps:
            return fall
        rise = start + (self.warmup_target - start) * (t / self.warmup_steps)
        return jnp.where(t < self.warmup_steps, rise, fall)

    def _fall(self, t: Any, highest: Any) -> Any:
        wave = 0.5 * (1 + jnp.cos(math.pi * (jnp.minimum(t, self.decay_steps) / self.decay_steps)))
        return highest * ((1 - self.alpha) * wave + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine falls, one after the other, each `t_mul` times as long and `m_mul` times as high.

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first fall.
        t_mul: factor from the length of a fall to that of the next.
        m_mul: factor from the height of a fall to that of the next.
        alpha: the rate at the end of a fall, as a fraction of the first.
        name: kept in the config.

    Reference:
        Loshchilov and Hutter, 2016, arXiv 1608.03983.

    Example:
        >>> f = CosineDecayRestarts(0.1, first_decay_steps=10)
        >>> [round(float(f(step)), 4) for step in (0, 5, 10, 20)]
        [0.1, 0.05, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: DecaySteps,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate, self.first_decay_steps = (
            initial_learning_rate,
            first_decay_steps,
        )
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> Any:
        passed = number(step) / self.first_decay_steps  # in lengths of the first fall
        if self.t_mul == 1.0:
            falls = jnp.floor(passed)
            within = passed - falls
        else:
            # n falls take (1 - t_mul**n) / (1 - t_mul): solved for n, then what is left over.
            falls = jnp.floor(jnp.log(1 - passed * (1 - self.t_mul)) / jnp.log(number(self.t_mul)))
            length = jnp.power(self.t_mul, falls)
            within = (passed - (1 - length) / (1 - self.t_mul)) / length
        wave = 0.5 * jnp.power(self.m_mul, falls) * (1 + jnp.cos(math.pi * within))
        return number(self.initial_learning_rate) * ((1 - self.alpha) * wave + self.alpha)

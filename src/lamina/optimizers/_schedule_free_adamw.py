"""Schedule-free AdamW: an average of the weights in place of a falling learning rate."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Count, Fraction
from lamina._core.state import Variable
from lamina.optimizers._adam import since_start
from lamina.optimizers._checks import PositiveFraction
from lamina.optimizers._optimizer import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """z <- z - lr * g / (sqrt(v / (1 - b2**t)) + epsilon), x <- x + (z - x) / t.

    z takes the steps, and x is its running mean. The weights, where gradients are taken, are
    y = b1 * x + (1 - b1) * z; v is the running mean of g**2.

    Args:
        learning_rate: size of a step; larger than for a schedule that falls.
        beta_1: weight of the mean x in y, above 0.
        beta_2: weight of the past in the mean of squares, a fraction.
        epsilon: keeps the division finite.
        warmup_steps: over how many steps the learning rate rises from 0.
        Others: see `Optimizer`.

    Reference:
        Defazio et al., 2024, arXiv 2405.15682. As in Keras, the mean is not weighted by the
        learning rate, and the weights that remain after training are y.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); ScheduleFreeAdamW(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: PositiveFraction = 0.9,
        beta_2: Fraction = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: Count = 0,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = (
            beta_1,
            beta_2,
            epsilon,
            warmup_steps,
        )
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"momentum": variable.raw(), "velocity": 0.0}  # the first is z, named as Keras does

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        t, b1 = jnp.asarray(t, p.dtype), self.beta_1
        if self.warmup_steps:
            lr = lr * jnp.minimum(t / self.warmup_steps, 1)
        v = slots["velocity"] + (jnp.square(g) - slots["velocity"]) * (1 - self.beta_2)
        root = jnp.sqrt(v / since_start(self.beta_2, t, p.dtype)) + self.epsilon
        z = slots["momentum"] - lr * g / root
        x = (p - (1 - b1) * slots["momentum"]) / b1
        x = x + (z - x) / t
        return b1 * x + (1 - b1) * z, {"momentum": z, "velocity": v}

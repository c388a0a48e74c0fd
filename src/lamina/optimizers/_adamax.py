"""Adamax: Adam with the largest gradient in place of the mean square."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._adam import since_start
from lamina.optimizers._optimizer import Optimizer


class Adamax(Optimizer):
    """p <- p - lr / (1 - b1**t) * m / (u + epsilon), where u is the largest gradient so far.

    m <- b1 * m + (1 - b1) * g and u <- max(b2 * u, |g|), so that u slowly forgets.

    Args:
        learning_rate: size of a step.
        beta_1: weight of the past in the mean of gradients, a fraction.
        beta_2: how much of the largest gradient each step keeps, a fraction.
        epsilon: keeps the division finite.
        Others: see `Optimizer`.

    Reference:
        Kingma and Ba, 2014, arXiv 1412.6980, section 7.1.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Adamax(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Fraction = 0.9,
        beta_2: Fraction = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"momentum": 0.0, "norm": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        m = slots["momentum"] + (g - slots["momentum"]) * (1 - self.beta_1)
        u = jnp.maximum(self.beta_2 * slots["norm"], jnp.abs(g))
        start = since_start(self.beta_1, t, p.dtype)
        return p - lr * m / (start * (u + self.epsilon)), {"momentum": m, "norm": u}

"""LAMB: Adam whose steps are as long as the weights, variable by variable."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._adam import moments, since_start
from lamina.optimizers._optimizer import Optimizer


class Lamb(Optimizer):
    """p <- p - lr * |p| / |d| * d, where d is Adam's direction and |.| the norm of the variable.

    Made for large batches.

    Args:
        learning_rate: size of a step, as a fraction of the norm of the weights.
        beta_1: weight of the past in the mean of gradients, a fraction.
        beta_2: weight of the past in the mean of their squares, a fraction.
        epsilon: keeps the division finite.
        Others: see `Optimizer`.

    Reference:
        You et al., 2019, arXiv 1904.00962.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([3.0, 4.0]); Lamb(0.1).apply([[2.0, 0.0]], [w]); round(float(w[0]), 3)
        2.5
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
        return {"momentum": 0.0, "velocity": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        new = moments(g, slots, self.beta_1, self.beta_2)
        m = new["momentum"] / since_start(self.beta_1, t, p.dtype)
        v = new["velocity"] / since_start(self.beta_2, t, p.dtype)
        d = m / (jnp.sqrt(v) + self.epsilon)
        size, length = jnp.sqrt(jnp.sum(jnp.square(p))), jnp.sqrt(jnp.sum(jnp.square(d)))
        usable = (size > 0) & (length > 0)
        ratio = jnp.where(usable, size / jnp.where(usable, length, 1), 1)
        return p - ratio * lr * d, new

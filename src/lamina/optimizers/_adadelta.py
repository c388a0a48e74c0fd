"""Adadelta: the step is the root mean square of past steps over that of past gradients."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


class Adadelta(Optimizer):
    """G <- rho * G + (1 - rho) * g**2, d = g * sqrt((D + eps) / (G + eps)), p <- p - lr * d.

    D is the same mean of the squares of past d.

    Args:
        learning_rate: size of a step; 1.0 is what the paper has.
        rho: weight of the past in both means, a fraction.
        epsilon: keeps the division finite, and the first step above zero.
        Others: see `Optimizer`.

    Reference:
        Zeiler, 2012, arXiv 1212.5701.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Adadelta(1.0).apply([[2.0]], [w]); round(float(w[0]), 4)
        0.9986
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Fraction = 0.95,
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
        self.rho, self.epsilon = rho, epsilon
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        steps = slots["accumulated_delta_var"]
        squares = self.rho * slots["accumulated_grad"] + (1 - self.rho) * jnp.square(g)
        d = jnp.sqrt(steps + self.epsilon) * g / jnp.sqrt(squares + self.epsilon)
        steps = self.rho * steps + (1 - self.rho) * jnp.square(d)
        return p - lr * d, {"accumulated_grad": squares, "accumulated_delta_var": steps}

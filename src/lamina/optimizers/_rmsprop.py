"""RMSprop: gradients divided by the root of their mean square."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


class RMSprop(Optimizer):
    """v <- rho * v + (1 - rho) * g**2, p <- p - lr * g / sqrt(v + epsilon).

    Args:
        learning_rate: size of a step.
        rho: weight of the past in the mean square, a fraction.
        momentum: fraction of the last move that is kept.
        epsilon: keeps the division finite.
        centered: whether the mean is taken off: a variance instead of a mean square.
        Others: see `Optimizer`.

    Reference:
        Tieleman and Hinton, 2012, Coursera lecture 6e.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); RMSprop(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.684
    """

    late_slots = ("momentum", "average_gradient")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Fraction = 0.9,
        momentum: Fraction = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        names = (
            ["velocity"] + ["momentum"] * bool(self.momentum) + ["average_gradient"] * self.centered
        )
        return dict.fromkeys(names, 0.0)

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        new = {"velocity": self.rho * slots["velocity"] + (1 - self.rho) * jnp.square(g)}
        spread = new["velocity"]
        if self.centered:
            new["average_gradient"] = self.rho * slots["average_gradient"] + (1 - self.rho) * g
            spread = spread - jnp.square(new["average_gradient"])
        move = lr * g * jax.lax.rsqrt(spread + self.epsilon)
        if self.momentum:
            move = new["momentum"] = self.momentum * slots["momentum"] + move
        return p - move, new

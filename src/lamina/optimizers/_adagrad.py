"""Adagrad: gradients divided by the root of the sum of their squares."""

from typing import Any

import jax.numpy as jnp

from lamina._core.state import Variable
from lamina.optimizers._checks import NotNegative
from lamina.optimizers._optimizer import Optimizer


class Adagrad(Optimizer):
    """s <- s + g**2, p <- p - lr * g / sqrt(s + epsilon).

    Args:
        learning_rate: size of a step.
        initial_accumulator_value: where the sum of squares starts.
        epsilon: keeps the division finite.
        Others: see `Optimizer`.

    Reference:
        Duchi et al., 2011, Adaptive subgradient methods.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Adagrad(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.901
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: NotNegative = 0.1,
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
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"accumulator": self.initial_accumulator_value}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        s = slots["accumulator"] + jnp.square(g)
        return p - lr * g / jnp.sqrt(s + self.epsilon), {"accumulator": s}

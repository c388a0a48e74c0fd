"""FTRL: follow the regularized leader, for sparse linear models."""

from typing import Any

import jax.numpy as jnp

from lamina._core.state import Variable
from lamina.optimizers._checks import NotNegative, NotPositive
from lamina.optimizers._optimizer import Optimizer


class Ftrl(Optimizer):
    """n' = n + g**2, z <- z + g - (n'**-k - n**-k) / lr * p, p <- (clip(z, -l1, l1) - z) / q.

    q = n'**-k / lr + 2 * l2 + beta / lr: a weight whose |z| stays below l1 is exactly zero. With
    shrinkage, g + 2 * shrinkage * p is added to z instead of g.

    Args:
        learning_rate: size of a step.
        learning_rate_power: k, 0 or less.
        initial_accumulator_value: where n starts.
        l1_regularization_strength: l1.
        l2_regularization_strength: l2.
        l2_shrinkage_regularization_strength: a pull to zero that acts on the gradient.
        beta: as above.
        Others: see `Optimizer`.

    Reference:
        McMahan et al., 2013, Ad click prediction: a view from the trenches.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Ftrl(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.745
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: NotPositive = -0.5,
        initial_accumulator_value: NotNegative = 0.1,
        l1_regularization_strength: NotNegative = 0.0,
        l2_regularization_strength: NotNegative = 0.0,
        l2_shrinkage_regularization_strength: NotNegative = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        k, l1 = self.learning_rate_power, self.l1_regularization_strength
        n = slots["accumulator"] + jnp.square(g)
        power = jnp.power(n, -k)
        pull = g + 2 * self.l2_shrinkage_regularization_strength * p
        z = slots["linear"] + pull - (power - jnp.power(slots["accumulator"], -k)) / lr * p
        q = (power + self.beta) / lr + 2 * self.l2_regularization_strength
        return (jnp.clip(z, -l1, l1) - z) / q, {"accumulator": n, "linear": z}

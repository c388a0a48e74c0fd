"""Nadam: Adam that looks ahead, as Nesterov's momentum does."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._adam import moments, since_start
from lamina.optimizers._optimizer import Optimizer


class Nadam(Optimizer):
    """Adam with (u' * m / (1 - U * u') + (1 - u) * g / (1 - U)) in place of the corrected m.

    u = b1 * (1 - 0.96**t / 2) is the momentum of this step, u' that of the next, and U the product
    of all up to this one.

    Args:
        learning_rate: size of a step.
        beta_1: weight of the past in the mean of gradients, a fraction.
        beta_2: weight of the past in the mean of their squares, a fraction.
        epsilon: keeps the division finite.
        Others: see `Optimizer`.

    Reference:
        Dozat, 2015, Incorporating Nesterov momentum into Adam.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Nadam(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.894
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

    def build(self, variables: Sequence[Variable]) -> None:
        if not self.built:
            super().build(variables)
            dtype = str(self._trainable[0].raw().dtype) if self._trainable else None
            self._product = self.add_variable((), "ones", dtype, name="u_product")

    def update_all(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        product = self._product.raw()
        self._product.assign(product * self._momentum_at(self._step_number(), product.dtype))
        super().update_all(grads, variables, learning_rate)

    def _momentum_at(self, t: Any, dtype: Any) -> Any:
        return self.beta_1 * (0.5 + 0.5 * since_start(0.96, t, dtype))

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        product = jnp.asarray(self._product.raw(), p.dtype)
        now, ahead = self._momentum_at(t, p.dtype), self._momentum_at(t + 1, p.dtype)
        new = moments(g, slots, self.beta_1, self.beta_2)
        m = ahead / (1 - product * ahead) * new["momentum"] + (1 - now) / (1 - product) * g
        v = new["velocity"] / since_start(self.beta_2, t, p.dtype)
        return p - lr * m / (jnp.sqrt(v) + self.epsilon), new

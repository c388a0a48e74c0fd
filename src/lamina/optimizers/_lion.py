"""Lion: steps along the sign of the momentum."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._checks import PositiveFraction
from lamina.optimizers._optimizer import Optimizer


class Lion(Optimizer):
    """p <- p - lr * sign(b1 * m + (1 - b1) * g), m <- b2 * m + (1 - b2) * g.

    Every weight moves by lr, so take a learning rate 3 to 10 times smaller than Adam's.

    Args:
        learning_rate: size of a step.
        beta_1: weight of the momentum in the direction, above 0.
        beta_2: weight of the past in the momentum, a fraction.
        Others: see `Optimizer`.

    Reference:
        Chen et al., 2023, arXiv 2302.06675.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Lion(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: PositiveFraction = 0.9,
        beta_2: Fraction = 0.99,
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
        self.beta_1, self.beta_2 = beta_1, beta_2
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"momentum": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        m = slots["momentum"]
        move = lr * jnp.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        return p - move, {"momentum": self.beta_2 * m + (1 - self.beta_2) * g}

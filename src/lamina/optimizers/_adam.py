"""Adam: momentum, divided by the root of the mean square of gradients."""

from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Fraction
from lamina._core.errors import explain
from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


def moments(g: Any, slots: dict[str, Any], beta_1: float, beta_2: float) -> dict[str, Any]:
    """Return the running means of gradients and of their squares, moved towards `g`."""
    m, v = slots["momentum"], slots["velocity"]
    return {
        "momentum": m + (g - m) * (1 - beta_1),
        "velocity": v + (jnp.square(g) - v) * (1 - beta_2),
    }


def since_start(beta: float, t: Any, dtype: Any) -> Any:
    """Return 1 - beta**t: how much of a mean that started at zero is not that zero.

    Computed in float32 at least: in bfloat16 0.999 is 1.
    """
    wide = jnp.asarray(t, jnp.promote_types(dtype, "float32"))
    return jnp.asarray(1 - jnp.power(beta, wide), dtype)


def adam_rate(lr: Any, t: Any, beta_1: float, beta_2: float) -> Any:
    """Return the step size that makes up for both means starting at zero."""
    return lr * jnp.sqrt(since_start(beta_2, t, lr.dtype)) / since_start(beta_1, t, lr.dtype)


class Adam(Optimizer):
    """p <- p - a_t * m / (sqrt(v) + epsilon), with running means m of g and v of g**2.

    m <- b1 * m + (1 - b1) * g and v <- b2 * v + (1 - b2) * g**2; the step size
    a_t = lr * sqrt(1 - b2**t) / (1 - b1**t) makes up for m and v starting at zero.

    Args:
        learning_rate: size of a step.
        beta_1: weight of the past in the mean of gradients, a fraction.
        beta_2: weight of the past in the mean of their squares, a fraction.
        epsilon: keeps the division finite.
        amsgrad: whether to use the largest v so far.
        Others: see `Optimizer`.

    Reference:
        Kingma and Ba, 2014, arXiv 1412.6980; Reddi et al., 2018 (amsgrad). As in Keras, epsilon is
        added to the root that is not yet corrected for the start.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Adam(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.9
    """

    late_slots = ("velocity_hat",)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Fraction = 0.9,
        beta_2: Fraction = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return dict.fromkeys(["momentum", "velocity"] + ["velocity_hat"] * self.amsgrad, 0.0)

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        new = moments(g, slots, self.beta_1, self.beta_2)
        v = new["velocity"]
        if self.amsgrad:
            v = new["velocity_hat"] = jnp.maximum(slots["velocity_hat"], v)
        rate = adam_rate(lr, t, self.beta_1, self.beta_2)
        return p - new["momentum"] * rate / (jnp.sqrt(v) + self.epsilon), new


class AdamW(Adam):
    """Adam with weight decay: p <- p - lr * weight_decay * p before each step of Adam.

    Args:
        learning_rate: size of a step.
        weight_decay: fraction of each weight that every step takes off, times the learning rate.
        Others: see `Adam` and `Optimizer`.

    Raises:
        ValueError: `weight_decay` is None.

    Reference:
        Loshchilov and Hutter, 2017, arXiv 1711.05101.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); AdamW(0.1, 0.5).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.85
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: Fraction = 0.9,
        beta_2: Fraction = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError(
                explain("AdamW", "expected a number as `weight_decay`", "None", "use Adam")
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name, **kwargs,
        )  # fmt: skip

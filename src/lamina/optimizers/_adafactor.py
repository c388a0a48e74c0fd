"""Adafactor: the mean square of a matrix of gradients, kept as one row and one column."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


class Adafactor(Optimizer):
    """v = r * c / mean(r), from running means r and c of g**2 over columns and over rows.

    d = g / sqrt(v), p <- p - a * d / max(1, rms(d) / threshold), where
    a = max(epsilon_2, rms(p)) * min(lr, 1 / sqrt(t)). Variables of one axis or none keep v whole.

    Args:
        learning_rate: upper bound of the size of a step, as a fraction of the size of the weights.
        beta_2_decay: the weight of the past at step t is 1 - t**beta_2_decay.
        epsilon_1: keeps the division finite.
        epsilon_2: smallest size that a variable is taken to have.
        clip_threshold: largest root mean square of a step before scaling.
        relative_step: accepted for Keras' sake; the step is bounded by 1 / sqrt(t) either way.
        Others: see `Optimizer`.

    Reference:
        Shazeer and Stern, 2018, arXiv 1804.04235.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); Adafactor(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay, self.clip_threshold = beta_2_decay, clip_threshold
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.relative_step = relative_step
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        if variable.ndim < 2:  # Keras' files have an unused number in place of row and column
            return {"row": np.zeros((), "int32"), "column": np.zeros((), "int32"), "velocity": 0.0}
        shape, dtype = variable.shape, variable.raw().dtype
        row, column = np.zeros(shape[:-1], dtype), np.zeros(shape[:-2] + shape[-1:], dtype)
        return {"row": row, "column": column, "velocity": 0.0}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        t = jnp.asarray(t, p.dtype)
        new = jnp.power(t, self.beta_2_decay)  # weight of this step's squares
        squares = jnp.square(g) + self.epsilon_1
        if p.ndim < 2:
            v = (1 - new) * slots["velocity"] + new * squares
            changed = {"velocity": v}
        else:
            r = (1 - new) * slots["row"] + new * jnp.mean(squares, axis=-1)  # (..., R)
            c = (1 - new) * slots["column"] + new * jnp.mean(squares, axis=-2)  # (..., C)
            v = (r / jnp.mean(r, axis=-1, keepdims=True))[..., None] * c[
                ..., None, :
            ]  # (..., R, C)
            changed = {"row": r, "column": c, "velocity": v}
        d = g / jnp.sqrt(v)
        d = d / jnp.maximum(1, _rms(d) / self.clip_threshold)
        size = jnp.maximum(self.epsilon_2, _rms(p)) * jnp.minimum(lr, jax.lax.rsqrt(t))
        return p - size * d, changed


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))

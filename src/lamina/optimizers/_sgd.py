"""Gradient descent, with momentum."""

from typing import Any

from lamina._core.configurable import Fraction
from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent: p <- p - lr * g; with momentum m: v <- m * v - lr * g, p <- p + v.

    Args:
        learning_rate: size of a step.
        momentum: fraction of the last move that is kept.
        nesterov: whether to look ahead: p <- p + m * v - lr * g.
        Others: see `Optimizer`.

    Reference:
        Sutskever et al., 2013.

    Example:
        >>> from lamina import Variable
        >>> w = Variable([1.0]); SGD(0.1).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.8
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: Fraction = 0.0,
        nesterov: bool = False,
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
        self.momentum, self.nesterov = momentum, nesterov
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"momentum": 0.0} if self.momentum else {}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        if not self.momentum:
            return p - lr * g, {}
        v = self.momentum * slots["momentum"] - lr * g
        move = self.momentum * v - lr * g if self.nesterov else v
        return p + move, {"momentum": v}

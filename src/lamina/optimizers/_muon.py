"""Muon: momentum made orthogonal, for matrices; Adam for everything else."""

import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import Count, Fraction
from lamina._core.state import Variable
from lamina.optimizers._adam import adam_rate, moments
from lamina.optimizers._optimizer import Optimizer


class Muon(Optimizer):
    """m <- momentum * m + g, p <- p - lr * rms_rate * sqrt(max(rows, columns)) * O(m).

    O(m) is close to the orthogonal matrix nearest to m: m = U S V^T gives about U V^T, by a few
    steps of X <- a * X + (b * X X^T + c * (X X^T)**2) X. Variables that are not matrices, those
    with "embedding" in their path and those of `exclude_layers` are trained by Adam instead.

    Args:
        learning_rate: size of a step.
        adam_beta_1, adam_beta_2, epsilon: of Adam, for the variables that it trains.
        adam_weight_decay: weight decay of those; None for none.
        weight_decay: weight decay of the others; None for none.
        exclude_layers: patterns; variables in whose path one is found are left to Adam.
        exclude_embeddings: whether embeddings are left to Adam.
        muon_a, muon_b, muon_c: a, b, c above.
        adam_lr_ratio: Adam's learning rate, as a multiple of `learning_rate`.
        momentum: fraction of the last direction that is kept.
        ns_steps: number of steps towards the orthogonal matrix.
        nesterov: whether to look ahead: O(g + momentum * m).
        rms_rate: size of the entries of a step, in learning rates; None leaves O(m) as it is.
        Others: see `Optimizer`.

    Reference:
        Jordan et al., 2024, Muon; Liu et al., 2025, arXiv 2502.16982 (the scale of the step).

    Example:
        >>> from lamina import Variable
        >>> w = Variable([[1.0, 0.0], [0.0, 1.0]])
        >>> Muon(0.1, weight_decay=None).apply([[[2.0, 0.0], [0.0, 2.0]]], [w])
        >>> round(float(w[0, 0]), 2), round(float(w[0, 1]), 2)
        (0.97, 0.0)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: Fraction = 0.9,
        adam_beta_2: Fraction = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: Fraction = 0.95,
        ns_steps: Count = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps, self.nesterov = momentum, ns_steps, nesterov
        self.exclude_embeddings, self.exclude_layers = (
            exclude_embeddings,
            list(exclude_layers or ()),
        )
        self.rms_rate = rms_rate
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name, **kwargs,
        )  # fmt: skip

    def uses_adam(self, variable: Variable) -> bool:
        """Return whether a variable is left to Adam."""
        if variable.ndim != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def slots(self, variable: Variable) -> dict[str, Any]:
        return {"momentum": 0.0, "velocity": 0.0} if self.uses_adam(variable) else {"momentum": 0.0}

    def decay_of(self, variable: Variable) -> float | None:
        return self.adam_weight_decay if self.uses_adam(variable) else self.weight_decay

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        if "velocity" in slots:
            new = moments(g, slots, self.adam_beta_1, self.adam_beta_2)
            rate = adam_rate(lr * self.adam_lr_ratio, t, self.adam_beta_1, self.adam_beta_2)
            return p - new["momentum"] * rate / (jnp.sqrt(new["velocity"]) + self.epsilon), new
        m = self.momentum * slots["momentum"] + g
        move = lr * self.orthogonal(g + self.momentum * m if self.nesterov else m)
        if self.rms_rate is not None:
            move = move * (self.rms_rate * max(p.shape) ** 0.5)
        return p - move, {"momentum": m}

    def orthogonal(self, x: Any) -> Any:
        """Return about U V^T for a matrix x = U S V^T, by Newton and Schulz' iteration."""
        tall = x.shape[0] > x.shape[1]  # the product below is of the shorter side
        x = x.T if tall else x  # (S, L)
        x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ x.T  # (S, S)
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        return x.T if tall else x

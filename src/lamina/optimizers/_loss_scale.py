"""Dynamic loss scaling, which keeps float16 gradients from vanishing."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp

from lamina._core.configurable import PositiveInt
from lamina._core.errors import describe, explain
from lamina._core.serialize import serialize_keras_object
from lamina._core.state import Variable
from lamina.optimizers._checks import PositiveNumber
from lamina.optimizers._choice import choose
from lamina.optimizers._optimizer import Optimizer


class LossScaleOptimizer(Optimizer):
    """An optimizer around another: the loss is multiplied by a scale, the gradients divided by it.

    A step with a gradient that is not finite is left out and halves the scale; after
    `dynamic_growth_steps` finite steps in a row the scale doubles.

    Args:
        inner_optimizer: takes the steps.
        initial_scale: the first scale.
        dynamic_growth_steps: finite steps before the scale doubles.
        name: by default 'loss_scale_optimizer'.

    Reference:
        Micikevicius et al., 2017, arXiv 1710.03740.

    Example:
        >>> from lamina import Variable
        >>> w, optimizer = Variable([1.0]), LossScaleOptimizer(SGD(0.1), initial_scale=8.0)
        >>> optimizer.apply([[float("inf")]], [w]); float(w[0]), float(optimizer.dynamic_scale)
        (1.0, 4.0)
        >>> optimizer.apply([[8.0]], [w]); round(float(w[0]), 3)
        0.8
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: PositiveNumber = 2.0**15,
        dynamic_growth_steps: PositiveInt = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(inner_optimizer, Optimizer):
            raise ValueError(
                explain(
                    "LossScaleOptimizer",
                    "expected an optimizer as `inner_optimizer`",
                    describe(inner_optimizer),
                )
            )
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                explain("LossScaleOptimizer", "expected `dynamic=True`", "dynamic=False",
                        "for a fixed scale set `loss_scale_factor` on the inner optimizer")
            )  # fmt: skip
        given = {
            k: v
            for k, v in kwargs.items()
            if v not in (None, False) and (k, v) != ("ema_momentum", 0.99)
        }
        if given:
            raise ValueError(
                explain("LossScaleOptimizer", "expected no options of optimizers", ", ".join(given),
                        "set them on the inner optimizer")
            )  # fmt: skip
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self.step_counter = self.add_variable((), "zeros", "int32", name="step_counter")
        self.dynamic_scale = self.add_variable((), "ones", "float32", name="dynamic_scale")
        self.dynamic_scale.assign(self.initial_scale)
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        return [*super().variables, *self.inner_optimizer.variables]

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        grads = list(grads)
        if not grads:
            return
        variables = self._targets(grads, trainable_variables)
        finite = jnp.stack(
            [jnp.all(jnp.isfinite(jnp.asarray(g))) for g in grads if g is not None]
        ).all()
        scale = self.dynamic_scale.raw()
        unscaled = [
            g if g is None or v.overwrite_with_gradient else jnp.asarray(g) / scale
            for g, v in zip(grads, variables, strict=True)
        ]
        choose(
            finite, lambda: self._step_with(unscaled, variables), self._shrink,
            [*self._trainable, *self.variables],
        )  # fmt: skip

    def _step_with(self, grads: list[Any], variables: list[Variable]) -> None:
        self.inner_optimizer.apply(grads, variables)
        steps, scale = self.step_counter.raw() + 1, self.dynamic_scale.raw()
        grows = steps >= self.dynamic_growth_steps
        self.step_counter.assign(jnp.where(grows, 0, steps))
        self.dynamic_scale.assign(jnp.where(grows, scale * 2, scale))

    def _shrink(self) -> None:
        self.step_counter.assign(0)
        self.dynamic_scale.assign(self.dynamic_scale.raw() * 0.5)

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times the scale."""
        return loss * (self.dynamic_scale.raw() if self.built else self.initial_scale)

    @property
    def iterations(self) -> Any:
        """How many updates the inner optimizer made."""
        return self.inner_optimizer.iterations

    @property
    def _edition(self) -> int:  # type: ignore[override]
        return self.inner_optimizer._edition

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

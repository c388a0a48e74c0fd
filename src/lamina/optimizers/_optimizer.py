"""The base of optimizers: everything around the rule, in one fixed order.

`apply` unscales, clips, accumulates, decays weights, applies the rule, averages and constrains.
A concrete optimizer is a pure rule on one variable: `rule(p, g, slots, lr, t) -> p, slots`.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np

from lamina._core import dtypes
from lamina._core.configurable import (
    Check,
    Configurable,
    is_integer,
    is_real,
    unknown_arguments,
)
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name
from lamina._core.state import Variable, pure
from lamina.optimizers.schedules._schedule import LearningRateSchedule

PositiveNumber = Annotated[float, Check("a number above 0", lambda x: is_real(x) and x > 0)]
EmaMomentum = Annotated[float, Check("a fraction from 0 to 1", lambda x: is_real(x) and 0 <= x <= 1)]
Steps = Annotated[int, Check("an integer of 2 or more", lambda x: is_integer(x) and x >= 2)]


class Optimizer(Configurable):
    """Base of optimizers: subclasses write `slots(variable)` and `rule(p, g, slots, lr, t)`.

    Args:
        learning_rate: size of a step: a number, a schedule, or a function of nothing.
        weight_decay: fraction of each weight that every step takes off, times the learning rate.
        clipnorm: largest norm of the gradient of one variable.
        clipvalue: largest absolute value in a gradient.
        global_clipnorm: largest norm of all gradients together.
        use_ema: whether to keep an exponential moving average of the weights.
        ema_momentum: weight of the past in that average, a fraction.
        ema_overwrite_frequency: every how many steps the average replaces the weights (None: never).
        loss_scale_factor: factor of the loss, taken off the gradients again.
        gradient_accumulation_steps: over how many steps gradients are averaged before one is taken.
        name: by default the class in snake case.
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: PositiveNumber | None = None,
        clipvalue: PositiveNumber | None = None,
        global_clipnorm: PositiveNumber | None = None,
        use_ema: bool = False,
        ema_momentum: EmaMomentum = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: Steps | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise ValueError(unknown_arguments(type(self), kwargs))
        self.name = name or auto_name(type(self))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        if sum(c is not None for c in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                explain(type(self).__name__, "expected at most one of clipnorm, clipvalue and global_clipnorm",
                        f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}")
            )
        self.built = False
        self._variables: list[Variable] = []
        self._trainable: list[Variable] = []
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._undecayed: tuple[set[int], list[str]] = (set(), [])
        self._iterations = self._variable("iteration", np.zeros((), "int32"))
        self._schedule: Any = None
        self._rate: Variable | None = None
        self._set_rate(learning_rate)

    # --- what subclasses write ------------------------------------------------------------------

    def slots(self, variable: Variable) -> dict[str, Any]:
        """Return the state kept for one variable: names and initial arrays (or 0.0 for zeros like it)."""
        del variable
        return {}

    def rule(self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any) -> tuple[Any, dict[str, Any]]:
        """Return the new value and state of one variable.

        Args:
            p: its value.
            g: its gradient, of the same shape and dtype.
            slots: its state.
            lr: learning rate.
            t: number of this step, from 1.
        """
        raise NotImplementedError(explain(type(self).__name__, "expected a `rule(p, g, slots, lr, t)` method"))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Apply the rule to one variable; older subclasses override this instead of `rule`."""
        slots = self._slots.get(variable, {})
        lr = jnp.asarray(learning_rate, variable.raw().dtype)
        g = jnp.asarray(gradient, variable.raw().dtype)
        p, new = self.rule(
            variable.raw(), g, {k: v.raw() for k, v in slots.items()}, lr, self.iterations + 1
        )
        variable.assign(p)
        for name, value in new.items():
            slots[name].assign(value)

    # --- state ------------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        variables = list(variables)
        self._trainable = variables
        self._averages = self._like(variables, "average", copy=True) if self.use_ema else []
        accumulate = self.gradient_accumulation_steps
        self._accumulated = self._like(variables, "gradient_accumulator") if accumulate else []
        for variable in variables:
            self._slots[variable] = {
                name: self.add_variable_from_reference(variable, name, initial)
                for name, initial in self.slots(variable).items()
            }
        self.built = True

    def _like(self, variables: list[Variable], name: str, copy: bool = False) -> list[Variable]:
        return [self.add_variable_from_reference(v, name, v.raw() if copy else 0.0) for v in variables]

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none",
        layout: Any = None, name: str | None = None,
    ) -> Variable:  # fmt: skip
        """Make a state variable of `shape`, filled with zeros (or ones)."""
        del aggregation, layout
        dtype = dtypes.standardize_dtype(dtype)
        fill = 1.0 if initializer == "ones" else 0.0
        value = initializer(shape, dtype) if callable(initializer) else np.full(shape, fill)
        return self._variable(name or "variable", np.asarray(value).astype(np.dtype(dtype)))

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a state variable of the shape and dtype of another."""
        like = reference_variable.raw()
        if isinstance(initializer, (str, int, float)):
            fill = 1.0 if initializer == "ones" else 0.0 if initializer == "zeros" else initializer
            initializer = np.full(like.shape, fill, like.dtype)
        path = reference_variable.path.replace("/", "_")
        return self._variable(f"{path}_{name}" if name else path, np.asarray(initializer))

    def _variable(self, name: str, value: Any) -> Variable:
        with using(path=(self.name,), scope=None):
            variable = Variable(value, trainable=False, autocast=False, name=name)
        self._variables.append(variable)
        return variable

    @property
    def variables(self) -> list[Variable]:
        """The step counter, the learning rate, and the state of every trained variable."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        steps = self.gradient_accumulation_steps
        return self._iterations.raw() // steps if steps else self._iterations.raw()

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step; assign a number or a schedule."""
        if self._rate is not None:
            return self._rate.raw()
        if isinstance(self._schedule, LearningRateSchedule):
            return self._schedule(self.iterations)
        return self._schedule()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._set_rate(value)

    def _set_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or (callable(value) and not hasattr(value, "dtype")):
            if self._rate is not None:
                self._variables = [v for v in self._variables if v is not self._rate]
            self._schedule, self._rate = value, None
            return
        if isinstance(value, Variable):
            value = value.value
        if isinstance(value, (bool, str)) or np.shape(value) != ():
            raise ValueError(
                explain(type(self).__name__, "expected a number or a schedule as `learning_rate`", describe(value))
            )
        if self._rate is None:
            self._schedule = None
            self._rate = self._variable("learning_rate", np.asarray(value, "float32"))
            self._variables = [self._iterations, self._rate, *self._variables[1:-1]]
        else:
            self._rate.assign(np.asarray(value, "float32") if is_real(value) else value)

    # --- a step -------------------------------------------------------------------------------------

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Change the variables by one step along the gradients.

        Args:
            grads: a gradient per variable; None leaves its variable alone.
            trainable_variables: the variables (default: those of `build`).
        """
        variables = self._trainable if trainable_variables is None else list(trainable_variables)
        if len(variables) != len(grads):
            raise ValueError(
                explain(f"{self.name}.apply", f"expected {len(variables)} gradients", str(len(grads)))
            )
        self.build(variables)
        self._check_known(variables)
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        direct = [(g, v) for g, v in pairs if v.overwrite_with_gradient]
        pairs = [(g, v) for g, v in pairs if not v.overwrite_with_gradient]
        if pairs:
            gradients, targets = map(list, zip(*pairs, strict=True))
            self._step(self._unscale(gradients), targets)
        for gradient, variable in direct:
            variable.assign(gradient)
        self._iterations.assign_add(1)

    def _step(self, grads: list[Any], variables: list[Variable]) -> None:
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._update(grads, variables)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip(grads)
        rate = self.learning_rate
        for variable in variables:
            if self._decays(variable):
                p = variable.raw()
                decay = jnp.asarray(self.weight_decay, p.dtype) * jnp.asarray(rate, p.dtype)
                variable.assign(p - p * decay)
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, rate)
        if self.use_ema:
            self._average(variables)
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.raw()))

    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        """Add up gradients; on every n-th call, step along their mean. Both ways are one program."""
        steps = self.gradient_accumulation_steps or 1
        sums = [self._sum_of(v) for v in variables]
        ready = (self._iterations.raw() + 1) % steps == 0
        means = [(s.raw() + g) / steps for s, g in zip(sums, grads, strict=True)]
        touched = [v for v in [*variables, *self._variables] if v is not self._iterations]
        before = [v.raw() for v in touched]
        self._update(means, variables)
        for variable, old in zip(touched, before, strict=True):
            variable.assign(jnp.where(ready, variable.raw(), old))
        for total, g in zip(sums, grads, strict=True):
            total.assign(jnp.where(ready, jnp.zeros_like(g), total.raw() + g))

    def _sum_of(self, variable: Variable) -> Variable:
        return next(s for s, v in zip(self._accumulated, self._trainable, strict=True) if v is variable)

    def _unscale(self, grads: list[Any]) -> list[Any]:
        scale = self.loss_scale_factor
        return grads if scale is None else [g / scale for g in grads]

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _clip(self, grads: list[Any]) -> list[Any]:
        if self.clipvalue is not None:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        if self.clipnorm is not None:
            return [_clip_by(g, jnp.sqrt(jnp.sum(jnp.square(g))), self.clipnorm) for g in grads]
        if self.global_clipnorm is not None:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in grads))
            return [_clip_by(g, norm, self.global_clipnorm) for g in grads]
        return grads

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Spare variables from weight decay, by variable or by a part of the path ('bias')."""
        if self.built:
            raise ValueError(
                explain(f"{self.name}.exclude_from_weight_decay", "expected a call before the first step",
                        "an optimizer that is built")
            )
        self._undecayed = ({id(v) for v in var_list or ()}, list(var_names or ()))

    def _decays(self, variable: Variable) -> bool:
        if self.weight_decay is None:
            return False
        spared, names = self._undecayed
        return id(variable) not in spared and not any(name in variable.path for name in names)

    def _average(self, variables: list[Variable]) -> None:
        m, t = self.ema_momentum, self.iterations + 1
        every = self.ema_overwrite_frequency
        for average, variable in zip(self._averages, self._trainable, strict=True):
            mean = m * average.raw() + (1 - m) * variable.raw()
            average.assign(mean)
            if every and any(v is variable for v in variables):
                variable.assign(jnp.where(t % every == 0, mean, variable.raw()))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put the averages in place of the weights, at the end of training, if `use_ema` asked for it."""
        if self.use_ema and self.built:
            chosen = {id(v) for v in var_list}
            for average, variable in zip(self._averages, self._trainable, strict=True):
                if id(variable) in chosen:
                    variable.assign(average.value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Apply (gradient, variable) pairs: the older name of `apply`."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(grads), list(variables))
        return self._iterations

    def stateless_apply(self, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> tuple[Any, Any]:
        """Return new values of the trained variables and of the optimizer's, changing nothing."""
        if not self.built:
            raise ValueError(
                explain(f"{self.name}.stateless_apply", "expected a built optimizer", "one without state",
                        "call `optimizer.build(model.trainable_variables)` first")
            )
        own, trained = self.variables, self._trainable
        _, values, _ = pure(lambda: self.apply(grads, trained), trained + own)(
            [*trainable_variables, *optimizer_variables]
        )
        return values[: len(trained)], values[len(trained) :]

    def _check_known(self, variables: list[Variable]) -> None:
        unknown = [v.path for v in variables if v not in self._slots]
        if unknown:
            raise ValueError(
                explain(f"{self.name}.apply", "expected variables that it was built for", ", ".join(unknown),
                        "after making layers trainable, call `model.compile` again")
            )

    # --- configuration --------------------------------------------------------------------------------

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all state, in the order of `variables`."""
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the state into `store`, numbered."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the state from `store`, as `save_own_variables` put it."""
        if len(store.keys()) != len(self.variables):
            raise ValueError(
                explain(self.name, f"expected {len(self.variables)} arrays of state", str(len(store.keys())),
                        "build the optimizer for the same model first")
            )
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]))

    def _argument(self, name: str) -> Any:
        if name == "learning_rate":
            return self._schedule if self._rate is None else float(self._rate.numpy())
        return super()._argument(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        head = ("name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema",
                "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps")  # fmt: skip
        return {**{k: config[k] for k in head if k in config}, **{k: v for k, v in config.items() if k not in head}}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _clip_by(g: Any, norm: Any, largest: float) -> Any:
    return g * (largest / jnp.maximum(norm, largest))

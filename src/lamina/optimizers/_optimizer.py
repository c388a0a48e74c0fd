"""The base of optimizers: everything around the rule, in one fixed order.

`apply` unscales, accumulates, clips, decays weights, applies the rule, averages and constrains.
A concrete optimizer is a pure rule on one variable: `rule(p, g, slots, lr, t) -> p, slots`.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import initializers
from lamina._core import config, dtypes
from lamina._core.configurable import Configurable, Fraction, is_real, unknown_arguments
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name
from lamina._core.state import Variable, pure
from lamina._core.walk import members, unique
from lamina.optimizers._checks import Every, NotNegative, PositiveNumber, Several
from lamina.optimizers._choice import choose
from lamina.optimizers.schedules._schedule import LearningRateSchedule

# The order in which saved configs name what every optimizer has; the optimizer's own follows.
_HEAD = (
    "name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema",
    "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps",
)  # fmt: skip


class Optimizer(Configurable):
    """Base of optimizers: subclasses write `slots(variable)` and `rule(p, g, slots, lr, t)`.

    Subclasses in Keras' style work too: they override `build(variables)`, which makes state with
    `add_variable_from_reference`, and `update_step(gradient, variable, learning_rate)`, which
    changes it with `assign`.

    Args:
        learning_rate: size of a step: a number, a schedule, or a function of nothing.
        weight_decay: fraction of each weight that every step takes off, times the learning rate.
        clipnorm: largest norm of the gradient of one variable.
        clipvalue: largest absolute value in a gradient.
        global_clipnorm: largest norm of all gradients together.
        use_ema: whether to keep an exponential moving average of the weights.
        ema_momentum: weight of the past in that average, a fraction.
        ema_overwrite_frequency: every how many steps that average replaces the weights, or None.
        loss_scale_factor: factor of the loss, taken off the gradients again.
        gradient_accumulation_steps: over how many steps gradients are averaged before one is taken.
        name: by default the class in snake case.

    Example:
        >>> import jax.numpy as jnp
        >>> from lamina import Variable
        >>> class Signs(Optimizer):
        ...     def rule(self, p, g, slots, lr, t):
        ...         return p - lr * jnp.sign(g), slots
        >>> w = Variable([1.0, 1.0]); Signs(0.5).apply([[3.0, -7.0]], [w]); w.numpy().tolist()
        [0.5, 1.5]
    """

    # Slots that follow all others in `variables`, hence in files: one name after the other.
    late_slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: NotNegative | None = None,
        clipvalue: NotNegative | None = None,
        global_clipnorm: NotNegative | None = None,
        use_ema: bool = False,
        ema_momentum: Fraction = 0.99,
        ema_overwrite_frequency: Every | None = None,
        loss_scale_factor: PositiveNumber | None = None,
        gradient_accumulation_steps: Several | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("decay", None):
            warnings.warn(_no_decay(type(self).__name__), stacklevel=3)
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
                explain(
                    type(self).__name__,
                    "expected at most one of clipnorm, clipvalue and global_clipnorm",
                    f"clipnorm={clipnorm}, clipvalue={clipvalue} and "
                    f"global_clipnorm={global_clipnorm}",
                )
            )
        self.built = False
        self._variables: list[Variable] = []
        self._trainable: list[Variable] = []
        self._index: dict[Variable, int] = {}
        self._slots: dict[Variable, dict[str, Variable]] = {}
        self._undecayed: tuple[set[int], re.Pattern | None] = (set(), None)
        self._iterations = self._variable("iteration", np.zeros((), "int32"))
        self._schedule: Any = None
        self._rate: Variable | None = None
        self._set_rate(learning_rate)

    # --- what subclasses write ------------------------------------------------------------------

    def slots(self, variable: Variable) -> dict[str, Any]:
        """Return the state kept for one variable: names, and initial arrays or fill values."""
        del variable
        return {}

    def rule(
        self, p: Any, g: Any, slots: dict[str, Any], lr: Any, t: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Return the new value of one variable, and the slots that change.

        Args:
            p: its value.
            g: its gradient, of the same shape and dtype.
            slots: its state.
            lr: learning rate.
            t: number of this step, from 1.
        """
        raise NotImplementedError(
            explain(type(self).__name__, "expected a `rule(p, g, slots, lr, t)` method")
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Apply the rule to one variable; subclasses in Keras' style override this instead."""
        slots = self._slots.get(variable, {})
        p = variable.raw()
        g, lr = jnp.asarray(gradient, p.dtype), jnp.asarray(learning_rate, p.dtype)
        new_p, new = self.rule(
            p, g, {k: v.raw() for k, v in slots.items()}, lr, self._step_number()
        )
        variable.assign(new_p)
        for name, value in new.items():
            slots[name].assign(value)

    def update_all(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        """Apply the rule to each variable."""
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    # --- state ------------------------------------------------------------------------------------

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these variables."""
        if self.built:
            return
        self._trainable = list(variables)
        self._index = {v: i for i, v in enumerate(self._trainable)}
        self._averages: list[Variable | None] = []
        if self.use_ema:
            self._averages = [
                None if v.overwrite_with_gradient else self._slot(v, "average", v.raw())
                for v in self._trainable
            ]
        self._accumulated: list[Variable] = []
        if self.gradient_accumulation_steps:
            self._accumulated = [
                self._slot(v, "gradient_accumulator", 0.0) for v in self._trainable
            ]
        self._make_slots()
        self.built = True

    def _make_slots(self) -> None:
        """Variable by variable, then the late slots name by name: Keras' order in files."""
        wanted = {v: self.slots(v) for v in self._trainable if not v.overwrite_with_gradient}
        early = [
            (v, name)
            for v, initial in wanted.items()
            for name in initial
            if name not in self.late_slots
        ]
        late = [
            (v, name)
            for name in self.late_slots
            for v, initial in wanted.items()
            if name in initial
        ]
        self._slots = {v: {} for v in wanted}
        for variable, name in early + late:
            self._slots[variable][name] = self._slot(variable, name, wanted[variable][name])

    def _slot(self, variable: Variable, name: str, initial: Any) -> Variable:
        """A number fills an array like the variable; an array is taken as it is."""
        if is_real(initial):
            initial = np.full(variable.shape, initial, variable.raw().dtype)
        return self._variable(f"{variable.path.replace('/', '_')}_{name}", initial)

    def _variable(self, name: str, value: Any, **options: Any) -> Variable:
        with using(path=(self.name,), scope=None):
            variable = Variable(value, trainable=False, autocast=False, name=name, **options)
        self._variables.append(variable)
        return variable

    def add_variable(
        self, shape: Any, initializer: Any = "zeros", dtype: Any = None, aggregation: str = "none",
        layout: Any = None, name: str | None = None,
    ) -> Variable:  # fmt: skip
        """Make a state variable.

        Args:
            shape: its shape.
            initializer: name or object of an initializer.
            dtype: its dtype (default: `config.floatx()`).
            aggregation, layout: accepted for Keras' sake.
            name: its name.
        """
        del layout
        dtype = "int32" if dtype == "int" else dtypes.standardize_dtype(dtype)
        return self._variable(
            name or "variable", initializers.get(initializer), shape=tuple(shape), dtype=dtype,
            aggregation=aggregation,
        )  # fmt: skip

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a state variable of the shape and dtype of another."""
        path = reference_variable.path.replace("/", "_")
        dtype = str(reference_variable.raw().dtype)
        return self.add_variable(
            reference_variable.shape, initializer, dtype, name=f"{path}_{name or 'var'}"
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make a state variable like each of the trained ones, or one for each of several names.

        Returns:
            A list; with several names, a tuple of lists. Entries of variables that are overwritten
            with their gradient are None.
        """
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, (list, tuple))
        starts = list(initializer) if several else [initializer] * len(names)
        made: tuple[list[Any], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for column, label, start in zip(made, names, starts, strict=True):
                spared = variable.overwrite_with_gradient
                column.append(
                    None if spared else self.add_variable_from_reference(variable, label, start)
                )
        return made[0] if isinstance(name, str) else made

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable, of the model or the optimizer."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def _get_variable_index(self, variable: Variable) -> int:
        """The place of a variable in `build`'s list: subclasses in Keras' style ask for it."""
        return self._index[variable]

    @property
    def variables(self) -> list[Variable]:
        """The step counter, the learning rate, and the state of every trained variable."""
        attached = [v for v in members(self, (Variable,)) if v not in self._index]
        return unique([*self._variables, *attached])

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        steps = self.gradient_accumulation_steps
        return self._iterations.raw() // steps if steps else self._iterations

    def _step_number(self) -> Any:
        """The number of the update being made, from 1."""
        steps = self.gradient_accumulation_steps
        count = self._iterations.raw()
        return (count // steps if steps else count) + 1

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step: a variable, or what the schedule gives.

        Assign a number or a schedule.
        """
        return self._rate if self._rate is not None else self._rate_now()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._set_rate(value)

    _edition = 0

    def _outdate(self) -> None:
        """Say that something changed which steps read and no variable holds: the schedule."""
        self._edition += 1
        Variable.made += 1

    def _rate_now(self) -> Any:
        if self._rate is not None:
            return self._rate.raw()
        if isinstance(self._schedule, LearningRateSchedule):
            return self._schedule(self._iterations.raw())  # counts batches, also those accumulated
        return self._schedule()

    def _set_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or (
            callable(value) and not hasattr(value, "dtype")
        ):
            if self._rate is not None:
                self._variables = [v for v in self._variables if v is not self._rate]
            self._schedule, self._rate = value, None
            self._outdate()
            return
        if isinstance(value, Variable):
            value = value.value
        if value is None or isinstance(value, (bool, str)) or np.shape(value) != ():
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected a number or a schedule as `learning_rate`",
                    describe(value),
                    "0.001 is usual",
                )
            )
        if self._rate is None:
            self._schedule = None
            self._rate = self._variable("learning_rate", value, dtype=config.floatx())
            self._variables.insert(1, self._variables.pop())
        else:
            self._rate.assign(value)

    # --- a step ---------------------------------------------------------------------------------

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Change the variables by one step along the gradients.

        Args:
            grads: a gradient per variable; None leaves its variable alone, with a warning.
            trainable_variables: the variables (default: those of `build`).

        Raises:
            ValueError: too few gradients, none at all, or variables it was not built for.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._targets(grads, trainable_variables)
        pairs = self._present(grads, variables)
        for gradient, variable in pairs:
            if variable.overwrite_with_gradient:
                self._overwrite(gradient, variable)
        pairs = [(g, v) for g, v in pairs if not v.overwrite_with_gradient]
        if pairs:
            self._step(*map(list, zip(*pairs, strict=True)))
        self._iterations.assign_add(1)

    def _targets(self, grads: list[Any], variables: Sequence[Variable] | None) -> list[Variable]:
        if variables is None and not self.built:
            raise ValueError(
                explain(
                    f"{self.name}.apply",
                    "expected the variables beside the gradients at the first call",
                    "gradients alone",
                    "call `optimizer.build(model.trainable_variables)` first",
                )
            )
        variables = self._trainable if variables is None else list(variables)
        if len(variables) != len(grads):
            raise ValueError(
                explain(
                    f"{self.name}.apply", f"expected {len(variables)} gradients", str(len(grads))
                )
            )
        if not self.built:
            with using(path=(self.name,)):
                self.build(variables)
            self.built = True
        unknown = [v.path for v in variables if v not in self._index]
        if unknown:
            raise ValueError(
                explain(
                    f"{self.name}.apply",
                    "expected variables that it was built for",
                    ", ".join(unknown),
                    "after making layers trainable, call `model.compile` again",
                )
            )
        return variables

    def _present(self, grads: list[Any], variables: list[Variable]) -> list[tuple[Any, Variable]]:
        pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError(
                explain(f"{self.name}.apply", "expected a gradient for some variable", "only None")
            )
        if len(pairs) < len(grads):
            missing = ", ".join(v.path for g, v in zip(grads, variables, strict=True) if g is None)
            warnings.warn(
                f"{self.name}.apply: no gradient, hence no change, for {missing}", stacklevel=3
            )
        return [(g if hasattr(g, "dtype") else jnp.asarray(g, v.raw().dtype), v) for g, v in pairs]

    def _overwrite(self, gradient: Any, variable: Variable) -> None:
        """Scales of float8 get their new value as gradient; of several, the largest."""
        if not self.gradient_accumulation_steps:
            variable.assign(gradient)
            return
        kept = self._accumulated[self._index[variable]]
        largest, ready = jnp.maximum(gradient, kept.raw()), self._ready()
        variable.assign(jnp.where(ready, largest, variable.raw()))
        kept.assign(jnp.where(ready, jnp.zeros_like(largest), largest))

    def _step(self, grads: list[Any], variables: list[Variable]) -> None:
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._update(grads, variables)
        if self.use_ema:
            self._average()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.raw()))

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip(grads)
        rate = self._rate_now()
        for variable in variables:
            decay = None if self._is_spared(variable) else self.decay_of(variable)
            if decay is not None:
                p = variable.raw()
                variable.assign(p - p * (jnp.asarray(decay, p.dtype) * jnp.asarray(rate, p.dtype)))
        self.update_all(grads, variables, rate)

    def _ready(self) -> Any:
        """Whether this call is the last of those over which gradients are accumulated."""
        return (self._iterations.raw() + 1) % self.gradient_accumulation_steps == 0

    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        """Add up gradients; on every n-th call, step along their mean."""
        sums = [self._accumulated[self._index[v]] for v in variables]
        totals = [s.raw() + g for s, g in zip(sums, grads, strict=True)]
        means = [total / self.gradient_accumulation_steps for total in totals]
        ready = self._ready()
        choose(ready, lambda: self._update(means, variables), None, [*variables, *self.variables])
        for variable, total in zip(sums, totals, strict=True):
            variable.assign(jnp.where(ready, jnp.zeros_like(total), total))

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def _clip(self, grads: list[Any]) -> list[Any]:
        if self.clipnorm:
            return [_clip_by(g, jnp.sqrt(jnp.sum(jnp.square(g))), self.clipnorm) for g in grads]
        if self.global_clipnorm:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in grads))
            return [_clip_by(g, norm, self.global_clipnorm) for g in grads]
        if self.clipvalue:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Spare variables from weight decay: these, and those whose names contain a pattern."""
        if self.built:
            raise ValueError(
                explain(
                    f"{self.name}.exclude_from_weight_decay",
                    "expected a call before the first step",
                    "an optimizer that is built",
                )
            )
        names = list(var_names or ())
        self._undecayed = (
            {id(v) for v in var_list or ()},
            re.compile("|".join(names)) if names else None,
        )

    def decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of one variable, or None; subclasses may have several."""
        del variable
        return self.weight_decay

    def _is_spared(self, variable: Variable) -> bool:
        spared, pattern = self._undecayed
        return id(variable) in spared or bool(pattern and pattern.search(variable.name))

    def _average(self) -> None:
        """Move the averages towards the weights; the first average is the weights themselves."""
        t, every = self._step_number(), self.ema_overwrite_frequency
        momentum = jnp.where(t > 1, self.ema_momentum, 0.0)
        for average, variable in zip(self._averages, self._trainable, strict=True):
            if average is None:
                continue
            p = variable.raw()
            m = jnp.asarray(momentum, p.dtype)
            mean = m * average.raw() + (1 - m) * p
            average.assign(mean)
            if every is not None:
                variable.assign(jnp.where(t % every == 0, mean, p))

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Put the averages in place of the weights, at the end of training, if `use_ema` is set."""
        if self.use_ema and self.built:
            chosen = {id(v) for v in var_list}
            for average, variable in zip(self._averages, self._trainable, strict=True):
                if average is not None and id(variable) in chosen:
                    variable.assign(average.value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Apply (gradient, variable) pairs: the older name of `apply`."""
        grads, variables = zip(*grads_and_vars, strict=True)
        self.apply(list(grads), list(variables))
        return self._iterations

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any
    ) -> tuple[Any, Any]:
        """Return new values of the trained variables and of the optimizer's, changing nothing.

        Args:
            optimizer_variables: arrays, in the order of `variables`.
            grads: gradients, in the order of `build`'s variables.
            trainable_variables: arrays, in the same order.
        """
        if not self.built:
            raise ValueError(
                explain(
                    f"{self.name}.stateless_apply",
                    "expected a built optimizer",
                    "one without state",
                    "call `optimizer.build(model.trainable_variables)` first",
                )
            )
        own, trained = self.variables, self._trainable
        _check_count(
            f"{self.name}.stateless_apply", "optimizer_variables", optimizer_variables, own
        )
        _check_count(
            f"{self.name}.stateless_apply", "trainable_variables", trainable_variables, trained
        )
        _, values, _ = pure(lambda: self.apply(grads, trained), trained + own)(
            [*trainable_variables, *optimizer_variables]
        )
        return values[: len(trained)], values[len(trained) :]

    # --- configuration --------------------------------------------------------------------------

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all state, in the order of `variables`."""
        _check_count(f"{self.name}.set_weights", "weights", weights, self.variables)
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the state into `store`, numbered."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = np.asarray(variable.raw())  # not copied

    def load_own_variables(self, store: Any) -> None:
        """Take the state from `store`, as `save_own_variables` put it; none if sizes differ."""
        variables = self.variables
        count = len(store.keys())
        if count == len(variables) - 1:  # Keras 2 kept the learning rate elsewhere
            variables = [v for v in variables if v is not self._rate]
        elif count == (1 if self._rate is None else 2):  # saved before the first step
            variables = variables[:count]
        if count != len(variables):
            warnings.warn(
                explain(
                    self.name,
                    f"expected {len(variables)} arrays of state; starting afresh",
                    str(count),
                    "build the optimizer for the same model first",
                ),
                stacklevel=2,
            )
            return
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))

    def _argument(self, name: str) -> Any:
        if name == "learning_rate":
            return self._schedule if self._rate is None else float(self._rate.numpy())
        return super()._argument(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        own = {k: v for k, v in config.items() if k not in _HEAD}
        return {**{k: config[k] for k in _HEAD if k in config}, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make an optimizer, without state, from what `get_config` returned."""
        with using(custom_objects=custom_objects) if custom_objects else using():
            return super().from_config(config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _clip_by(g: Any, norm: Any, largest: float) -> Any:
    return g * (largest / jnp.maximum(norm, largest))


def _check_count(
    where: str, argument: str, given: Sequence[Any], variables: list[Variable]
) -> None:
    if len(given) != len(variables):
        raise ValueError(
            explain(where, f"expected {len(variables)} arrays as `{argument}`", str(len(given)),
                    f"their order is {', '.join(v.path for v in variables[:4])}, ...")
        )  # fmt: skip


def _no_decay(name: str) -> str:
    return explain(name, "`decay` is ignored, as Keras 3 does", None,
                   "use schedules.InverseTimeDecay as learning_rate")  # fmt: skip

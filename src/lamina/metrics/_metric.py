"""The base of metrics: state in variables, updated batch by batch inside the compiled program."""

from contextlib import suppress
from typing import Any

import numpy as np

from lamina import dtype_policies, initializers
from lamina._core import config, dtypes, walk
from lamina._core.configurable import Configurable
from lamina._core.context import using
from lamina._core.errors import explain
from lamina._core.graph import infer
from lamina._core.naming import auto_name
from lamina._core.state import Variable, pure


class Metric(Configurable):
    """Base of metrics: subclasses make variables, and write `update_state` and `result`.

    Args:
        dtype: of the state and the computation (default: `config.floatx()`).
        name: shown in logs.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.largest = self.add_variable((), "zeros", name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.largest.assign(jnp.maximum(self.largest.value, jnp.max(y_pred)))
        ...     def result(self):
        ...         return self.largest.value
        >>> m = Largest(); m.update_state(None, np.array([1.0, 5.0])); float(m.result())
        5.0
    """

    # Whether a smaller ("down") or larger ("up") result is better, for callbacks that watch it.
    _direction: str | None = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self.name = name or auto_name(type(self))
        self._policy = dtype_policies.get(config.floatx() if dtype is None else dtype)

    @property
    def dtype(self) -> str:
        return self._policy.compute_dtype

    def add_variable(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the metric's state: zeros of `config.floatx()` by default."""
        if not hasattr(self, "_variables"):
            raise RuntimeError(
                explain(
                    type(self).__name__,
                    "expected the metric to be set up before its variables are made",
                    "add_variable before super().__init__()",
                    "call super().__init__(name=name) first in `__init__`",
                )
            )
        with using(path=(self.name.replace("/", ">"),)):
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=(shape,) if isinstance(shape, int) else tuple(shape),
                dtype=dtypes.standardize_dtype(dtype),
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Make a variable; the old name of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def prepare(self, y_true: Any, y_pred: Any) -> None:
        """Make the variables whose shapes depend on the data, if there are such.

        Compiled code changes only variables that are there before it is compiled, so `fit` calls
        this first.

        Args:
            y_true, y_pred: arrays or symbolic tensors, as `update_state` will get them.
        """
        if type(self).update_state.__module__.startswith("lamina."):
            return  # those of this package that wait for shapes have a `prepare` of their own
        # What goes wrong here goes wrong again, with the user's own traceback, in the step itself.
        with suppress(Exception):
            infer(self.update_state, y_true, y_pred)

    @property
    def variables(self) -> list[Variable]:
        """All variables of the state, those of metrics inside included."""
        inside = (m.variables for m in walk.members(self, (Metric,)))
        return walk.unique(
            [*self._variables, *walk.own_variables(self), *(v for vs in inside for v in vs)]
        )

    def reset_state(self) -> None:
        """Set the state to zeros."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.raw().dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch into the state; every subclass has its own."""
        raise NotImplementedError(explain(type(self).__name__, "expected an `update_state` method"))

    def result(self) -> Any:
        """Return the value over all batches since the last reset; every subclass has its own."""
        raise NotImplementedError(explain(type(self).__name__, "expected a `result` method"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update the state and return the result."""
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(self, metric_variables: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Return the state after a batch, given the state before, changing nothing."""
        variables = self._matching(metric_variables)
        return pure(self.update_state, variables)(list(metric_variables), *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """Return the result for a given state."""
        return pure(self.result, self._matching(metric_variables))(list(metric_variables))[0]

    def stateless_reset_state(self) -> list[Any]:
        """Return the state of a metric that has seen nothing."""
        return pure(self.reset_state, self.variables)([v.value for v in self.variables])[1]

    def _matching(self, values: Any) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            names = ", ".join(v.name for v in variables) or "none yet: call `prepare` first"
            raise ValueError(
                explain(
                    self.name,
                    f"expected {len(variables)} values as `metric_variables`, one per variable",
                    f"{len(values)}",
                    f"the variables are, in order: {names}",
                )
            )
        return variables

    def get_config(self) -> dict[str, Any]:
        config = {k: v for k, v in super().get_config().items() if k not in ("name", "dtype")}
        return {"name": self.name, "dtype": self.dtype, **config}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


walk.register_metric_class(Metric)

"""The base of metrics: state in variables, updated batch by batch inside the compiled program."""

from typing import Any, Self

import numpy as np

from lamina import initializers
from lamina._core import dtypes, walk
from lamina._core.configurable import Configurable
from lamina._core.context import using
from lamina._core.errors import explain
from lamina._core.naming import auto_name
from lamina._core.policy import DTypePolicy
from lamina._core.state import Variable, pure


class Metric(Configurable):
    """Base of metrics: subclasses make variables in `__init__` and write `update_state` and `result`.

    Args:
        dtype: of the state and the computation (default: `config.floatx()`).
        name: shown in logs.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.largest = self.add_variable((), "zeros", name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.largest.assign(np.maximum(self.largest, np.max(y_pred)))
        ...     def result(self):
        ...         return self.largest.value
        >>> m = Largest(); m.update_state(None, np.array([1.0, 5.0])); float(m.result())
        5.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self._variables: list[Variable] = []
        self.name = name or auto_name(type(self))
        self._policy = dtype if isinstance(dtype, DTypePolicy) else DTypePolicy(dtype)

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
        """Make a variable of the metric's state (zeros by default)."""
        with using(path=(self.name,)):
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=(shape,) if isinstance(shape, int) else tuple(shape),
                dtype=dtypes.standardize_dtype(dtype or self.dtype),
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        """All variables of the state, those of metrics inside included."""
        inside = (m.variables for m in walk.members(self, (Metric,)))
        return walk.unique([*self._variables, *walk.own_variables(self), *(v for vs in inside for v in vs)])

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
        return pure(self.update_state, self.variables)(list(metric_variables), *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Any) -> Any:
        """Return the result for a given state."""
        return pure(self.result, self.variables)(list(metric_variables))[0]

    def stateless_reset_state(self) -> list[Any]:
        """Return the state of a metric that has seen nothing."""
        return pure(self.reset_state, self.variables)([v.value for v in self.variables])[1]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)
        return {"name": self.name, "dtype": self.dtype, **{k: v for k, v in config.items() if k != "name"}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


walk.register_metric_class(Metric)

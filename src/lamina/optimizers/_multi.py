"""Several optimizers in one, each for its own variables."""

import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from typing import Any

from lamina._core.errors import describe, explain
from lamina._core.serialize import deserialize_keras_object, serialize_keras_object
from lamina._core.state import Variable
from lamina.optimizers._loss_scale import LossScaleOptimizer
from lamina.optimizers._optimizer import Optimizer


class OptimizerMap(MutableMapping):
    """Patterns of variables' paths, and the optimizers of the variables that match.

    Args:
        default_optimizer: of the variables that no pattern matches.
        optimizer_map: optimizers by path, or by a regular expression that matches whole paths.

    Example:
        >>> optimizers = OptimizerMap(SGD(), {"encoder/.*": Adam()})
        >>> [type(optimizers[path]).__name__ for path in ("encoder/dense/kernel", "dense/kernel")]
        ['Adam', 'SGD']
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                explain(
                    "OptimizerMap",
                    "expected an optimizer as `default_optimizer`",
                    describe(default_optimizer),
                )
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                explain(
                    "OptimizerMap",
                    "expected a dictionary as `optimizer_map`",
                    describe(optimizer_map),
                )
            )
        self._default = default_optimizer
        self._map: dict[str, Optimizer] = {}
        for pattern, optimizer in (optimizer_map or {}).items():
            self[pattern] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        matching = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                explain(
                    "OptimizerMap",
                    f"expected at most one pattern to match '{key}'",
                    ", ".join(matching),
                )
            )
        return self._map[matching[0]] if matching else self._default

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._map:
            raise ValueError(
                explain("OptimizerMap", f"expected a pattern that is new, not '{key}' again", None,
                        "delete it first")
            )  # fmt: skip
        if not isinstance(key, str):
            raise ValueError(
                explain("OptimizerMap", "expected a path or pattern as key", describe(key))
            )
        self._map[key] = _plain(optimizer)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        return {
            "default_optimizer": serialize_keras_object(self._default),
            "optimizer_map": serialize_keras_object(self._map),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "OptimizerMap":
        return cls(**{k: deserialize_keras_object(v, custom_objects) for k, v in config.items()})


class MultiOptimizer(Optimizer):
    """Gives each variable to the optimizer that `optimizer_map` names for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimizer.
        loss_scale_factor: factor of the loss, taken off the gradients again.
        name: by default 'multi_optimizer'.

    Example:
        >>> from lamina import Variable
        >>> a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
        >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.1), {"b": SGD(0.2)}))
        >>> optimizer.apply([[1.0], [1.0]], [a, b]); round(float(a[0]), 3), round(float(b[0]), 3)
        (0.9, 0.8)
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            expected = "expected an OptimizerMap, or a function from variables to optimizers"
            raise ValueError(explain("MultiOptimizer", expected, describe(optimizer_map)))
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self._places: dict[Variable, int] = {}
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map._map.values(), optimizer_map.default_optimizer):
                self._place_of(optimizer)

    def _place_of(self, optimizer: Any) -> int:
        """The number of an optimizer, which is given one if it is new."""
        for place, known in enumerate(self.optimizers):
            if known is optimizer:
                return place
        _plain(optimizer).loss_scale_factor = self.loss_scale_factor
        self.optimizers.append(optimizer)
        return len(self.optimizers) - 1

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self._places = {v: self._place_of(self.optimizer_map(v)) for v in variables}
        for optimizer, own in zip(self.optimizers, self._shares(variables), strict=True):
            if own:
                optimizer.build(own)
        super().build(variables)

    def _shares(self, variables: Iterable[Variable]) -> list[list[Variable]]:
        """The variables of each optimizer."""
        shares: list[list[Variable]] = [[] for _ in self.optimizers]
        for variable in variables:
            shares[self._places[variable]].append(variable)
        return shares

    @property
    def variables(self) -> list[Variable]:
        return [
            *super().variables,
            *(v for optimizer in self.optimizers for v in optimizer.variables),
        ]

    @property
    def iterations(self) -> Any:
        return self._iterations

    @property
    def _edition(self) -> int:  # type: ignore[override]
        return sum(optimizer._edition for optimizer in self.optimizers)

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(
            explain(
                "MultiOptimizer",
                "expected one of its optimizers to be asked for the learning rate",
                help="use `optimizer.optimizers[0].learning_rate`",
            )
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            explain(
                "MultiOptimizer",
                "expected the learning rate to be set on one of its optimizers",
                help="use `optimizer.optimizers[0].learning_rate = ...`",
            )
        )

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        grads = list(grads)
        if not grads:
            return
        variables = self._targets(grads, trainable_variables)
        gradient_of = dict(zip(variables, grads, strict=True))
        for optimizer, own in zip(self.optimizers, self._shares(variables), strict=True):
            if own:
                optimizer.apply([gradient_of[v] for v in own], own)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        if self.built:
            for optimizer, own in zip(self.optimizers, self._shares(var_list), strict=True):
                optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": serialize_keras_object(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }


def _plain(optimizer: Any) -> Optimizer:
    """The optimizer itself, if it is one that can be part of several."""
    if not isinstance(optimizer, Optimizer) or isinstance(
        optimizer, (LossScaleOptimizer, MultiOptimizer)
    ):
        raise ValueError(
            explain(
                "MultiOptimizer",
                "expected optimizers that take steps themselves",
                describe(optimizer),
                "wrap the MultiOptimizer in a LossScaleOptimizer, not its parts",
            )
        )
    return optimizer

"""An optax transformation as optimizer."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.errors import describe, explain
from lamina._core.state import Variable
from lamina.optimizers._optimizer import Optimizer


def is_transformation(obj: Any) -> bool:
    """Return whether `obj` has the functions of an optax transformation; optax stays out of it."""
    return callable(getattr(obj, "init", None)) and callable(getattr(obj, "update", None))


class OptaxOptimizer(Optimizer):
    """u, state <- transformation.update(g, state, p), p <- p + u.

    `compile(optimizer=optax.adam(1e-3))` wraps the transformation in this. Its state is held in
    variables, so that it is compiled, saved and restored like that of any optimizer. The parameters
    that it sees are a dictionary of arrays by path, as optax' masks and labels want it.

    Args:
        transformation: what optax calls a GradientTransformation.
        Others: see `Optimizer`; the learning rate is the transformation's own.

    Example:
        >>> from lamina import Variable
        >>> import optax
        >>> w = Variable([1.0])
        >>> OptaxOptimizer(optax.sgd(0.1)).apply([[2.0]], [w]); round(float(w[0]), 3)
        0.8
    """

    def __init__(
        self,
        transformation: Any,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        if not is_transformation(transformation):
            raise ValueError(
                explain(
                    "OptaxOptimizer",
                    "expected an optax transformation",
                    describe(transformation),
                    "give for example optax.adam(1e-3)",
                )
            )
        self.transformation = transformation
        super().__init__(
            None, None, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
            ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
            name or "optax",
        )  # fmt: skip

    def _make_slots(self) -> None:
        self._keys: dict[Variable, str] = {}
        for v in self._trainable:
            taken = v.path in self._keys.values()
            self._keys[v] = f"{v.path}_{self._index[v]}" if taken else v.path
        state = self.transformation.init(self._parameters())
        leaves, self._form = jax.tree_util.tree_flatten_with_path(state)
        self._state = [
            self._variable(jax.tree_util.keystr(path).replace("/", "_"), jnp.asarray(leaf))
            for path, leaf in leaves
        ]

    def _parameters(self) -> dict[str, Any]:
        return {key: v.raw() for v, key in self._keys.items()}

    def update_all(self, grads: list[Any], variables: list[Variable], learning_rate: Any) -> None:
        parameters = self._parameters()
        gradients = {key: jnp.zeros_like(p) for key, p in parameters.items()}
        for g, v in zip(grads, variables, strict=True):
            gradients[self._keys[v]] = jnp.asarray(g, v.raw().dtype)
        state = jax.tree.unflatten(self._form, [v.raw() for v in self._state])
        updates, state = self.transformation.update(gradients, state, parameters)
        for variable in variables:
            key = self._keys[variable]
            variable.assign(parameters[key] + updates[key])
        for variable, leaf in zip(self._state, jax.tree.leaves(state), strict=True):
            variable.assign(leaf)

    def _set_rate(self, value: Any) -> None:
        if value is not None:
            self._known_rate().assign(value)

    def _rate_now(self) -> Any:
        return None

    @property
    def learning_rate(self) -> Any:
        """The variable of the learning rate, where `optax.inject_hyperparams` made one."""
        return self._known_rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._set_rate(value)

    def _known_rate(self) -> Variable:
        for variable in getattr(self, "_state", ()):
            if variable.name.endswith(".hyperparams['learning_rate']"):
                return variable
        raise AttributeError(
            explain(
                self.name,
                "expected a transformation that shows its learning rate, and a first step",
                help="make it by `optax.inject_hyperparams(optax.adam)(learning_rate=1e-3)`",
            )
        )

    def get_config(self) -> dict[str, Any]:
        raise ValueError(
            explain(
                self.name,
                "expected an optimizer that can be written to a file",
                "an optax transformation",
                "save the model's weights alone, or use one of lamina.optimizers",
            )
        )

"""JaxLayer and FlaxLayer: functions and modules of others as layers."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import dtypes, serialize
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator, draw_key, make_seed
from lamina._core.signature import map_shapes
from lamina._core.state import Variable

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


class JaxLayer(Layer):
    """A pure function of jax, and the structures of arrays that it computes with, as a layer.

    Args:
        call_fn: function whose arguments are some of params, state, rng, inputs and training, by
            these names; returns the outputs, or (outputs, state) if it takes state.
        init_fn: function of some of rng, inputs and training that returns params, or (params,
            state) if call_fn takes state; asked when the layer is built.
        params: structure of the arrays that are trained, instead of init_fn's.
        state: structure of the arrays that are not.
        seed: a whole number for repeatable keys; call_fn gets one as rng while training, else
            None.
        native_serialization_platforms: accepted; it concerns TensorFlow.

    Shapes:
        those of call_fn.

    Weights:
        the leaves of params, then those of state.

    Raises:
        ValueError: a function that takes other arguments, or nothing to start from.

    Example:
        >>> layer = JaxLayer(lambda params, inputs: inputs @ params["w"],
        ...                  params={"w": np.ones((2, 1))})
        >>> layer(np.ones((1, 2))).tolist()
        [[2.0]]
    """

    _unwalked = (*Layer._unwalked, "params", "state", "module")

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.call_fn = call_fn
        self.init_fn = init_fn
        self.native_serialization_platforms = native_serialization_platforms
        self.call_fn_arguments = self._names("call_fn", call_fn, _CALL_ARGUMENTS)
        self.init_fn_arguments = self._names("init_fn", init_fn, _INIT_ARGUMENTS) if init_fn else []
        wanted = {"params", "state"} & set(self.call_fn_arguments)
        if init_fn is None and params is None and state is None and wanted:
            raise ValueError(
                explain(
                    type(self).__name__,
                    f"expected init_fn, params or state: call_fn takes {' and '.join(wanted)}",
                    "None of them",
                    "pass the structures of arrays, or a function that makes them",
                )
            )
        self.seed = seed
        if "rng" in self.call_fn_arguments:
            self.seed_generator = SeedGenerator(seed)
        self._set_structures(params, state)
        if params is not None or state is not None:
            self.built = True

    def _names(self, name: str, fn: Any, allowed: tuple[str, ...]) -> list[str]:
        """Return the names of a function's arguments, after a look at whether they can be given."""
        given = list(inspect.signature(fn).parameters) if callable(fn) else []
        if "inputs" in given and set(given) <= set(allowed):
            return given
        got = f"one of ({', '.join(given)})" if callable(fn) else describe(fn)
        expected = f"expected a function of inputs and any of {', '.join(allowed)} as `{name}`"
        raise ValueError(explain(type(self).__name__, expected, got, "arguments go by their names"))

    def _set_structures(self, params: Any, state: Any) -> None:
        self.params = jax.tree.map(lambda x: self._variable(x, True), params)
        self.state = jax.tree.map(lambda x: self._variable(x, False), state)
        self.tracked_params = jax.tree.leaves(self.params)
        self.tracked_state = jax.tree.leaves(self.state)

    def _variable(self, value: Any, trainable: bool) -> Any:
        """Return a variable that starts as `value`; what is no number stays as it is."""
        if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float)):
            return value
        value = np.asarray(value)
        dtype = None if dtypes.is_float(str(value.dtype)) else str(value.dtype)
        return self.add_weight(
            value.shape, lambda shape, dtype: value.astype(dtype), dtype, trainable
        )

    def build(self, input_shape: Any) -> None:
        if self.init_fn is None or self.params is not None or self.state is not None:
            return
        shapes = map_shapes(lambda s: tuple(1 if n is None else n for n in s), input_shape)
        # Made while jax traces, the arrays are real all the same.
        with jax.ensure_compile_time_eval(), using(scope=None):
            given = {
                "rng": jax.tree.map(jnp.asarray, self._get_init_rng()),
                "inputs": map_shapes(jnp.ones, shapes),
                "training": True,
            }
            made = self.init_fn(*(given[name] for name in self.init_fn_arguments))
        has_state = "state" in self.call_fn_arguments
        self._set_structures(*(made if has_state else (made, None)))

    def _get_init_seed(self) -> Any:
        """Return a key for the arrays to start from."""
        return draw_key(make_seed())

    def _get_init_rng(self) -> Any:
        """Return what init_fn gets as rng; subclasses may want a structure of keys."""
        return self._get_init_seed()

    def _get_call_seed(self) -> Any:
        """Return the next key."""
        return self.seed_generator.next()

    def _get_call_rng(self, training: bool | None) -> Any:
        """Return what call_fn gets as rng: a key while training, else None."""
        return self._get_call_seed() if training else None

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        names = self.call_fn_arguments
        given = {
            "params": jax.tree.map(_value, self.params),
            "state": jax.tree.map(_value, self.state),
            "rng": self._get_call_rng(training) if "rng" in names else None,
            "inputs": inputs,
            "training": bool(training),
        }
        outputs = self.call_fn(*(given[name] for name in names))
        if "state" not in names:
            return outputs
        outputs, state = outputs
        for variable, value in zip(self.tracked_state, jax.tree.leaves(state), strict=True):
            if isinstance(variable, Variable):
                variable.assign(value)
        return outputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("params", "state", "seed", "native_serialization_platforms"):
            config.pop(name, None)  # as Keras; the arrays are saved as weights
        return config


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Variable) else leaf


class FlaxLayer(JaxLayer):
    """A module of flax.linen as a layer.

    Args:
        module: with methods `init(rng, inputs, ...)` and `apply(variables, inputs, ...)`; its
            collection 'params' is trained, the others are state.
        method: the module's method that is called, or its name; None for `__call__`. If it has an
            argument `training`, it is given.
        variables: collections to start from, instead of those of `init`.

    Shapes:
        those of the module.

    Weights:
        the leaves of 'params', then those of the other collections.

    Example:
        >>> class Double:  # stands for a flax module
        ...     def __call__(self, x): ...
        ...     def init(self, rng, x, method=None):
        ...         return {"params": {"scale": np.float32(2)}}
        ...     def apply(self, variables, x, **options):
        ...         return x * variables["params"]["scale"]
        >>> FlaxLayer(Double())(np.ones(2)).tolist()
        [2.0, 2.0]
    """

    def __init__(
        self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any
    ) -> None:
        if not all(hasattr(module, name) for name in ("init", "apply")):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected a flax module, with `init` and `apply`",
                    describe(module),
                    "for a function use JaxLayer",
                )
            )
        self.module = module
        self.method = getattr(module, method) if isinstance(method, str) else method
        called = type(module).__call__ if method is None else self.method
        self._takes_training = "training" in inspect.signature(called).parameters
        params, state = _split(variables)

        def call(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
            return self._apply({**(params or {}), **(state or {})}, rng, inputs, training)

        def init(rng: Any, inputs: Any) -> Any:
            options = {"training": True} if self._takes_training else {}
            return _split(module.init(rng, inputs, method=self.method, **options))

        super().__init__(call, init, params, state, **kwargs)

    def _apply(self, variables: Any, rng: Any, inputs: Any, training: bool) -> Any:
        """Return the outputs and the collections that are not trained, as the module left them."""
        options = {"training": training} if self._takes_training else {}
        changing = [name for name in variables if name != "params"]
        mutable = changing if training and changing else False
        outputs = self.module.apply(
            variables, inputs, rngs=rng, method=self.method, mutable=mutable, **options
        )
        kept = {name: variables[name] for name in changing}
        if not mutable:
            return outputs, kept
        outputs, changed = outputs
        return outputs, {**kept, **{name: changed[name] for name in changing if name in changed}}

    def _get_init_rng(self) -> Any:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool | None) -> Any:
        return {"dropout": self._get_call_seed()} if training else {}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        method = self.method
        if getattr(method, "__self__", None) is self.module:
            method = method.__name__
        for name in ("call_fn", "init_fn", "variables"):
            config.pop(name, None)
        return {**config, "method": serialize.serialize_keras_object(method)}


def _split(variables: Any) -> tuple[Any, Any]:
    """Return the collections that are trained, and the others."""
    if variables is None:
        return None, None
    params = {k: v for k, v in variables.items() if k == "params"}
    return params, {k: v for k, v in variables.items() if k != "params"}

"""Variables, and `pure()`, which turns code that reads and writes them into a function of arrays.

A `Variable` reads and writes itself, or the innermost `Scope` when there is one. That is the whole
trick: inside a scope nothing is changed but the scope's own dictionary, so jax can trace the code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import dtypes
from lamina._core.context import context, using
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name


class Scope:
    """Where variables read and write while it is entered: `values`, then the scopes around it.

    Writes never leave the scope; who entered it decides what becomes of `values` and of the
    `losses` that layers added meanwhile.
    """

    def __init__(self, values: "dict[Variable, Any] | None" = None) -> None:
        self.values: dict[Variable, Any] = {} if values is None else values
        self.losses: dict[Any, list[Any]] = {}  # layer -> losses it added
        self.parent: Scope | None = None

    def __enter__(self) -> "Scope":
        self.parent = context().scope
        self._using = using(scope=self, masks={} if self.parent is None else context().masks)
        self._using.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._using.__exit__(*error)

    def read(self, variable: "Variable") -> Any:
        scope: Scope | None = self
        while scope is not None:
            if variable in scope.values:
                return scope.values[variable]
            scope = scope.parent
        return variable._value


class Variable:
    """A named array that can be assigned: a weight, a metric's state, an optimizer's slot, a seed.

    Args:
        initializer: an array, a number, or a callable `(shape, dtype=...) -> array`.
        shape: needed with a callable.
        dtype: name of the dtype (default: the array's own, or `config.floatx()`).
        trainable: whether `trainable_variables` lists it.
        autocast: whether layers under mixed precision see it in their compute dtype.
        aggregation, synchronization: how replicas are combined when distributed; kept as given.
        name: without '/'; by default counted: 'variable', 'variable_1', ...

    Example:
        >>> v = Variable(np.zeros(2, "float32"), name="v")
        >>> v.assign_add([1.0, 2.0]); v
        Array([1., 2.], dtype=float32)
        <Variable path=v, shape=(2,), dtype=float32, value=[1. 2.]>
    """

    made = 0  # variables so far: as long as it rests, no model has got a new one

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
    ) -> None:
        name = name or auto_name(type(self))
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                explain(
                    "Variable", "expected a name without '/'", describe(name), "use '_' instead"
                )
            )
        self.name = name
        self.path = "/".join((*context().path, name))
        self.trainable = bool(trainable)
        self.born_trainable = self.trainable  # fixes the order of weights, whatever is frozen later
        self.autocast = bool(autocast)
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.regularizer: Any = None
        self.constraint: Any = None
        self.overwrite_with_gradient = False
        # Made while jax traces (a layer built inside a compiled step), it is real all the same.
        with jax.ensure_compile_time_eval(), using(scope=None, compute_dtype=None):
            self._value = self._initial_value(initializer, shape, dtype)
        Variable.made += 1

    def _initial_value(self, initializer: Any, shape: Any, dtype: Any) -> jax.Array:
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    explain("Variable", "expected `shape` beside an initializer function", "None")
                )
            dtype = dtypes.standardize_dtype(dtype)
            if (memory := context().memory) is not None:
                memory(tuple(shape), dtype)
            value = initializer(tuple(shape), dtype=dtype)
        elif initializer is None or isinstance(initializer, str):
            raise ValueError(
                explain(
                    "Variable",
                    "expected an array, a number or a function as `initializer`",
                    describe(initializer),
                    "for a name use `initializers.get(name)`, or `add_weight` in a layer",
                )
            )
        else:
            value = initializer
            if dtype is None and isinstance(value, (float, list, tuple)):
                value = np.asarray(value)
                dtype = "int32" if value.dtype.kind == "i" else None
            if dtype is None and getattr(value, "dtype", None) in (None, np.float64):
                plain = isinstance(value, (bool, int))
                dtype = dtypes.standardize_dtype(type(value) if plain else None)
        value = own_array(value, dtype)
        if shape is not None and value.shape != tuple(shape):
            raise ValueError(
                explain("Variable", f"expected a value of shape {tuple(shape)}", describe(value))
            )
        return value

    @property
    def value(self) -> Any:
        """The current array, in the compute dtype of the layer being called if there is one."""
        now = context()
        value = self._value if now.scope is None else now.scope.read(self)
        wanted = now.compute_dtype
        if wanted is None or not self.autocast or value.dtype == wanted:
            return value
        return value.astype(wanted) if jnp.issubdtype(value.dtype, jnp.floating) else value

    def raw(self) -> Any:
        """The current array, never cast."""
        scope = context().scope
        return self._value if scope is None else scope.read(self)

    def assign(self, value: Any) -> Any:
        """Set the value (shape must match; the dtype is kept), and return it."""
        scope = context().scope
        if isinstance(value, Variable):
            value = value.value
        shape = np.shape(value)
        if shape != self.shape:
            raise ValueError(
                explain(
                    self.path,
                    f"expected a value of shape {self.shape}, as the variable has",
                    describe(value),
                )
            )
        if scope is not None:
            scope.values[self] = jnp.asarray(value, self.raw().dtype)
            return scope.values[self]
        if isinstance(value, jax.core.Tracer):
            raise ValueError(_traced_write(self))
        if isinstance(value, jax.Array) and value.dtype == self._value.dtype:
            self._value = value
        else:
            self._value = own_array(value, self._value.dtype)
        return self._value

    def assign_add(self, value: Any) -> Any:
        """Add `value` to the variable."""
        return self.assign(self.raw() + _plain(value))

    def assign_sub(self, value: Any) -> Any:
        """Subtract `value` from the variable."""
        return self.assign(self.raw() - _plain(value))

    def numpy(self) -> np.ndarray:
        """Return the value as a numpy array of your own."""
        return np.array(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._value.shape)

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def size(self) -> int:
        return self._value.size

    @property
    def dtype(self) -> str:
        now = context().compute_dtype
        own = str(self._value.dtype)
        return now if now is not None and self.autocast and dtypes.is_float(own) else own

    def __repr__(self) -> str:
        head = f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}"
        value = self.raw()
        shown = "traced" if isinstance(value, jax.core.Tracer) else np.asarray(value)
        return f"{head}, value={shown}>"

    def __jax_array__(self) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __hash__(self) -> int:
        return id(self)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __round__(self, ndigits: int | None = None) -> Any:
        return jnp.round(self.value, ndigits or 0)


def _plain(value: Any) -> Any:
    """A variable's value, a list as an array; anything else as it is."""
    if isinstance(value, Variable):
        return value.value
    return np.asarray(value) if isinstance(value, (list, tuple)) else value


def own_array(value: Any, dtype: Any = None) -> jax.Array:
    """Return `value` as a jax array that shares no memory with it, so that it can be kept."""
    if isinstance(value, jax.Array):
        return jnp.array(value, dtype) if dtype is not None and value.dtype != dtype else value
    return jax.device_put(np.array(value, None if dtype is None else jnp.dtype(dtype)))


def _traced_write(variable: Variable) -> str:
    return explain(
        variable.path,
        "expected a concrete value outside of `pure`, which is how compiled code changes variables",
        "a traced array (the code runs under jax.jit, grad, vmap or scan)",
        "use the stateless_* methods inside your own jax transformations",
    )


def pure(fn: Callable[..., Any], variables: Iterable[Variable]) -> Callable[..., Any]:
    """Return `fn` with its reads and writes of `variables` turned into arguments and results.

    The result is a function `(values, *args, **kwargs) -> (out, new_values, losses)` that jax can
    transform: `values` and `new_values` are lists in the order of `variables`.

    Raises:
        ValueError: `fn` wrote a variable that is not among `variables`.

    Example:
        >>> count = Variable(0, name="count")
        >>> bump = pure(lambda by: count.assign_add(by), [count])
        >>> jax.jit(bump)([count.value], 3)[1]
        [Array(3, dtype=int32)]
        >>> int(count)
        0
    """
    variables = list(variables)

    def pure_fn(values: Sequence[Any], *args: Any, **kwargs: Any) -> tuple[Any, list[Any], Any]:
        if len(values) != len(variables):
            paths = ", ".join(v.path for v in variables)
            raise ValueError(
                explain(
                    "compiled code",
                    f"expected {len(variables)} arrays, one per variable ({paths})",
                    f"{len(values)}",
                )
            )
        with Scope(dict(zip(variables, values, strict=True))) as scope:
            out = fn(*args, **kwargs)
        if len(scope.values) > len(variables):
            _refuse_unknown(set(scope.values) - set(variables))
        losses = [loss for added in scope.losses.values() for loss in added]
        return out, [scope.values[v] for v in variables], losses

    return pure_fn


def _refuse_unknown(unknown: set[Variable]) -> None:
    names = ", ".join(sorted(v.path for v in unknown))
    raise ValueError(
        explain(
            "compiled code",
            "expected it to change only variables that its model, layer or metric owns",
            f"changes of {names}",
            "make the object that owns the variable an attribute of the model (a layer, metric or "
            "SeedGenerator in a list or dictionary of it will do), before the first call",
        )
    )


def value_and_grad(
    fn: Callable[[], Any], variables: Sequence[Variable], has_aux: bool = False
) -> tuple[Any, list[Any]]:
    """Return `fn()` and its gradients with respect to `variables`.

    What `fn` writes to other variables on the way (moving averages, seeds) takes effect.

    Args:
        fn: a function of nothing that returns a scalar, or (scalar, anything) with `has_aux`.
        variables: float variables.
        has_aux: whether `fn` returns a pair.

    Returns:
        `(value, grads)`, grads in the order of `variables`.

    Example:
        >>> w = Variable(3.0)
        >>> value, (grad,) = value_and_grad(lambda: w * w, [w])
        >>> float(value), float(grad)
        (9.0, 6.0)
    """
    variables = list(variables)
    written: list[Variable] = []

    def objective(values: list[Any]) -> tuple[Any, Any]:
        with Scope(dict(zip(variables, values, strict=True))) as scope:
            out = fn()
        loss, aux = out if has_aux else (out, None)
        before = dict(zip(variables, values, strict=True))
        written[:] = [v for v, x in scope.values.items() if x is not before.get(v)]
        return loss, (aux, [scope.values[v] for v in written])

    values = [v.raw() for v in variables]
    (loss, (aux, changed)), grads = jax.value_and_grad(objective, has_aux=True)(values)
    for variable, value in zip(written, changed, strict=True):
        variable.assign(value)
    return ((loss, aux) if has_aux else loss), grads


def grad(fn: Callable[[], Any], variables: Sequence[Variable]) -> list[Any]:
    """Return the gradients of `fn()` with respect to `variables`; see `value_and_grad`."""
    return value_and_grad(fn, variables)[1]

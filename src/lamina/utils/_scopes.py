"""What code can be run under: other values of variables, a prefix of names, a device."""

from contextlib import ExitStack
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core.context import context, using
from lamina._core.errors import describe, explain
from lamina._core.state import Scope, Variable


class StatelessScope:
    """Code under it reads given values of variables, and what it writes stays in the scope.

    `pure` and the stateless_* methods do the same as functions.

    Args:
        state_mapping: pairs (variable, value); other variables have their own values.
        collect_losses: whether `losses` gathers what layers add meanwhile.
        initialize_variables: accepted; variables always have values from the start.

    Raises:
        ValueError: a key that is no variable, or a value of another shape.

    Example:
        >>> v = Variable(1.0)
        >>> with StatelessScope([(v, 5.0)]) as scope:
        ...     _ = v.assign_add(1.0)
        >>> float(scope.get_current_value(v)), float(v)
        (6.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Any = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self._scope = Scope({v: _checked(v, value) for v, value in state_mapping or ()})
        self._added: list[Any] = []

    def __enter__(self) -> "StatelessScope":
        self._scope.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._scope.__exit__(*error)

    @property
    def losses(self) -> list[Any]:
        """What layers added under the scope, with `collect_losses`."""
        added = [loss for losses in self._scope.losses.values() for loss in losses]
        return [*self._added, *(added if self.collect_losses else [])]

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to `losses`."""
        self._added.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Set the value of a variable in the scope, from a pair (variable, value)."""
        variable, value = update
        self._scope.values[variable] = _checked(variable, value)

    def get_current_value(self, variable: Variable) -> Any:
        """Return the value that a variable has in the scope, None if the scope has none."""
        return self._scope.values.get(variable)


def _checked(variable: Any, value: Any) -> Any:
    if not isinstance(variable, Variable):
        raise ValueError(
            explain(
                "StatelessScope",
                "expected pairs (variable, value)",
                describe(variable),
                "as list(zip(model.variables, values))",
            )
        )
    value = jnp.asarray(value, variable.raw().dtype)
    if value.shape != variable.shape:
        raise ValueError(
            explain(
                "StatelessScope",
                f"expected a value of shape {variable.shape} for {variable.path}",
                describe(value),
            )
        )
    return value


class SymbolicScope:
    """Code under it is run for shapes alone: what it writes to variables is thrown away.

    Example:
        >>> v = Variable(1.0)
        >>> with SymbolicScope():
        ...     _ = v.assign(2.0)
        >>> float(v)
        1.0
    """

    def __enter__(self) -> "SymbolicScope":
        self._scope = Scope()
        self._scope.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._scope.__exit__(*error)


class name_scope:
    """Variables and layers made under it have `name` in their paths.

    Args:
        name: without '/'.
        caller: the object that enters it. With one, a scope of the name that the innermost has
            already is not entered twice.
        deduplicate: False to enter it all the same.
        override_parent: a path that stands instead of the scopes around.

    Example:
        >>> with name_scope("encoder"):
        ...     v = Variable(1.0, name="v")
        >>> v.path
        'encoder/v'
    """

    def __init__(
        self,
        name: str,
        caller: Any = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                explain("name_scope", "expected a name without '/'", describe(name), "use '_'")
            )
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate
        self.override_parent = override_parent

    def __enter__(self) -> "name_scope":
        path = context().path
        if self.override_parent is not None:
            path = tuple(part for part in self.override_parent.split("/") if part)
        self._entered = ExitStack()
        if not (self.deduplicate and self.caller is not None and path[-1:] == (self.name,)):
            self._entered.enter_context(using(path=(*path, self.name)))
            self._entered.enter_context(jax.named_scope(self.name))
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.close()


def device(device_name: Any) -> Any:
    """Return a context under which arrays are made, and computed with, on a device.

    Args:
        device_name: as 'cpu:0', 'gpu:1' or 'gpu', or a `jax.Device`.

    Raises:
        ValueError: there is no such device.

    Example:
        >>> with device("cpu:0"):
        ...     x = jnp.ones(2)
        >>> [d.platform for d in x.devices()]
        ['cpu']
    """
    if isinstance(device_name, jax.Device):
        return jax.default_device(device_name)
    kind, _, number = str(device_name).lower().partition(":")
    try:
        return jax.default_device(jax.devices(kind)[int(number or 0)])
    except (RuntimeError, ValueError, IndexError):
        known = sorted({f"'{d.platform}:{d.id}'" for d in (*jax.devices(), *jax.devices("cpu"))})
        raise ValueError(
            explain(
                "device",
                "expected the name of a device of this machine",
                describe(device_name),
                f"there is {', '.join(known)}",
            )
        ) from None

"""The compiled programs of training: many steps in one XLA loop. Everything here is pure.

A step is traced once into a jaxpr. Variables that it writes are carried through the loop; all
others, and the data, are closed over, since XLA copies what is carried.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina import _native
from lamina._core.state import Variable, pure
from lamina._startup import deep
from lamina._training.cache import use_persistent_cache
from lamina._training.xla import compiled

# Bytes below which a state is not donated: it is cheap to copy, and references to it stay good.
DONATE_FROM = 1 << 20


class Program:
    """`step` over batches of rows of arrays, compiled for one batch size.

    Args:
        step: a stateful function of a batch; its result is a dictionary of scalars or None.
        report: a stateful function of nothing that returns such a dictionary, run after the last
            step of a dispatch; None if the steps themselves return it.
        variables: every variable that `step` or `report` touches.
        data: structure of arrays (N, ...); only shapes and dtypes are used.
        batch: rows per step.
        single: whether every call takes one step, after which somebody looks at the state. It is
            run without a loop, which costs a third more, and nothing is donated or changed in
            place: the copies that this takes cost more than it saves.
    """

    @deep
    def __init__(
        self,
        step: Callable[[Any], Any],
        report: Callable[[], Any] | None,
        variables: Sequence[Variable],
        data: Any,
        batch: int,
        single: bool = False,
    ) -> None:
        self.variables = list(variables)
        self.batch = batch
        values = [jax.ShapeDtypeStruct(v.shape, v.raw().dtype) for v in self.variables]
        rows = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch, *a.shape[1:]), a.dtype), data)
        self._report = None if report is None else pure(report, self.variables)
        self._step = jax.jit(_stateless(step, self.variables), inline=True)
        traced = self._step.trace(values, rows)
        self.jaxpr = traced.jaxpr
        self._logs = traced.out_info[1]
        self._log_tree = jax.tree.structure(self._logs)
        inputs, outputs = self.jaxpr.jaxpr.invars, self.jaxpr.jaxpr.outvars
        self._written = [i for i in range(len(values)) if outputs[i] is not inputs[i]]
        size = sum(values[i].size * values[i].dtype.itemsize for i in self._written)
        self._seen = single
        self.donates = size >= DONATE_FROM and not single
        self.ready = False  # whether it is compiled
        self.seconds: float | None = None  # that a step took the last time
        self.engine = "not compiled"  # then 'native', or 'XLA' with the reason
        self._native: Any = None
        run = self._one if single else self._loop
        self._run: Any = compiled(run, donate=(0,) if self.donates else ())
        self._once = compiled(self._single)

    @property
    def places(self) -> list[int]:
        """The numbers of the variables that a step changes."""
        return self._written

    def __call__(
        self, values: list[Any], data: Any, order: Any, start: int, stop: int
    ) -> tuple[list[Any], Any]:
        """Run the steps from `start` up to `stop`; return the new values and the logs.

        Args:
            values: of all `variables`.
            data: structure of arrays (N, ...).
            order: rows in the order of use, int32 (at least stop * batch,).
            start, stop: numbers of steps.
        """
        if self._native is not None:  # it runs in place of the values that it changes
            logs = self._native(values, jax.tree.leaves(data), order, start, stop)
            return values, jax.tree.unflatten(self._log_tree, logs)
        carried = [values[i] for i in self._written]
        fixed = self._fixed(values)
        carried, logs = self._run(carried, fixed, data, order, start, stop)
        values = list(values)
        for i, value in zip(self._written, carried, strict=True):
            values[i] = value
        return values, logs

    def placed(self, data: Any) -> Any:
        """Return data where calls read it: in numpy's arrays as they are, or on the device."""
        return data if self._native is not None else jax.device_put(data)

    def once(self, values: list[Any], rows: Any) -> tuple[list[Any], Any]:
        """Take one step with these rows; nothing is donated."""
        changed, logs = self._once(values, rows)
        values = list(values)
        for i, value in zip(self._written, changed, strict=True):
            values[i] = value
        return values, logs

    @deep
    def prepare(self, values: list[Any], data: Any, order: Any) -> None:
        """Compile, without running."""
        if self.ready:
            return
        self._native, self.engine = None, "XLA: every step is looked at"
        if not self._seen:
            self._native, self.engine = _native.choose(
                self.jaxpr,
                None if self._report is None else self._reported,
                len(values),
                self._written,
                self.batch,
                [*values, *jax.tree.leaves(data)],
                use_persistent_cache(),
            )
        if self._native is not None:
            self.donates = True
        else:
            carried = [values[i] for i in self._written]
            self._run.lower(carried, self._fixed(values), data, order, 0, 1).compile()
        self.ready = True

    def _reported(self) -> Any:
        """Return the jaxpr of the report."""
        report: Any = self._report
        values = [jax.ShapeDtypeStruct(v.shape, v.raw().dtype) for v in self.variables]
        traced = jax.jit(lambda values: report(values)[0]).trace(values)
        self._log_tree = jax.tree.structure(traced.out_info)
        return traced.jaxpr

    def _fixed(self, values: list[Any]) -> list[Any]:
        written = set(self._written)
        return [v for i, v in enumerate(values) if i not in written]

    def _merge(self, carried: list[Any], fixed: list[Any]) -> list[Any]:
        values, rest = dict(zip(self._written, carried, strict=True)), iter(fixed)
        return [values[i] if i in values else next(rest) for i in range(len(self.variables))]

    def _single(self, values: list[Any], rows: Any) -> tuple[list[Any], Any]:
        values, logs = self._step(values, rows)
        logs = logs if self._report is None else self._report(values)[0]
        return [values[j] for j in self._written], logs

    def _rows(self, data: Any, order: Any, i: Any) -> Any:
        rows = lax.dynamic_slice_in_dim(order, i * self.batch, self.batch)
        return jax.tree.map(lambda a: a.at[rows].get(mode="promise_in_bounds"), data)  # (B, ...)

    def _one(self, carried: Any, fixed: Any, data: Any, order: Any, start: Any, stop: Any) -> Any:
        del stop
        return self._single(self._merge(carried, fixed), self._rows(data, order, start))

    def _loop(self, carried: Any, fixed: Any, data: Any, order: Any, start: Any, stop: Any) -> Any:
        def body(i: Any, carry: Any) -> Any:
            batch = self._rows(data, order, i)
            values, logs = self._step(self._merge(carry[0], fixed), batch)
            return [values[j] for j in self._written], logs

        logs = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), self._logs)
        carried, logs = lax.fori_loop(start, stop, body, (carried, logs))
        if self._report is None:
            return carried, logs
        return carried, self._report(self._merge(carried, fixed))[0]


def _stateless(step: Callable[[Any], Any], variables: list[Variable]) -> Callable[..., Any]:
    run = pure(step, variables)

    def one(values: Any, rows: Any) -> tuple[Any, Any]:
        logs, values, _ = run(values, rows)
        return values, logs

    return one


class EagerProgram:
    """The same interface with every step run by Python, op by op: `run_eagerly=True`."""

    donates = False
    ready = True
    seconds: float | None = None
    engine = "Python, op by op"

    def __init__(
        self,
        step: Callable[[Any], Any],
        report: Callable[[], Any] | None,
        variables: Sequence[Variable],
        data: Any,
        batch: int,
        single: bool = False,
    ) -> None:
        del data, single
        self.step, self.report, self.batch = step, report, batch
        self.variables = list(variables)

    def prepare(self, values: list[Any], data: Any, order: Any) -> None:
        """Nothing is compiled."""

    def placed(self, data: Any) -> Any:
        """Return data on the device."""
        return jax.device_put(data)

    def once(self, values: list[Any], rows: Any) -> tuple[list[Any], Any]:
        """Take one step with these rows."""
        return self(values, rows, np.arange(self.batch), 0, 1)

    def __call__(
        self, values: list[Any], data: Any, order: Any, start: int, stop: int
    ) -> tuple[list[Any], Any]:
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
        logs: Any = {}
        for i in range(start, stop):
            rows = order[i * self.batch : (i + 1) * self.batch]
            logs = self.step(jax.tree.map(lambda a, rows=rows: a[rows], data))
        return [v.value for v in self.variables], logs if self.report is None else self.report()


class Forward:
    """A model's outputs for many rows: one program call, looping over batches inside.

    Args:
        call: a stateful function of a batch of inputs.
        variables: every variable that it touches.
    """

    def __init__(self, call: Callable[[Any], Any], variables: Sequence[Variable]) -> None:
        self._call = pure(call, variables)
        self.variables = list(variables)
        self._written: list[int] = []  # what a call changes: states of sequences, say
        self._batch = jax.jit(self._forward, inline=True)  # whichever runs it, it is traced once
        self._once = compiled(self._batch)
        self._many = compiled(self._batches, static=(3,))
        self._native: dict[Any, Any] = {}  # shapes of a batch -> its program as machine code

    def __call__(self, x: Any, batch: int, stop: int) -> Any:
        """Return the outputs for rows of `x`: of the first `stop` batches of `batch` rows."""
        values = [v._value for v in self.variables]
        if stop > 1:
            out, written = self._many(values, x, stop, batch)
        elif (native := self._natively(values, x)) is not None:
            return native(values, x)
        else:
            out, written = self._once(values, x)
        for i, value in zip(self._written, written, strict=True):
            self.variables[i].assign(value)
        return out

    def _natively(self, values: Any, x: Any) -> Any:
        """Return the program for one batch as machine code, or None if XLA is to run it."""
        key = tuple((a.shape, a.dtype) for a in jax.tree.leaves(x))
        if key not in self._native:
            self._native[key] = _native_call(self._batch, values, x)
        return self._native[key]

    def _forward(self, values: Any, x: Any) -> Any:
        out, new, _ = self._call(values, x)
        self._written = [i for i, value in enumerate(new) if value is not values[i]]
        return out, [new[i] for i in self._written]

    def _batches(self, values: Any, x: Any, stop: Any, batch: int) -> Any:
        def rows(a: Any, i: Any) -> Any:
            return lax.dynamic_slice_in_dim(a, i * batch, batch)

        def body(i: Any, carry: Any) -> Any:
            out, written = carry
            now = list(values)
            for place, value in zip(places, written, strict=True):
                now[place] = value
            y, written = self._forward(now, jax.tree.map(lambda a: rows(a, i), x))
            out = jax.tree.map(
                lambda o, b: lax.dynamic_update_slice_in_dim(o, b, i * batch, 0), out, y
            )
            return out, written

        total = jax.tree.leaves(x)[0].shape[0]
        shapes, _ = jax.eval_shape(
            lambda: self._forward(values, jax.tree.map(lambda a: rows(a, 0), x))
        )
        places = self._written
        out = jax.tree.map(lambda s: jnp.zeros((total, *s.shape[1:]), s.dtype), shapes)
        return lax.fori_loop(0, stop, body, (out, [values[i] for i in places]))


@deep
def _native_call(call: Callable[..., Any], values: Any, x: Any) -> Any:
    """Return `(values, x) -> outputs` in machine code; None if that is not for this model.

    Args:
        call: jitted `(values, x) -> (outputs, new values of what it changes)`.
        values, x: what it is for; only shapes and dtypes are used.
    """
    if not _native.is_native_steps_enabled():
        return None
    step = jax.jit(lambda values, x: (values, *call(values, x))).trace(values, x)
    outputs, changed = step.out_info[1:]
    if changed:
        return None
    rows, tree = jax.tree.leaves(x)[0].shape[0], jax.tree.structure(outputs)
    arrays = [*values, *jax.tree.leaves(x)]
    folder = use_persistent_cache()
    engine, _ = _native.choose(step.jaxpr, None, len(values), [], rows, arrays, folder)
    if engine is None:
        return None
    order = np.arange(rows, dtype="int32")
    return lambda values, x: jax.tree.unflatten(
        tree, engine(values, jax.tree.leaves(x), order, 0, 1)
    )

"""Recurrent loops over time; all arrays here have time first: (T, N, C).

`run` drives any step function. `recur` drives the three built-in cells, whose inputs are projected
for all time steps at once before the loop, so that one small matrix product a step remains:

    states_t = advance(x_t, states_{t-1}[0] @ kernel + bias, states_{t-1})

This is the place that knows what XLA:CPU is slow at in such loops. Figures: LSTM(64), 80 steps,
batch 32, forward and backward with the input's gradient, one core; the eight matrix products alone
take 6.8 ms of it. jax's gradient of the obvious `lax.scan` takes 13.2 ms, `recur` 9.4, by

- the kernel's gradient as one product over all steps after the loop, not a sum in its carry
  (0.7 ms), and products of (T * N, C) rather than of (T, N, C), whose gradient XLA transposes
  (2.0 ms);
- activations over all gates as one array: a fusion of four slices is not vectorised, and 4 times
  slower (2.0 ms in the forward loop); sigmoid(z) = tanh(z / 2) / 2 + 1 / 2 makes it one function;
- the gates' derivatives before the backward loop, for all steps at once, which leaves it one
  product and five multiplications a step;
- activations written over the inputs they come from, and gradients over the derivatives: a new
  array for what a loop stacks is zeroed, copied and then written (0.8 ms). One fusion alone may
  read what is written over: with two XLA copies the whole sequence in each step (a GRU's
  gradient took 95 ms so instead of 10).

Unrolling by 4 or 8 was slower. Elsewhere than on a CPU the loop is a plain `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina._core import tree
from lamina._core.context import using
from lamina._core.state import Scope, Variable
from lamina.ops._nn import relu, sigmoid
from lamina.ops._transcendental import tanh

Array = jax.Array
States = tuple[Array, ...]

# The derivative of an activation, by its value.
SLOPES: dict[Any, Callable[[Any], Any]] = {
    tanh: lambda y: 1 - y * y,
    sigmoid: lambda y: y - y * y,
    relu: lambda y: (y > 0).astype(y.dtype),
}


# --- any step function ----------------------------------------------------------------------------


def run(
    step: Callable[[Any, Any], tuple[Any, Any]],
    xs: Any,
    states: Any,
    mask: Array | None = None,
    zero_masked: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any]:
    """Return what `step(x_t, states) -> (output, states)` gives for each time step, and the states.

    Variables that a step writes (seeds, moving averages) go from step to step, losses that it
    adds are summed.

    Args:
        step: its states must keep their shapes and dtypes.
        xs: structure of arrays (T, N, ...).
        states: structure of arrays (N, ...).
        mask: (T, N), truth values: where it is false, states stay as they were, and outputs too.
        zero_masked: whether outputs are 0 there instead.
        unroll: whether the loop is written out, T times as long a program.
    """
    form = tree.structure_of(states)
    first = jax.tree.map(lambda x: x[0], xs)
    written, owners = writes(step, first, states)

    def body(carry: Any, now: Any) -> tuple[Any, Any]:
        old, values = carry
        x, keep = now
        with using(masks={}), Scope(dict(zip(written, values, strict=True))) as scope:
            output, new = step(x, form.unflatten(old))
        new = tree.flatten(new)
        if keep is not None:
            new = [jnp.where(_expand(keep, n), n, o) for n, o in zip(new, old, strict=True)]
            # A masked step repeats the output before, which is the (last cell's) first state.
            before = _output_state(form.unflatten(old))
            other = jnp.zeros_like(output) if zero_masked else before.astype(output.dtype)
            output = jnp.where(_expand(keep, output), output, other)
        new = [n.astype(o.dtype) for n, o in zip(new, old, strict=True)]
        losses = [sum(scope.losses[owner]) for owner in owners]
        return (new, [scope.values[v] for v in written]), (output, losses)

    carry = (tree.flatten(states), [v.raw() for v in written])
    length = jax.tree.leaves(xs)[0].shape[0]
    carry, (outputs, losses) = lax.scan(body, carry, (xs, mask), unroll=length if unroll else 1)
    for variable, value in zip(written, carry[1], strict=True):
        variable.assign(value)
    for owner, loss in zip(owners, losses, strict=True):
        owner.add_loss(jnp.sum(loss))
    return outputs, form.unflatten(carry[0])


def writes(step: Callable[..., Any], x: Any, states: Any) -> tuple[list[Variable], list[Any]]:
    """Return the variables that a step writes, and the layers that add losses in it."""
    found: tuple[list[Variable], list[Any]] = ([], [])

    def probe(x: Any, states: Any) -> None:
        with using(masks={}), Scope() as scope:
            step(x, states)
        found[0].extend(scope.values)
        found[1].extend(scope.losses)

    jax.eval_shape(probe, x, states)
    return found


def _output_state(states: Any) -> Any:
    while tree.is_nested(states):
        states = states[-1][0] if tree.is_nested(states[0]) else states[0]
    return states


def _expand(keep: Array, like: Array) -> Array:
    """(N,) -> (N, 1, ...), as many axes as `like`."""
    return jnp.reshape(keep, (*keep.shape, *[1] * (like.ndim - 1)))


# --- the built-in cells ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Simple:
    """h = activation(x + m), where m = h_before @ kernel."""

    activation: Any = tanh
    slope: Any = SLOPES[tanh]

    gates = 1
    states = 1

    @property
    def differentiable(self) -> bool:
        """Whether `slopes` and `pull` hold: the activations' derivatives are known."""
        return self.slope is not None

    def advance(self, x: Array, m: Array, states: States) -> tuple[States, Array, tuple]:
        """Return the new states, and what `slopes` needs: activations of the gates, and more."""
        h = self.activation(_wide(x) + _wide(m))
        return (h.astype(x.dtype),), h, ()

    def slopes(self, a: Array, more: tuple, after: States, before: States) -> tuple[Array, tuple]:
        """Return the derivatives that `pull` multiplies with, of all steps at once."""
        return self.slope(a), ()

    def pull(self, slope: Array, others: tuple, grads: States) -> tuple[Array, States]:
        """Return the gradients of m, and of the states before without the part through m."""
        return slope * grads[0], (jnp.zeros_like(grads[0]),)


@dataclass(frozen=True)
class Lstm:
    """c = f * c_before + i * g, h = o * activation(c); gates i, f, g, o of x + m."""

    activation: Any = tanh
    slope: Any = SLOPES[tanh]
    recurrent_activation: Any = sigmoid
    recurrent_slope: Any = SLOPES[sigmoid]

    gates = 4
    states = 2

    @property
    def differentiable(self) -> bool:
        return self.slope is not None and self.recurrent_slope is not None

    def advance(self, x: Array, m: Array, states: States) -> tuple[States, Array, tuple]:
        a = self._gates(_wide(x) + _wide(m))
        i, f, g, o = jnp.split(a, 4, axis=-1)  # (N, 4U) -> 4 of (N, U)
        c = f * _wide(states[1]) + i * g
        h = o * self.activation(c)
        return (h.astype(x.dtype), c.astype(x.dtype)), a, ()

    def _gates(self, z: Array) -> Array:
        units = z.shape[-1] // 4
        is_g = _gate_is(2, 4, units)
        if self.activation is tanh and self.recurrent_activation is sigmoid:
            scale = np.where(is_g, 1, 0.5).astype(z.dtype)
            return jnp.tanh(z * scale) * scale + (1 - scale) * (1 - is_g)
        if self.differentiable:  # so they are elementwise
            return jnp.where(is_g, self.activation(z), self.recurrent_activation(z))
        z_i, z_f, z_g, z_o = jnp.split(z, 4, axis=-1)
        i, f, o = (self.recurrent_activation(one) for one in (z_i, z_f, z_o))
        return jnp.concatenate([i, f, self.activation(z_g), o], axis=-1)

    def slopes(self, a: Array, more: tuple, after: States, before: States) -> tuple[Array, tuple]:
        i, _, g, o = jnp.split(a, 4, axis=-1)
        t = self.activation(_wide(after[1]))
        is_g = _gate_is(2, 4, g.shape[-1])
        if self.activation is tanh and self.recurrent_activation is sigmoid:
            own = jnp.where(is_g, jnp.ones((), a.dtype), a) - a * a
        else:
            own = jnp.where(is_g, self.slope(a), self.recurrent_slope(a))
        others = jnp.concatenate([g, _wide(before[1]), i, t], axis=-1)
        return own * others, (o * self.slope(t), a)

    def pull(self, slope: Array, others: tuple, grads: States) -> tuple[Array, States]:
        through_c, a = others
        dh, dc = grads
        units = dh.shape[-1]
        dc = dc + dh * through_c
        dz = slope * jnp.concatenate([dc, dc, dc, dh], axis=-1)
        return dz, (jnp.zeros_like(dh), dc * a[..., units : 2 * units])


@dataclass(frozen=True)
class Gru:
    """h = z * h_before + (1 - z) * hh; z, r of x + m, hh = activation(x_h + r * m_h)."""

    activation: Any = tanh
    slope: Any = SLOPES[tanh]
    recurrent_activation: Any = sigmoid
    recurrent_slope: Any = SLOPES[sigmoid]

    gates = 3
    states = 1

    @property
    def differentiable(self) -> bool:
        return self.slope is not None and self.recurrent_slope is not None

    def advance(self, x: Array, m: Array, states: States) -> tuple[States, Array, tuple]:
        (h,), units = states, states[0].shape[-1]
        x, m = _wide(x), _wide(m)
        zr = self.update_reset(x[..., : 2 * units] + m[..., : 2 * units])
        z, r = jnp.split(zr, 2, axis=-1)  # (N, 2U) -> 2 of (N, U)
        m_h = m[..., 2 * units :]
        hh = self.activation(x[..., 2 * units :] + r * m_h)
        new = z * _wide(h) + (1 - z) * hh
        return (new.astype(h.dtype),), jnp.concatenate([zr, hh], axis=-1), (m_h,)

    def update_reset(self, x: Array) -> Array:
        """Return the activations of both gates, (N, 2U)."""
        if self.differentiable:  # so it is elementwise
            return self.recurrent_activation(x)
        parts = jnp.split(x, 2, axis=-1)
        return jnp.concatenate([self.recurrent_activation(part) for part in parts], axis=-1)

    def slopes(self, a: Array, more: tuple, after: States, before: States) -> tuple[Array, tuple]:
        z, r, hh = jnp.split(a, 3, axis=-1)
        d_hh = (1 - z) * self.slope(hh)
        d_z = (_wide(before[0]) - hh) * self.recurrent_slope(z)
        d_r = d_hh * more[0] * self.recurrent_slope(r)
        return jnp.concatenate([d_z, d_r, d_hh * r], axis=-1), (z, d_hh)

    def pull(self, slope: Array, others: tuple, grads: States) -> tuple[Array, States]:
        (dh,) = grads
        return slope * jnp.concatenate([dh, dh, dh], axis=-1), (dh * others[0],)

    def outer(self, dm: Array, dh: Array, others: tuple) -> Array:
        """Return the gradient of x, which differs from that of m by r in the last third."""
        units = dh.shape[-1]
        return jnp.concatenate([dm[..., : 2 * units], dh * others[1]], axis=-1)


Cell = Simple | Lstm | Gru


def _gate_is(which: int, gates: int, units: int) -> np.ndarray:
    return np.arange(gates * units) // units == which


def _wide(x: Array) -> Array:
    """`x` in at least float32: gates are computed in it, whatever the products' dtype."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def project(x: Array, kernel: Array) -> Array:
    """Return x @ kernel for all steps at once.

    Shapes:
        (T, N, C) (C, O) -> (T, N, O).
    """
    rows = jnp.reshape(x, (-1, x.shape[-1]))  # (T, N, C) -> (T * N, C)
    return jnp.reshape(rows @ kernel, (*x.shape[:-1], kernel.shape[-1]))


def recur(
    cell: Cell,
    x: Array,
    kernel: Array,
    biases: tuple[Array | None, Array | None],
    states: Sequence[Array],
    mask: Array | None = None,
) -> tuple[Array, States]:
    """Return the outputs of a built-in cell at all steps, and the last states.

    Args:
        cell: what happens in a step.
        x: (T, N, gates * U), the projected inputs.
        kernel: (U, gates * U).
        biases: added to x, and to the product with the kernel; (gates * U,) or None.
        states: each (N, U).
        mask: (T, N), truth values: where it is false, the states stay as they were.
    """
    keep = None if mask is None else mask[..., None].astype(x.dtype)  # (T, N) -> (T, N, 1)
    arguments = (x, kernel, biases, tuple(states), keep)
    if jax.default_backend() == "cpu" and cell.differentiable:
        return _recur(cell, *arguments)
    return _plain(cell, *arguments)


def _plain(
    cell: Cell, x: Array, kernel: Array, biases: Any, states: States, keep: Array | None
) -> tuple[Array, States]:
    def body(states: States, now: Any) -> tuple[States, Array]:
        x, keep = now
        new, _, _ = _step(cell, x, kernel, biases, states, keep)
        return new, new[0]

    states, outputs = lax.scan(body, states, (x, keep))
    return outputs, states


def _step(
    cell: Cell, x: Array, kernel: Array, biases: Any, states: States, keep: Array | None
) -> tuple[States, Array, tuple]:
    m = states[0] @ kernel  # (N, U) -> (N, gates * U)
    x = x if biases[0] is None else x + biases[0]
    m = m if biases[1] is None else m + biases[1]
    new, a, more = cell.advance(x, m, states)
    if keep is not None:
        new = tuple(jnp.where(keep > 0, n, s) for n, s in zip(new, states, strict=True))
    return new, a, more


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recur(
    cell: Cell, x: Array, kernel: Array, biases: Any, states: States, keep: Array | None
) -> tuple[Array, States]:
    def body(t: Any, carry: Any) -> Any:
        states, outputs = carry
        states, _, _ = _step(cell, _at(x, t), kernel, biases, states, _at(keep, t))
        return states, _put(outputs, states[0], t)

    states, outputs = lax.fori_loop(0, x.shape[0], body, (states, _empty(x, states[0])))
    return outputs, states


def _recur_forward(
    cell: Cell, x: Array, kernel: Array, biases: Any, states: States, keep: Array | None
) -> tuple[Any, Any]:
    def body(t: Any, carry: Any) -> Any:
        states, x, histories = carry
        now, x = lax.optimization_barrier((_at(x, t), x))
        states, a, more = _step(cell, now, kernel, biases, states, _at(keep, t))
        # Written over the inputs: the only reading of this step's is above.
        x = _put(x, a.astype(x.dtype), t)
        kept = (*states, *more)
        histories = [_put(h, v.astype(h.dtype), t) for h, v in zip(histories, kept, strict=True)]
        return states, x, histories

    histories = [_empty(x, states[0])] * (cell.states + isinstance(cell, Gru))
    last, a, histories = lax.fori_loop(0, x.shape[0], body, (states, x, histories))
    return (histories[0], last), (a, histories, kernel, biases, states, keep)


def _recur_backward(cell: Cell, residuals: Any, grads: Any) -> Any:
    a, histories, kernel, biases, states, keep = residuals
    d_outputs, d_states = grads
    steps = a.shape[0]
    after, more = histories[: cell.states], histories[cell.states :]
    before = [jnp.concatenate([s[None], h[:-1]]) for s, h in zip(states, after, strict=True)]
    slope, others = cell.slopes(a, more, after, before)  # type: ignore[arg-type]
    slope = slope.astype(a.dtype)
    transposed = kernel.T
    two = isinstance(cell, Gru)  # whether x and m have different gradients

    def body(k: Any, carry: Any) -> Any:
        d_states, slope, d_heads = carry
        t = steps - 1 - k
        d_states = (d_states[0] + _at(d_outputs, t), *d_states[1:])
        now = tuple(_at(one, t) for one in others)
        stay = None
        if keep is not None:
            taken = _at(keep, t)
            stay = [d * (1 - taken) for d in d_states]
            d_states = tuple(d * taken for d in d_states)
        slope_t, slope = lax.optimization_barrier((_at(slope, t), slope))
        dm, d_before = cell.pull(slope_t, now, d_states)
        through = dm.astype(a.dtype) @ transposed  # (N, gates * U) -> (N, U)
        d_before = (d_before[0] + through, *d_before[1:])
        if stay is not None:
            d_before = tuple(d + s for d, s in zip(d_before, stay, strict=True))
        d_before = tuple(d.astype(s.dtype) for d, s in zip(d_before, d_states, strict=True))
        d_heads = _put(d_heads, d_states[0], t) if two else None
        # Written over the derivatives, which no second product may read: XLA would copy them all.
        return d_before, _put(slope, dm.astype(a.dtype), t), d_heads

    d_heads = _empty(a, d_states[0]) if two else None
    d_states, dm, d_heads = lax.fori_loop(0, steps, body, (tuple(d_states), slope, d_heads))
    dx = cell.outer(dm, d_heads, others).astype(a.dtype) if isinstance(cell, Gru) else dm
    rows = jnp.reshape(dm, (-1, dm.shape[-1]))  # (T, N, gates * U) -> (T * N, gates * U)
    d_kernel = jnp.reshape(before[0], (-1, kernel.shape[0])).T @ rows
    d_biases = tuple(
        None if b is None else jnp.sum(d, axis=(0, 1))
        for b, d in zip(biases, (dx, dm), strict=True)
    )
    return dx, d_kernel, d_biases, d_states, None if keep is None else jnp.zeros_like(keep)


_recur.defvjp(_recur_forward, _recur_backward)


def _empty(x: Array, state: Array) -> Array:
    return jnp.zeros((x.shape[0], *state.shape), state.dtype)


def _at(x: Array | None, t: Any) -> Any:
    """x[t], without a check of t, which XLA does not remove."""
    if x is None:
        return None
    return lax.dynamic_index_in_dim(x, t, 0, keepdims=False, allow_negative_indices=False)


def _put(x: Array, value: Array, t: Any) -> Array:
    return lax.dynamic_update_index_in_dim(x, value, t, 0, allow_negative_indices=False)

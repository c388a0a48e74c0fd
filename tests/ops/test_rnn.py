"""Recurrent loops: `recur` beside a loop of numpy and beside jax's own gradients; `run`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina._core.state import Scope, Variable
from lamina.ops import _rnn, relu, sigmoid, tanh
from lamina.ops._rnn import SLOPES, Gru, Lstm, Simple

T, N, U = 5, 3, 2
CELLS = [
    Simple(),
    Simple(relu, SLOPES[relu]),
    Lstm(),
    Lstm(relu, SLOPES[relu], sigmoid, SLOPES[sigmoid]),
    Gru(),
    Gru(sigmoid, SLOPES[sigmoid], tanh, SLOPES[tanh]),
]
each = pytest.mark.parametrize(
    "cell", CELLS, ids=lambda c: f"{type(c).__name__}-{c.activation.__name__}"
)


def arguments(cell, biases=True, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), dtype)

    width = cell.gates * U
    return (
        draw(T, N, width),
        draw(U, width),
        (draw(width), draw(width)) if biases else (None, None),
        tuple(draw(N, U) for _ in range(cell.states)),
    )


def keep(dtype="float32"):
    mask = np.random.default_rng(1).random((T, N)) < 0.6
    return jnp.asarray(mask[..., None], dtype)


def weighted(results):
    """A sum in which every number of the results counts differently."""
    leaves = [r.astype("float32") for r in jax.tree.leaves(results)]
    return sum(jnp.sum(r * jnp.cos(jnp.arange(r.size).reshape(r.shape))) for r in leaves)


def gradients(loop, cell, args, mask):
    return jax.jit(jax.grad(lambda a: weighted(loop(cell, *a, mask))))(args)


def assert_close(a, b, tolerance=1e-5):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == y.dtype
        x, y = np.asarray(x, "float64"), np.asarray(y, "float64")
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * max(1, np.abs(y).max()))


def by_numpy(cell, x, kernel, biases, states, mask=None):
    """The formulas of the three cells, one step after the other, in float64."""
    functions = {
        tanh: np.tanh,
        sigmoid: lambda v: 1 / (1 + np.exp(-v)),
        relu: lambda v: np.maximum(v, 0),
    }
    f = functions[cell.activation]
    g = functions[getattr(cell, "recurrent_activation", tanh)]
    x, kernel = np.asarray(x, "float64"), np.asarray(kernel, "float64")
    outer, inner = (np.zeros(kernel.shape[1]) if b is None else np.asarray(b) for b in biases)
    states, outputs = [np.asarray(s, "float64") for s in states], []
    for t in range(len(x)):
        z, m = x[t] + outer, states[0] @ kernel + inner
        if isinstance(cell, Simple):
            new = [f(z + m)]
        elif isinstance(cell, Lstm):
            i, forget, c, o = np.split(z + m, 4, axis=1)
            memory = g(forget) * states[1] + g(i) * f(c)
            new = [g(o) * f(memory), memory]
        else:
            (z0, z1, z2), (m0, m1, m2) = np.split(z, 3, axis=1), np.split(m, 3, axis=1)
            update = g(z0 + m0)
            new = [update * states[0] + (1 - update) * f(z2 + g(z1 + m1) * m2)]
        if mask is not None:
            new = [np.where(mask[t], n, s) for n, s in zip(new, states, strict=True)]
        states = new
        outputs.append(states[0])
    return np.stack(outputs), states


@each
@pytest.mark.parametrize("masked", [False, True])
def test_values(cell, masked):
    args, mask = arguments(cell, biases=not masked), keep() if masked else None
    outputs, states = jax.jit(_rnn._recur, static_argnums=0)(cell, *args, mask)
    expected, last = by_numpy(cell, *args, None if mask is None else np.asarray(mask) > 0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    for a, b in zip(states, last, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert_close((outputs, states), _rnn._plain(cell, *args, mask))


@each
@pytest.mark.parametrize(("masked", "biases"), [(False, True), (True, True), (True, False)])
def test_gradients(cell, masked, biases):
    args, mask = arguments(cell, biases), keep() if masked else None
    assert_close(gradients(_rnn._recur, cell, args, mask), gradients(_rnn._plain, cell, args, mask))


@pytest.mark.parametrize("cell", CELLS[::2], ids=lambda c: type(c).__name__)
def test_half_precision(cell):
    args, mask = arguments(cell, dtype="bfloat16"), keep("bfloat16")
    mine = jax.jit(_rnn._recur, static_argnums=0)(cell, *args, mask)
    assert {r.dtype for r in jax.tree.leaves(mine)} == {jnp.dtype("bfloat16")}
    exact = by_numpy(cell, *args, np.asarray(mask) > 0)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(np.asarray(a, "float64"), b, atol=0.05)
    grads = gradients(_rnn._recur, cell, args, mask)
    assert_close(grads, gradients(_rnn._plain, cell, args, mask), 0.05)


@pytest.mark.parametrize("cell", CELLS[::2], ids=lambda c: type(c).__name__)
def test_a_gradient_has_a_gradient(cell):
    args = arguments(cell)

    def slope(loop):
        def length(a):
            grads = jax.grad(lambda b: weighted(loop(cell, *b, None)))(a)
            return sum(jnp.sum(g * g) for g in jax.tree.leaves(grads))

        return jax.jit(jax.grad(length))(args)

    assert_close(slope(_rnn._recur), slope(_rnn._plain), 1e-4)


@pytest.mark.parametrize("cell", [Lstm(), Gru()], ids=lambda c: type(c).__name__)
def test_many_at_once(cell):
    args, mask = arguments(cell), keep()
    many = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), args)
    grads = jax.vmap(lambda a: gradients(_rnn._recur, cell, a, mask))(many)
    assert_close(jax.tree.map(lambda g: g[0], grads), gradients(_rnn._plain, cell, args, mask))


def test_activations_whose_derivative_is_not_known():
    cell = Lstm(jnp.sin, None, jax.nn.softmax, None)
    args = arguments(cell)
    outputs, (h, c) = _rnn.recur(cell, *args)
    assert outputs.shape == (T, N, U)
    assert_close(outputs[-1], h)
    x, kernel, (outer, inner), (h, c) = args
    z = x[0] + outer + h @ kernel + inner
    i, f, g, o = (
        a(p)
        for a, p in zip(
            [jax.nn.softmax] * 2 + [jnp.sin, jax.nn.softmax], jnp.split(z, 4, 1), strict=True
        )
    )
    np.testing.assert_allclose(outputs[0], o * jnp.sin(f * c + i * g), rtol=1e-5)


# --- run ----------------------------------------------------------------------------------------


def add(x, states):
    total = states[0] + x
    return 10 * total, [total]


def test_run_masks_states_and_outputs():
    xs, mask = jnp.asarray([[1.0], [2.0], [4.0]]), jnp.asarray([[True], [False], [True]])
    # The output of a masked step is the state before it.
    assert _rnn.run(add, xs, [jnp.zeros(1)], mask)[0].ravel().tolist() == [10.0, 1.0, 50.0]
    outputs, (last,) = _rnn.run(add, xs, [jnp.zeros(1)], mask, zero_masked=True)
    assert outputs.ravel().tolist() == [10.0, 0.0, 50.0]
    assert last.tolist() == [5.0]


def test_run_written_out_is_the_same():
    xs = jnp.asarray(np.random.normal(size=(4, 2, 3)), "float32")
    start = [jnp.zeros((2, 3))]
    assert_close(_rnn.run(add, xs, start, unroll=True), _rnn.run(add, xs, start))


def test_variables_go_from_step_to_step():
    count = Variable(0, name="count")

    def step(x, states):
        count.assign_add(2)
        return x * count.value, states

    outputs, _ = _rnn.run(step, jnp.ones((3, 1)), [])
    assert outputs.ravel().tolist() == [2.0, 4.0, 6.0]
    assert int(count) == 6
    with Scope() as scope:
        _rnn.run(step, jnp.ones((3, 1)), [])
    assert int(scope.values[count]) == 12
    assert int(count) == 6

"""Ops that take functions, beside Keras: eagerly, compiled, symbolically, and their gradients."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import KerasTensor, ops

ROWS = np.random.RandomState(0).uniform(0.5, 1.5, (4, 3)).astype("float32")
VECTOR = ROWS[0]
YES, NO = np.array(True), np.array(False)


def running(o, x):
    """(carry, results) of a scan whose carry and results are structures."""

    def step(carry, row):
        total, count = carry["total"] + row, carry["count"] + 1
        return {"total": total, "count": count}, (total * row, o.sum(row))

    return o.scan(step, {"total": o.zeros((3,)), "count": 0}, x)


def backwards(o, x):
    return o.scan(lambda c, row: (c * row, c), o.ones((3,)), x, reverse=True, unroll=2)


def without_slices(o, x):
    return o.scan(lambda c, _: (c * c, o.sum(c)), x[1], length=3)


def doubled(o, x):
    return o.while_loop(lambda n, v: n < 3, lambda n, v: (n + 1, v * v), (0, x))


def stopped(o, x):
    big = o.while_loop(lambda v: o.sum(v) < 1e6, lambda v: v + v, x, maximum_iterations=2)
    return o.while_loop(lambda a, b: o.all(a < 9), lambda a, b: [a + b, b], [big, x])


def summed(o, x):
    def add(i, state):
        rows, total = state
        return rows, total + o.take(rows, i, axis=0) * o.cast(i, "float32")

    return o.fori_loop(1, 4, add, (x, x[0]))[1]


def counted(o, x):
    return o.fori_loop(0, o.sum(o.cast(x > 0, "int32")), lambda i, n: n + i, 0)


def affine(o, x):
    """Affine maps a x + b put behind one another."""

    def then(first, second):
        return first[0] * second[0], first[1] * second[0] + second[1]

    return o.associative_scan(then, (x, x + 1))


def chosen(o, x):
    return o.cond(o.sum(x) > 0, lambda: {"y": x * 2}, lambda: {"y": x - 1})


def rejected(o, x):
    return o.cond(o.sum(x) < 0, lambda: (x, x[0]), lambda: (x * x, x[1]))


def switched(index):
    def call(o, x):
        branches = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b]
        return o.switch(np.int32(index), branches, x, x[0])

    return call


def mapped(o, x):
    return o.map(lambda pair: (pair[0] * o.sum(pair[1]), pair[1][0]), (x, x + 1))


def mapped_at_once(o, x):
    return o.vectorized_map(lambda pair: o.dot(pair[0], pair[1]), (x, x * x))


def vectorized(o, x):
    return o.vectorize(lambda row, n: o.sum(row) * n, signature="(n),()->()")(x, x[:, 0])


def clipped_slope(o, x):
    @o.custom_gradient
    def log(v):
        def slope(*args, upstream=None):
            (upstream,) = args or (upstream,)
            return upstream * 10.0 * v

        return o.log(v), slope

    return log(x)


# Name: (call, whether its slopes are compared going backwards, or forwards alone).
CALLS = {
    "scan": (running, True),
    "scan-reverse": (backwards, True),
    "scan-length": (without_slices, True),
    "while_loop": (doubled, False),
    "while_loop-maximum": (stopped, False),
    "fori_loop": (summed, True),
    "fori_loop-dynamic": (counted, None),
    "associative_scan": (affine, True),
    "associative_scan-axis": (
        lambda o, x: o.associative_scan(lambda a, b: a * b, x, reverse=True, axis=1),
        True,
    ),
    "cond-true": (chosen, True),
    "cond-false": (rejected, True),
    "switch-1": (switched(1), True),
    "switch-beyond": (switched(7), True),
    "map": (mapped, True),
    "vectorized_map": (mapped_at_once, True),
    "vectorize": (vectorized, True),
    "custom_gradient": (clipped_slope, True),
}


def leaves(x):
    return jax.tree.leaves(x)


def assert_alike(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        assert (np.shape(a), a.dtype) == (np.shape(b), b.dtype)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CALLS)
def test_values_eagerly_and_compiled(name):
    call, _ = CALLS[name]
    theirs = call(keras.ops, jnp.asarray(ROWS))
    assert_alike(call(ops, ROWS), theirs)
    assert_alike(jax.jit(lambda x: call(ops, x))(ROWS), theirs)


@pytest.mark.parametrize(
    "name", [n for n, (_, backwards) in CALLS.items() if backwards is not None]
)
def test_gradients(name):
    call, back = CALLS[name]

    def total(o):
        def fn(x):
            floats = [y for y in leaves(call(o, x)) if y.dtype == "float32"]
            return sum(jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape))) for y in floats)

        return fn

    def slopes(o):
        if back:
            return jax.grad(total(o))(jnp.asarray(ROWS))
        return jax.jvp(total(o), (jnp.asarray(ROWS),), (jnp.ones_like(ROWS),))[1]

    np.testing.assert_allclose(slopes(ops), slopes(keras.ops), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [4, None])
@pytest.mark.parametrize("name", CALLS)
def test_symbolically(name, rows):
    call, _ = CALLS[name]
    eager = call(ops, ROWS)
    found = call(ops, KerasTensor((rows, 3)))
    assert jax.tree.structure(found) == jax.tree.structure(eager)
    for tensor, array in zip(leaves(found), leaves(eager), strict=True):
        if not isinstance(tensor, KerasTensor):  # it does not depend on the input
            continue
        assert tensor.dtype == array.dtype.name
        assert len(tensor.shape) == array.ndim
        assert all(s in (None, n) for s, n in zip(tensor.shape, array.shape, strict=True))
        assert rows is None or None not in tensor.shape


@pytest.mark.parametrize("name", ["scan", "fori_loop", "cond-false", "map", "custom_gradient"])
def test_in_a_model(name):
    """What was recorded symbolically runs on arrays."""
    call, _ = CALLS[name]
    x = lamina.Input(batch_shape=(4, 3))
    outputs = [t for t in leaves(call(ops, x)) if isinstance(t, KerasTensor)]
    model = lamina.Model(x, outputs)
    eager = leaves(call(ops, ROWS))
    for ours, expected in zip(leaves(model(ROWS)), eager[-len(outputs) :], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_functions_see_variables():
    """A Variable is read inside the functions, and gradients flow to it."""
    scale = lamina.Variable(np.float32(2.0))
    total, products = ops.scan(lambda c, x: (c + x * scale, x * scale), 0.0, VECTOR)
    np.testing.assert_allclose(products, VECTOR * 2, rtol=1e-6)
    np.testing.assert_allclose(total, VECTOR.sum() * 2, rtol=1e-6)
    loss, (slope,) = lamina.value_and_grad(
        lambda: ops.sum(ops.map(lambda x: x * scale, VECTOR)), [scale]
    )
    np.testing.assert_allclose((loss, slope), (VECTOR.sum() * 2, VECTOR.sum()), rtol=1e-6)
    assert ops.cond(scale > 1, lambda: "a" and 1, lambda: 2) == 1


def test_switch_on_variables_and_lists():
    index = lamina.Variable(1, dtype="int32", trainable=False)
    np.testing.assert_array_equal(
        ops.switch(index, [lambda v: v, lambda v: 10 * v], np.array([1, 2])), [10, 20]
    )


@pytest.mark.parametrize("pred", [True, False, YES, NO, jnp.array(True), np.bool_(False)])
def test_cond_of_any_truth_value(pred):
    assert ops.cond(pred, lambda: jnp.float32(1), lambda: jnp.float32(2)) == (1 if pred else 2)


def test_cond_with_a_symbolic_truth_value():
    x = lamina.Input(batch_shape=(3,))
    model = lamina.Model(x, ops.cond(ops.sum(x) > 0, lambda: x + 1, lambda: x - 1))
    np.testing.assert_array_equal(model(np.ones(3, "float32")), [2, 2, 2])
    np.testing.assert_array_equal(model(-np.ones(3, "float32")), [-2, -2, -2])


BAD = {
    "cond: forms": (lambda: ops.cond(KerasTensor(()) > 0, lambda: 1, lambda: (1, 2)), ValueError),
    "scan: unroll": (lambda: ops.scan(lambda c, x: (c, x), 0, VECTOR, unroll=0), ValueError),
    "scan: unroll type": (
        lambda: ops.scan(lambda c, x: (c, x), 0, VECTOR, unroll=1.5),
        ValueError,
    ),
    "vectorize: no function": (lambda: ops.vectorize(3), ValueError),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name):
    call, kind = BAD[name]
    with pytest.raises(kind, match=rf"^ops\.{name.split(':')[0]}: expected .*\n  Got "):
        call()


def test_errors_of_the_functions_pass_as_they_are():
    def wrong(c, x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ops.scan(wrong, 0, VECTOR)
    with pytest.raises(TypeError, match="carry"):  # jax names the carry whose dtype changes
        ops.scan(lambda c, x: (c.astype("int32"), x), 0.0, VECTOR)

"""Variables, scopes, `pure` and gradients on variables."""

import jax
import numpy as np
import pytest

import lamina
from lamina._core.context import context, using
from lamina._core.state import Scope, Variable, grad, pure, value_and_grad


def test_pure_changes_nothing_but_its_results():
    count, total = Variable(0), Variable(1.0)

    def step(x):
        count.assign_add(1)
        total.assign(total * x)
        return total + count

    out, values, losses = jax.jit(pure(step, [count, total]))([3, 2.0], 5.0)
    assert float(out) == 14.0
    assert [float(v) for v in values] == [4.0, 10.0]
    assert losses == []
    assert (int(count), float(total)) == (0, 1.0)


def test_a_write_to_a_variable_that_pure_does_not_know_is_refused():
    known, other = Variable(0.0, name="known"), Variable(0.0, name="other")
    with pytest.raises(ValueError, match="changes of other"):
        pure(lambda: other.assign(1.0), [known])([0.0])
    assert float(other) == 0.0


def test_scopes_nest_and_the_innermost_takes_the_writes():
    v = Variable(1.0)
    with Scope({v: np.float32(2.0)}) as outer:
        with Scope() as inner:
            assert v.value == 2.0
            v.assign(3.0)
            assert v.value == 3.0
        assert v.value == 2.0
        assert float(inner.values[v]) == 3.0
        assert outer.values[v] == 2.0
    assert float(v) == 1.0


def test_gradients_are_numpys_and_other_writes_survive():
    w, seen = Variable([1.0, -2.0]), Variable(0.0)

    def loss():
        seen.assign_add(1.0)
        return (w * w * w).sum(), "aux"

    (value, aux), (g,) = value_and_grad(loss, [w], has_aux=True)
    assert aux == "aux"
    np.testing.assert_allclose(value, -7.0)
    np.testing.assert_allclose(g, [3.0, 12.0])
    assert float(seen) == 1.0
    np.testing.assert_allclose(grad(lambda: (w * 2).sum(), [w])[0], [2.0, 2.0])


def test_a_traced_value_cannot_leak_into_a_variable():
    v = Variable(0.0)
    with pytest.raises(ValueError, match="traced"):
        jax.jit(v.assign)(1.0)
    assert float(v) == 0.0


def test_a_variable_made_while_tracing_is_real():
    made = []

    def f(x):
        made.append(Variable(np.ones(2)))
        return x * made[0].value

    jax.jit(f)(2.0)
    np.testing.assert_array_equal(made[0].numpy(), [1.0, 1.0])


def test_assign_checks_the_shape_and_keeps_the_dtype():
    v = Variable(np.zeros(2, "float32"), name="v")
    with pytest.raises(ValueError, match=r"v: expected a value of shape \(2,\)"):
        v.assign([1.0])
    v.assign([1, 2])
    assert v.dtype == "float32"


def test_arrays_are_copied_in_and_out():
    mine = np.zeros(1024, "float32")
    v = Variable(mine)
    mine[:] = 7
    assert float(v.value.max()) == 0.0
    out = v.numpy()
    out[:] = 5
    assert float(v.value.max()) == 0.0


def test_variables_are_cast_only_under_a_compute_dtype():
    v, whole, fixed = Variable(1.5), Variable(3), Variable(1.5, autocast=False)
    with using(compute_dtype="bfloat16"):
        assert str(v.value.dtype) == v.dtype == "bfloat16"
        assert str(whole.value.dtype) == "int32"
        assert str(fixed.value.dtype) == "float32"
    assert str(v.value.dtype) == "float32"
    assert context().compute_dtype is None


def test_operators_work_from_both_sides_and_compare_by_value():
    v = Variable([1.0, 4.0])
    cases = [(2 * v, [2, 8]), (v - 1, [0, 3]), (1 - v, [0, -3]), (8 / v, [8, 2]), (v**2, [1, 16])]
    for ours, expected in [*cases, (-v, [-1, -4]), (v @ v, 17), (abs(-v), [1, 4]), (v[1], 4)]:
        np.testing.assert_allclose(ours, expected)
    assert (v > 2).tolist() == [False, True]
    assert (v == [1.0, 0.0]).tolist() == [True, False]
    assert len({v, v}) == 1


def test_seeds_repeat_and_advance():
    a, b = lamina.random.SeedGenerator(3), lamina.random.SeedGenerator(3)
    first = a.next()
    assert (first == b.next()).all()
    assert not (first == a.next()).all()
    with pytest.raises(ValueError, match="whole number of 0 or more"):
        lamina.random.SeedGenerator(-1)

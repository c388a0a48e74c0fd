"""Shapes by abstract evaluation, ops on symbolic tensors, functions from graphs."""

import numpy as np
import pytest

import lamina
from lamina import ops
from lamina._core.graph import Function, infer
from lamina._core.tensor import KerasTensor


def shape_of(fn, *shapes):
    return infer(fn, *(KerasTensor(s) for s in shapes)).shape


@pytest.mark.parametrize(
    ("fn", "shapes", "expected"),
    [
        (lambda x: x.reshape(x.shape[0], -1), [(None, 2, 3)], (None, 6)),
        (lambda x: x.sum(0), [(None, 3)], (3,)),
        (lambda x: x[:, :2], [(None, 3)], (None, 2)),
        (lambda x, y: x @ y, [(None, 3), (3, 5)], (None, 5)),
        (lambda x, y: x + y, [(None, 3), (None, 1)], (None, 3)),
        (lambda x: x[:2] if x.shape[0] > 10 else x, [(None, 3)], (2, 3)),  # asks for the size
        (lambda x: x[: int(x.shape[0]) // 2], [(None,)], (None,)),
        (lambda x, y: x + y, [(None,), (7,)], (7,)),
    ],
)
def test_shapes_are_found_without_computing(fn, shapes, expected):
    assert shape_of(fn, *shapes) == expected


def test_a_probe_moves_no_variable():
    v = lamina.Variable(0.0)

    def f(x):
        v.assign_add(1.0)
        return x

    infer(f, KerasTensor((None, 2)))
    assert float(v) == 0.0


def test_an_error_of_shapes_names_the_op_and_the_shapes():
    with pytest.raises((TypeError, ValueError)) as error:
        ops.add(KerasTensor((None, 3)), KerasTensor((None, 4)))
    assert "add" in str(error.value)
    assert "(None, 3)" in str(error.value)


@pytest.mark.parametrize("use", [bool, float, int, np.asarray, len, iter, np.sin])
def test_symbolic_tensors_say_what_they_are_not(use):
    with pytest.raises(TypeError, match="symbolic tensor of shape") as error:
        use(KerasTensor((None, 3)))
    assert "Help:" in str(error.value)


def test_a_function_runs_its_graph_in_order():
    x, y = KerasTensor((None, 2)), KerasTensor((None, 2))
    z = x * 2 + y
    f = Function([x, y], {"sum": z, "twice": z + z})
    out = f.run([np.ones((1, 2)), np.full((1, 2), 3.0)])
    np.testing.assert_allclose(out["sum"], [[5, 5]])
    np.testing.assert_allclose(out["twice"], [[10, 10]])


def test_operators_of_symbolic_tensors_are_those_of_arrays():
    x = lamina.Input((3,))
    outputs = [x + 1, 2 - x, x * x, x / 2, x**2, -x, abs(x), x > 0, x[:, 1:], x @ np.ones((3, 2))]
    model = lamina.Model(x, outputs)
    data = np.array([[1.0, -2.0, 3.0]], "float32")
    d = data
    expected = [d + 1, 2 - d, d * d, d / 2, d**2, -d, abs(d), d > 0, d[:, 1:], d @ np.ones((3, 2))]
    for got, want, tensor in zip(model(data), expected, outputs, strict=True):
        np.testing.assert_allclose(got, want)
        assert tensor.shape[1:] == want.shape[1:]


def test_outputs_must_come_from_the_inputs():
    a, b = lamina.Input((3,), name="a"), lamina.Input((3,), name="b")
    with pytest.raises(ValueError, match="add 'b' to `inputs`"):
        lamina.Model(a, lamina.layers.Dense(2)(b))


def test_layers_keep_no_graph_alive():
    import gc
    import weakref

    layer = lamina.layers.Dense(2)
    tensor = layer(lamina.Input((3,)))
    node = weakref.ref(tensor.node)
    del tensor
    gc.collect()
    assert node() is None

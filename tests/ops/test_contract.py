"""What holds for every op: it takes whatever holds numbers, and tensors that hold none yet."""

from operator import attrgetter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import KerasTensor, Variable, ops

from .cases import CASES

FIRST = {}  # of each op the first call in the table
for case in CASES:
    FIRST.setdefault(case.name, case)
PARTS = 12  # each compiles its ops as one program: one by one they take ten times as long
HOLDERS = {
    "jax": lambda x, _: jnp.asarray(x),
    "variable": lambda x, _: Variable(x, trainable=False, dtype=x.dtype.name),
    "list": lambda x, _: x.tolist() if x.size else x,  # [] has lost the other sizes
}


def called(case, leaf=lambda x, _: x):
    args, kwargs = case.arguments(case.dtypes[0], leaf)
    return attrgetter(case.name)(ops)(*args, **kwargs)


def compiled(cases):
    """What `cases` return, from one compiled program."""
    arrays = []
    for case in cases:
        called(case, lambda x, _: arrays.append(x) or x)

    def program(arrays):
        left = iter(arrays)
        return [called(case, lambda *_: next(left)) for case in cases]

    return jax.jit(program)(arrays)


def assert_same(found, expected, told):
    """The same leaves: numbers, shapes and dtypes."""
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert len(found) == len(expected), told
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == np.shape(b), told
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b)), told
        a, b = (np.asarray(x, "complex64") for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5, err_msg=told)


def assert_inferred(tensors, expected, told):
    """Symbolic tensors of the same shapes and dtypes."""
    tensors, expected = jax.tree.leaves(tensors), jax.tree.leaves(expected)
    assert len(tensors) == len(expected), told
    for tensor, array in zip(tensors, expected, strict=True):
        assert isinstance(tensor, KerasTensor), told
        assert (tensor.shape, tensor.dtype) == (array.shape, array.dtype.name), told


@pytest.mark.parametrize("part", range(PARTS))
def test_takes_all_that_holds_numbers(part):
    names = sorted(FIRST)[part::PARTS]
    expected = {name: called(FIRST[name]) for name in names}
    for name in names:
        for kind, holder in HOLDERS.items():
            if (kind, name) != ("list", "convert_to_numpy"):  # numpy knows the numbers of lists
                assert_same(called(FIRST[name], holder), expected[name], f"{name} of {kind}")
    names = [name for name in names if FIRST[name].symbolic]
    for name in names:
        tensors = called(FIRST[name], lambda x, _: KerasTensor(x.shape, x.dtype.name))
        assert_inferred(tensors, expected[name], name)
    results = compiled([FIRST[name] for name in names])
    for name, result in zip(names, results, strict=True):
        assert_same(result, expected[name], f"{name} compiled")


def test_one_op_has_one_definition():
    """What is in `ops.numpy`, `ops.nn` and `ops.linalg` is in `ops` too."""
    for part in (ops.numpy, ops.nn, ops.linalg):
        for name in part.__all__:
            assert getattr(part, name) is getattr(ops, name)

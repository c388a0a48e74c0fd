"""Every op beside real Keras on JAX: values, shapes, dtypes, gradients, and symbolically."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import json
import re
from operator import attrgetter
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import KerasTensor

from .cases import CASES

TOLERANCE = {"bfloat16": 1e-2}
KERAS = json.loads((Path(__file__).parents[1] / "data" / "keras_api.json").read_text("utf-8"))
# Not compared here: what takes functions, what Keras has not yet released, what is random, ...
ELSEWHERE = {
    "test_control.py": "associative_scan cond custom_gradient fori_loop map scan switch "
    "vectorized_map vectorize while_loop",
    "test_alone.py": "column_stack dtype eig empty_like gammainc is_tensor jvp matrix_power "
    "image.elastic_transform image.reconstruct_patches",
    "test_departures.py": "sparsemax",  # a fault of Keras
}


def leaves(x):
    return jax.tree.leaves(x, is_leaf=lambda v: v is None)


def assert_same(ours, theirs, dtype):
    ours, theirs = leaves(ours), leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.shape(a) == np.shape(b)
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        tolerance = TOLERANCE.get(dtype, 1e-5)
        a, b = (np.asarray(v, "complex64") for v in (a, b))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def function(library, case):
    """The op of `case` in `library`."""
    return attrgetter(case.name)(library.ops)


# Made of so many small steps that compiling each of them alone takes seconds.
COMPILED = ("image.", "ctc_", "stft", "istft", "adaptive_", "fold", "unfold", "extract_")
COMPILED += ("dot_product_attention", "batch_norm", "layer_norm", "rms_norm", "logsumexp")


def result(library, case, args, kwargs):
    """What the op returns, of long ones as one compiled program."""
    fn = function(library, case)
    if not case.name.startswith(COMPILED):
        return fn(*args, **kwargs)
    parts, form = jax.tree.flatten((args, kwargs))
    places = [i for i, part in enumerate(parts) if isinstance(part, (np.ndarray, jax.Array))]

    def whole(arrays):
        filled = list(parts)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        args, kwargs = jax.tree.unflatten(form, filled)
        return fn(*args, **kwargs)

    return jax.jit(whole)([parts[place] for place in places])


def keras_result(case, dtype):
    """What Keras returns, or None for a dtype that it does not take."""
    # Keras does not convert all that numpy has, and bfloat16 is float32 to numpy now and then.
    args, kwargs = case.arguments(dtype, lambda x, in_batch: jnp.asarray(x))
    try:
        with np.errstate(over="ignore"):  # its saturate_cast casts limits that float32 lacks
            return result(keras, case, args, kwargs)
    except (TypeError, ValueError, ZeroDivisionError):
        return None


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_dtypes(case):
    compared = 0
    for dtype in case.dtypes:
        theirs = keras_result(case, dtype)
        args, kwargs = case.arguments(dtype)
        if theirs is not None:
            assert_same(result(lamina, case, args, kwargs), theirs, dtype)
            compared += 1
    assert compared, "Keras took no dtype: the case is wrong"


def symbolic(x, unknown):
    """A symbolic tensor like `x`, the first axis of unknown size or not."""
    return KerasTensor((None, *x.shape[1:]) if unknown and x.ndim else x.shape, x.dtype.name)


@pytest.mark.parametrize("case", [c for c in CASES if c.symbolic], ids=str)
def test_symbolic_shapes(case):
    dtype = case.dtypes[0]
    args, kwargs = case.arguments(dtype)
    eager = leaves(result(lamina, case, args, kwargs))
    for batch in (False, True):
        args, kwargs = case.arguments(dtype, lambda x, b, batch=batch: symbolic(x, b and batch))
        if not any(isinstance(leaf, KerasTensor) for leaf in leaves((args, kwargs))):
            continue
        found = leaves(function(lamina, case)(*args, **kwargs))
        assert len(found) == len(eager)
        for tensor, array in zip(found, eager, strict=True):
            assert tensor.dtype == array.dtype.name
            assert len(tensor.shape) == array.ndim
            assert all(s in (None, n) for s, n in zip(tensor.shape, array.shape, strict=True))
            assert batch or None not in tensor.shape


# Without floats among their own arguments, with complex results, or without a rule in jax; and
# affine_transform, where Keras adds the number of the channel times the last two numbers.
NO_GRADIENT = """
    nextafter view_as_real bincount concatenate hstack vstack dstack stack size ndim shape zeros
    ones empty full arange linspace logspace geomspace eye identity tri bartlett blackman hamming
    hanning kaiser select unravel_index segment_prod fft fft2 ifft2 irfft istft convert_to_numpy
    one_hot multi_hot svd polar view_as_complex image.affine_transform
"""


def with_gradients():
    """The cases that ask for it, and the first one of every other op."""
    chosen = [c for c in CASES if c.grad]
    done = {*NO_GRADIENT.split(), *(c.name for c in chosen)}
    others = {}
    for case in CASES:
        if case.name not in done and "float32" in case.dtypes:
            others.setdefault(case.name, case)
    return [*chosen, *others.values()]


@pytest.mark.parametrize("case", with_gradients(), ids=str)
def test_gradients(case):
    args, kwargs = case.arguments("float32")
    places = [i for i, a in enumerate(args) if getattr(a, "dtype", None) == np.float32]

    def gradients(library):
        def total(*floats):
            filled = list(args)
            for place, value in zip(places, floats, strict=True):
                filled[place] = value
            outputs = leaves(function(library, case)(*filled, **kwargs))
            weighted = [jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape))) for y in outputs]
            return sum(w.astype("float32") for w in weighted)

        slopes = jax.jit(jax.grad(total, argnums=tuple(range(len(places)))))
        return slopes(*(args[p] for p in places))

    for ours, theirs in zip(gradients(lamina), gradients(keras), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_every_op_is_compared():
    """Every op of Keras has a row in the table, or is called in the file that is named for it."""
    names = {*KERAS["keras.ops"], *(f"image.{n}" for n in KERAS["keras.ops.image"])}
    for part in ("numpy", "nn", "linalg"):
        assert names >= set(KERAS[f"keras.ops.{part}"])
    elsewhere = {name: file for file, listed in ELSEWHERE.items() for name in listed.split()}
    in_table = {case.name for case in CASES}
    assert not in_table & set(elsewhere)
    assert in_table | set(elsewhere) == names
    for name, file in elsewhere.items():
        text = Path(__file__).with_name(file).read_text(encoding="utf-8")
        assert re.search(rf"\bo(ps)?\.{re.escape(name)}\b", text), f"{name} is not in {file}"

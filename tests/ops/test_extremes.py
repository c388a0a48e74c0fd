"""Ops at 0, infinity, NaN, the ends of the floats: as Keras, or with the limit it misses."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from lamina import ops

INF, NAN = np.inf, np.nan
DTYPES = ("float32", "bfloat16", "float16")
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 2e-3}
POINTS = np.array(
    [0.0, -0.0, 1, -1, 0.5, 20, -20, 104, -104, 1e4, -1e4, 1e20, -1e20, 3.4e38, -3.4e38]
    + [1e-45, -1e-45, 1e-38, 1e-7, INF, -INF, NAN],
    "float32",
)
AS_KERAS = (
    "absolute negative square sign sqrt rsqrt cbrt reciprocal ceil floor trunc round exp exp2 "
    "expm1 sin cos tan arctan sinh cosh tanh arcsinh arccosh log log10 log1p log2 arcsin arccos "
    "arctanh deg2rad rad2deg i0 erf erfc erfinv relu relu6 leaky_relu hard_tanh sigmoid "
    "log_sigmoid softplus elu selu celu hard_sigmoid sparse_sigmoid tanh_shrink soft_shrink "
    "hard_shrink nan_to_num signbit isfinite isinf isnan isposinf isneginf"
)


def made(points, dtype):
    with np.errstate(over="ignore"):
        return np.asarray(points).astype(jnp.dtype(dtype))


def assert_equal(ours, theirs, dtype="float32"):
    assert ours.dtype == theirs.dtype
    ours, theirs = (np.asarray(v).astype("float32") for v in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE[dtype], atol=1e-37)


@pytest.mark.parametrize("name", AS_KERAS.split())
def test_as_keras(name):
    for dtype in DTYPES:
        x = made(POINTS, dtype)
        assert_equal(getattr(ops, name)(x), getattr(keras.ops, name)(jnp.asarray(x)), dtype)


PAIRS = np.array(
    list(itertools.product([0.0, -0.0, 1, -1, 2, -3, 0.5, 1e20, 3e38, INF, -INF, NAN], repeat=2)),
    "float32",
)
PAIRS_AS_KERAS = (
    "add subtract multiply divide divide_no_nan floor_divide mod fmod power maximum minimum fmax "
    "fmin logaddexp logaddexp2 hypot arctan2 heaviside isclose equal less greater_equal"
)


@pytest.mark.parametrize("name", PAIRS_AS_KERAS.split())
def test_pairs_as_keras(name):
    ours = getattr(ops, name)(*PAIRS.T)
    assert_equal(ours, getattr(keras.ops, name)(*map(jnp.asarray, PAIRS.T)))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int8"])
@pytest.mark.parametrize("name", ["floor_divide", "mod", "fmod", "power", "absolute", "negative"])
def test_whole_numbers_at_their_ends_as_keras(name, dtype):
    info = np.iinfo(dtype)
    ends = np.array([info.min, info.max, 0, 1, 2], dtype)
    pairs = np.array(list(itertools.product(ends, [0, 1, 3])), dtype).T
    given = pairs if name in ("floor_divide", "mod", "fmod", "power") else pairs[:1]
    ours = getattr(ops, name)(*given)
    theirs = getattr(keras.ops, name)(*map(jnp.asarray, given))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


# Name: (limits at -inf and inf, those of the slope). Keras has NaN at one of them at least, or,
# in squareplus, infinity long before.
LIMITS = {
    "silu": (0, INF, 0, 1),
    "swish": (0, INF, 0, 1),
    "gelu": (0, INF, 0, 1),
    "hard_silu": (0, INF, 0, 1),
    "hard_swish": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "squareplus": (0, INF, 0, 1),
    "sparse_plus": (0, INF, 0, 1),
    "sinc": (0, 0, 0, 0),
    "softplus": (0, INF, 0, 1),
    "sigmoid": (0, 1, 0, 0),
    "log_sigmoid": (-INF, 0, 1, 0),
    "relu": (0, INF, 0, 1),
    "relu6": (0, 6, 0, 0),
    "elu": (-1, INF, 0, 1),
    "celu": (-1, INF, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "erf": (-1, 1, 0, 0),
    "erfc": (2, 0, 0, 0),
    "arctan": (-np.pi / 2, np.pi / 2, 0, 0),
    "hard_sigmoid": (0, 1, 0, 0),
    "tanh_shrink": (-INF, INF, 1, 1),
    "exp": (0, INF, 0, INF),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_values_and_slopes(name):
    low, high, slope_low, slope_high = LIMITS[name]
    fn = getattr(ops, name)
    for dtype in DTYPES:
        far = made([-INF, INF], dtype)
        np.testing.assert_allclose(fn(far).astype("float32"), [low, high], rtol=1e-2)
        slopes = jax.vmap(jax.grad(fn))(far).astype("float32")
        np.testing.assert_allclose(slopes, [slope_low, slope_high], rtol=1e-2)
    # On the way there: no NaN, and the same numbers as in double precision.
    way = np.array([-3e38, -1e20, -1e4, -100, 100, 1e4, 1e20, 3e38], "float32")
    assert not np.isnan(fn(way)).any()
    assert not np.isnan(jax.vmap(jax.grad(fn))(way)).any()


def test_gelu_by_erf():
    values = ops.gelu(np.array([-INF, -1e30, 1e30, INF], "float32"), approximate=False)
    np.testing.assert_array_equal(values, [0, 0, np.float32(1e30), INF])
    slope = jax.vmap(jax.grad(lambda x: ops.gelu(x, approximate=False)))
    np.testing.assert_array_equal(slope(jnp.array([-INF, -1e30, 1e30, INF])), [0, 0, 1, 1])


def slopes(fn, *arrays):
    arrays = tuple(jnp.asarray(x, "float32") for x in arrays)
    found = jax.grad(lambda *xs: jnp.sum(fn(*xs)), tuple(range(len(arrays))))(*arrays)
    return [np.asarray(slope) for slope in found]


# What a value at the edge and its slope are: Keras' slope is NaN in all of these.
FLAT = {
    "norm": (lambda x: ops.norm(x), [0.0, 0.0], 0.0, [0, 0]),
    "norm-2-axis": (
        lambda x: ops.norm(x, 2, axis=1),
        [[0.0, 0], [3, 4]],
        [0, 5],
        [[0, 0], [0.6, 0.8]],
    ),
    "norm-3": (lambda x: ops.norm(x, 3), [0.0, 0.0], 0.0, [0, 0]),
    "norm-matrix": (lambda x: ops.norm(x), [[0.0], [0.0]], 0.0, [[0], [0]]),
    "norm-fro": (lambda x: ops.norm(x, "fro", axis=(0, 1)), [[0.0]], 0.0, [[0]]),
    "std": (lambda x: ops.std(x), [2.0, 2.0], 0.0, [0, 0]),
    "std-one": (lambda x: ops.std(x, axis=0), [[2.0]], [0.0], [[0]]),
    "nanstd": (lambda x: ops.nanstd(x), [2.0, NAN, 2.0], 0.0, [0, 0, 0]),
    "normalize": (lambda x: ops.normalize(x) * 1e-7, [[0.0, 0.0]], [[0, 0]], [[1, 1]]),
    "normalize-3": (lambda x: ops.normalize(x, order=3) * 1e-7, [[0.0, 0]], [[0, 0]], [[1, 1]]),
    "cdist": (lambda x: ops.cdist(x, x), [[1.0, 2], [1, 2]], [[0, 0]] * 2, [[0, 0]] * 2),
    "squareplus": (lambda x: ops.squareplus(x, 0), [0.0, 1.0], [0, 1], [0.5, 1]),
    "angle": (lambda x: ops.angle(x), [0.0, -0.0, 2.0], [0, np.pi, 0], [0, 0, 0]),
    "logsumexp": (lambda x: ops.logsumexp(x), [-INF, -INF], -INF, [0.5, 0.5]),
    "logsumexp-rows": (
        lambda x: ops.logsumexp(x, axis=-1),
        [[-INF, 0], [INF, 0], [INF, INF], [0, 0]],
        [0, INF, INF, np.log(2)],
        [[0, 1], [1, 0], [0.5, 0.5], [0.5, 0.5]],
    ),
    "softmax": (lambda x: ops.softmax(x)[0], [INF, 0.0], 1.0, [0, 0]),
    "softmax-two": (lambda x: ops.softmax(x), [INF, INF, 0.0], [0.5, 0.5, 0], [0, 0, 0]),
    "log_softmax": (lambda x: ops.log_softmax(x)[0], [INF, 0.0], 0.0, [0, 0]),
    "binary_crossentropy": (
        lambda x: ops.binary_crossentropy([1.0, 0.0], x, from_logits=True),
        [INF, -INF],
        [0, 0],
        [0, 0],
    ),
    "categorical_crossentropy": (
        lambda x: ops.categorical_crossentropy([[1.0, 0, 0]] * 2, x, from_logits=True),
        [[0, -INF, 0], [INF, 0, 0]],
        [np.log(2), 0],
        [[-0.5, 0, 0.5], [0, 0, 0]],
    ),
    "sparse_categorical_crossentropy": (
        lambda x: ops.sparse_categorical_crossentropy([0, 0], x, from_logits=True),
        [[0, -INF, 0], [1e38, -3e38, 0]],
        [np.log(2), 0],
        [[-0.5, 0, 0.5], [0, 0, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAT)
def test_slopes_where_formulas_have_none(name):
    fn, x, value, slope = FLAT[name]
    x = np.array(x, "float32")
    np.testing.assert_allclose(fn(x), value, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes(fn, x)[0], slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("add", [ops.logaddexp, ops.logaddexp2])
def test_logaddexp_of_nothing(add):
    x1, x2 = np.array([-INF, -INF, INF, 0.0], "float32"), np.array([-INF, 0.0, INF, 0.0], "float32")
    one, other = slopes(add, x1, x2)
    np.testing.assert_allclose(one, [0.5, 0, 0.5, 0.5])
    np.testing.assert_allclose(other, [0.5, 1, 0.5, 0.5])
    curve = jax.grad(jax.grad(add))(0.0, 0.0)  # at equal ones it is smooth
    np.testing.assert_allclose(curve, 0.25 if add is ops.logaddexp else 0.25 * np.log(2), rtol=1e-6)


def test_power_of_zero():
    x, n = np.zeros((3, 1), "float32"), np.arange(3, dtype="float32")
    by_base, by_exponent = slopes(ops.power, x, n)
    np.testing.assert_array_equal(by_base, [[1]] * 3)  # 0 of x**0, 1 of x, 0 of x**2
    assert np.isfinite(by_exponent).all()
    # Exponents that no slope is asked of make none of bases below 0 NaN, in either direction.
    n = jnp.arange(3.0)
    np.testing.assert_array_equal(slopes(lambda x: ops.power(x, n), [-2.0, -2, -2])[0], [0, 1, -4])
    change = jax.jvp(lambda x: ops.power(x, n), (jnp.full(3, -2.0),), (jnp.ones(3),))[1]
    np.testing.assert_array_equal(change, [0, 1, -4])
    np.testing.assert_allclose(
        jax.grad(ops.power, 1)(2.0, jnp.float32(3)), 8 * np.log(2), rtol=1e-6
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "sparsemax"])
@pytest.mark.parametrize("scale", [1e4, 1e30, 1e38])
def test_huge_logits(name, scale):
    x = np.array([[1.0, 0, -1], [0, 0, -1]], "float32") * np.float32(scale)
    far = float(np.float32(scale))
    expected = {
        "softmax": [[1, 0, 0], [0.5, 0.5, 0]],
        "sparsemax": [[1, 0, 0], [0.5, 0.5, 0]],
        "log_softmax": [[0, -far, -2 * far], [-np.log(2), -np.log(2), -far - np.log(2)]],
        "logsumexp": [far, np.log(2)],
    }[name]
    fn = getattr(ops, name)
    np.testing.assert_allclose(fn(x, axis=-1), expected, rtol=1e-6)
    assert np.isfinite(slopes(lambda x: fn(x, axis=-1), x)[0]).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_short_floats_are_summed_in_float32(dtype):
    """1000 times 300: the sum and the squares are beyond float16, and bfloat16 loses count."""
    x = jnp.full((1000,), 300, dtype)
    for name in ("mean", "nanmean", "average"):
        assert getattr(ops, name)(x) == 300
    for name in ("var", "std", "nanvar", "nanstd"):
        assert getattr(ops, name)(x) == 0
    np.testing.assert_allclose(float(ops.norm(x)), 300 * 1000**0.5, rtol=1e-2)
    np.testing.assert_allclose(float(ops.normalize(x)[0]), 1000**-0.5, rtol=1e-2)
    np.testing.assert_allclose(float(ops.rms_normalization(x)[0]), 1, rtol=1e-2)
    assert {ops.norm(x).dtype, ops.std(x).dtype, ops.nanmean(x).dtype} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_sure_and_wrong_probabilities(dtype):
    """Finite in every dtype: in bfloat16 1 - epsilon is 1, and Keras gives infinity."""
    target, p = made([0, 0, 1, 1], dtype), made([1, 0, 0, 1], dtype)
    loss = ops.binary_crossentropy(target, p)
    assert loss.dtype == jnp.dtype(dtype)
    np.testing.assert_allclose(loss.astype("float32"), [15.94, 0, 16.12, 0], rtol=1e-2, atol=1e-6)
    loss = ops.categorical_crossentropy(made([[0, 1]], dtype), made([[1, 0]], dtype))
    assert loss.dtype == jnp.dtype(dtype)
    np.testing.assert_allclose(loss.astype("float32"), [16.12], rtol=1e-2)
    loss = ops.sparse_categorical_crossentropy([1, 0], made([[1, 0], [1, 0]], dtype))
    np.testing.assert_allclose(loss.astype("float32"), [16.12, 0], rtol=1e-2, atol=1e-6)


def test_nan_comes_through():
    """NaN is told, not hidden: softmax, norms, losses."""
    x = np.array([[NAN, 1.0]], "float32")
    one = np.array([[0.0, 1.0]], "float32")
    results = [ops.softmax(x), ops.log_softmax(x), ops.logsumexp(x), ops.norm(x), ops.std(x)]
    results += [ops.categorical_crossentropy(one, x), ops.categorical_crossentropy(one, x, True)]
    results += [ops.max(x), ops.mean(x), ops.median(x), ops.layer_normalization(x), ops.angle(x)]
    for result in results:
        assert np.isnan(result).any()
    assert np.isnan(slopes(lambda x: ops.logsumexp(x), x)[0]).all()


def test_nothing_but_nan():
    x = np.full((2,), NAN, "float32")
    assert np.isnan(ops.nanmean(x))
    assert ops.nansum(x) == 0
    assert ops.nanprod(x) == 1
    assert ops.nanargmax(x) == -1

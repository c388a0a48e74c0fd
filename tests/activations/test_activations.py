"""Every activation against real Keras, in value and gradient, and its limits far out."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import activations
from lamina._core.serialize import register_keras_serializable

keras = pytest.importorskip("keras")

INF = float("inf")

# name: value at -inf and at inf, slope at -inf and at inf.
LIMITS = {
    "celu": (-1, INF, 0, 1),
    "elu": (-1, INF, 0, 1),
    "exponential": (0, INF, 0, INF),
    "gelu": (0, INF, 0, 1),
    "hard_shrink": (-INF, INF, 1, 1),
    "hard_sigmoid": (0, 1, 0, 0),
    "hard_silu": (0, INF, 0, 1),
    "hard_tanh": (-1, 1, 0, 0),
    "leaky_relu": (-INF, INF, 0.2, 1),
    "linear": (-INF, INF, 1, 1),
    "log_sigmoid": (-INF, 0, 1, 0),
    "mish": (0, INF, 0, 1),
    "relu": (0, INF, 0, 1),
    "relu6": (0, 6, 0, 0),
    "selu": (-1.7580993, INF, 0, 1.0507010),
    "sigmoid": (0, 1, 0, 0),
    "silu": (0, INF, 0, 1),
    "soft_shrink": (-INF, INF, 1, 1),
    "softplus": (0, INF, 0, 1),
    "softsign": (-1, 1, 0, 0),
    "sparse_plus": (0, INF, 0, 1),
    "sparse_sigmoid": (0, 1, 0, 0),
    "squareplus": (0, INF, 0, 1),
    "tanh": (-1, 1, 0, 0),
    "tanh_shrink": (-INF, INF, 1, 1),
}

OPTIONS = [
    ("celu", {"alpha": 0.5}),
    ("elu", {"alpha": 0.5}),
    ("gelu", {"approximate": True}),
    ("hard_shrink", {"threshold": 1.5}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 3.1}),
    ("relu", {"max_value": 6.0}),
    ("relu", {"threshold": 1.0}),
    ("relu", {"threshold": 0.6, "negative_slope": 0.1, "max_value": 2.1}),
    ("soft_shrink", {"threshold": 1.5}),
    ("squareplus", {"b": 1.0}),
    ("threshold", {"threshold": 1.0, "default_value": 0.5}),
]

ALONG_AXIS = [
    ("glu", {}),
    ("glu", {"axis": 0}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": (0, 1)}),
    ("log_softmax", {}),
]

CASES = {
    f"{name} {options}".removesuffix(" {}"): (name, options)
    for name, options in [*((name, {}) for name in LIMITS), *OPTIONS, *ALONG_AXIS]
}

# 0 and the corners at +-0.5, +-1, +-3 and 6 are among these.
GRID = np.linspace(-8, 8, 65)


@cache
def values_and_slopes(library, dtype):
    """Every case's value and gradient on fixed inputs, from one compiled program."""

    def case(name, options, x):
        # Not one weight for all, since a sum of probabilities has no gradient.
        weights = jnp.cos(jnp.arange(x.size, dtype="float32")).reshape(x.shape)

        def weighted(x):
            y = getattr(library.activations, name)(x, **options)
            return jnp.sum(y.astype("float32") * weights[: y.shape[0], : y.shape[1]]), y

        (_, y), slope = jax.value_and_grad(weighted, has_aux=True)(x)
        return y, slope

    @jax.jit
    def program(line, square):
        return {k: case(*c, square if c in ALONG_AXIS else line) for k, c in CASES.items()}

    square = np.random.default_rng(0).normal(size=(4, 6)) * 2
    return program(jnp.asarray(GRID[None], dtype), jnp.asarray(square, dtype))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_keras(case, dtype):
    results = [values_and_slopes(library, dtype)[case] for library in (lamina, keras)]
    tolerance = 1e-5 if dtype == "float32" else 1e-2
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype == dtype
        x, y = np.asarray(ours, "float32"), np.asarray(theirs, "float32")
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@cache
def far_out(dtype):
    """Values and slopes at the ends of the line, and around its middle."""
    big = 1e30 if dtype != "float16" else 6e4
    x = jnp.asarray([-INF, -big, -1000, 1000, big, INF, 1e-40, -1e-40, 0.0], dtype)

    def case(fn):
        return fn(x), jax.grad(lambda x: fn(x).astype("float32").sum())(x)

    functions = {name: getattr(activations, name) for name in LIMITS}
    functions["gelu approximate"] = lambda x: activations.gelu(x, approximate=True)
    results = jax.jit(lambda: {k: case(fn) for k, fn in functions.items()})()
    return np.asarray(x, "float32"), results


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("case", [*LIMITS, "gelu approximate"])
def test_limits_far_out(case, dtype):
    x, results = far_out(dtype)
    y, slope = (np.asarray(r, "float32") for r in results[case])
    low, high, low_slope, high_slope = LIMITS[case.split()[0]]
    np.testing.assert_allclose(y[[0, 5]], [low, high], rtol=1e-2)
    np.testing.assert_allclose(slope[:3], low_slope, rtol=1e-2, atol=2e-6)
    np.testing.assert_allclose(slope[3:6], high_slope, rtol=1e-2, atol=2e-6)
    assert not np.isnan([y, slope]).any()
    if np.isinf(high) and case != "exponential":
        np.testing.assert_allclose(y[3:5], x[3:5] * high_slope, rtol=1e-2)
    np.testing.assert_allclose(y[6:8], y[8], atol=1e-6)


@pytest.mark.parametrize("axis", [-1, 0])
def test_sparsemax_is_the_nearest_distribution(axis):
    """Keras 3.15 is no reference: its rows sum to more than 1."""
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32") * 2
    weights = np.cos(np.arange(24.0)).reshape(4, 6)

    def weighted(x):
        y = activations.sparsemax(x, axis)
        return (y * weights).sum(), y

    (_, y), slope = jax.jit(jax.value_and_grad(weighted, has_aux=True))(x)
    y = np.asarray(y)
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-5)
    shift = np.where(y > 0, x - y, np.inf).min(axis, keepdims=True)
    np.testing.assert_allclose(y, np.maximum(x - shift, 0), atol=1e-5)  # one shift for each row
    mean = (weights * (y > 0)).sum(axis, keepdims=True) / (y > 0).sum(axis, keepdims=True)
    np.testing.assert_allclose(slope, (y > 0) * (weights - mean), atol=1e-5)


@pytest.mark.parametrize("big", [100.0, 1e30])
def test_extremes_along_an_axis(big):
    x = jnp.asarray([[big, 0.0, -big], [big, big, -INF]])
    functions = (activations.softmax, activations.sparsemax, activations.log_softmax)

    @jax.jit
    def program(x):
        slopes = [jax.grad(lambda x, f=f: f(x)[:, 0].sum())(x) for f in functions]
        return [f(x) for f in functions], slopes

    values, slopes = program(x)
    for y in values[:2]:
        np.testing.assert_allclose(y, [[1, 0, 0], [0.5, 0.5, 0]], atol=1e-6)
    assert all(np.isfinite(slope).all() for slope in slopes)


@pytest.mark.parametrize("name", [*LIMITS, "softmax", "log_softmax", "sparsemax"])
def test_functions_take_symbolic_tensors(name):
    tensor = getattr(activations, name)(lamina.KerasTensor((None, 4), "float32"))
    assert (tensor.shape, tensor.dtype) == ((None, 4), "float32")


def test_functions_take_lists_and_whole_numbers():
    assert activations.glu(lamina.KerasTensor((None, 4), "float32")).shape == (None, 2)
    assert np.asarray(activations.relu([-1.0, 2.0])).tolist() == [0, 2]
    assert np.asarray(activations.relu(np.array([-1, 2]))).tolist() == [0, 2]
    assert activations.sigmoid(np.array([0])).dtype == activations.mish([1]).dtype == "float32"


PUBLIC = sorted(set(activations.__all__) - {"get", "serialize", "deserialize"})


@pytest.mark.parametrize("name", PUBLIC)
def test_names_are_saved_as_keras_saves_them(name):
    fn = getattr(activations, name)
    assert activations.get(name) is activations.deserialize(name) is fn
    assert activations.get(fn) is fn
    assert activations.serialize(fn) == keras.activations.serialize(
        getattr(keras.activations, name)
    )
    assert activations.deserialize(activations.serialize(fn)) is fn


def test_names_old_and_wrong():
    assert activations.get(None) is activations.linear
    assert activations.get("ReLU") is activations.relu
    assert activations.get("swish") is activations.silu
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        activations.get("sigmod")
    with pytest.raises(ValueError, match="expected the name of a known activation"):
        activations.get(3)


def test_own_functions():
    @register_keras_serializable("lessons")
    def cube(x):
        return x**3

    assert activations.get(cube) is cube
    assert activations.deserialize("cube", {"cube": cube}) is cube
    record = activations.serialize(cube)
    assert (record["class_name"], record["config"]) == ("function", "lessons>cube")
    assert activations.deserialize(record) is cube

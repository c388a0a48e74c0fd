"""Every activation against real Keras, in value and gradient, and its limits far out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import activations

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
    ("relu", {"threshold": 0.5, "negative_slope": 0.1, "max_value": 2.1}),
    ("soft_shrink", {"threshold": 1.5}),
    ("squareplus", {"b": 1.0}),
    ("threshold", {"threshold": 1.0, "default_value": 0.5}),
]

ALONG_AXIS = [("glu", {}), ("glu", {"axis": 0}), ("softmax", {}), ("softmax", {"axis": 0}),
              ("softmax", {"axis": (0, 1)}), ("log_softmax", {})]  # fmt: skip

# Corners at 0, +-0.5, +-1, +-3 and 6 are among these.
GRID = np.linspace(-8, 8, 65)

CASES = [(name, {}) for name in LIMITS] + OPTIONS


def value_and_slope(fn, x, options):
    weights = jnp.cos(jnp.arange(x.size, dtype=jnp.float32)).reshape(x.shape)  # so that softmax has a gradient

    def weighted(x):
        y = fn(x, **options)
        return jnp.sum(y.astype(jnp.float32) * weights[: y.shape[0], : y.shape[-1]]), y

    (_, y), slope = jax.value_and_grad(weighted, has_aux=True)(x)
    return np.asarray(y, "float32"), np.asarray(slope, "float32"), y.dtype


def compare(name, options, x, dtype):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    y, slope, kind = value_and_slope(ours, x, options)
    expected_y, expected_slope, expected_kind = value_and_slope(theirs, x, options)
    assert kind == expected_kind == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-2
    np.testing.assert_allclose(y, expected_y, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(slope, expected_slope, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_values_and_gradients_are_keras(name, options, dtype):
    compare(name, options, jnp.asarray(GRID[None], dtype), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), ALONG_AXIS)
def test_functions_of_an_axis_are_keras(name, options, dtype):
    compare(name, options, jnp.asarray(np.random.default_rng(0).normal(size=(4, 6)) * 2, dtype), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", LIMITS)
def test_limits_far_out(name, dtype):
    big = 1e30 if dtype != "float16" else 6e4
    x = jnp.asarray([-INF, -big, -1000, 1000, big, INF, 1e-40, -1e-40, 0.0], dtype)
    options = [{}, {"approximate": True}] if name == "gelu" else [{}]
    for option in options:
        fn = getattr(activations, name)
        y = np.asarray(fn(x, **option), "float32")
        slope = np.asarray(jax.grad(lambda x, fn=fn, o=option: fn(x, **o).astype("float32").sum())(x), "float32")
        low, high, low_slope, high_slope = LIMITS[name]
        np.testing.assert_allclose(y[[0, 5]], [low, high], rtol=1e-2)
        np.testing.assert_allclose(slope[:3], low_slope, rtol=1e-2, atol=1e-6)
        np.testing.assert_allclose(slope[3:6], high_slope, rtol=1e-2, atol=1e-6)
        assert not np.isnan(y).any()
        assert not np.isnan(slope).any()
        if np.isinf(high) and name != "exponential":
            np.testing.assert_allclose(y[3:5], np.asarray(x[3:5], "float32") * high_slope, rtol=1e-2)
        np.testing.assert_allclose(y[6:8], y[8], atol=1e-6)


@pytest.mark.parametrize("axis", [-1, 0])
def test_sparsemax_is_the_nearest_distribution(axis):
    """Keras 3.15 is no reference here: it adds up sums of the sorted values, and its rows sum to more than 1."""
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32") * 2
    y = np.asarray(activations.sparsemax(x, axis))
    np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-5)
    shift = np.where(y > 0, x - y, np.inf).min(axis, keepdims=True)
    np.testing.assert_allclose(y, np.maximum(x - shift, 0), atol=1e-5)  # one shift for each row
    on, weights = y > 0, np.cos(np.arange(24)).reshape(4, 6)
    slope = jax.grad(lambda x: (activations.sparsemax(x, axis) * weights).sum())(x)
    mean = (weights * on).sum(axis, keepdims=True) / on.sum(axis, keepdims=True)
    np.testing.assert_allclose(slope, on * (weights - mean), atol=1e-5)


def test_extremes_along_an_axis():
    for big in (100.0, 1e30):
        x = jnp.asarray([[big, 0.0, -big], [big, big, -INF]])
        for fn in (activations.softmax, activations.sparsemax):
            np.testing.assert_allclose(fn(x), [[1, 0, 0], [0.5, 0.5, 0]], atol=1e-6)
            slope = jax.grad(lambda x, fn=fn: (fn(x) ** 2).sum())(x)
            assert np.isfinite(slope).all()
        assert np.isfinite(jax.grad(lambda x: activations.log_softmax(x)[:, 0].sum())(x)).all()


def test_functions_take_lists_integers_and_symbolic_tensors():
    for name in (*LIMITS, "softmax", "log_softmax", "sparsemax"):
        fn = getattr(activations, name)
        expected = np.asarray(fn(np.array([[-1.0, 2.0]], "float32")))
        np.testing.assert_allclose(np.asarray(fn([[-1.0, 2.0]])), expected, rtol=1e-6)
        tensor = fn(lamina.KerasTensor((None, 4), "float32"))
        assert (tensor.shape, tensor.dtype) == ((None, 4), "float32")
    assert activations.glu(lamina.KerasTensor((None, 4))).shape == (None, 2)
    assert np.asarray(activations.relu(np.array([-1, 2]))).tolist() == [0, 2]


@pytest.mark.parametrize("name", sorted(n for n in activations.__all__ if n not in ("get", "serialize", "deserialize")))
def test_names_are_saved_as_keras_saves_them(name):
    fn = getattr(activations, name)
    assert activations.get(name) is activations.deserialize(name) is fn
    assert activations.get(fn) is fn
    assert activations.serialize(fn) == keras.activations.serialize(getattr(keras.activations, name))
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
    @lamina.saving.register_keras_serializable("lessons") if hasattr(lamina, "saving") else (lambda f: f)
    def cube(x):
        return x**3

    assert activations.get(cube) is cube
    record = activations.serialize(cube)
    assert record["class_name"] == "function"
    assert activations.deserialize("cube", {"cube": cube}) is cube
    if hasattr(lamina, "saving"):
        assert activations.deserialize(record) is cube

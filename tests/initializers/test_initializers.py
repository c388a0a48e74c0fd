"""Initializers: distributions as Keras defines them, seeds, configs, names."""

import warnings

import numpy as np
import pytest

import lamina
from lamina import initializers
from lamina.random import SeedGenerator

keras = pytest.importorskip("keras")

SHAPE = (3, 3, 60, 100)  # a convolution's: 540 inputs and 900 outputs a unit
FANS = {"fan_in": 540, "fan_out": 900, "fan_avg": 720}


@pytest.fixture(autouse=True)
def _keras_may_warn():
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)


def moments(values):
    values = np.asarray(values, "float64").ravel()
    return values.mean(), values.std(), values.min(), values.max()


SCALED = [
    ("GlorotUniform", 1 / 720, "uniform"),
    ("GlorotNormal", 1 / 720, "truncated"),
    ("HeNormal", 2 / 540, "truncated"),
    ("HeUniform", 2 / 540, "uniform"),
    ("LecunNormal", 1 / 540, "truncated"),
    ("LecunUniform", 1 / 540, "uniform"),
]


@pytest.mark.parametrize(("name", "variance", "kind"), SCALED)
def test_scaled_distributions(name, variance, kind):
    mean, std, low, high = moments(getattr(initializers, name)(seed=1)(SHAPE))
    assert abs(mean) < 0.02 * variance**0.5
    np.testing.assert_allclose(std, variance**0.5, rtol=0.01)
    # Truncated normals are drawn wider, so that what is left has the wanted spread.
    limit = (3 * variance) ** 0.5 if kind == "uniform" else 2 * variance**0.5 / 0.87962566103423978
    assert 0.99 * limit < high <= limit * (1 + 1e-6)
    assert -limit * (1 + 1e-6) <= low < -0.99 * limit


@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize(
    "distribution", ["truncated_normal", "untruncated_normal", "uniform", "Normal"]
)
def test_variance_scaling(mode, distribution):
    values = initializers.VarianceScaling(3.0, mode, distribution, seed=2)(SHAPE)
    np.testing.assert_allclose(values.var(), 3 / FANS[mode], rtol=0.02)
    beyond = np.abs(values) > 2.5 * values.std()
    assert beyond.any() == (distribution == "untruncated_normal")


@pytest.mark.parametrize(
    ("shape", "axes", "fans"),
    [((), None, (1, 1)), ((7,), None, (7, 7)), ((4, 5), None, (4, 5)),
     ((3, 3, 4, 5), None, (36, 45)), ((6, 2, 8), ((0,), (1, 2)), (6, 16)),
     ((6, 2, 8), ((0, 1), (2,)), (12, 8))],
)  # fmt: skip
def test_fans_are_counted_over_the_axes(shape, axes, fans):
    input_axes, output_axes = axes or (None, None)
    for mode, n in zip(("fan_in", "fan_out"), fans, strict=True):
        options = {"input_axes": input_axes, "output_axes": output_axes}
        ours = initializers.VarianceScaling(1.0, mode, "uniform", seed=0, **options)
        drawn = np.stack(
            [
                initializers.VarianceScaling(1.0, mode, "uniform", s, **options)(shape)
                for s in range(400)
            ]
        )
        assert 0.95 * (3 / n) ** 0.5 < np.abs(drawn).max() <= (3 / n) ** 0.5 * (1 + 1e-6)
        assert ours(shape).shape == shape


def test_plain_distributions():
    mean, std, low, high = moments(initializers.RandomNormal(1.0, 2.0, seed=3)(SHAPE))
    np.testing.assert_allclose([mean, std], [1.0, 2.0], rtol=0.02)
    mean, std, low, high = moments(initializers.RandomUniform(-1.0, 3.0, seed=3)(SHAPE))
    np.testing.assert_allclose([mean, std, low, high], [1, 4 / 12**0.5, -1, 3], rtol=0.02)
    mean, std, low, high = moments(initializers.TruncatedNormal(1.0, 2.0, seed=3)(SHAPE))
    np.testing.assert_allclose([mean, std, low, high], [1, 2 * 0.8796, -3, 5], rtol=0.02)


@pytest.mark.parametrize("shape", [(8, 5), (5, 8), (2, 3, 4, 6)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape).reshape(-1, shape[-1]) / 2
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, np.eye(min(q.shape)), atol=1e-5)


CONSTANT = [
    ("Zeros", {}, (2, 3)),
    ("Ones", {}, (2, 3)),
    ("Constant", {"value": 0.5}, (2, 3)),
    ("Constant", {"value": [1.0, 2.0, 3.0]}, (2, 3)),
    ("Identity", {"gain": 2.0}, (3, 3)),
    ("Identity", {}, (2, 4)),
    ("STFT", {}, (16, 1, 9)),
    (
        "STFT",
        {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
        (16, 1, 9),
    ),
    ("STFT", {"side": "imag", "window": None}, (10, 1, 17)),
    ("STFT", {"window": np.linspace(0.1, 1, 10), "scaling": None}, (10, 1, 17)),
]


@pytest.mark.parametrize(("name", "options", "shape"), CONSTANT)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_constant_initializers_are_keras(name, options, shape, dtype):
    ours = getattr(initializers, name)(**options)
    theirs = getattr(keras.initializers, name)(**options)
    expected = np.asarray(theirs(shape, dtype=dtype))
    values = ours(shape, dtype=dtype)
    assert values.shape == expected.shape
    assert str(values.dtype) == str(expected.dtype) == dtype
    if not (name == "STFT" and dtype == "bfloat16"):  # whose angles Keras computes in bfloat16
        np.testing.assert_allclose(values.astype("float32"), expected.astype("float32"), atol=2e-5)
    if name != "Identity":  # Keras forgets its gain
        assert ours.clone().get_config().keys() == theirs.get_config().keys()


DRAWN = [
    "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform",
    "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
]  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_seeds_and_configs(name):
    make, theirs = getattr(initializers, name), getattr(keras.initializers, name)
    first = make(seed=5)
    values = first((4, 6))
    assert values.dtype == "float32"
    assert np.array_equal(values, first((4, 6))), "one instance gives the same numbers again"
    assert np.array_equal(values, make(seed=5)((4, 6)))
    assert np.array_equal(values, make.from_config(first.get_config())((4, 6)))
    assert not np.array_equal(values, make(seed=6)((4, 6)))
    assert not np.array_equal(make()((4, 6)), make()((4, 6)))
    following = make(seed=SeedGenerator(5))
    assert not np.array_equal(following((4, 6)), following((4, 6)))
    assert str(make(seed=5)((4, 6), dtype="bfloat16").dtype) == "bfloat16"
    assert first.get_config() == theirs(seed=5).get_config()
    assert make().get_config() == theirs().get_config()
    ours = make(seed=SeedGenerator(5)).get_config()["seed"]
    expected = theirs(seed=keras.random.SeedGenerator(5)).get_config()["seed"]
    assert (ours["class_name"], ours["config"]["seed"]) == (
        expected["class_name"],
        expected["config"]["seed"],
    )
    assert isinstance(make.from_config({"seed": ours}).seed, SeedGenerator)


@pytest.mark.parametrize("name", [*DRAWN, "Zeros", "Ones", "Constant", "Identity", "STFT"])
def test_names(name):
    cls = getattr(initializers, name)
    snake = {"STFT": "stft"}.get(name) or lamina._core.naming.to_snake_case(name)
    assert getattr(initializers, snake) is cls
    for spelling in (name, snake):
        assert type(initializers.get(spelling)) is cls
    record = initializers.serialize(cls())
    assert record == {
        **keras.initializers.serialize(getattr(keras.initializers, name)()),
        "config": record["config"],
    }
    assert initializers.deserialize(record).get_config() == cls().get_config()


def test_old_names_arrays_and_functions():
    old = {
        "normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros", "one": "Ones",
        "OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity",
        "STFTInitializer": "STFT",
    }  # fmt: skip
    for name, cls in old.items():
        assert type(initializers.get(name)) is getattr(initializers, cls)
    assert initializers.get(None) is None
    given = initializers.get(np.eye(2))
    assert given((2, 2), "float32").tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="expected an array of the weight's shape"):
        given((3, 3))

    def own(shape, dtype=None):
        return np.full(shape, 7, dtype)

    assert initializers.get(own) is own
    assert initializers.get(initializers.HeNormal).get_config()["seed"] is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.get("he_nromal"), "did you mean 'he_normal'"),
        (lambda: initializers.VarianceScaling(scale=0), "expected a number above 0 as `scale`"),
        (lambda: initializers.VarianceScaling(mode="fan"), "expected one of fan_in"),
        (
            lambda: initializers.VarianceScaling(distribution="cauchy"),
            "expected one of truncated_normal",
        ),
        (
            lambda: initializers.HeNormal(seed="x"),
            "expected a whole number, a SeedGenerator or None",
        ),
        (lambda: initializers.Orthogonal()((3,)), "two or more axes"),
        (lambda: initializers.Identity()((3, 3, 3)), "two axes"),
        (lambda: initializers.STFT(side="both"), "'real' or 'imag'"),
        (lambda: initializers.STFT(scaling="loud"), "'density', 'spectrum'"),
        (lambda: initializers.STFT(window="glass"), "name of a window"),
        (lambda: initializers.STFT(window=np.ones(3))((4, 1, 3)), "a window of 4 values"),
        (lambda: initializers.Initializer()((2,)), "expected a `__call__"),
    ],
)
def test_bad_input_is_explained(call, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        call()

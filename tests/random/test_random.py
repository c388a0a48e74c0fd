"""Random arrays: the numbers of Keras on JAX, their distributions, seeds, what is refused."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import random, utils

N = 20_000

# name: (positional arguments, mean, standard deviation)
DRAWS = {
    "normal": (((N,), 2.0, 3.0), 2.0, 3.0),
    # of a normal cut at two standard deviations: 3 * 0.8796
    "truncated_normal": (((N,), 2.0, 3.0), 2.0, 2.639),
    "uniform": (((N,), -1.0, 3.0), 1.0, 4 / 12**0.5),
    "randint": (((N,), -2, 3), 0.0, 2**0.5),
    "categorical": (([np.log([0.2, 0.3, 0.5]).tolist()], N), 1.3, 0.61**0.5),
    "gamma": (((N,), 4.0), 4.0, 2.0),
    "beta": (((N,), 2.0, 3.0), 0.4, 0.2),
    "binomial": (((N,), 10, 0.3), 3.0, 2.1**0.5),
    "shuffle": ((np.arange(N, dtype="float32"),), (N - 1) / 2, ((N**2 - 1) / 12) ** 0.5),
    "dropout": ((np.ones(N, "float32"), 0.25), 1.0, (1 / 3) ** 0.5),
}


def theirs(name, arguments):
    if name == "categorical":
        arguments = (jnp.asarray(arguments[0]), *arguments[1:])
    return np.asarray(getattr(keras.random, name)(*arguments, seed=5))


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_and_moments(name):
    arguments, mean, deviation = DRAWS[name]
    draw = getattr(random, name)
    values = draw(*arguments, seed=5)
    expected = theirs(name, arguments)
    assert values.shape == expected.shape
    assert values.dtype == expected.dtype
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(values, draw(*arguments, seed=5))  # a number: the same each time
    np.testing.assert_allclose(np.mean(values), mean, atol=5 * deviation / N**0.5)
    np.testing.assert_allclose(np.std(values), deviation, rtol=0.03)


@pytest.mark.parametrize("name", DRAWS)
def test_generators_advance_as_keras(name):
    arguments = DRAWS[name][0]
    if name in ("shuffle", "dropout"):
        small = (np.arange(6, dtype="float32"), *arguments[1:])
    else:
        small = tuple((6,) if a == (N,) else 6 if a is N else a for a in arguments)
    ours, keras_ = random.SeedGenerator(3), keras.random.SeedGenerator(3)
    for _ in range(2):
        given = (jnp.asarray(small[0]), *small[1:]) if name == "categorical" else small
        expected = getattr(keras.random, name)(*given, seed=keras_)
        np.testing.assert_allclose(getattr(random, name)(*small, seed=ours), expected, rtol=1e-6)
    assert ours.state.numpy().tolist() == np.asarray(keras_.state).tolist() == [3, 2]


@pytest.mark.parametrize("name", ["normal", "truncated_normal", "uniform", "gamma", "beta",
                                  "binomial"])  # fmt: skip
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_short_floats(name, dtype):
    arguments = ((2, 3), *DRAWS[name][0][1:])
    values = getattr(random, name)(*arguments, dtype=dtype, seed=1)
    expected = getattr(keras.random, name)(*arguments, dtype=dtype, seed=1)
    assert values.dtype == expected.dtype == jnp.dtype(dtype)
    np.testing.assert_array_equal(values, expected)


def test_parameters_broadcast():
    alpha = [[1.0], [50.0]]
    np.testing.assert_array_equal(
        random.beta((2, 4), alpha, [1.0, 2.0, 3.0, 4.0], seed=2),
        keras.random.beta((2, 4), alpha, [1.0, 2.0, 3.0, 4.0], seed=2),
    )
    np.testing.assert_array_equal(
        random.binomial((2, 4), [[3], [90]], 0.5, seed=2),
        keras.random.binomial((2, 4), [[3], [90]], 0.5, seed=2),
    )
    assert random.gamma([2, 4], alpha, seed=2).mean(axis=1).tolist()[1] > 30


def test_a_matrix_is_shuffled_line_by_line():
    x = np.arange(12).reshape(3, 4)
    for axis in (0, 1, -1):
        shuffled = random.shuffle(x, axis, seed=4)
        np.testing.assert_array_equal(shuffled, keras.random.shuffle(x, axis, seed=4))
        np.testing.assert_array_equal(np.sort(shuffled, axis), x)


def test_dropout_masks_whole_axes():
    x = np.ones((4, 6), "float32")
    ours = random.dropout(x, 0.5, noise_shape=(None, 1), seed=3)
    np.testing.assert_array_equal(ours, keras.random.dropout(x, 0.5, (None, 1), seed=3))
    assert random.dropout(x, 1.0, seed=3).sum() == 0


def test_without_a_seed_the_global_generator_is_used():
    utils.set_random_seed(11)
    first, second = random.normal((4,)), random.normal((4,))
    assert not np.array_equal(first, second)
    utils.set_random_seed(11)
    np.testing.assert_array_equal(random.normal((4,)), first)


def test_inside_jit():
    draw = jax.jit(lambda key: random.gamma((3,), 2.0, seed=key))
    key = np.array([7, 0], "uint32")
    np.testing.assert_allclose(draw(key), random.gamma((3,), 2.0, seed=7), rtol=1e-6)
    np.testing.assert_array_equal(random.normal((3,), seed=jax.random.key(7)),
                                  jax.random.normal(jax.random.key(7), (3,)))  # fmt: skip


def test_generators_advance_inside_jit():
    seeds = random.SeedGenerator(7)

    def draw():
        return random.normal((2,), seed=seeds), random.uniform((2,), seed=seeds)

    compiled = jax.jit(lamina.pure(draw, [seeds.state]))
    (first, second), state, _ = compiled([seeds.state.value])
    assert seeds.state.numpy().tolist() == [7, 0]
    assert state[0].tolist() == [7, 2]
    expected = draw()
    np.testing.assert_allclose(first, expected[0], rtol=1e-6)
    np.testing.assert_allclose(second, expected[1], rtol=1e-6)
    assert seeds.state.numpy().tolist() == [7, 2]


@pytest.mark.parametrize(
    ("draw", "parts"),
    {
        "float": (lambda: random.uniform((2,), dtype="int32"), "floating-point dtype.*'int32'"),
        "integer": (lambda: random.randint((2,), 0, 3, "float32"), "whole-number.*'float32'"),
        "rows": (lambda: random.categorical([0.0, 1.0], 2, seed=1), r"\(N, C\).*expand_dims"),
        "rate": (lambda: random.dropout([1.0], 1.5, seed=1), "fraction from 0 to 1.*1.5"),
        "noise": (lambda: random.dropout([1.0], 0.5, (1, 1), seed=1), "noise shape of 1.*1, 1"),
        "gamma": (lambda: random.gamma((2,), -1.0, seed=1), "positive `alpha`.*-1.0"),
        "seed": (lambda: random.normal((2,), seed="x"), "SeedGenerator.*'x'"),
    }.values(),
)
def test_what_is_refused(draw, parts):
    with pytest.raises(ValueError, match=f"(?s)expected.*{parts}"):
        draw()

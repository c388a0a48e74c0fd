import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.utils import set_random_seed
from lamina.utils._arrays import normalize, to_categorical


@pytest.mark.parametrize("labels", [[0, 2, 1], np.array([0.0, 2.9, 1.2]), ("0", "2", "1")])
def test_rows_of_numpy_data(labels):
    rows = to_categorical(labels)
    assert type(rows) is np.ndarray
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize("as_array", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("shape", "result"),
    [((), (7,)), ((4,), (4, 7)), ((4, 1), (4, 7)), ((4, 2), (4, 2, 7)), ((1,), (1, 7))],
)
def test_a_last_axis_of_one_goes(as_array, shape, result):
    rows = to_categorical(as_array(np.zeros(shape, "int32")), 7)
    assert rows.shape == result
    assert rows[..., 0].all()


def test_a_jax_array_stays_one():
    rows = to_categorical(jnp.array([0, 2, -1, 3]), 3)
    assert isinstance(rows, jax.Array)
    assert rows.dtype == "float32"
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_classes_are_counted_in_jax_arrays_too():
    assert to_categorical(jnp.array([0, 2])).shape == (2, 3)


def test_inside_a_jitted_function():
    rows = jax.jit(lambda x: to_categorical(x, 3))(jnp.array([2, 0]))
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("labels", [[0, 3], [-1, 2]])
def test_numbers_out_of_range_are_refused(labels):
    with pytest.raises(IndexError, match=r"(?s)from 0 to 2.*Got (3|-1)\..*Help"):
        to_categorical(labels, 3)


def test_classes_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="give num_classes"):
        to_categorical([])
    with pytest.raises(ValueError, match="give num_classes"):
        jax.jit(to_categorical)(jnp.array([0]))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_vectors_get_length_1(axis, order):
    x = np.random.normal(size=(3, 4)).astype("float32")
    expected = x / np.linalg.norm(x, order, axis, keepdims=True)
    for data, kind in ((x, np.ndarray), (jnp.asarray(x), jax.Array)):
        result = normalize(data, axis, order)
        assert isinstance(result, kind)
        np.testing.assert_allclose(result, expected, rtol=1e-5)


@pytest.mark.parametrize("as_array", [np.asarray, jnp.asarray])
def test_zeros_stay(as_array):
    assert normalize(as_array([[0.0, 0.0]])).tolist() == [[0, 0]]


def test_lists_and_integers():
    np.testing.assert_allclose(normalize([[3, 4]]), [[0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(normalize(np.array([3, 4])), [[0.6, 0.8]])


def test_the_whole_array_as_one():
    np.testing.assert_allclose(normalize(np.full((2, 2), 3.0), axis=None), np.full((2, 2), 0.5))


@pytest.mark.parametrize("order", [0, -1, 1.5, True])
def test_orders_that_are_no_norm_are_refused(order):
    with pytest.raises(ValueError, match="positive integer"):
        normalize([1.0], order=order)


@pytest.mark.parametrize("names", [["cat", "dog"], [None, 1], [[0], [1, 2]]])
def test_what_is_no_number_is_told_how_to_become_one(names):
    with pytest.raises(ValueError, match=r"(?s)class numbers.*Got .*Help: .*np\.unique"):
        to_categorical(names)


@pytest.mark.parametrize("seed", ["1", None, 1.5])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(ValueError, match=r"(?s)set_random_seed: expected an integer.*Got .*Help"):
        set_random_seed(seed)

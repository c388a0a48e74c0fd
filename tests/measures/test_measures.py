"""What losses and metrics share: how weights, labels and predictions meet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses
from lamina._core.masks import get_mask, set_mask
from lamina._measures import LOSSES, huber
from lamina._measures._crossentropy import log_softmax, times_log
from lamina._measures._pair import arrays, class_axis, measure, pair
from lamina._measures._record import function_from, function_record
from lamina._measures._weights import divide_no_nan, fit_weight, same_rank, times_mask


@pytest.mark.parametrize(
    ("weight", "values", "fitted"),
    [
        ((3,), (3,), (3,)),
        ((3,), (3, 2), (3, 1)),
        ((3,), (3, 3), (3, 1)),  # samples first
        ((2,), (3, 2), (2,)),
        ((3, 1), (3, 2), (3, 1)),
        ((1,), (3, 2), (1, 1)),
        ((3, 2), (3, 2, 4), (3, 2, 1)),
        ((), (3, 2), ()),
        ((3,), (), (3,)),
    ],
)
def test_fit_weight(weight, values, fitted):
    found = fit_weight("loss", jnp.ones(weight), jnp.ones(values))
    assert found.shape == fitted
    np.broadcast_shapes(found.shape, values)


@pytest.mark.parametrize(("weight", "values"), [((4,), (3, 2)), ((3, 2), (3,)), ((3, 4), (3, 2))])
def test_fit_weight_refuses(weight, values):
    with pytest.raises(ValueError, match="Help: a weight per sample"):
        fit_weight("loss", jnp.ones(weight), jnp.ones(values))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ((3,), (3, 1), ((3, 1), (3, 1))),
        ((3, 2), (3, 2, 1), ((3, 2), (3, 2))),
        ((3, 1), (3,), ((3, 1), (3, 1))),
        ((3,), (3, 2), ((3,), (3, 2))),
    ],
)
def test_same_rank(a, b, same):
    assert tuple(x.shape for x in same_rank(jnp.ones(a), jnp.ones(b))) == same


def test_times_mask_of_other_ranks():
    mask, weight = jnp.asarray([[1.0, 0.0], [1.0, 1.0]]), jnp.asarray([2.0, 3.0])
    np.testing.assert_array_equal(times_mask(weight, mask), [[2, 0], [3, 3]])
    np.testing.assert_array_equal(times_mask(None, mask), mask)


def test_divide_no_nan_has_finite_gradients():
    a, b = jnp.asarray([1.0, 0.0, 4.0]), jnp.asarray([0.0, 0.0, 2.0])
    np.testing.assert_array_equal(divide_no_nan(a, b), [0, 0, 2])
    grads = jax.grad(lambda a, b: divide_no_nan(a, b).sum(), (0, 1))(a, b)
    assert np.isfinite(grads).all()


def test_infinite_logits_have_gradients():
    logits = jnp.asarray([[jnp.inf, 0.0, -jnp.inf], [1.0, -jnp.inf, 1.0]])
    labels = jnp.asarray([[1.0, 0.0, 0.0], [0.5, 0.0, 0.5]])

    def loss(x):
        return -times_log(labels, log_softmax(x, 1)).sum()

    np.testing.assert_allclose(loss(logits), np.log(2.0), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(loss)(logits), np.zeros((2, 3)), atol=1e-7)


def test_measure_keeps_dtype_and_mask():
    @measure
    def first(y_true, y_pred):
        assert y_pred.dtype == "float32"
        out = y_pred[..., 0]
        set_mask(out, out > 0)
        return out

    short = first([1], jnp.ones((2, 2), "bfloat16"))
    assert (short.dtype, get_mask(short).tolist()) == ("bfloat16", [True, True])
    assert first([1], [[1, 2]]).dtype == "float32"  # whole numbers


def test_pair():
    with pytest.raises(ValueError, match=r"\(4, 2\)"):
        pair("loss", jnp.ones((4, 2)), jnp.ones((4, 3)))
    t, p = pair("loss", jnp.ones(4, "int32"), jnp.ones((4, 1)))
    assert (t.shape, t.dtype, p.shape) == ((4, 1), "float32", (4, 1))


def test_class_axis():
    assert class_axis("loss", -1, 3) == 2
    with pytest.raises(ValueError, match="from -3 to 2"):
        class_axis("loss", 3, 3)


def test_arrays():
    assert arrays([[1, 2], [3, 4]]).shape == (2, 2)
    assert [a.shape for a in arrays([np.ones(2), np.ones(3)])] == [(2,), (3,)]
    assert arrays({"a": [1.0]}, "float32")["a"][0].dtype == "float32"


def test_records_of_functions():
    for name in LOSSES:
        fn = getattr(losses, name)
        record = function_record(fn)
        assert record["class_name"] == "function"
        assert function_from(record) is fn
    assert function_from("huber") is huber
    assert function_from(huber) is huber

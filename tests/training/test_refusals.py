"""Labels that do not fit: refused before a weight changes, and forgotten afterwards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers, losses
from lamina._core.errors import describe

THREE_PARTS = r"(?s)^{where}.*: expected {what}.*\n  Got .*\n  Help: "


def refused(model, call, where, what):
    before = model.get_weights()
    with pytest.raises(ValueError, match=THREE_PARTS.format(where=where, what=what)):
        call()
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def one_layer(loss, units, activation=None):
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(units, activation=activation)])
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "kl_divergence"])
def test_after_refused_labels_the_right_ones_train_as_if_nothing_had_been(people, loss):
    model, fresh = one_layer(loss, 2, "softmax"), one_layer(loss, 2, "softmax")
    fresh.set_weights(model.get_weights())
    refused(model, lambda: model.fit(people.x, people.number, verbose=0), "fit", "")
    logs = [m.fit(people.x, people.y, shuffle=False, verbose=0).history for m in (model, fresh)]
    assert logs[0] == logs[1]


def test_metrics_stay_what_they_are_once_a_step_has_used_them(people):
    model = one_layer("mse", 2)
    model.evaluate(people.x, people.y, verbose=0)
    known = model.metrics
    model.fit(people.x.astype("float64"), people.y.astype("int32"), verbose=0)
    assert all(a is b for a, b in zip(known, model.metrics, strict=True))


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_the_error_names_the_method_that_was_called(net, people, method):
    model = net()
    refused(model, lambda: getattr(model, method)(people.x, people.number), method, "one-hot")
    refused(model, lambda: getattr(model, method)(people.x), method, "labels `y`")


@pytest.mark.parametrize(
    ("loss", "wrong"),
    [
        ("binary_crossentropy", 2),
        ("binary_focal_crossentropy", -1),
        ("poisson", -1),
        ("kl_divergence", -1),
    ],
)
def test_labels_outside_of_the_range_of_the_loss(people, loss, wrong):
    model = one_layer(loss, 1, "sigmoid")
    y = np.where(people.number == 1, wrong, 0)
    refused(model, lambda: model.fit(people.x, y, verbose=0), "fit", "labels .* with " + loss)


def test_negative_one_hot_labels(net, people):
    model = net()
    refused(model, lambda: model.fit(people.x, -people.y, verbose=0), "fit", "labels of 0 or more")


def test_class_numbers_that_are_not_whole(people):
    model = one_layer("sparse_categorical_crossentropy", 3, "softmax")
    y = people.number + 0.5
    refused(model, lambda: model.fit(people.x, y, verbose=0), "fit", "class numbers")


@pytest.mark.parametrize("loss", ["huber", losses.Hinge(), losses.log_cosh, "poisson", "mse"])
def test_labels_are_never_broadcast(people, loss):
    model = one_layer(loss, 1, "softplus")
    refused(model, lambda: model.fit(people.x, people.y, verbose=0), "fit", "labels of shape")


def test_a_function_of_the_user_decides_itself(people):
    def mean_of_quantiles(y_true, y_pred):
        return (y_true[:, None] - y_pred) ** 2

    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(3)])
    model.compile("sgd", mean_of_quantiles)
    model.fit(people.x, people.x[:, 0], verbose=0)
    assert np.isfinite(model.history.history["loss"]).all()


@pytest.fixture
def two_heads():
    x = lamina.Input((3,))
    heads = [layers.Dense(1, name="a")(x), layers.Dense(2, activation="softmax", name="b")(x)]
    model = lamina.Model(x, heads)
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"])
    return model


@pytest.mark.parametrize(
    ("names", "where", "what"),
    [
        (("a", "c"), "fit", "names of outputs in `y`"),
        (("u", "v"), "fit", "names of outputs in `y`"),
        (("a",), "fit, output 'b'", "labels"),
    ],
)
def test_labels_by_name_must_name_every_output_with_a_loss(two_heads, people, names, where, what):
    y = dict(zip(names, (people.x[:, :1], people.number), strict=False))
    refused(two_heads, lambda: two_heads.fit(people.x, y, verbose=0), where, what)


def test_predict_tells_the_shape_that_it_was_given(net, people):
    model = net()
    model.predict(people.x, verbose=0)
    for wrong in (np.zeros(3), np.zeros((5, 2), "float32")):
        with pytest.raises(ValueError, match=r"Got x of shape \((None,|None, 2)\), float32"):
            model.predict(wrong, verbose=0)


def test_errors_call_arrays_arrays():
    told = []
    jax.jit(lambda x: told.append(describe(x)))(jnp.zeros((2, 3)))
    told.append(describe(jnp.zeros(2)))
    assert told == ["array of shape (2, 3), float32", "array of shape (2,), float32"]

"""The tutorial's net beside real Keras on JAX: same weights and order, same curve."""

import keras
import numpy as np
import pytest

import lamina

EPOCHS = 10


def people(rows: int = 1000):
    generator = np.random.default_rng(7)
    x = generator.normal(size=(rows, 3)).astype("float32")
    is_man = np.arange(rows) < rows // 2
    x[is_man] += [1, 1, -1]
    order = generator.permutation(rows)
    return x[order], lamina.utils.to_categorical(is_man[order], 2)


def tutorial_net(api):
    model = api.Sequential()
    model.add(api.layers.Input((3,)))
    model.add(api.layers.Dense(4, kernel_initializer="random_normal"))
    model.add(api.layers.Activation("relu"))
    model.add(api.layers.Dense(2, kernel_initializer="random_normal"))
    model.add(api.layers.Activation("softmax"))
    return model


def pair():
    theirs, ours = tutorial_net(keras), tutorial_net(lamina)
    ours.set_weights(theirs.get_weights())
    return ours, theirs


@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd", "adam"])
def test_ten_epochs_give_the_same_curve(optimizer):
    x, y = people()
    histories = []
    for model in pair():
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        fit = model.fit(x, y, epochs=EPOCHS, batch_size=8, shuffle=False, verbose=0)
        histories.append(fit.history)
    ours, theirs = histories
    assert list(ours) == list(theirs) == ["accuracy", "loss"]
    np.testing.assert_allclose(ours["loss"], theirs["loss"], atol=1e-5)
    np.testing.assert_allclose(ours["accuracy"], theirs["accuracy"], atol=1.1e-3)  # one person


def test_validation_weights_and_an_odd_last_batch_agree():
    x, y = people(205)
    histories, scores = [], []
    for model in pair():
        model.compile("rmsprop", "categorical_crossentropy", weighted_metrics=["accuracy"])
        fit = model.fit(
            x, y, class_weight={0: 2.0, 1: 1.0}, validation_split=0.2,
            epochs=3, batch_size=32, shuffle=False, verbose=0,
        )  # fmt: skip
        histories.append(fit.history)
        scores.append(model.evaluate(x, y, batch_size=50, verbose=0))
    ours, theirs = histories
    assert list(ours) == list(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5, err_msg=name)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


def two_in_two_out(api):
    a, b = api.layers.Input((3,), name="a"), api.layers.Input((2,), name="b")
    shared = api.layers.Dense(4, activation="tanh", name="shared")
    left = shared(api.layers.Dense(3, name="left")(a))
    right = shared(api.layers.Dense(3, name="right")(b))
    p = api.layers.Dense(2, activation="softmax", name="p")(left)
    q = api.layers.Dense(1, name="q")(right)
    return api.Model([a, b], [p, q])


def test_shared_layers_and_several_outputs_agree():
    x, y = people(64)
    inputs, labels = [x, x[:, :2]], [y, x.sum(1, keepdims=True)]
    theirs, ours = two_in_two_out(keras), two_in_two_out(lamina)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    for mine, yours in zip(
        ours.predict(inputs, verbose=0), theirs.predict(inputs, verbose=0), strict=True
    ):
        np.testing.assert_allclose(mine, yours, atol=1e-6)
    histories = []
    for model in (ours, theirs):
        model.compile(
            "adam",
            loss={"p": "categorical_crossentropy", "q": "mse"},
            loss_weights={"p": 1.0, "q": 0.25},
            metrics={"p": ["accuracy"], "q": ["mae"]},
        )
        fit = model.fit(inputs, labels, epochs=3, batch_size=16, shuffle=False, verbose=0)
        histories.append(fit.history)
    assert list(histories[0]) == list(histories[1])
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, atol=1e-5, err_msg=name)

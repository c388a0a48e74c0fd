"""Ten small models trained for a few steps: the loss curve is that of real Keras."""

import os
import warnings

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import pytest

import lamina

N, T, C = 12, 5, 4


def data(kind):
    rng = np.random.default_rng(0)
    x = {
        "rows": rng.normal(size=(N, C)),
        "steps": rng.normal(size=(N, T, C)),
        "images": rng.normal(size=(N, 6, 6, 2)),
        "words": np.where(
            np.arange(T) < rng.integers(2, T + 1, (N, 1)), rng.integers(1, 7, (N, T)), 0
        ),
    }[kind]
    x = x.astype("int32" if kind == "words" else "float32")
    return x, rng.normal(size=(N, 2)).astype("float32")


def dense(k):
    return k.Sequential(
        [k.Input((C,)), k.layers.Dense(6, "relu", kernel_regularizer="l2"), k.layers.Dense(2)]
    )


def conv(k):
    x = i = k.Input((6, 6, 2))
    x = k.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = k.layers.MaxPooling2D()(x)
    x = k.layers.Flatten()(k.layers.Conv2D(3, 2)(x))
    return k.Model(i, k.layers.Dense(2)(x))


def recurrent(k):
    stack = [k.layers.LSTM(3, return_sequences=True), k.layers.GRU(3), k.layers.Dense(2)]
    return k.Sequential([k.Input((T, C)), *stack])


def attention(k):
    x = i = k.Input((T, C))
    # No bias: the softmax cancels that of the keys, and Adam would scale up the rounding left.
    y = k.layers.MultiHeadAttention(2, 3, use_bias=False)(x, x, use_causal_mask=True)
    x = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    return k.Model(i, k.layers.Dense(2)(k.layers.GlobalAveragePooling1D()(x)))


def several_inputs(k):
    a, b = k.Input((C,), name="a"), k.Input((C,), name="b")
    x = k.layers.Concatenate()([k.layers.Dense(3, "tanh")(a), k.layers.Dense(3, "tanh")(b)])
    return k.Model({"a": a, "b": b}, k.layers.Dense(2)(x))


def shared(k):
    layer, x = k.layers.Dense(C, "tanh"), k.Input((C,))
    return k.Model(x, k.layers.Dense(2)(layer(layer(x)) + x * 0.5))


def nested(k):
    i = k.Input((C,))
    inner = k.Model(i, k.layers.Dense(C, "relu")(i), name="inner")
    block = k.Sequential([inner, k.layers.Dense(C, "tanh")])
    x = k.Input((C,))
    return k.Model(x, k.layers.Dense(2)(block(inner(x))))


def subclassed(k):
    class Block(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = k.layers.Dense(3, "tanh")

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.scale = self.add_weight(shape=(3,), initializer="ones")

        def call(self, x):
            x = self.inner(x) * self.scale
            self.add_loss(0.1 * k.ops.mean(k.ops.square(x)))
            return x

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [Block(), Block()]
            self.head = k.layers.Dense(2)

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    return Net()


def stateful(k):
    x = i = k.Input((C,))
    x = k.layers.BatchNormalization(momentum=0.5)(k.layers.Dense(5, activity_regularizer="l2")(x))
    return k.Model(i, k.layers.Dense(2)(k.layers.Activation("relu")(x)))


def masked(k):
    x = i = k.Input((T,), dtype="int32")
    x = k.layers.Embedding(7, C, mask_zero=True)(x)
    return k.Model(i, k.layers.Dense(2)(k.layers.LSTM(3)(x)))


MODELS = {
    dense: "rows", conv: "images", recurrent: "steps", attention: "steps", several_inputs: "rows",
    shared: "rows", nested: "rows", subclassed: "rows", stateful: "rows", masked: "words",
}  # fmt: skip


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_loss_curve_is_keras(make):
    x, y = data(MODELS[make])
    if make is several_inputs:
        x = {"a": x, "b": x[::-1].copy()}
    theirs, ours = make(keras), make(lamina)
    for model in (theirs, ours):
        model(x)
        model.compile("adam", "mse", metrics=["mae"])
        model.optimizer.learning_rate = 0.05
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    rng = np.random.default_rng(1)
    start = [rng.uniform(0.1, 0.9, w.shape) for w in ours.weights]
    curves = []
    for model in (theirs, ours):
        model.set_weights(start)
        with warnings.catch_warnings():
            if model is theirs:
                warnings.simplefilter("ignore")
            history = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0).history
            history["evaluate"] = model.evaluate(x, y, verbose=0)
        curves.append(history)
    assert curves[1].keys() == curves[0].keys()
    for name, curve in curves[0].items():
        np.testing.assert_allclose(curves[1][name], curve, rtol=1e-4, err_msg=name)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-4)

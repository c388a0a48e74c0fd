"""Write the files of real Keras 2.15 that the tests load, and what they must give.

Run once, in an environment of its own (Python 3.9 to 3.11):

    pip install "tensorflow-cpu==2.15.*" "keras==2.15.*"
    python tests/data/keras2/make.py

It writes `files.zip` beside itself: the files as Keras wrote them, and for each of them an `.npz`
with inputs, targets, predictions, and the losses of three more epochs after saving.
"""

import os
import tempfile
import zipfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models, optimizers

RNG = np.random.RandomState(0)
HERE = Path(__file__).parent


def floats(*shape):
    return RNG.uniform(-1, 1, shape).astype("float32")


def sequential_dense():
    model = models.Sequential(
        [
            layers.Dense(4, activation="relu", input_dim=3, kernel_initializer="he_normal"),
            layers.LeakyReLU(alpha=0.2),
            layers.Dense(2, activation="softmax", name="answer", kernel_regularizer="l2"),
        ]
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, [floats(8, 3)], [RNG.randint(0, 2, (8,))]


def functional_inputs():
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    x = layers.Concatenate(axis=-1)([layers.Dense(3, "tanh")(a), b])
    x = layers.Add()([layers.Dense(4, kernel_constraint="max_norm")(x), layers.Dense(4)(a)])
    one = layers.Dense(1, name="one")(x)
    two = layers.Dense(2, "sigmoid", name="two")(layers.ReLU(max_value=6)(x))
    model = models.Model(inputs=[a, b], outputs=[one, two], name="pair")
    model.compile(
        optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        loss={"one": "mse", "two": tf.keras.losses.BinaryCrossentropy(label_smoothing=0.1)},
        loss_weights={"one": 0.5, "two": 2.0},
    )
    return model, [floats(8, 3), floats(8, 2)], [floats(8, 1), RNG.randint(0, 2, (8, 2))]


def convnet():
    model = models.Sequential(
        [
            layers.Input((6, 6, 1), name="image"),
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.Activation("relu"),
            layers.ZeroPadding2D(1),
            layers.DepthwiseConv2D(3, strides=2),
            layers.SeparableConv2D(2, 2, activation="swish"),
            layers.Conv2DTranspose(2, 2, strides=2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(1),
        ],
        name="convnet",
    )
    decay = optimizers.schedules.ExponentialDecay(0.01, decay_steps=2, decay_rate=0.5)
    model.compile(optimizers.RMSprop(decay, momentum=0.5, centered=True), "mae")
    return model, [floats(8, 6, 6, 1)], [floats(8, 1)]


def recurrent():
    model = models.Sequential(
        [
            layers.Embedding(7, 3, input_length=4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode="concat"),
            layers.GRU(2, return_sequences=True, recurrent_activation="hard_sigmoid"),
            layers.GRU(2, return_sequences=True, reset_after=False),
            layers.TimeDistributed(layers.Dense(2, activation="elu")),
            layers.RNN([layers.SimpleRNNCell(2), layers.LSTMCell(2, unit_forget_bias=False)]),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="recurrent",
    )
    model.compile(optimizers.Adamax(0.01), tf.keras.losses.BinaryCrossentropy())
    return model, [RNG.randint(0, 7, (8, 4))], [RNG.randint(0, 2, (8, 1))]


def nested():
    inner = models.Sequential([layers.Dense(3, "relu", input_shape=(2,))], name="inner")
    a = layers.Input((2,))
    branch = models.Model(a, [layers.Dense(2)(inner(a)), layers.Dense(3)(a)], name="branch")
    x = layers.Input((2,), name="x")
    left, right = branch(x)
    y = layers.Dense(1)(layers.concatenate([left, right]))
    model = models.Model(x, y, name="outer")
    inner.trainable = False
    model.compile(optimizers.Adam(0.01, amsgrad=True, weight_decay=0.01, clipnorm=1.0), "mse")
    return model, [floats(8, 2)], [floats(8, 1)]


def shared():
    dense = layers.Dense(3, activation="tanh", name="shared")
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    x = layers.Subtract()([dense(a), dense(b)])
    model = models.Model({"a": a, "b": b}, layers.Dense(1)(dense(x)), name="twins")
    model.compile(optimizers.Adagrad(0.1), "mse", metrics=["mae"])
    return model, {"a": floats(8, 3), "b": floats(8, 3)}, [floats(8, 1)]


def attention():
    x = layers.Input((4, 3), name="x")
    y = layers.MultiHeadAttention(2, 2, value_dim=3)(x, x)
    y = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Attention()([y, x])
    y = layers.Conv1D(2, 2, padding="causal", data_format="channels_last")(y)
    y = layers.PReLU(shared_axes=[1])(y)
    y = layers.GlobalAveragePooling1D()(y)
    model = models.Model(x, layers.Dense(1, dtype="float32")(y), name="attention")
    model.compile(optimizers.AdamW(0.01), "huber")
    return model, [floats(8, 4, 3)], [floats(8, 1)]


def old_optimizer():
    model = models.Sequential(
        [
            layers.InputLayer(batch_input_shape=(None, 3)),
            layers.Dense(
                2,
                kernel_initializer=tf.keras.initializers.VarianceScaling(2.0, seed=1),
                bias_regularizer=tf.keras.regularizers.L1L2(0.01, 0.02),
                activity_regularizer=tf.keras.regularizers.L1(0.001),
            ),
            layers.Dense(1, activation=tf.nn.tanh),
        ],
        name="old",
    )
    old = optimizers.legacy.Adam(learning_rate=0.01, decay=0.1)
    model.compile(old, tf.keras.losses.MeanSquaredError())
    return model, [floats(8, 3)], [floats(8, 1)]


def operators():
    x = layers.Input((3,), name="x")
    y = layers.Dense(3)(x)
    y = tf.nn.relu(x + 2.0 * y) - 1.0
    y = tf.concat([y, tf.reduce_mean(x, axis=1, keepdims=True)], axis=-1)
    model = models.Model(x, layers.Dense(1)(y[:, 1:]), name="operators")
    model.compile("sgd", "mse")
    return model, [floats(8, 3)], [floats(8, 1)]


def translator():
    words, marks = layers.Input((4, 3), name="words"), layers.Input((3, 2), name="marks")
    _, h, c = layers.LSTM(3, return_state=True)(words)
    y = layers.LSTM(3, return_sequences=True)(marks, initial_state=[h, c])
    _, state = layers.GRU(2, return_state=True)(words)
    z = layers.GRU(2)(marks, initial_state=state)
    y = layers.Attention(name="look")([y, layers.Dense(3)(words)])
    # The file of a function's code is part of the code that a Lambda is saved as.
    double = eval(compile("lambda x: 2.0 * x", "double.py", "eval"))
    y = layers.Lambda(double, name="double")(layers.Flatten()(y))
    y = models.Sequential([layers.Dense(2), layers.Activation("hard_sigmoid")], name="late")(y)
    model = models.Model([words, marks], layers.Dense(1)(layers.concatenate([y, z])), name="seq")
    model.compile(optimizers.legacy.SGD(0.05, momentum=0.5), "mse")
    return model, [floats(8, 4, 3), floats(8, 3, 2)], [floats(8, 1)]


def mixed():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    x = layers.Input((3,))
    model = models.Model(x, layers.Dense(1, dtype="float32")(layers.Dense(4, "relu")(x)))
    tf.keras.mixed_precision.set_global_policy("float32")
    return model, [floats(8, 3)], None


WHOLE = (
    sequential_dense, functional_inputs, convnet, recurrent, nested, shared, attention,
    old_optimizer, operators, translator, mixed,
)  # fmt: skip
WEIGHTS = (convnet, recurrent, nested)


class Subclassed(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3, activation="relu")
        self.second = layers.Dense(1)

    def call(self, x):
        return self.second(self.first(x))


def single(arrays):
    return arrays[0] if isinstance(arrays, list) and len(arrays) == 1 else arrays


def train(model, x, y, epochs):
    options = {"batch_size": 4, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(single(x), single(y), **options).history["loss"]


def write(folder):
    for make in WHOLE:
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(1)
        model, x, y = make()
        if y is not None:
            train(model, x, y, 1)
        model.save(folder / f"{make.__name__}.h5", save_format="h5")
        if make in (sequential_dense, functional_inputs, nested):
            model.save(folder / f"{make.__name__}.keras")
        record(folder / f"{make.__name__}.npz", model, x, y)
    for make in WEIGHTS:
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(2)
        model, x, _ = make()
        model.save_weights(folder / f"{make.__name__}_weights.h5")
        record(folder / f"{make.__name__}_weights.npz", model, x, None)
    cudnn(folder)
    model, x = Subclassed(), [floats(8, 2)]
    model(x[0])
    model.save_weights(folder / "subclassed_weights.h5")
    record(folder / "subclassed_weights.npz", model, x, None)


def cudnn(folder):
    """Layers that run on GPUs only are written here, and predicted by the others' kernels."""
    old = tf.compat.v1.keras.layers
    found = []
    for one, two in ((old.CuDNNLSTM, old.CuDNNGRU), (layers.LSTM, layers.GRU)):
        x = layers.Input((4, 3), name="x")
        y = layers.Bidirectional(one(2, return_sequences=True), name="both")(x)
        found.append(models.Model(x, layers.Dense(1, name="dense")(two(2, name="gru")(y))))
    found[0].save(folder / "cudnn.h5", save_format="h5")
    found[1].load_weights(folder / "cudnn.h5", by_name=True)
    record(folder / "cudnn.npz", found[1], [floats(8, 4, 3)], None)


def record(path, model, x, y):
    outputs = tf.nest.flatten(model.predict(single(x), verbose=0))
    named = x if isinstance(x, dict) else {f"x{i}": one for i, one in enumerate(x)}
    arrays = {f"in/{name}": one for name, one in named.items()}
    arrays.update({f"out/{i}": one for i, one in enumerate(outputs)})
    if y is not None:
        arrays.update({f"target/{i}": one for i, one in enumerate(y)})
        arrays["losses"] = np.array(train(model, x, y, 3))
    np.savez(path, **arrays)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder)
        with zipfile.ZipFile(HERE / "files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zf:
            for file in sorted(folder.iterdir()):
                zf.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()

"""Small models told to lamina or to real Keras, which both must be able to save and to load."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Story:
    """A model: `make(library)` returns it, and `shapes` are those of its inputs.

    `ints` is the number of whole numbers that inputs are drawn from, None for floats; `own` tells
    of classes of users, which a library knows once it has made the model.
    """

    make: Callable[[Any], Any]
    shapes: Any
    ints: int | None = None
    own: bool = False

    def data(self, rows: int = 3) -> Any:
        rng = np.random.default_rng(0)

        def draw(shape: Any) -> Any:
            if isinstance(shape, dict):
                return {k: draw(v) for k, v in shape.items()}
            if isinstance(shape, list):
                return [draw(s) for s in shape]
            if self.ints is not None:
                return rng.integers(0, self.ints, (rows, *shape)).astype("int32")
            return rng.normal(size=(rows, *shape)).astype("float32")

        return draw(self.shapes)


STORIES: dict[str, Story] = {}


def story(shapes: Any, own: bool = False) -> Any:
    def enter(make: Any) -> Any:
        STORIES[make.__name__] = Story(make, shapes, own=own)
        return make

    return enter


def stack(name: str, shape: tuple, layers: Callable[[Any], list], ints: int | None = None) -> None:
    """A Sequential of layers that `layers(library.layers)` returns."""

    def make(lib: Any) -> Any:
        dtype = "float32" if ints is None else "int32"
        return lib.Sequential([lib.Input(shape, dtype=dtype), *layers(lib.layers)])

    STORIES[name] = Story(make, shape, ints)


# --- stacks -------------------------------------------------------------------------------------

stack("dense", (3,), lambda L: [L.Dense(4, "relu"), L.Dense(2, kernel_regularizer="l2")])
stack("normed", (3,), lambda L: [L.BatchNormalization(), L.Dense(4), L.LayerNormalization()])
stack("dropped", (4,), lambda L: [L.Dropout(0.5, seed=1), L.GaussianNoise(0.1), L.Dense(1)])
stack(
    "activations", (4,), lambda L: [L.PReLU(), L.LeakyReLU(0.2), L.Activation("gelu"), L.Softmax()]
)
stack("convnet", (6, 6, 2), lambda L: [
    L.Conv2D(3, 3, padding="same"), L.MaxPooling2D(), L.DepthwiseConv2D(2), L.Flatten(),
    L.Dense(2)])  # fmt: skip
stack("conv1d", (8, 2), lambda L: [
    L.Conv1D(3, 2, dilation_rate=2), L.SeparableConv1D(2, 2), L.GlobalMaxPooling1D()])  # fmt: skip
stack("upwards", (4, 4, 2), lambda L: [
    L.ZeroPadding2D(1), L.Conv2DTranspose(2, 2, strides=2), L.UpSampling2D(),
    L.Cropping2D(1)])  # fmt: skip
stack("conv3d", (3, 3, 3, 1), lambda L: [L.Conv3D(2, 2), L.GlobalAveragePooling3D()])
stack(
    "grouped", (4, 4, 4), lambda L: [L.GroupNormalization(2), L.SpatialDropout2D(0.1), L.Flatten()]
)
stack("embedded", (5,), lambda L: [L.Embedding(7, 3, mask_zero=True), L.LSTM(2)], ints=7)
stack("lstm", (4, 3), lambda L: [L.LSTM(2, return_sequences=True), L.LSTM(2, go_backwards=True)])
stack("gru", (4, 3), lambda L: [L.GRU(2, return_sequences=True), L.GRU(2, reset_after=False)])
stack("simple_rnn", (4, 3), lambda L: [L.SimpleRNN(2, activation="relu")])
stack("bidirectional", (4, 3), lambda L: [
    L.Bidirectional(L.LSTM(2, return_sequences=True)),
    L.Bidirectional(L.GRU(2), merge_mode="sum")])  # fmt: skip
stack("cells", (4, 3), lambda L: [L.RNN([L.LSTMCell(2), L.GRUCell(3)])])
stack("timed", (4, 3), lambda L: [L.TimeDistributed(L.Dense(2)), L.Flatten(), L.RepeatVector(2)])
stack("conv_lstm", (2, 4, 4, 1), lambda L: [L.ConvLSTM2D(2, 2), L.GlobalAveragePooling2D()])
stack("spectral", (3,), lambda L: [L.SpectralNormalization(L.Dense(2)), L.UnitNormalization()])
stack("einsum", (4, 3), lambda L: [L.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d")])
stack("reshaped", (4, 3), lambda L: [L.Permute((2, 1)), L.Reshape((2, 6)), L.RMSNormalization()])
stack(
    "masked", (4, 3), lambda L: [L.Masking(0.0), L.SimpleRNN(2), L.ActivityRegularization(l2=0.1)]
)
stack("rescaled", (4,), lambda L: [L.Rescaling(0.5, 1.0), L.Normalization(mean=1.0, variance=2.0)])
stack("binned", (4,), lambda L: [L.Discretization([-0.5, 0.0, 0.5]), L.CategoryEncoding(4)])
stack("constrained", (3,), lambda L: [
    L.Dense(2, kernel_constraint="non_neg", kernel_initializer="he_normal", use_bias=False),
    L.Dense(2, activity_regularizer="l1", bias_initializer="ones")])  # fmt: skip
stack("half", (3,), lambda L: [L.Dense(4, dtype="mixed_bfloat16"), L.Dense(2, dtype="float32")])
stack(
    "bfloat16",
    (3,),
    lambda L: [L.Dense(4, dtype="bfloat16"), L.BatchNormalization(dtype="bfloat16")],
)


@story((3,))
def nested_sequential(lib):
    inner = lib.Sequential([lib.Input((3,)), lib.layers.Dense(4), lib.layers.Dense(4)], name="in")
    return lib.Sequential([lib.Input((3,)), inner, lib.layers.Dense(2)])


@story((3,))
def frozen(lib):
    base = lib.Sequential([lib.Input((3,)), lib.layers.Dense(4), lib.layers.BatchNormalization()])
    base.trainable = False
    return lib.Sequential([lib.Input((3,)), base, lib.layers.Dense(2)])


# --- graphs -------------------------------------------------------------------------------------


@story((3,))
def residual(lib):
    x = lib.Input((3,))
    y = lib.layers.Dense(3, activation="relu")(x)
    return lib.Model(x, lib.layers.Add()([x, y]))


@story([(3,), (2,)])
def two_inputs(lib):
    a, b = lib.Input((3,), name="a"), lib.Input((2,), name="b")
    y = lib.layers.Concatenate()([lib.layers.Dense(2)(a), lib.layers.Dense(2)(b)])
    return lib.Model(
        [a, b], [lib.layers.Dense(1, name="one")(y), lib.layers.Dense(2, name="two")(y)]
    )


@story({"left": (3,), "right": (3,)})
def dictionaries(lib):
    given = {"left": lib.Input((3,), name="left"), "right": lib.Input((3,), name="right")}
    y = lib.layers.Multiply()([given["left"], given["right"]])
    return lib.Model(given, {"sum": lib.layers.Dense(2)(y), "self": y})


@story((3,))
def shared_layer(lib):
    x, layer = lib.Input((3,)), lib.layers.Dense(3)
    return lib.Model(x, layer(layer(x)))


@story([(4, 3), (4, 3)])
def siamese(lib):
    encoder = lib.Sequential([lib.Input((4, 3)), lib.layers.LSTM(2)], name="encoder")
    a, b = lib.Input((4, 3)), lib.Input((4, 3))
    return lib.Model([a, b], lib.layers.Dot(1, normalize=True)([encoder(a), encoder(b)]))


@story((3,))
def nested_graph(lib):
    x = lib.Input((3,))
    inner = lib.Model(x, [lib.layers.Dense(2)(x), lib.layers.Dense(3)(x)], name="inner")
    z = lib.Input((3,))
    a, b = inner(z)
    return lib.Model(z, lib.layers.Concatenate()([b, a]))


@story((3,))
def operators(lib):
    x = lib.Input((3,))
    y = lib.layers.Dense(3)(x)
    return lib.Model(x, (2 * y - x / 2.0 + 1) ** 2 + y[:, :1])


@story((4, 3))
def bare_ops(lib):
    ops = lib.ops
    x = lib.Input((4, 3))
    y = ops.relu(lib.layers.Dense(2)(x))
    y = ops.concatenate([y, ops.mean(y, axis=-1, keepdims=True)], axis=-1)
    y = ops.where(y > 0.1, y, ops.zeros_like(y))
    y = ops.stack(ops.unstack(y, 4, axis=1)[::-1], axis=1)
    return lib.Model(x, ops.softmax(ops.reshape(ops.transpose(y, (0, 2, 1)), (-1, 12)), axis=-1))


@story((4, 3))
def attention(lib):
    x = lib.Input((4, 3))
    y = lib.layers.MultiHeadAttention(2, 2)(x, x, use_causal_mask=True)
    y = lib.layers.LayerNormalization()(x + y)
    return lib.Model(x, lib.layers.GlobalAveragePooling1D()(y))


@story([(4, 3), (4, 3)])
def attentions(lib):
    a, b = lib.Input((4, 3)), lib.Input((4, 3))
    y = lib.layers.Attention(use_scale=True)([a, b])
    z = lib.layers.AdditiveAttention()([b, a])
    return lib.Model([a, b], lib.layers.GroupQueryAttention(2, 4, 2)(y, z))


@story((4, 3))
def states(lib):
    x = lib.Input((4, 3))
    y, h, c = lib.layers.LSTM(2, return_sequences=True, return_state=True)(x)
    return lib.Model(x, lib.layers.GRU(2)(y, initial_state=lib.layers.Add()([h, c])))


@story((6, 6, 2))
def unet(lib):
    x = lib.Input((6, 6, 2))
    down = lib.layers.Conv2D(2, 3, padding="same", activation="relu")(x)
    low = lib.layers.AveragePooling2D(2)(down)
    up = lib.layers.UpSampling2D(interpolation="bilinear")(lib.layers.Conv2D(2, 1)(low))
    return lib.Model(x, lib.layers.Concatenate()([up, down]))


@story((3,), own=True)
def functional_subclass(lib):
    class Classifier(lib.Model):
        def __init__(self, units=2, **kwargs):
            x = lib.Input((3,))
            super().__init__(inputs=x, outputs=lib.layers.Dense(units)(x), **kwargs)
            self.units = units

        def get_config(self):
            return {"units": self.units, "name": self.name}

    return registered(lib, Classifier)(units=4)


# --- classes of users ---------------------------------------------------------------------------


def registered(lib: Any, cls: Any, package: str = "stories") -> Any:
    return lib.saving.register_keras_serializable(package)(cls)


@story((3,), own=True)
def subclassed(lib):
    class Net(lib.Model):
        """Layers in attributes before and after `layers`, in lists and in dictionaries."""

        def __init__(self, width=4, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.blocks = [lib.layers.Dense(width), [lib.layers.Dense(width)]]
            self.heads = {"b": lib.layers.Dense(2), "a": lib.layers.Dense(2)}
            self.dense = lib.layers.Dense(3)
            self.zoom = lib.layers.Dense(3)
            self._hidden = lib.layers.Dense(3)

        def call(self, x):
            x = self._hidden(self.zoom(self.dense(x)))
            x = self.blocks[1][0](self.blocks[0](x))
            return self.heads["a"](x) + self.heads["b"](x)

        def get_config(self):
            return {"width": self.width, "name": self.name}

    model = registered(lib, Net)(5)
    model(np.zeros((1, 3), "float32"))
    return model


@story((3,), own=True)
def custom_layers(lib):
    class Scale(lib.layers.Layer):
        def __init__(self, power=1, **kwargs):
            super().__init__(**kwargs)
            self.power = power
            self.inner = lib.layers.Dense(3)

        def build(self, input_shape):
            self.factor = self.add_weight(shape=(input_shape[-1],), name="factor")
            self.count = self.add_weight(shape=(), trainable=False, name="count")
            self.inner.build(input_shape)

        def call(self, x):
            return self.inner(x * self.factor) ** self.power + self.count

        def get_config(self):
            return {**super().get_config(), "power": self.power}

    def bent(x):
        return x * 0.5 + 1.0

    scale, fn = registered(lib, Scale), registered(lib, bent)
    layers = [scale(2), lib.layers.Activation(fn), lib.layers.Dense(2, activation=fn)]
    return lib.Sequential([lib.Input((3,)), *layers])

"""Errors name the layer by its path, and what is refused changes nothing."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import refused, with_mask


class Tower(lamina.Model):
    """A model that holds layers in a list."""

    def __init__(self, stack, **kwargs):
        super().__init__(**kwargs)
        self.stack = stack

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x


class Joined(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.join = layers.Add(name="join")

    def call(self, x):
        return self.join([x, x[:, :1, :2]])


@pytest.mark.parametrize(
    ("make", "shape", "words"),
    [
        (lambda: layers.Permute((2, 1), name="turn"), (2, 3), "an input of 3 axes"),
        (lambda: Joined(name="mixer"), (2, 3, 4), "inputs of equal sizes"),
        (lambda: layers.Cropping1D(2, name="cut"), (2, 4, 3), "more than 4 steps"),
        (lambda: layers.Dropout(0.5, (1, 1), name="drop"), (2, 3, 4), "noise_shape"),
        (lambda: layers.GroupNormalization(3, name="norm"), (2, 4), "groups"),
        (lambda: layers.Softmax(axis=3, name="share"), (2, 4), "has axis 3"),
        (lambda: layers.Wrapper(layers.Dense(1), name="wrap"), (2, 4), "a `call` method"),
    ],
)
def test_the_path_is_that_of_the_model(make, shape, words):
    layer = make()
    inner = f"/{layer.join.name} (" if isinstance(layer, Joined) else " ("
    model = Tower([layers.Identity(name="first"), layer], name="tower")
    if isinstance(layer, layers.Wrapper):
        with pytest.raises(NotImplementedError, match="Wrapper: expected a `call` method"):
            model(np.ones(shape))
        return
    with refused(f"tower/{layer.name}{inner}", words):
        model(np.ones(shape), training=True)


def test_a_shared_layer_keeps_the_sizes_of_its_first_call():
    norm = layers.LayerNormalization(name="norm")
    model = Tower([norm, layers.Dense(3, name="dense"), norm], name="tower")
    with refused("tower/norm (LayerNormalization)", "of size 5, as at build", "(2, 3)"):
        model(np.ones((2, 5)))


def test_masks_of_a_wrong_shape_are_refused_where_they_are_used():
    x = with_mask(np.ones((2, 3, 4)), np.ones((2, 7), bool))
    norm = layers.BatchNormalization(name="norm")
    with refused("tower/norm (BatchNormalization)", "a mask of shape (2, 7)"):
        Tower([norm], name="tower")(x, training=True)
    assert norm.moving_mean.numpy().tolist() == [0.0] * 4


@pytest.mark.parametrize("given", ["text", {"a": "b"}, np.array(["a", "b"]), object()])
def test_inputs_that_are_no_numbers(given):
    with refused("rescaling (Rescaling)", "array"):
        layers.Rescaling(2.0)(given)


def test_nothing_at_all():
    with pytest.raises((TypeError, ValueError), match="inputs"):
        layers.Add()()
    with refused("add_1 (Add)", "a list of arrays"):
        layers.Add()(jnp.ones((2, 2)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: lamina.Input((-1,)),
        lambda: lamina.Input((2.5,)),
        lambda: lamina.Input(batch_shape=(None, -3)),
        lambda: lamina.Input("abc"),
        lambda: lamina.Input((2,), batch_size=-1),
        lambda: lamina.Input((2,), batch_shape=(None, 2)),
        lambda: lamina.Input(),
        lambda: lamina.Input((2,), sparse=True),
    ],
)
def test_inputs_of_no_shape(make):
    with refused():
        make()


def test_input_layers_are_read_by_keras_and_read_its():
    ours = layers.InputLayer(batch_shape=(4, None, 3), dtype="int32", name="in")
    theirs = keras.layers.InputLayer(batch_shape=(4, None, 3), dtype="int32", name="in")
    mine, his = ours.get_config(), theirs.get_config()
    assert {k: mine.get(k) for k in his} == his
    assert keras.layers.InputLayer.from_config(mine).batch_shape == (4, None, 3)
    again = layers.InputLayer.from_config(his)
    assert (again.batch_shape, again.dtype, again.name) == ((4, None, 3), "int32", "in")

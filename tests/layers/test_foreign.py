"""JaxLayer beside real Keras', FlaxLayer with a module that is like one of flax."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def forward(params, state, rng, inputs, training):
    y = inputs @ params["w"] + params["b"]
    if training:
        state = {"calls": state["calls"] + 1.0}
    return y, state


def start(rng, inputs, training):
    shape = (inputs.shape[-1], 2)
    return {"w": jnp.ones(shape), "b": jnp.zeros(2)}, {"calls": jnp.zeros(())}


def test_a_function_with_state_is_trained_as_in_keras():
    curves = []
    for library in (keras, lamina):
        if library is keras:  # whose init_fn wants TensorFlow on any backend
            params, state = start(None, X, True)
            layer = library.layers.JaxLayer(forward, params=params, state=state, name="jax")
        else:
            layer = library.layers.JaxLayer(forward, start, name="jax")
        model = library.Sequential([library.Input((3,)), layer])
        model.compile("sgd", "mse")
        history = model.fit(X, X[:, :2], epochs=2, batch_size=4, shuffle=False, verbose=0)
        weights = [np.asarray(w) for w in model.get_weights()]
        curves.append((history.history["loss"], weights, model.evaluate(X, X[:, :2], verbose=0)))
        assert [tuple(v.shape) for v in layer.trainable_variables] == [(2,), (3, 2)]
    for theirs, ours in zip(jax.tree.leaves(curves[0]), jax.tree.leaves(curves[1]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert curves[1][1][-1] == 4.0


def test_given_arrays_and_no_state():
    layer = layers.JaxLayer(lambda params, inputs: inputs @ params[0], params=[np.ones((3, 1))])
    assert layer.built
    np.testing.assert_allclose(layer(X), X.sum(1, keepdims=True), rtol=1e-4, atol=1e-5)
    assert layer(layers.Input((3,))).shape == (None, 1)
    assert layers.JaxLayer(lambda inputs: inputs * 2)(X).tolist() == (X * 2).tolist()


def test_keys_come_while_training():
    def noisy(rng, inputs, training):
        return inputs + jax.random.normal(rng, inputs.shape) if training else inputs

    layer = layers.JaxLayer(noisy, seed=1)
    assert layer(X).tolist() == X.tolist()
    assert not np.allclose(layer(X, training=True), layer(X, training=True))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.JaxLayer(lambda x: x), r"(?s)function of inputs.*Got one of \(x\)"),
        (lambda: layers.JaxLayer(lambda params, inputs: inputs), "init_fn, params or state"),
        (lambda: layers.JaxLayer(3), "Got 3"),
        (lambda: layers.FlaxLayer(3), "expected a flax module"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


class Scaled:
    """Has what FlaxLayer uses of a flax module: a scale that is trained and a count that is not."""

    def __call__(self, inputs, training=False):
        raise AssertionError("flax calls it inside `apply`")

    def init(self, rngs, inputs, method=None, training=False):
        assert set(rngs) == {"params", "dropout"}
        return {"params": {"s": jnp.full(inputs.shape[-1:], 2.0)}, "stats": {"n": jnp.zeros(())}}

    def apply(self, variables, inputs, rngs=None, method=None, mutable=False, training=False):
        assert set(rngs) == ({"dropout"} if training else set())
        y = inputs * variables["params"]["s"]
        return (y, {"stats": {"n": variables["stats"]["n"] + 1}}) if mutable else y


def test_a_module():
    layer = layers.FlaxLayer(Scaled(), name="scaled")
    np.testing.assert_allclose(layer(X), 2 * X, rtol=1e-6)
    assert [len(layer.trainable_variables), len(layer.non_trainable_weights)] == [1, 1]
    layer(X, training=True)
    assert float(layer.non_trainable_weights[0]) == 1.0
    model = lamina.Sequential([layers.Input((3,)), layer])
    model.compile("sgd", "mse")
    losses = model.fit(X, X, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    given = layers.FlaxLayer(
        Scaled(), variables={"params": {"s": np.zeros(3)}, "stats": {"n": 0.0}}
    )
    assert not np.any(given(X))

"""remat and RematScope: the same numbers, with less kept for gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def checkpoints(layer, x=X):
    """How many parts of the layer's gradient are marked to be computed again."""

    def loss(weights):
        return jnp.sum(layer.stateless_call(weights, layer.non_trainable_variables, x)[0])

    weights = [v.value for v in layer.trainable_variables]
    text = str(jax.make_jaxpr(loss)(weights))
    return text.count("checkpoint[") + text.count("remat")


def built(layer, x=X):
    layer(x)
    return layer


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"small", "large", "plain"}),
        ({"mode": "activations"}, {"small", "large"}),
        ({"mode": "larger_than", "output_size_threshold": 30}, {"large"}),
        ({"mode": "list_of_layers", "layer_names": ["large"]}, {"large"}),
        ({"mode": None}, set()),
    ],
)
def test_modes_choose_layers(options, names):
    with lamina.RematScope(**options):
        made = [layers.Dense(2, activation="tanh", name="small"), layers.Dense(9, name="large")]
        made.append(layers.LayerNormalization(name="plain"))
    assert {layer.name for layer in made if checkpoints(built(layer))} == names


def test_where_a_layer_is_made_counts():
    outside = built(layers.Dense(2))
    with lamina.RematScope():
        with lamina.RematScope(mode=None):
            inner = layers.Dense(2)
        assert not checkpoints(outside)
        assert not checkpoints(built(inner))


def net():
    return lamina.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, activation="relu", activity_regularizer="l2", name="a"),
            layers.BatchNormalization(name="b"),
            layers.Dropout(0.3, seed=5, name="c"),
            layers.Dense(2, activation="softmax", name="d"),
        ]
    )


@pytest.mark.parametrize("mode", ["full", "activations"])
def test_training_is_the_same(mode):
    """Also what layers write on the way: moving averages, seeds, losses, logits of a softmax."""
    curves = []
    for wanted in (None, mode):
        lamina.utils.set_random_seed(1)
        with lamina.RematScope(mode=wanted):
            model = net()
        model.compile(lamina.optimizers.SGD(0.1), "categorical_crossentropy")
        y = np.eye(2, dtype="float32")[[0, 1, 1, 0]]
        history = model.fit(X, y, epochs=3, batch_size=2, shuffle=False, verbose=0)
        curves.append((history.history["loss"], model.get_weights()))
    np.testing.assert_allclose(curves[0][0], curves[1][0], rtol=1e-5)
    for a, b in zip(curves[0][1], curves[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_masks_pass():
    with lamina.RematScope():
        layer = layers.Dense(2)
    steps = layers.Masking()(np.array([[[1.0], [0.0]]]))
    assert layer(steps)._keras_mask.tolist() == [[True, False]]
    with lamina.RematScope():
        model = lamina.Sequential([layers.Masking(), layers.Dense(2)])
    assert model(np.array([[[1.0], [0.0]]]))._keras_mask.tolist() == [[True, False]]


def test_a_function_that_writes():
    class Counting(layers.Layer):
        def build(self, input_shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.inner = lamina.remat(self.work)

        def work(self, x, factor=1.0):
            self.calls.assign_add(1.0)
            self.add_loss(jnp.sum(x))
            return {"a": jnp.sin(x) * factor, "b": None}

        def call(self, x):
            return self.inner(x, factor=2.0)["a"]

    layer = Counting()
    np.testing.assert_allclose(layer(X), 2 * np.sin(X), rtol=1e-5)
    assert float(layer.calls) == 1.0
    assert len(layer.losses) == 1
    assert layer(layers.Input((3,))).shape == (None, 3)
    slope = jax.grad(lambda x: jnp.sum(layer.stateless_call([], [jnp.zeros(())], x)[0]))(
        jnp.asarray(X)
    )
    np.testing.assert_allclose(slope, 2 * np.cos(X), rtol=1e-4, atol=1e-5)


def test_bad_modes():
    with pytest.raises(ValueError, match=r"(?s)RematScope: expected one of full.*Got 'most'"):
        lamina.RematScope("most")


# --- other scopes -------------------------------------------------------------------------------


def test_stateless_scope():
    layer = built(layers.Dense(2, use_bias=False, activity_regularizer="l2"))
    kernel = layer.kernel
    with lamina.StatelessScope([(kernel, np.ones((3, 2)))], collect_losses=True) as scope:
        y = layer(X)
        kernel.assign(np.zeros((3, 2)))
    np.testing.assert_allclose(y, X @ np.ones((3, 2)), rtol=1e-5, atol=1e-6)
    assert not np.any(scope.get_current_value(kernel))
    assert kernel.numpy().any()
    assert len(scope.losses) == 1
    assert scope.get_current_value(lamina.Variable(1.0)) is None
    scope.add_update((kernel, np.ones((3, 2))))
    assert np.all(scope.get_current_value(kernel) == 1)
    with pytest.raises(ValueError, match=r"(?s)a value of shape \(3, 2\).*Got"):
        lamina.StatelessScope([(kernel, np.ones(3))])
    with pytest.raises(ValueError, match=r"(?s)pairs \(variable, value\).*Got"):
        lamina.StatelessScope([("kernel", 1.0)])


def test_symbolic_scope_changes_nothing():
    layer = built(layers.BatchNormalization())
    before = layer.get_weights()
    with lamina.SymbolicScope():
        layer(X, training=True)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_name_scope():
    with lamina.name_scope("outer"):
        with lamina.name_scope("inner"):
            layer = built(layers.Dense(2, name="d"))
        with (
            lamina.name_scope("outer", caller=layer),
            lamina.name_scope("x", override_parent="a/b"),
        ):
            v = lamina.Variable(1.0, name="v")
    assert layer.kernel.path == "outer/inner/d/kernel"
    assert v.path == "a/b/x/v"
    with pytest.raises(ValueError, match="without '/'"):
        lamina.name_scope("a/b")


def test_device():
    with lamina.device(jax.devices()[0]):
        assert jnp.ones(2).devices() == {jax.devices()[0]}
    with pytest.raises(ValueError, match=r"(?s)name of a device.*Got 'abacus:0'.*'cpu:0'"):
        lamina.device("abacus:0")


def test_operation():
    class Scale(lamina.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    scale = Scale(3.0)
    x = layers.Input((2,))
    y = scale(x)
    assert (scale.input is x, scale.output is y, y.shape, scale.name) == (
        True,
        True,
        (None, 2),
        "scale",
    )
    model = lamina.Model(x, layers.Dense(1, kernel_initializer="ones")(y))
    np.testing.assert_allclose(model(np.ones((1, 2))), [[6.0]])
    assert scale.get_config() == {"factor": 3.0, "name": "scale"}
    assert isinstance(layers.Dense(1), lamina.Operation)
    with pytest.raises(AttributeError, match="part of a graph"):
        _ = Scale(1.0).output

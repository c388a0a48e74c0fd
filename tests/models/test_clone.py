"""clone_model: the same architecture, other layers."""

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.models import clone_model


def diamond():
    """Two inputs, a shared layer, a model inside."""
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    shared = layers.Dense(4, name="shared")
    inner = lamina.Sequential([layers.Input((4,)), layers.Dense(4, name="deep")], name="inner")
    x = layers.Add(name="add")([shared(a), inner(shared(b))])
    return lamina.Model({"a": a, "b": b}, [layers.Dense(1, name="top")(x), x * 2.0], name="diamond")


def test_a_graph_is_cloned_with_its_sharing():
    model = diamond()
    clone = clone_model(model)
    assert type(clone) is type(model)
    assert (clone.name, [x.name for x in clone.layers]) == (
        "diamond",
        [x.name for x in model.layers],
    )
    assert not {id(v) for v in clone.weights} & {id(v) for v in model.weights}
    assert [v.name for v in clone.weights] == [v.name for v in model.weights]
    assert any(
        (a.numpy() != b.numpy()).any() for a, b in zip(clone.weights, model.weights, strict=True)
    )
    clone.set_weights(model.get_weights())
    data = {k: np.random.normal(size=(2, 3)).astype("float32") for k in "ab"}
    for mine, other in zip(clone(data), model(data), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)


def test_sequential():
    model = lamina.Sequential([layers.Input((3,), name="x"), layers.Dense(2, name="d")], name="s")
    model.compile("sgd", "mse")
    clone = clone_model(model)
    assert (clone.name, clone.input_names, clone.layers[0].name) == ("s", ["x"], "d")
    assert clone.layers[0] is not model.layers[0]
    assert clone.compiled
    unbuilt = clone_model(lamina.Sequential([layers.Dense(2)]))
    assert not unbuilt.built
    widened = clone_model(lamina.Sequential([layers.Dense(2)]), layers.Input((7,)))
    assert widened.input_shape == (None, 7)


def test_clone_function_stands_in_for_layers():
    seen = []

    def doubled(layer):
        seen.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config(
            {**config, "units": 2 * layer.units} if "units" in config else config
        )

    model = diamond()
    flat = clone_model(model, clone_function=lambda layer: layer)
    assert flat.get_layer("shared") is model.get_layer("shared")
    a = layers.Input((3,))
    stack = lamina.Model(a, layers.Dense(1, name="two")(layers.Dense(4, name="one")(a)))
    assert clone_model(stack, clone_function=doubled).output_shape == (None, 2)
    assert seen == ["one", "two"]


def test_call_function_is_how_layers_are_called():
    def call(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return layers.Dropout(0.5)(y) if isinstance(layer, layers.Dense) else y

    a = layers.Input((3,))
    model = lamina.Model(a, layers.Dense(2)(layers.Dense(4)(a)))
    clone = clone_model(model, clone_function=lambda layer: layer, call_function=call)
    kinds = [type(layer).__name__ for layer in clone.layers]
    assert kinds == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout"]
    assert clone.weights == model.weights


def test_recursive_reaches_into_models():
    seen = {False: [], True: []}
    for recursive, names in seen.items():

        def copy(layer, names=names):
            names.append(layer.name)
            return type(layer).from_config(layer.get_config())

        clone = clone_model(diamond(), clone_function=copy, recursive=recursive)
        assert clone.get_layer("inner").get_layer("deep").units == 4
    assert seen[False] == ["shared", "inner", "add", "top"]
    assert seen[True] == ["shared", "deep", "add", "top"]


def test_new_inputs():
    model = diamond()
    tensors = {"a": layers.Input((3,), name="p"), "b": layers.Input((3,), name="q")}
    assert clone_model(model, tensors).input_names == ["p", "q"]
    with pytest.raises(ValueError, match=r"(?s)in the structure of the model's inputs.*Got"):
        clone_model(model, [layers.Input((3,))])


class Twice(lamina.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs) * 2.0


def test_a_subclass_is_made_from_its_config():
    model = Twice(3, name="twice")
    model(np.ones((1, 2)))
    clone = clone_model(model)
    assert (type(clone), clone.units, clone.name) == (Twice, 3, "twice")
    assert clone(np.ones((1, 2))).shape == (1, 3)
    with pytest.raises(ValueError, match=r"(?s)made from `Input`s.*clone_function.*Got.*Help"):
        clone_model(model, clone_function=lambda layer: layer)


def test_bad_options():
    model = lamina.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="no `call_function` for a Sequential"):
        clone_model(model, call_function=lambda layer, x: layer(x))
    with pytest.raises(ValueError, match="a function as `clone_function`"):
        clone_model(model, clone_function=3)
    with pytest.raises(ValueError, match="expected a model"):
        clone_model(layers.Dense(2))

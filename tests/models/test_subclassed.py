"""Models and layers of users beside real Keras': what is found inside, in which order, when."""

import pytest

import lamina
from lamina import layers

from .both import check, ones, outcome, shown


def mine(library):
    """A model with layers in attributes, lists and dictionaries."""

    class Mine(library.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = library.layers.Dense(4, name="first")
            self.stack = [library.layers.Dense(3, name="b0"), library.layers.Dense(2, name="b1")]
            self.named = {"drop": library.layers.Dropout(0.5, name="drop")}

        def call(self, inputs, training=False):
            x = self.first(inputs)
            for layer in self.stack:
                x = layer(x)
            return self.named["drop"](x, training=training)

    return Mine(name="mine")


def test_layers_and_weights():
    def story(library):
        model = mine(library)
        told = [model.built, len(model.layers), len(model.weights), outcome(model.count_params)]
        y = model(ones(2, 5))
        return [
            *told, shown(y), model.built, shown(model.weights), model.count_params(),
            [layer.name for layer in model.layers], outcome(lambda: model.input_shape),
        ]  # fmt: skip

    check(story)


def test_in_a_graph():
    def story(library):
        x = library.Input((5,))
        model = library.Model(x, mine(library)(x))
        return [model.output_shape, [m.name for m in model.layers][1:], shown(model.weights)]

    check(story)


def test_built_from_a_shape():
    """Keras leaves the layers inside unbuilt."""
    model = mine(lamina)
    model.build((None, 5))
    assert len(model.weights) == 6
    assert model.compute_output_shape((None, 5)) == (None, 2)


def test_a_subclass_with_a_graph():
    def story(library):
        class Graph(library.Model):
            def __init__(self):
                x = library.Input((3,))
                super().__init__(inputs=x, outputs=library.layers.Dense(2, name="z")(x))
                self.extra = 1

        model = Graph()
        names = [layer.name for layer in model.layers][1:]
        return [
            type(model).__name__,
            model.name,
            model.output_shape,
            shown(model(ones(1, 3))),
            names,
        ]

    check(story)


def test_order_of_weights():
    def story(library):
        class Own(library.layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = library.layers.Dense(2, name="i")

            def build(self, input_shape):
                self.fixed = self.add_weight(shape=(1,), trainable=False, name="fixed")
                self.own = self.add_weight(shape=(1,), name="own")
                self.inner.build(input_shape)

            def call(self, x):
                return self.inner(x)

        layer = Own()
        layer.build((None, 3))
        kinds = (layer.weights, layer.trainable_variables, layer.non_trainable_variables)
        return [[v.path.split("/", 1)[1] for v in kind] for kind in kinds]

    check(story)


def test_dictionaries_in_and_out():
    def story(library):
        class Pair(library.Model):
            def __init__(self):
                super().__init__()
                self.dense = library.layers.Dense(2)

            def call(self, inputs):
                return {"p": self.dense(inputs["x"]) + self.dense(inputs["y"])}

        model, data = Pair(), {"x": ones(2, 3), "y": ones(2, 3)}
        told = [shown(model(data))]
        model.compile("sgd", {"p": "mse"})
        return [*told, list(model.fit(data, {"p": ones(2, 2)}, verbose=0).history)]

    check(story)


def test_losses_of_the_last_call():
    def story(library):
        class Adds(library.layers.Layer):
            def call(self, x):
                self.add_loss(library.ops.sum(x))
                return x

        x = library.Input((3,))
        model = library.Model(x, Adds()(x))
        told = []
        for rows in (2, 4):
            model(ones(rows, 3))
            told.append([float(loss) for loss in model.losses])
        model.compile("sgd", "mse")
        return [*told, float(model.evaluate(ones(2, 3), ones(2, 3), verbose=0))]

    check(story)


def test_layers_added_to_a_model_with_a_graph():
    def story(library):
        model = library.Sequential([library.Input((3,)), library.layers.Dense(2)])
        model.note, model.other = [1, 2], library.layers.Dense(3)
        return [len(model.layers), len(model.weights)]

    check(story)


def test_an_error_inside_names_the_layer():
    class Fails(layers.Layer):
        def call(self, x):
            raise RuntimeError("no luck")

    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2)], name="outer")
    with pytest.raises(RuntimeError, match="no luck") as caught:
        model.add(Fails(name="bad"))
    assert any("bad (Fails)" in note for note in caught.value.__notes__)

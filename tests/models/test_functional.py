"""Functional models beside real Keras': structures, sharing, nesting, errors."""

import json

import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .both import check, ones, outcome, shown


def two_inputs(library):
    a, b = library.Input((3,), name="a"), library.Input((3,), name="b")
    return a, b, library.Model([a, b], library.layers.Concatenate()([a, b]))


def test_nested_structures():
    def story(library):
        a, b = library.Input((3,), name="a"), library.Input((4,), name="b")
        x, y = library.layers.Dense(5, name="x")(a), library.layers.Dense(5, name="y")(b)
        z = x + y * 2 - 1
        model = library.Model({"a": a, "b": b}, {"z": z, "w": library.ops.relu(z), "l": [x, y]})
        data = {"a": ones(2, 3), "b": ones(2, 4)}
        return [
            shown(model(data)),
            shown(model.predict(data, verbose=0)),
            model.input_shape,
            model.output_shape,
            [layer.name for layer in model.layers],
            shown(model.input),
        ]

    check(story)


def test_what_a_model_may_be_called_on():
    def story(library):
        model = two_inputs(library)[2]
        x = ones(2, 3)
        return [
            outcome(lambda data=data: model(data))
            for data in (
                [x, x], (x, x), {"a": x, "b": x}, {"b": x, "a": x, "c": x}, {"a": x, "c": x}, x,
                [x], [x, x, x], [x, ones(2, 4)],
            )
        ]  # fmt: skip

    check(story)


def test_lists_of_one_are_opened():
    def story(library):
        a = library.Input((3,), name="a")
        model = library.Model([a], [library.layers.Dense(2, name="d")(a)])
        config = model.get_config()
        ends = config["input_layers"]  # Keras takes it out when it reads
        again = library.Model.from_config(config)
        return [
            shown(model(ones(2, 3))), shown(model([ones(2, 3)])), model.input_shape,
            model.output_shape, shown(model.predict(ones(2, 3), verbose=0)), shown(model.input),
            shown(model.output), ends, shown(again.input),
            library.Model(a, model(a)).output_shape,
        ]  # fmt: skip

    check(story)


def test_attributes():
    def story(library):
        a = library.Input((3,), name="a")
        x = library.layers.Dense(4, name="one")(a)
        model = library.Model(a, library.layers.Dense(2, name="two")(x), name="m")
        return [
            len(model.inputs), len(model.outputs), model.get_layer("one").output.shape,
            model.get_layer(index=2).name, model.count_params(), shown(model.variables),
            shown(model.trainable_variables), model.layers[1].count_params(),
            [outcome(lambda k=k: model.get_layer(**k).name)
             for k in ({"name": "v"}, {"index": 5}, {"name": "one", "index": 0}, {})],
            outcome(lambda: setattr(model, "layers", [])), model.compute_output_shape((7, 3)),
        ]  # fmt: skip

    check(story)


def test_shared_and_nested():
    def story(library):
        dense = library.layers.Dense(3, name="d")
        a = library.Input((3,), name="a")
        twice = library.Model(a, dense(dense(a)), name="twice")
        b = library.Input((3,), name="b")
        outer = library.Model(b, twice(twice(b)), name="outer")
        return [
            [layer.name for layer in twice.layers],
            shown(twice.weights),
            [layer.name for layer in outer.layers],
            shown(outer.weights),
            outer.get_layer("twice").get_layer("d").units,
        ]

    check(story)


def test_parts_of_a_model_as_models():
    def story(library):
        a = library.Input((3,), name="a")
        x = library.layers.Dense(4, name="x")(a)
        y = library.layers.Dense(2, name="y")(x)
        model = library.Model(a, y)
        head = library.Model(model.input, model.get_layer("x").output)
        tail = library.Model(x, y)
        return [
            head.output_shape, [layer.name for layer in head.layers], tail.input_shape,
            shown(tail(ones(1, 4))), [layer.name for layer in tail.layers][1:],
            head.weights[0] is model.weights[0], tail.weights[0] is model.weights[2],
        ]  # fmt: skip

    check(story)


def test_operators_on_symbolic_tensors():
    def story(library):
        a, ops = library.Input((4,)), library.ops
        return [
            outcome(f)
            for f in (
                lambda: a / 2, lambda: -a, lambda: a**2, lambda: 1 - a, lambda: a[:, 1:3],
                lambda: a[..., None], lambda: a > 0, lambda: abs(a), lambda: a // 2,
                lambda: a @ ops.transpose(a), lambda: ops.sum(a, axis=-1),
                lambda: ops.concatenate([a, a], -1), lambda: ops.split(a, 2, axis=-1),
            )
        ]  # fmt: skip

    check(story)


def test_graphs_that_cannot_be():
    def story(library):
        a, b, _ = two_inputs(library)
        y = library.layers.Add()([a, b])
        return [
            outcome(lambda f=f: f() and None)
            for f in (
                lambda: library.Model(a, y), lambda: library.Model(a, ones(3)),
                lambda: library.Model([a, b], [y, y]), lambda: library.Model(a, b),
                lambda: library.layers.Add()([a, library.Input((4,))]),
                lambda: library.layers.Dense(2)(library.Input(())),
            )
        ]  # fmt: skip

    check(story)


def test_masks_and_optional_inputs():
    class Optional(layers.Layer):
        def call(self, x, y=None):
            return x if y is None else x + y

    a, b = layers.Input((3,)), layers.Input((3,), optional=True)
    model = lamina.Model([a, b], Optional()(a, b))
    assert model([ones(2, 3), None]).tolist() == ones(2, 3).tolist()
    assert model([ones(2, 3), ones(2, 3)])[0, 0] == 2.0

    def story(library):
        i = library.Input((4,), dtype="int32")
        x = library.layers.Embedding(5, 3, mask_zero=True)(i)
        x = library.layers.Add()([x, library.layers.Dense(3)(x)])
        y = library.Model(i, x)(np.array([[1, 2, 0, 0]], "int32"))
        return np.asarray(y._keras_mask).tolist()

    check(story)


def test_the_training_flag_of_a_call_in_the_graph_holds():
    """As Keras' guides to transfer learning and to Monte Carlo dropout say; Keras 3.15 does not."""

    class Flag(layers.Layer):
        def call(self, x, training=None):
            return x * 0 + (1.0 if training else 0.0)

    x = layers.Input((1,))
    free, on, off = (
        lamina.Model(x, Flag()(x, **options))
        for options in ({}, {"training": True}, {"training": False})
    )
    seen = [
        [float(m(ones(1, 1), training=t)[0, 0]) for t in (None, True, False)]
        for m in (free, on, off)
    ]
    assert seen == [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


def nested(library):
    i = library.Input((3,), name="i")
    inner = library.Model(i, library.layers.Dense(3, name="q")(i), name="inner")
    stack = library.Sequential([library.Input((3,)), library.layers.Dense(3, name="z")], name="s")
    a = library.Input((3,), name="a")
    x = stack(inner(stack(inner(a))))
    return library.Model(a, {"x": x, "y": inner(x)}, name="outer")


@pytest.mark.parametrize(("writer", "reader"), [(keras, lamina), (lamina, keras), (lamina, lamina)])
def test_configs_are_read_by_either(writer, reader):
    model = nested(writer)
    again = reader.Model.from_config(json.loads(json.dumps(model.get_config())))
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    again.set_weights([np.asarray(w) for w in model.get_weights()])
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    for key, y in model(x).items():
        np.testing.assert_allclose(again(x)[key], y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda a, b: lamina.Model(a, layers.Add()([a, b])), r"to depend on the given inputs.*'b'"),
        (lambda a, b: lamina.Model(a, np.ones(3)), "symbolic tensors as inputs and outputs"),
        (
            lambda a, b: two_inputs(lamina)[2]({"a": ones(2, 3), "c": ones(2, 3)}),
            "named a, b.*no b",
        ),
        (
            lambda a, b: two_inputs(lamina)[2]([ones(2, 3), ones(2, 4)]),
            r"input 'b' of shape \(None, 3\)",
        ),
        (lambda a, b: layers.Add(name="sum")([a, layers.Input((4,))]), "sum"),
        (
            lambda a, b: [d := layers.Dense(2, name="d"), d(a), d(layers.Input((4,)))],
            "size 3, as at build",
        ),
        (lambda a, b: layers.LSTM(2, name="rnn")(a), "rnn.*3 axes"),
    ],
)
def test_errors_say_where_what_came_and_what_to_do(make, words):
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    with pytest.raises(ValueError, match=f"(?s){words}") as caught:
        make(a, b)
    assert "Got " in str(caught.value)

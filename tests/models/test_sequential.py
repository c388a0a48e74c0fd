"""Sequential beside real Keras': layers added and taken away, built now or later, frozen."""

import numpy as np
import pytest

import lamina
from lamina import layers

from .both import check, ones, outcome, shown


def test_built_later():
    def story(library):
        model = library.Sequential([library.layers.Dense(3), library.layers.Dense(2)])
        told = [model.built, len(model.weights)]
        told += [outcome(lambda n=n: getattr(model, n)) for n in ("input_shape", "outputs")]
        model.build((None, 4))
        told += [model.built, model.input_shape, model.output_shape, shown(model.weights)]
        model.pop()
        told += [model.output_shape, len(model.layers)]
        model.add(library.layers.Dense(7))
        told += [model.output_shape, len(model.layers), len(model.weights)]
        config = model.get_config()
        return [*told, [x["class_name"] for x in config["layers"]], config["build_input_shape"]]

    check(story)


def test_built_by_its_first_call_for_any_batch():
    model = lamina.Sequential([layers.Dense(3)])
    model(ones(2, 4))
    assert model.input_shape == (None, 4)  # Keras: (2, 4)
    assert model(ones(5, 4)).shape == (5, 3)


def test_emptied():
    def story(library):
        model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(2)])
        model.pop()
        told = [model.built, model.layers, outcome(lambda: model.output_shape), outcome(model.pop)]
        return [*told, library.Sequential().layers]

    check(story)


def test_models_in_it():
    def story(library):
        first = library.Sequential([library.layers.Input((3,)), library.layers.Dense(4)])
        model = library.Sequential([first, library.layers.Dense(2)])
        block = library.Sequential([library.layers.Dense(4), library.layers.Dense(4)], name="b")
        deep = library.Sequential([library.layers.Input((3,)), block], name="deep")
        return [
            model.built,
            model.input_shape,
            shown(deep.weights),
            block.built,
            block.output_shape,
        ]

    check(story)


def test_what_it_refuses():
    def story(library):
        def model():
            d = library.layers.Dense(2, name="d")
            return library.Sequential([library.layers.Input((3,)), d])

        told = [
            outcome(lambda x=x: model().add(x))
            for x in (library.layers.Dense(2, name="d"), np.tanh)
        ]
        shapes = ((2, 4), (3,), (2, 3, 1), (2, 2, 3))
        return told + [outcome(lambda s=s: model()(ones(*s))) for s in shapes]

    check(story)
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2)])
    for wrong, words in ((np.tanh, "expected a layer"), (model, "does not hold this model")):
        with pytest.raises(ValueError, match=words):
            model.add(wrong)
    assert model.output_shape == (None, 2)  # Keras has taken it half apart


def test_frozen_whole_and_in_part():
    def story(library):
        model = library.Sequential(
            [
                library.Input((3,)),
                library.layers.Dense(2, name="a"),
                library.layers.BatchNormalization(name="b"),
            ]
        )

        def counts():
            kinds = (model.trainable_weights, model.non_trainable_weights, model.weights)
            return [[w.name for w in kind] for kind in kinds]

        told = [counts()]
        for change in (
            lambda: setattr(model, "trainable", False),
            lambda: setattr(model.layers[0], "trainable", True),
            lambda: setattr(model, "trainable", True),
            lambda: setattr(model.layers[1], "trainable", False),
        ):
            change()
            told += [counts(), model.trainable, [layer.trainable for layer in model.layers]]
        return told

    check(story)


def test_a_frozen_normalization_uses_its_averages():
    def story(library):
        layer = library.layers.BatchNormalization()
        layer.build((None, 3))
        layer.trainable = False
        x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
        y = layer(x, training=True)
        return [bool(np.allclose(y, x / np.sqrt(1.001), atol=1e-5)), float(layer.moving_mean[0])]

    check(story)


def test_a_frozen_layer_is_not_trained_and_has_no_slots():
    def story(library):
        model = library.Sequential(
            [library.Input((3,)), library.layers.Dense(2), library.layers.Dense(1)]
        )
        model.layers[0].trainable = False
        model.compile("adam", "mse")
        before = model.get_weights()
        model.fit(ones(4, 3), ones(4, 1), verbose=0)
        same = [bool((a == b).all()) for a, b in zip(before, model.get_weights(), strict=True)]
        return [same[:2], all(same), len(model.optimizer.variables)]

    check(story)


def test_losses_of_activities_and_weights():
    def story(library):
        dense = library.layers.Dense(
            2, kernel_initializer="ones", activity_regularizer="l2", kernel_regularizer="l2"
        )
        model = library.Sequential([library.Input((3,)), dense])
        told = [len(model.losses)]
        for rows in (4, 2):
            model(ones(rows, 3))
            told += [round(float(loss), 4) for loss in model.losses]
        model.compile("sgd", "mse")
        return [*told, round(float(model.evaluate(ones(4, 3), ones(4, 2), verbose=0)), 4)]

    check(story)


def test_weights_are_set_whole_or_not_at_all():
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2)])
    before = model.get_weights()
    for wrong in ([ones(3, 2)], [ones(3, 2), ones(3)]):
        with pytest.raises(ValueError, match="expected"):
            model.set_weights(wrong)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    model.set_weights([ones(3, 2), ones(2)])
    assert model(ones(1, 3)).tolist() == [[4.0, 4.0]]


def test_stateless_call():
    def story(library):
        parts = [library.layers.BatchNormalization(), library.layers.Dropout(0.5)]
        model = library.Sequential([library.Input((3,)), *parts])
        variables = model.trainable_variables, model.non_trainable_variables
        y, others = model.stateless_call(*variables, ones(2, 3), training=True)
        three = model.stateless_call(*variables, ones(2, 3), return_losses=True)
        names = [[v.name for v in group] for group in (*variables, model.variables)]
        return [shown(y), len(others), len(three), names, float(parts[0].moving_mean[0])]

    check(story)

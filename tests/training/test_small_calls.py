"""Calls on a few rows: what is kept between them, when it is stale, and when it ends."""

import gc
import weakref

import jax
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina._training import garbage, predict


def test_single_batches_return_what_evaluate_does(net, people):
    x, y = people.x, people.y
    weight = np.linspace(0, 2, 22).astype("float32")
    a, b = net(weighted_metrics=["mae"]), net(weighted_metrics=["mae"])
    for options in ({}, {"sample_weight": weight}, {"class_weight": {1: 5.0}}):
        logs = a.train_on_batch(x, y, return_dict=True, **options)
        history = b.fit(x, y, batch_size=22, shuffle=False, verbose=0, **options).history
        assert list(logs) == a.metrics_names
        assert logs == pytest.approx({name: values[0] for name, values in history.items()})
    values = a.test_on_batch(x, y, sample_weight=weight)
    assert values == pytest.approx(b.evaluate(x, y, sample_weight=weight, verbose=0))
    assert all(type(value) is float for value in values)
    assert int(a.optimizer.iterations) == 3


def test_what_freezing_and_another_optimizer_change_takes_effect_at_once(net, people):
    model = net()
    first = model.layers[0]
    for frozen in (False, True, False):
        first.trainable = not frozen
        before = model.get_weights()
        model.train_on_batch(people.x, people.y)
        moved = [np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True)]
        assert moved == [not frozen] * 2 + [True] * 2
    model.optimizer = lamina.optimizers.SGD(0.0)
    before = model.get_weights()
    model.train_on_batch(people.x, people.y)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_value_set_between_two_calls_counts(net, people):
    model = net()
    model.train_on_batch(people.x, people.y)
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    assert model.test_on_batch(people.x, people.y)[0] == pytest.approx(np.log(2))
    model.optimizer.learning_rate = 0.0
    model.train_on_batch(people.x, people.y)
    assert not any(w.any() for w in model.get_weights())


def _lookup():
    layer = layers.IntegerLookup(vocabulary=[1, 2, 3])
    return layer, lambda: layer.set_vocabulary([3, 1]), "int32"


def _bins():
    layer = layers.Discretization(num_bins=3)
    layer.adapt(np.arange(4.0))
    return layer, lambda: layer.adapt(np.arange(40.0)), "float32"


def _normal():
    layer = layers.Normalization()
    layer.adapt(np.arange(4.0)[:, None])
    return layer, lambda: layer.adapt(np.arange(40.0)[:, None]), "float32"


def _lora():
    layer = layers.Dense(1)

    def change():
        layer.enable_lora(1)
        layer.lora_kernel_b.assign([[1.0]])

    return layer, change, "float32"


@pytest.mark.parametrize("make", [_lookup, _bins, _normal, _lora])
def test_what_layers_learn_later_is_not_stale_in_compiled_programs(make):
    layer, change, dtype = make()
    inputs = lamina.Input((1,), dtype=dtype)
    model = lamina.Model(inputs, layer(inputs))
    x = np.array([[1], [2], [30]], dtype)
    before = model.predict(x, verbose=0)
    change()
    after = model.predict(x, verbose=0)
    assert not np.array_equal(before, after)
    assert np.allclose(after, np.asarray(model(x)), atol=1e-6)


def test_programs_are_few_and_end_with_the_model(net, people):
    def use():
        model = net()
        for rows in range(1, 21):
            model.predict(people.x[:rows], verbose=0)
        model.fit(people.x, people.y, verbose=0, validation_split=0.5)
        model.train_on_batch(people.x, people.y)
        assert len(model._programs) <= 16
        return [weakref.ref(o) for o in (model, model.layers[0], *model._programs.values())]

    gone = use()
    gc.collect()
    assert [ref() for ref in gone] == [None] * len(gone)


def test_programs_for_rows_of_many_shapes_are_bounded(monkeypatch):
    monkeypatch.setattr(predict, "_SHAPES_KEPT", 3)
    inputs = lamina.Input((None, 1))
    model = lamina.Model(inputs, layers.GlobalAveragePooling1D()(inputs))
    made = set()
    for length in (1, 2, 3, 4, 1):
        assert model.predict(np.full((2, length, 1), 7.0), verbose=0).tolist() == [[7], [7]]
        made.add(id(model._programs["predict"]._forward))
    assert len(made) == 2


def test_eager_predictions_are_made_of_numbers_batch_by_batch(people):
    seen = []

    class Look(layers.Layer):
        def call(self, x):
            seen.append((x.shape[0], isinstance(x, jax.core.Tracer)))
            return x * 2

    inputs = lamina.Input((3,))
    model = lamina.Model(inputs, Look()(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    seen.clear()
    assert np.array_equal(model.predict(people.x, batch_size=10, verbose=0), people.x * 2)
    assert seen == [(10, False), (10, False), (2, False)]
    model.run_eagerly = False
    assert np.array_equal(model.predict(people.x, batch_size=10, verbose=0), people.x * 2)
    assert seen[3][1]


def test_models_that_are_gone_make_room_for_others(net, people, monkeypatch):
    monkeypatch.setattr(garbage, "_holders", weakref.WeakValueDictionary())
    monkeypatch.setattr(garbage, "_limit", 3)
    gc.disable()  # as if it never ran by itself
    try:
        models = []
        for _ in range(8):
            model = net()
            model.predict(people.x, verbose=0)
            models.append(weakref.ref(model))
            del model
        assert sum(ref() is not None for ref in models) <= 4
    finally:
        gc.enable()

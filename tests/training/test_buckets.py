"""Sequences of many lengths: padded to few where that changes no result, else left as they are."""

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, config, layers, ops
from lamina._training.buckets import Buckets, bucket_of
from lamina._training.paths import Filling

V, N = 9, 4


def tokens(steps, seed=0):
    """Rows of numbers of words; 0 is padding: behind, before, between, and a whole row."""
    x = np.random.default_rng(seed).integers(1, V, (N, steps)).astype("int32")
    x[0, -2:], x[1, :2], x[2, 2:4], x[3] = 0, 0, 0, 0
    return x


def stack(*above, mask_zero=True):
    return Sequential([Input((None,), dtype="int32"), layers.Embedding(V, 3, mask_zero=mask_zero),
                       *above, layers.Dense(1)])  # fmt: skip


def graph(make, *shapes):
    inputs = [Input(shape) for shape in shapes]
    return lamina.Model(inputs, make(*inputs))


def embedded(x):
    return layers.Embedding(V, 4, mask_zero=True)(x)


def encoder(x):
    e = embedded(x)
    y = layers.Add()([e, layers.MultiHeadAttention(2, 2)(e, e)])
    y = layers.LayerNormalization()(y)
    y = layers.TimeDistributed(layers.Dense(3, "gelu"))(y)
    return layers.Dense(1)(layers.LSTM(2)(y))


def asked(x, q):
    """A vector that looks at a sequence."""
    q = layers.Reshape((1, 4))(layers.Dense(4)(q))
    e = embedded(x)
    return layers.Flatten()(layers.Attention(use_scale=True)([q, e]))


def pair(x, y):
    """Two rows of numbers for the same words."""
    both = layers.Concatenate()([embedded(x), embedded(y)])
    return layers.Dense(1)(layers.GRU(2)(both))


def states(x, y):
    """What an LSTM has read is where the next one begins."""
    _, h, c = layers.LSTM(3, return_state=True)(embedded(x))
    return layers.Dense(1)(layers.LSTM(3)(embedded(y), initial_state=[h, c]))


RNN = layers.SimpleRNN
EXACT = {
    "lstm": lambda: stack(layers.LSTM(3, return_sequences=True, dropout=0.3), layers.LSTM(2)),
    "gru": lambda: stack(layers.GRU(3, go_backwards=True, recurrent_dropout=0.2)),
    "rnn": lambda: stack(layers.SpatialDropout1D(0.3), RNN(3, return_sequences=True,
                         zero_output_for_mask=True), RNN(2, unroll=True)),
    "cells": lambda: stack(layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)])),
    "bidirectional": lambda: stack(
        layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        layers.Bidirectional(layers.GRU(2), merge_mode="sum"),
    ),
    "pooling": lambda: stack(layers.Dense(3, "tanh"), layers.BatchNormalization(),
                             layers.GlobalAveragePooling1D()),
    "attention": lambda: graph(encoder, (None,)),
    "query": lambda: graph(asked, (None,), (2,)),
    "pair": lambda: graph(pair, (None,), (None,)),
    "states": lambda: graph(states, (None,), (None,)),
    "inside": lambda: Sequential([Input((None,)), stack(RNN(2)), layers.Dense(1)]),
    "masking": lambda: Sequential(
        [Input((None, 2)), layers.Masking(-1.5), RNN(2), layers.Dense(1)]
    ),
}  # fmt: skip


def inputs_of(model, steps):
    if model.input_shape == (None, None, 2):  # of Masking
        x = np.random.default_rng(0).normal(size=(N, steps, 2)).astype("float32")
        x[0, -2:] = x[1, 1] = -1.5
        return x
    parts = [tokens(steps) if t.shape[1] is None else np.eye(N, t.shape[1], dtype="float32")
             for t in model.inputs]  # fmt: skip
    return parts if len(parts) > 1 else parts[0]


def padded(model, x, kind="train"):
    """What becomes of `x` after a batch of 5 steps came."""
    buckets = Buckets(model, kind)
    buckets.begin(inputs_of(model, 5))
    return buckets.pad(x)


@pytest.mark.parametrize("name", EXACT)
def test_a_step_on_padded_sequences_learns_the_same(name):
    results = []
    for pads in (False, True):
        lamina.utils.set_random_seed(1)
        model = EXACT[name]()
        model.compile(lamina.optimizers.SGD(1.0), "mse")
        given = inputs_of(model, 9)
        x = padded(model, given) if pads else given
        changed = [a.shape[1] for a in x] if isinstance(x, list) else [x.shape[1]]
        assert (16 in changed) is pads
        y = np.linspace(-1, 1, N).reshape(N, 1) * np.ones((1, model.output_shape[-1]))
        if name == "pooling":
            x, y = x[:3], y[:3]  # the mean over no steps at all is NaN
        loss = model.train_on_batch(x, y)
        results.append([np.array(loss), *model.get_weights()])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class OwnDense(layers.Dense):
    pass


class OwnSteps(lamina.Model):
    def train_step(self, data):
        return super().train_step(data)

    def predict_step(self, data):
        return super().predict_step(data)


def own_steps():
    model = stack(RNN(2))
    return OwnSteps(model.inputs, model.outputs)


def explicit_mask(x):
    return RNN(2)(embedded(x), mask=ops.not_equal(x, 0))


def one_without_mask(x, y):
    return RNN(2)(layers.Add()([embedded(x), layers.Embedding(V, 4)(y)]))


def fixed_length():
    return Sequential([Input((9,)), layers.Embedding(V, 2, mask_zero=True), RNN(2)])


def whole_numbers():
    return Sequential([Input((None, 2), dtype="int32"), layers.Masking(-1.5), RNN(2)])


MEAN = layers.GlobalAveragePooling1D
CHANGED = {
    "no mask": lambda: stack(RNN(2), mask_zero=False),
    "maximum": lambda: stack(layers.GlobalMaxPooling1D()),
    "convolution": lambda: stack(layers.Conv1D(2, 3, padding="same"), MEAN()),
    "a layer of a user's": lambda: stack(OwnDense(2), MEAN()),
    "a function": lambda: stack(layers.Lambda(lambda x: x + 1.0), MEAN()),
    "a function of a user's": lambda: stack(layers.Dense(2, lambda x: x - x.mean(1)), MEAN()),
    "length over time": lambda: stack(layers.UnitNormalization(axis=1), MEAN()),
    "activity": lambda: stack(layers.Dense(2, activity_regularizer="l2"), MEAN()),
    "order": lambda: stack(RNN(2, go_backwards=True, return_sequences=True), RNN(2)),
    "zeros at the end": lambda: stack(RNN(2, zero_output_for_mask=True)),
    "explicit mask": lambda: graph(explicit_mask, (None,)),
    "one without mask": lambda: graph(one_without_mask, (None,), (None,)),
    "steps of a user's": own_steps,
    "fixed length": fixed_length,
    "whole numbers": whole_numbers,
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_padding_might_change_is_left_as_it_is(name):
    model = CHANGED[name]()
    model.compile("sgd", "mse")
    given = inputs_of(model, 9)
    for kind in ("train", "predict"):
        now = padded(model, given, kind)
        assert all(a is b for a, b in zip(flatten(now), flatten(given), strict=True))


def flatten(x):
    return x if isinstance(x, list) else [x]


def test_the_first_length_stays_and_others_come_to_few():
    model = stack(MEAN())
    model.compile("sgd", "mse")
    buckets = Buckets(model, "train")
    buckets.begin(tokens(20))
    lengths = [buckets.pad(tokens(n)).shape[1] for n in (20, 20, 19, 21, 17, 16, 5, 100)]
    assert lengths == [20, 20, 20, 24, 20, 16, 8, 128]
    for n in range(100, 120):  # as many data sets, of which the first four count
        buckets.begin(tokens(n))
    lengths = [buckets.pad(tokens(n)).shape[1] for n in (99, 100, 102, 103)]
    assert lengths == [100, 100, 102, 128]
    assert all(n <= bucket_of(n) for n in range(1, 3000))
    assert len({bucket_of(n) for n in range(1, 513)}) == 12


def batches(lengths):
    for i, n in enumerate(lengths):
        x = tokens(n, seed=i)[:3]
        yield x, (x.sum(1, keepdims=True) % 2).astype("float32")


class Numbered(lamina.utils.PyDataset):
    def __init__(self, lengths):
        super().__init__(workers=2)
        self.items = list(batches(lengths))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def programs(model, kind):
    return sum(type(key) is tuple and key[0] == kind for key in model._programs)


@pytest.mark.parametrize("kind", [batches, Numbered])
def test_fifty_lengths_take_few_compilations(kind, capsys):
    model = stack(MEAN())
    model.compile("sgd", "mse")
    model.fit(kind([*range(60, 10, -1)]), shuffle=False, verbose=2)
    assert programs(model, "train") == 5
    said = capsys.readouterr().out
    assert said.count("Note: ") == 1
    assert "11 to 60 steps" in said
    assert "16, 24, 32, 48, 60" in said


@pytest.fixture
def unpadded():
    """A function that ends padding, until the test has ended."""
    yield config.disable_length_buckets
    config.enable_length_buckets()


def test_fit_evaluate_and_predict_give_what_they_give_without_padding(unpadded, recwarn):
    lengths, results = (9, 11, 5, 9, 11), []
    for _ in range(2):
        lamina.utils.set_random_seed(0)
        model = stack(MEAN())
        model.compile("sgd", "mse", metrics=["mae"])
        logs = model.fit(batches(lengths), class_weight={0: 1.0, 1: 2.0}, verbose=0,
                         validation_data=Numbered(lengths)).history  # fmt: skip
        told = model.evaluate(batches(lengths), verbose=0)
        outputs = model.predict((x for x, _ in batches(lengths)), verbose=0)
        results.append([*map(np.array, logs.values()), *model.get_weights(), told, outputs])
        unpadded()
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    assert not recwarn.list


def test_a_stream_of_one_length_is_not_padded():
    model = stack(MEAN())
    model.compile("sgd", "mse")
    model.fit(batches([9, 9, 9]), verbose=0)
    shapes = [p.jaxpr.in_avals[-2].shape for k, p in model._programs.items() if k[0] == "train"]
    assert shapes == [(3, 9)]


def test_predicted_steps_are_those_of_the_given_length(unpadded):
    model = stack(RNN(2, return_sequences=True))
    given = [tokens(n) for n in (5, 9, 12, 11, 13, 14)]
    outputs = [model.predict(x, verbose=0) for x in given]
    assert len(model._programs["predict"]._shapes) == 5  # four lengths stay
    in_pieces = list(model.predict_batches(iter(given)))
    with pytest.raises(ValueError, match="predict_batches"):
        model.predict(iter(given), verbose=0)
    unpadded()
    for x, one, two in zip(given, outputs, in_pieces, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(one, model.predict(x, verbose=0), rtol=1e-6, atol=1e-6)


def test_inputs_by_name():
    x, y = Input((None,), name="words"), Input((None,), name="kinds")
    model = lamina.Model([x, y], pair(x, y))
    buckets = Buckets(model, "predict")
    one = buckets.pad({"kinds": tokens(9), "words": tokens(9)})
    assert {k: a.shape for k, a in one.items()} == {"kinds": (N, 16), "words": (N, 16)}
    other = buckets.pad({"kinds": tokens(9), "words": tokens(10)})  # refused by Concatenate
    assert {k: a.shape for k, a in other.items()} == {"kinds": (N, 9), "words": (N, 10)}


@pytest.mark.parametrize(
    ("value", "dtype", "kept"),
    [(-1.5, "float32", True), (-1.5, "int32", False), (1e9, "float16", False),
     (0.1, "float64", True), (0.1, "float16", False), (-1.0, "uint8", False)],
)  # fmt: skip
def test_padding_is_a_value_that_the_data_can_have(value, dtype, kept):
    assert Filling(value, ("float32",)).is_kept(dtype) is kept

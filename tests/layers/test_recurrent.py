"""Recurrent layers and cells beside Keras: values, gradients, masks, states, dropout, configs."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina import layers

from .side_by_side import (
    Case,
    assert_close,
    check_config,
    check_mixed,
    check_shapes,
    check_values,
    first_of_each,
    plain,
    run,
    share_weights,
    simple_starts,
    with_mask,
)

SHAPE = (2, 4, 3)
MASK = np.array([[True, True, False, True], [False, True, True, False]])


def stack(library, **options):
    kinds = library.layers
    cells = [kinds.GRUCell(2, name="a", **options), kinds.LSTMCell(3, name="b", **options)]
    return kinds.StackedRNNCells(cells, name="stack")


CASES = [
    Case("SimpleRNN", {"units": 2}, SHAPE),
    Case(
        "SimpleRNN",
        {"units": 2, "activation": None, "use_bias": False, "return_sequences": True},
        SHAPE,
    ),
    Case("LSTM", {"units": 2, "return_sequences": True}, SHAPE),
    Case("LSTM", {"units": 2, "go_backwards": True, "use_bias": False}, SHAPE),
    Case("LSTM", {"units": 2, "activation": "relu", "recurrent_activation": "hard_sigmoid"}, SHAPE),
    Case("LSTM", {"units": 2, "activation": "relu", "recurrent_activation": "sigmoid"}, SHAPE),
    Case("LSTM", {"units": 2, "recurrent_activation": "softmax", "unroll": True}, SHAPE),
    Case(
        "LSTM",
        {
            "units": 2,
            "kernel_regularizer": "l2",
            "recurrent_constraint": "non_neg",
            "unit_forget_bias": False,
            "activity_regularizer": "l1",
        },
        SHAPE,
    ),
    Case("GRU", {"units": 2, "return_sequences": True, "go_backwards": True}, SHAPE),
    Case("GRU", {"units": 2, "reset_after": False}, SHAPE),
    Case("GRU", {"units": 2, "use_bias": False, "recurrent_activation": "tanh"}, SHAPE),
    Case(
        "GRU",
        {"units": 2, "activation": "elu", "recurrent_activation": "softmax", "unroll": True},
        SHAPE,
    ),
    Case(
        "RNN",
        lambda library: {"cell": library.layers.LSTMCell(2, name="cell"), "return_sequences": True},
        SHAPE,
    ),
    Case("RNN", lambda library: {"cell": stack(library), "zero_output_for_mask": True}, SHAPE),
    Case(
        "RNN",
        lambda library: {
            "cell": library.layers.GRUCell(2, reset_after=False, name="cell"),
            "unroll": True,
        },
        SHAPE,
    ),
]
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@pytest.mark.parametrize("case", [CASES[2], CASES[9], CASES[13]], ids=str)
def test_shapes(case):
    check_shapes(case)


@pytest.mark.parametrize("case", [CASES[1], *CASES[7:10], *CASES[13:]], ids=str)
def test_config(case):
    if case.kind == "SimpleRNN":  # Keras forgets its seed, but reads it
        ours, theirs = case.make(lamina, name="one"), case.make(keras, name="one")
        mine, his = plain(ours.get_config()), plain(theirs.get_config())
        assert {**his, "seed": None} == mine
        assert plain(keras.layers.SimpleRNN.from_config(mine).get_config()) == his
        assert plain(layers.SimpleRNN.from_config(his).get_config()) == mine
    else:
        check_config(case)


@pytest.mark.parametrize("case", first_of_each(CASES), ids=str)
def test_mixed_precision(case):
    check_mixed(case)


# --- masks --------------------------------------------------------------------------------------

MASKED = [
    Case("SimpleRNN", {"units": 2, "return_sequences": True, "return_state": True}, SHAPE),
    Case("SimpleRNN", {"units": 2, "zero_output_for_mask": True}, SHAPE),
    Case("LSTM", {"units": 2, "return_state": True}, SHAPE),
    Case("LSTM", {"units": 2, "return_sequences": True, "go_backwards": True}, SHAPE),
    Case("LSTM", {"units": 2, "return_sequences": True, "zero_output_for_mask": True}, SHAPE),
    Case(
        "GRU",
        {"units": 2, "return_sequences": True, "return_state": True, "go_backwards": True},
        SHAPE,
    ),
    Case("GRU", {"units": 2, "reset_after": False, "return_sequences": True}, SHAPE),
    Case("GRU", {"units": 2, "reset_after": False, "zero_output_for_mask": True}, SHAPE),
    Case("RNN", lambda library: {"cell": stack(library), "return_sequences": True}, SHAPE),
]


@pytest.mark.parametrize("case", MASKED, ids=str)
def test_masked_steps_change_nothing(case):
    check_values(case, mask=jnp.asarray(MASK))


@pytest.mark.parametrize("case", MASKED[:5:2], ids=str)
def test_masks_that_travel_are_used_and_go_on_with_sequences(case):
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    x = with_mask(case.inputs(), MASK)
    mine, his = jax.tree.leaves(ours(x)), jax.tree.leaves(theirs(x))
    assert_close(mine, his)
    for a, b in zip(mine, his, strict=True):
        assert (getattr(a, "_keras_mask", None) is None) == (
            getattr(b, "_keras_mask", None) is None
        )
    explicit = jax.tree.leaves(ours(case.inputs(), mask=MASK))
    assert_close(mine, explicit)


def test_a_mask_counts_beside_an_initial_state():
    # Keras drops it there, and reads the padding.
    layer, state = layers.GRU(2), np.ones((2, 2), "float32")
    x = np.random.normal(size=SHAPE)
    expected = layer(x, initial_state=state, mask=MASK)
    assert_close(layer(with_mask(x, MASK), initial_state=state), expected)
    symbolic = layers.Input((4, 3))
    start = layers.Input((2,))
    y = layer(layers.Masking()(symbolic), initial_state=start)
    x[~MASK] = 0
    assert_close(lamina.Model([symbolic, start], y)([x, state]), expected)


# --- dropout ------------------------------------------------------------------------------------

BOTH = {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 5}
DROPPED = [
    Case("SimpleRNN", {"units": 3, **BOTH, "return_sequences": True}, SHAPE),
    Case("LSTM", {"units": 3, "dropout": 0.5, "seed": 1}, SHAPE),
    Case("LSTM", {"units": 3, **BOTH, "return_sequences": True}, SHAPE),
    Case("GRU", {"units": 3, "dropout": 0.5, "seed": 1, "go_backwards": True}, SHAPE),
    Case("GRU", {"units": 3, **BOTH}, SHAPE),
    Case("GRU", {"units": 3, **BOTH, "reset_after": False}, SHAPE),
    Case("RNN", lambda library: {"cell": stack(library, **BOTH)}, SHAPE),
    Case("RNN", lambda library: {"cell": stack(library, dropout=0.5, seed=3)}, SHAPE),
]


@pytest.mark.parametrize("case", DROPPED, ids=str)
def test_dropout_is_the_same_in_all_steps_and_as_in_keras(case):
    check_values(case, training=True)


@pytest.mark.parametrize("case", [DROPPED[1], DROPPED[6]], ids=str)
def test_dropout_while_training_only_and_anew_for_each_batch(case):
    layer = case.make(lamina)
    x = case.inputs()
    assert_close(layer(x), layer(x))
    first, second = layer(x, training=True), layer(x, training=True)
    assert np.abs(first - second).max() > 1e-3
    assert all(getattr(one, "_held", None) is None for one in layer._flatten_layers())


# --- initial states -----------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "count"), [("SimpleRNN", 1), ("LSTM", 2), ("GRU", 1)], ids=str)
def test_initial_states(kind, count):
    case = Case(kind, {"units": 2, "return_state": True}, SHAPE)
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    states = [np.random.normal(size=(2, 2)).astype("float32") for _ in range(count)]
    x = case.inputs()
    expected = theirs(x, initial_state=states)
    assert_close(ours(x, initial_state=states), expected)
    if count == 1:
        assert_close(ours(x, initial_state=states[0]), expected)
    given = [layers.Input((2,)) for _ in states]
    sequence = layers.Input((4, 3))
    model = lamina.Model([sequence, *given], ours(sequence, initial_state=given))
    assert_close(tuple(model([x, *states])), expected)


def test_states_of_stacked_cells():
    options = {"return_state": True}
    ours, theirs = (k.layers.RNN(stack(k), **options) for k in (lamina, keras))
    for layer in (ours, theirs):
        layer.build(SHAPE)
    share_weights(ours, theirs)
    start = [[np.ones((2, 2), "float32")], [np.ones((2, 3), "float32")] * 2]
    x = np.random.normal(size=SHAPE).astype("float32")
    mine, his = ours(x, initial_state=start), theirs(x, initial_state=start)
    assert jax.tree.structure(mine) == jax.tree.structure(his)
    assert_close(mine, his)
    assert jax.tree.map(lambda t: t.shape, tuple(ours(layers.Input((4, 3))))) == (
        (None, 3),
        [(None, 2)],
        [(None, 3), (None, 3)],
    )


def test_encoder_and_decoder():
    def model(library):
        source, target = library.layers.Input((4, 3)), library.layers.Input((2, 3))
        _, *states = library.layers.LSTM(2, return_state=True, name="encoder")(source)
        decoder = library.layers.LSTM(2, return_sequences=True, name="decoder")
        return library.Model([source, target], decoder(target, initial_state=states))

    with simple_starts():
        ours, theirs = model(lamina), model(keras)
    assert [w.path for w in ours.weights] == [w.path for w in theirs.weights]
    ours.set_weights([np.random.normal(size=w.shape) for w in theirs.weights])
    theirs.set_weights(ours.get_weights())
    rng = np.random.default_rng(0)
    data = [rng.normal(size=(2, t, 3)).astype("float32") for t in (4, 2)]
    assert_close(ours(data), theirs(data))
    again = lamina.Model.from_config(json.loads(json.dumps(ours.get_config())))
    again.set_weights(ours.get_weights())
    assert_close(again(data), theirs(data))


# --- stateful -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        Case("LSTM", {"units": 2, "stateful": True}, SHAPE),
        Case("GRU", {"units": 2, "stateful": True, "return_sequences": True}, SHAPE),
        Case("RNN", lambda library: {"cell": stack(library), "stateful": True}, SHAPE),
    ],
    ids=str,
)
def test_stateful_layers_go_on_where_they_ended(case):
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    first = ours(case.inputs(0))
    assert_close(first, theirs(case.inputs(0)))
    for seed in (1, 2):
        x = case.inputs(seed)
        assert_close(ours(x), theirs(x))
    assert_close(
        [v.value for v in jax.tree.leaves(ours.states)],
        [v.value for v in jax.tree.leaves(theirs.states)],
    )
    ours.reset_states()
    assert not any(np.any(v.numpy()) for v in jax.tree.leaves(ours.states))
    assert_close(ours(case.inputs(0)), first)


def test_a_stateful_model_goes_on_from_batch_to_batch_while_it_trains():
    model = lamina.Sequential(
        [layers.Input(batch_shape=(2, 3, 1)), layers.GRU(2, stateful=True), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 0.0
    x = np.random.normal(size=(4, 3, 1)).astype("float32")
    model.fit(x, x[:, 0], batch_size=2, shuffle=False, verbose=0)
    kept = model.layers[0].states[0].numpy()
    model.layers[0].reset_state()
    for start in (0, 2):
        model(x[start : start + 2])
    assert_close(kept, model.layers[0].states[0].numpy())
    assert all("rnn_state" not in w.path for w in model.weights)


def test_a_stateful_model_goes_on_from_batch_to_batch_while_it_predicts():
    sequence = layers.Input(batch_shape=(2, 3, 1))
    layer = layers.GRU(2, stateful=True)
    model = lamina.Model(sequence, layer(sequence))
    x = np.random.normal(size=(6, 3, 1)).astype("float32")
    expected = [layer(x[start : start + 2]) for start in (0, 2, 4)]
    kept = layer.states[0].numpy()
    layer.reset_state()
    assert_close(model.predict(x, batch_size=2, verbose=0), np.concatenate(expected))
    assert_close(layer.states[0].numpy(), kept)
    layer.reset_state()
    for start in (0, 2):  # one batch in each call
        y = model.predict(x[start : start + 2], batch_size=2, verbose=0)
        assert_close(y, np.asarray(expected[start // 2]))


# --- cells --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["SimpleRNNCell", "LSTMCell", "GRUCell"])
def test_cells_by_themselves(kind):
    case = Case(kind, {"units": 2}, (3, 4))
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    x = case.inputs()
    states = [np.random.normal(size=(3, 2)).astype("float32") for _ in ours.get_initial_state(3)]
    mine, his = ours(x, states), theirs(x, states)
    assert jax.tree.structure(mine) == jax.tree.structure(his)
    assert_close(mine, his)
    check_config(case)
    assert ours.state_size == theirs.state_size
    assert ours.output_size == theirs.output_size
    symbolic = ours(layers.Input((4,)), [layers.Input((2,)) for _ in states])
    assert symbolic[0].shape == (None, 2)


def minimal(library):
    class Minimal(library.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
            self.recurrent_kernel = self.add_weight(
                shape=(self.units, self.units), name="recurrent_kernel"
            )

        def call(self, inputs, states):
            output = library.ops.matmul(inputs, self.kernel)
            output = output + library.ops.matmul(states[0], self.recurrent_kernel)
            return output, [output]

    return Minimal


@pytest.mark.parametrize("sizes", [(3,), (3, 3)])
def test_cells_of_ones_own(sizes):
    def make(library):
        kind = minimal(library)
        cells = [kind(size) for size in sizes]
        return library.layers.RNN(cells if len(cells) > 1 else cells[0], return_sequences=True)

    ours, theirs = make(lamina), make(keras)
    ours.build(SHAPE)
    with simple_starts():
        theirs.build(SHAPE)
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, w.shape) for w in theirs.weights]
    values = [np.random.normal(size=w.shape) for w in theirs.weights]
    for layer in (ours, theirs):
        layer.set_weights(values)
    x = np.random.normal(size=SHAPE).astype("float32")
    for mask in (None, jnp.asarray(MASK)):
        assert_close(run(ours, x, mask=mask), run(theirs, x, mask=mask))


def test_a_cell_of_ones_own_may_hold_layers_that_change():
    class Normalizing(layers.Layer):
        state_size = 3

        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)
            self.norm = layers.BatchNormalization(momentum=0.5)
            self.dropout = layers.Dropout(0.5, seed=1)

        def call(self, inputs, states, training=False):
            h = self.norm(self.dense(inputs) + states[0], training=training)
            self.add_loss(jnp.sum(h) * 0 + 1.0)
            return self.dropout(h, training=training), [h]

    layer = layers.RNN(Normalizing())
    x = np.random.normal(size=SHAPE)
    assert layer(x).shape == (2, 3)
    assert len(layer.weights) == 6
    before = layer.cell.norm.moving_mean.numpy()
    layer(x, training=True)
    assert (layer.cell.norm.moving_mean.numpy() != before).any()
    assert layer.cell.dropout.seed_generator.state.numpy().tolist() == [1, 4]
    assert [float(loss) for loss in layer.losses] == [4.0]


def test_a_cell_that_is_not_a_layer():
    class Plain:
        state_size = (3, 1)

        def call(self, inputs, states):
            return inputs + states[0], [inputs, states[1] + 1]

    x = np.random.normal(size=SHAPE).astype("float32")
    y, _, count = layers.RNN(Plain(), return_state=True)(x)
    np.testing.assert_allclose(y, x[:, -1] + x[:, -2], rtol=1e-6)
    assert count.tolist() == [[4.0], [4.0]]


def test_a_changed_step_is_used():
    class Doubled(layers.LSTMCell):
        def call(self, inputs, states, training=False):
            output, states = super().call(inputs, states, training=training)
            return 2 * output, states

    x = np.random.normal(size=SHAPE)
    cells = layers.LSTMCell(2), Doubled(2)
    one, two = (layers.RNN(cell) for cell in cells)
    one.build(SHAPE)
    two.build(SHAPE)
    two.set_weights(one.get_weights())
    assert_close(two(x), 2 * one(x))


# --- training -----------------------------------------------------------------------------------


def classifier(library):
    return library.Sequential(
        [
            library.layers.Input((6,), dtype="int32"),
            library.layers.Embedding(10, 4, mask_zero=True),
            library.layers.LSTM(5),
            library.layers.Dense(1, activation="sigmoid"),
        ]
    )


def test_a_masked_classifier_learns_as_in_keras():
    rng = np.random.default_rng(0)
    x = rng.integers(1, 10, (40, 6)) * (np.arange(6) < rng.integers(1, 7, (40, 1)))
    x = x.astype("int32")
    y = (x.sum(1) % 2)[:, None].astype("float32")
    curves = []
    weights = None
    for library in (keras, lamina):
        model = classifier(library)
        weights = model.get_weights() if weights is None else weights
        model.set_weights(weights)
        model.compile(library.optimizers.Adam(0.02), "binary_crossentropy")
        fitted = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
        curves.append(fitted.history["loss"])
    np.testing.assert_allclose(curves[1], curves[0], atol=1e-4)
    assert curves[1][-1] < curves[1][0]


# --- bad input ----------------------------------------------------------------------------------


class NoSize(layers.Layer):
    def call(self, inputs, states):
        return inputs, states


class WrongCount(layers.Layer):
    state_size = 3

    def call(self, inputs, states):
        return inputs, [inputs, inputs]


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda x: layers.LSTM(2)(x[0]), "an input of 3 axes"),
        (lambda x: layers.RNN(layers.LSTMCell(2)).build((2, 3)), "expected sequences"),
        (lambda x: layers.LSTM(2)(x, initial_state=[x[:, 0, :2]]), "expected 2 initial state"),
        (lambda x: layers.GRU(2)(x, initial_state=[x[:, 0, :1]]), r"shapes \(2, 2\)"),
        (lambda x: layers.RNN(NoSize()), "an attribute `state_size`"),
        (lambda x: layers.RNN(layers.LSTMCell), "expected a cell"),
        (lambda x: layers.StackedRNNCells([layers.Dense(2)]), "an attribute `state_size`"),
        (lambda x: layers.StackedRNNCells([]), "a list of cells"),
        (lambda x: layers.RNN(WrongCount())(x), r"expected 1 new state"),
        (lambda x: layers.LSTM(2, stateful=True)(layers.Input((4, 3))), "a fixed batch size"),
        (lambda x: layers.LSTM(2)(x, mask=np.ones(2)), r"a mask \(N, T\)"),
        (lambda x: layers.LSTM(0), "a positive integer as `units`"),
        (lambda x: layers.GRU(2, dropout=1.5), "a fraction from 0 to 1 as `dropout`"),
        (lambda x: layers.GRU(2, use_cudnn="yes"), "as `use_cudnn`"),
    ],
)
def test_bad_input(attempt, words):
    with pytest.raises(ValueError, match=rf"(?s){words}.*Got "):
        attempt(jnp.ones(SHAPE))


def test_a_stateful_layer_refuses_another_batch_size():
    layer = layers.GRU(2, stateful=True)
    layer.build(SHAPE)
    with pytest.raises(ValueError, match=r"(?s)a batch of 2, as at build.*Got.*Help"):
        layer(np.ones((3, 4, 3)))

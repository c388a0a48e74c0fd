"""Bidirectional beside Keras: merge modes, masks, states, configs."""

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
    check_mixed,
    check_shapes,
    check_values,
    plain,
    run,
    share_weights,
    with_mask,
)  # fmt: skip

SHAPE = (2, 4, 3)
MASK = np.array([[True, True, False, False], [False, True, True, False]])


def around(kind, merge_mode="concat", **options):
    """Options of a Bidirectional layer, its layer named alike in both libraries."""

    def make(library):
        layer = getattr(library.layers, kind)(2, name="inner", **options)
        return {"layer": layer, "merge_mode": merge_mode, "name": "outer"}

    return make


def with_own_backward_layer(library):
    forward = library.layers.LSTM(2, return_sequences=True, name="inner")
    backward = library.layers.GRU(2, return_sequences=True, go_backwards=True, name="back")
    return {"layer": forward, "backward_layer": backward, "merge_mode": "sum", "name": "outer"}


CASES = [
    Case("Bidirectional", around("LSTM", return_sequences=True), SHAPE),
    Case("Bidirectional", around("LSTM", "mul"), SHAPE),
    Case("Bidirectional", around("GRU", "ave", return_sequences=True), SHAPE),
    Case("Bidirectional", around("SimpleRNN", "sum"), SHAPE),
    Case("Bidirectional", with_own_backward_layer, SHAPE),
]
MORE = [
    Case("Bidirectional", around("GRU", None, return_sequences=True), SHAPE),
    Case("Bidirectional", around("LSTM", return_sequences=True, return_state=True), SHAPE),
    Case("Bidirectional", around("LSTM", None, return_state=True), SHAPE),
]


@pytest.mark.parametrize("case", CASES + MORE)
def test_values_and_gradients(case):
    check_values(case)


@pytest.mark.parametrize("case", [CASES[0], CASES[1], MORE[0], MORE[1]])
def test_masked_steps_change_nothing(case):
    check_values(case, mask=jnp.asarray(MASK))
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    x = with_mask(case.inputs(), MASK)
    mine, his = jax.tree.leaves(ours(x)), jax.tree.leaves(theirs(x))
    assert_close(mine, his)
    for a, b in zip(mine, his, strict=True):
        assert (getattr(a, "_keras_mask", None) is None) == (
            getattr(b, "_keras_mask", None) is None
        )


@pytest.mark.parametrize("case", [CASES[0], CASES[3]])
def test_shapes(case):
    check_shapes(case)


def test_shapes_of_states():
    ours = MORE[1].make(lamina)
    outputs = ours(layers.Input((4, 3)))
    assert [t.shape for t in outputs] == [(None, 4, 4), *[(None, 2)] * 4]


@pytest.mark.parametrize("case", [CASES[1], CASES[4]])
def test_config(case):
    """As `check_config`, but the layers inside say what they were built for."""
    mine, his = (plain(case.make(k).get_config()) for k in (lamina, keras))
    assert mine == his
    for kind, config in ((layers.Bidirectional, his), (keras.layers.Bidirectional, mine)):
        assert plain(kind.from_config(json.loads(json.dumps(config))).get_config()) == his


def test_mixed_precision():
    def make(library):
        layer = library.layers.LSTM(2, name="inner", dtype="mixed_bfloat16")
        return {"layer": layer, "name": "outer"}

    check_mixed(Case("Bidirectional", make, SHAPE))


def test_dropout_as_in_keras():
    case = Case("Bidirectional", around("LSTM", dropout=0.5, recurrent_dropout=0.3, seed=4), SHAPE)
    check_values(case, training=True)


def test_initial_states():
    case = Case("Bidirectional", around("LSTM", return_state=True), SHAPE)
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    states = [np.random.normal(size=(2, 2)).astype("float32") for _ in range(4)]
    x = case.inputs()
    assert_close(
        run(ours, x, initial_state=[jnp.asarray(s) for s in states]),
        run(theirs, x, initial_state=[jnp.asarray(s) for s in states]),
    )
    sequence, given = layers.Input((4, 3)), [layers.Input((2,)) for _ in states]
    model = lamina.Model([sequence, *given], ours(sequence, initial_state=given))
    assert_close(tuple(model([x, *states])), theirs(x, initial_state=states))


def test_stateful():
    case = Case("Bidirectional", around("GRU", stateful=True), SHAPE)
    ours, theirs = case.pair()
    share_weights(ours, theirs)
    first = ours(case.inputs())
    assert_close(first, theirs(case.inputs()))
    assert_close(ours(case.inputs(1)), theirs(case.inputs(1)))
    assert_close([v.value for v in ours.states], [v.value for v in theirs.states])
    ours.reset_state()
    assert_close(ours(case.inputs()), first)


def test_starts_from_weights():
    case = Case("Bidirectional", around("GRU"), SHAPE)
    first = case.make(lamina)
    first.build(SHAPE)
    again = layers.Bidirectional(layers.GRU(2), weights=first.get_weights())
    assert_close(again(case.inputs()), first(case.inputs()))


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: layers.Bidirectional(layers.Dense(2)), "a recurrent layer as `layer`"),
        (lambda: layers.Bidirectional(layers.GRU(2), backward_layer=3), "as `backward_layer`"),
        (lambda: layers.Bidirectional(layers.GRU(2), "max"), "as `merge_mode`"),
        (
            lambda: layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2)),
            "different directions",
        ),
        (
            lambda: layers.Bidirectional(
                layers.GRU(2),
                backward_layer=layers.GRU(2, go_backwards=True, return_sequences=True),
            ),
            "the same `return_sequences`",
        ),
        (
            lambda: layers.Bidirectional(layers.GRU(2))(
                np.ones(SHAPE), initial_state=[np.ones((2, 2))]
            ),
            "an even number of initial states",
        ),
        (lambda: layers.Bidirectional(layers.GRU(2))(np.ones((2, 3))), "an input of 3 axes"),
    ],
)
def test_bad_input(attempt, words):
    with pytest.raises(ValueError, match=rf"(?s){words}.*Got "):
        attempt()

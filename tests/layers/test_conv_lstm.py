"""ConvLSTM beside Keras: values, gradients, masks, states, dropout, configs."""

import jax
import jax.numpy as jnp
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
    share_weights,
)

CASES = [
    Case("ConvLSTM1D", {"filters": 2, "kernel_size": 3, "return_sequences": True}, (2, 3, 5, 2)),
    Case(
        "ConvLSTM1D",
        {
            "filters": 2,
            "kernel_size": 2,
            "strides": 2,
            "padding": "same",
            "go_backwards": True,
            "data_format": "channels_first",
            "recurrent_activation": "hard_sigmoid",
        },
        (2, 3, 2, 5),
    ),
    Case(
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False},
        (2, 3, 4, 5, 2),
    ),
    Case(
        "ConvLSTM2D",
        {
            "filters": 2,
            "kernel_size": (2, 1),
            "padding": "same",
            "kernel_regularizer": "l2",
            "unit_forget_bias": False,
            "return_sequences": True,
        },
        (2, 3, 2, 3, 2),
    ),
    Case("ConvLSTM3D", {"filters": 1, "kernel_size": 2}, (1, 2, 3, 3, 2, 2)),
]
STATES = Case("ConvLSTM1D", {"filters": 2, "kernel_size": 2, "return_state": True}, (2, 3, 4, 2))
each = pytest.mark.parametrize("case", CASES, ids=str)


@each
def test_values_and_gradients(case):
    check_values(case)


@pytest.mark.parametrize("case", [CASES[1], CASES[3]], ids=str)
def test_shapes(case):
    check_shapes(case)


@each
def test_config(case):
    check_config(case)


def test_mixed_precision():
    check_mixed(CASES[0])


def test_the_bias_of_one_gate_starts_from_1():
    layer = CASES[0].make(lamina)
    layer.build(CASES[0].shape)
    assert layer.cell.bias.numpy().tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_masked_steps_change_nothing():
    mask = jnp.asarray([[True, False, True], [False, True, False]])
    ours, theirs = STATES.pair()
    share_weights(ours, theirs)
    x, keep = STATES.inputs(), np.asarray(mask)[..., None, None]
    outputs, h, c = ours(x, mask=mask)
    assert_close(outputs, h)
    # Keras' mask does not fit its states here; a step by itself does.
    states = [jnp.zeros((2, 3, 2))] * 2
    for t in range(3):
        now = theirs(x[:, t : t + 1], initial_state=states)
        states = [jnp.where(keep[:, t], n, s) for n, s in zip(now[1:], states, strict=True)]
    assert_close([h, c], states)
    zeroed = layers.ConvLSTM1D(2, 2, return_sequences=True, zero_output_for_mask=True)
    zeroed.build(x.shape)
    assert not np.any(np.asarray(zeroed(x, mask=mask))[~np.asarray(mask)])


def test_states_and_batches_that_go_on():
    ours, theirs = STATES.pair(stateful=True)
    share_weights(ours, theirs)
    for seed in (0, 1):
        assert_close(ours(STATES.inputs(seed)), theirs(STATES.inputs(seed)))
    start = [np.ones((2, 3, 2), "float32")] * 2
    assert_close(
        ours(STATES.inputs(), initial_state=start), theirs(STATES.inputs(), initial_state=start)
    )
    assert [t.shape for t in jax.tree.leaves(STATES.make(lamina)(layers.Input((3, 4, 2))))] == [
        (None, 3, 2)
    ] * 3


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_dropout_as_in_keras(data_format):
    options = {"filters": 2, "kernel_size": 2, "dropout": 0.4, "recurrent_dropout": 0.3, "seed": 3}
    check_values(
        Case("ConvLSTM1D", {**options, "data_format": data_format}, (2, 3, 4, 4)), training=True
    )


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: layers.ConvLSTM2D(2, 3)(np.ones((2, 3, 4, 4))), "an input of 5 axes"),
        (lambda: layers.ConvLSTM2D(2, 3)(layers.Input((None, None, 4, 1))), "a fixed size"),
        (lambda: layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2), "not both"),
        (lambda: layers.ConvLSTM2D(2, (3, 3, 3)), "as `kernel_size`"),
        (lambda: layers.ConvLSTM2D(0, 3), "as `filters`"),
    ],
)
def test_bad_input(attempt, words):
    with pytest.raises(ValueError, match=rf"(?s){words}.*Got "):
        attempt()

"""Recurrent layers inside a loop over training steps: as fast as alone, and nothing is copied."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.ops import _rnn

from .loops import slowdown

SHAPE = (16, 40, 16)
FAMILIES = {
    "SimpleRNN": lambda: layers.SimpleRNN(32),
    "LSTM": lambda: layers.LSTM(32),
    "GRU": lambda: layers.GRU(32),
    "GRU, reset before": lambda: layers.GRU(32, reset_after=False),
    "Bidirectional": lambda: layers.Bidirectional(layers.GRU(32)),
    "ConvLSTM1D": lambda: layers.ConvLSTM1D(4, 3),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_in_a_loop_takes_no_longer_than_alone(family):
    layer = FAMILIES[family]()
    shape = (*SHAPE[:2], 8, 4) if family == "ConvLSTM1D" else SHAPE
    layer.build(shape)
    x = jnp.asarray(np.random.normal(size=shape), "float32")
    assert slowdown(layer, x) < 2.0


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "cell", [_rnn.Simple(), _rnn.Lstm(), _rnn.Gru()], ids=lambda c: type(c).__name__
)
def test_no_step_copies_the_sequence(cell, masked):
    """What XLA does to a loop that reads, twice, what it writes: 95 ms instead of 10 for a GRU."""
    steps, rows, units, width = 11, 3, 4, 4 * cell.gates
    mask = jnp.ones((steps, rows)) if masked else None

    def loss(x, kernel, bias):
        states = [jnp.zeros((rows, units))] * cell.states
        outputs, _ = _rnn.recur(cell, x, kernel, (bias, bias), states, mask)
        return jnp.sum(outputs[-1])

    args = (jnp.zeros((steps, rows, width)), jnp.zeros((units, width)), jnp.zeros(width))
    program = jax.jit(jax.grad(loss, argnums=(0, 1, 2))).lower(*args).compile().as_text()
    bodies = set(re.findall(r"body=%?([\w.\-]+)", program))
    blocks = re.findall(r"^%?([\w.\-]+) \([^\n]*\n(.*?)^}", program, re.MULTILINE | re.DOTALL)
    found = {name: text for name, text in blocks if name in bodies}
    assert len(found) >= 2  # forwards and backwards
    for text in found.values():
        assert not re.search(rf"= f32\[{steps},{rows},\d+\]\S* copy\(", text)

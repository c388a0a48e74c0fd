"""Recurrent layers inside a loop over training steps: as fast as alone, and nothing is copied."""

import re
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamina import layers
from lamina._core.state import pure
from lamina.ops import _rnn

STEPS = 4  # of training, in the loop
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
    variables = layer.trainable_variables
    call = pure(lambda: jnp.mean(jnp.square(layer(x))), variables)

    def step(values):
        grads = jax.grad(lambda v: call(v)[0])(values)
        return [v - 0.01 * g for v, g in zip(values, grads, strict=True)]

    alone = jax.jit(step)
    loop = jax.jit(lambda values: lax.fori_loop(0, STEPS, lambda _, v: step(v), values))
    values = [v.value for v in variables]

    def seconds(run):
        start = time.perf_counter()
        jax.block_until_ready(run())
        return time.perf_counter() - start

    def steps_alone():
        now = values
        for _ in range(STEPS):
            now = alone(now)
        return now

    runs = (steps_alone, lambda: loop(values))
    for run in runs:
        seconds(run)  # compiles
    # Whoever else uses the machine makes single times long, never short.
    times = [[seconds(run) for run in runs] for _ in range(6)]
    separate, together = (min(t) for t in zip(*times, strict=True))
    assert together < 2.0 * separate


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

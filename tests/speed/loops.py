"""A training step inside a compiled loop beside the same step alone."""

import time

import jax
import jax.numpy as jnp
from jax import lax

from lamina._core.state import pure

STEPS = 4  # of training, in the loop


def slowdown(layer, x):
    """How much longer a step of `layer` on `x` takes in a loop than alone."""
    variables = layer.trainable_variables

    # The input changes with the step and has a gradient, as inside of a deeper net.
    call = pure(lambda x: jnp.mean(jnp.square(layer(x))), variables)

    def step(state):
        values, x = state
        slopes, slope = jax.grad(lambda v, x: call(v, x)[0], argnums=(0, 1))(values, x)
        return [v - 0.01 * g for v, g in zip(values, slopes, strict=True)], x - 0.01 * slope

    alone = jax.jit(step)
    loop = jax.jit(lambda state: lax.fori_loop(0, STEPS, lambda _, s: step(s), state))
    start = [v.value for v in variables], x

    def seconds(run):
        begin = time.perf_counter()
        jax.block_until_ready(run())
        return time.perf_counter() - begin

    def steps_alone():
        now = start
        for _ in range(STEPS):
            now = alone(now)
        return now

    runs = (steps_alone, lambda: loop(start))
    for run in runs:
        seconds(run)  # compiles
    # Whoever else uses the machine makes single times long, never short.
    times = [[seconds(run) for run in runs] for _ in range(6)]
    separate, together = (min(t) for t in zip(*times, strict=True))
    return together / separate

"""Convolutions and pooling spelled for CPU: every kind of derivative beside that of plain lax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lamina import ops
from lamina.ops._conv_gradients import conv_on_cpu

# x, kernel, strides, pads, dilation, groups
CASES = {
    "plain": ((2, 5, 4, 3), (3, 2, 3, 4), (1, 1), ((1, 1), (0, 1)), (1, 1), 1),
    "strided": ((2, 6, 5, 3), (3, 3, 3, 4), (2, 3), ((0, 1), (1, 1)), (1, 1), 1),
    "dilated, wide edges": ((2, 5, 3), (2, 3, 4), (1,), ((4, 3),), (2,), 1),
    "grouped": ((2, 5, 4, 4), (2, 2, 2, 6), (1, 2), ((0, 0), (1, 0)), (1, 1), 2),
    "depthwise": ((2, 5, 4, 3), (3, 2, 1, 6), (2, 1), ((1, 1), (0, 0)), (1, 1), 3),
}


def plain(x, kernel, strides, pads, dilation, groups):
    space = "HW"[: len(strides)]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(
        x, kernel, strides, pads,
        rhs_dilation=dilation, dimension_numbers=layout, feature_group_count=groups,
    )  # fmt: skip


def random(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def derivatives(fn, x, kernel):
    """Values, changes forwards, slopes of slopes both ways, and slopes per sample."""
    changes = random(x.shape, 2), random(kernel.shape, 3)

    def cost(x, kernel):
        return jnp.sum(jnp.sin(fn(x, kernel)))

    slopes = jax.grad(cost, (0, 1))

    def steepness(x, kernel):
        return sum(jnp.vdot(a, b) for a, b in zip(slopes(x, kernel), changes, strict=True))

    return {
        "forwards": jax.jvp(fn, (x, kernel), changes),
        "forwards over backwards": jax.jvp(slopes, (x, kernel), changes)[1],
        "backwards over backwards": jax.grad(steepness, (0, 1))(x, kernel),
        "one input": jax.grad(cost, 1)(x, kernel),
        "per sample": jax.vmap(lambda one: jax.grad(cost, 1)(one[None], kernel))(x),
    }


@pytest.mark.parametrize("case", CASES)
def test_derivatives_of_convolutions(case):
    shape, size, *options = CASES[case]
    x, kernel = random(shape, 0), random(size, 1)
    ours, lax_ = (
        jax.jit(lambda x, k, fn=fn: derivatives(lambda x, k: fn(x, k, *options), x, k))(x, kernel)
        for fn in (conv_on_cpu, plain)
    )
    for kind, expected in lax_.items():
        for a, b in zip(jax.tree.leaves(ours[kind]), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=kind)


def windows(x, padding):
    """Maxima of windows of (3, 2) pixels, 2 pixels apart, through a gather."""
    pads = lax.padtype_to_pads(x.shape[1:3], (3, 2), (2, 2), padding)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)), constant_values=-jnp.inf)
    rows = np.arange(0, x.shape[1] - 2, 2)[:, None] + np.arange(3)
    columns = np.arange(0, x.shape[2] - 1, 2)[:, None] + np.arange(2)
    cut = x[:, rows[:, None, :, None], columns[None, :, None, :]]  # (N, P, Q, 3, 2, C)
    return cut.max((3, 4))


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
def test_derivatives_of_maxima(padding):
    x, change = random((2, 6, 5, 3), 0), random((2, 6, 5, 3), 1)

    def found(fn):
        slope = jax.grad(lambda x: jnp.sum(jnp.sin(fn(x))))
        return (*jax.jvp(fn, (x,), (change,)), *jax.jvp(slope, (x,), (change,)),
                jax.vmap(lambda one: slope(one[None]))(x))  # fmt: skip

    ours = jax.jit(lambda: found(lambda x: ops.max_pool(x, (3, 2), 2, padding.lower())))()
    for a, b in zip(ours, jax.jit(lambda: found(lambda x: windows(x, padding)))(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)

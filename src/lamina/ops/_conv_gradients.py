"""Convolutions whose gradients XLA:CPU computes as fast inside compiled loops as outside.

jax derives the gradients of a convolution as convolutions in unusual layouts. XLA:CPU rewrites
these to the one layout it has fast code for in the outermost computation alone: in the body of
a loop, where training happens, it falls back on code that is 5 to 100 times slower
(measured with jax 0.10 on two cores: 27 -> 932 ms for a kernel's gradient, 15 -> 148 ms for the
input's). Here both gradients are spelled in the fast layout, (N, ..., C) and (..., I, O): the
input's as a convolution with the flipped kernel, the kernel's as products of matrices.

The functions are `custom_jvp`, not `custom_vjp`: the tangent maps are written as the transposes
of these spellings, so that jax's own transposition leads back to them, and forward mode, second
derivatives and `vmap` all work.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Pads = tuple[tuple[int, int], ...]


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4, 5))
def conv_on_cpu(x: Any, kernel: Any, strides: Any, pads: Pads, dilation: Any, groups: int) -> Any:
    """Convolve `x` (N, ..., C) with `kernel` (..., C / groups, O), sizes known."""
    if groups == x.shape[-1] and groups > 1:
        return _depthwise(x, kernel, strides, pads, dilation)
    return _plain(x, kernel, strides, pads, dilation, groups)


@partial(conv_on_cpu.defjvp, symbolic_zeros=True)
def _tangent(
    strides: Any, pads: Pads, dilation: Any, groups: int, primals: Any, tangents: Any
) -> Any:
    x, kernel = primals
    dx, dkernel = tangents
    y = conv_on_cpu(x, kernel, strides, pads, dilation, groups)
    parts = []
    if not isinstance(dx, jax.custom_derivatives.SymbolicZero):
        back = partial(
            _input_gradient,
            kernel=kernel,
            size=x.shape,
            strides=strides,
            pads=pads,
            dilation=dilation,
            groups=groups,
        )
        parts += jax.linear_transpose(back, y)(dx)
    if not isinstance(dkernel, jax.custom_derivatives.SymbolicZero):
        # Rematerialized: what is cut out of x is as large as x times the columns of the kernel.
        change = jax.checkpoint(
            partial(
                _kernel_tangent,
                size=y.shape,
                strides=strides,
                pads=pads,
                dilation=dilation,
                groups=groups,
            )
        )
        parts.append(change(x, dkernel))
    return y, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(y)


def _plain(x: Any, kernel: Any, strides: Any, pads: Any, dilation: Any, groups: int) -> Any:
    n = x.ndim
    data = (0, n - 1, *range(1, n - 1))
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=lax.ConvDimensionNumbers(data, (n - 1, n - 2, *range(n - 2)), data),
        feature_group_count=groups,
    )


def _depthwise(x: Any, kernel: Any, strides: Any, pads: Any, dilation: Any) -> Any:
    """One multiplication of x with each pixel of the kernel: XLA fuses them into one loop."""
    channels, multiplier = x.shape[-1], kernel.shape[-1] // x.shape[-1]
    size = _output_size(x.shape, kernel.shape, strides, pads, dilation)
    x = lax.optimization_barrier(_padded(x, pads))  # or every pixel is tested for the edge
    kernel = jnp.reshape(kernel, (*kernel.shape[:-2], channels, multiplier))
    wide = jnp.promote_types(x.dtype, jnp.float32)  # sums of short floats would lose digits
    results = []
    for m in range(multiplier):  # one by one: a last axis of size M, mostly 1, is no vector
        y: Any = 0
        for tap in _taps(kernel.shape[:-2]):
            part = _cut(x, tap, size, strides, dilation).astype(wide)
            y = y + part * kernel[tap][:, m].astype(wide)  # (N, P, Q, C) (C,)
        results.append(y.astype(x.dtype))
    if multiplier == 1:
        return results[0]
    y = jnp.stack(results, -1)  # M of (N, P, Q, C) -> (N, P, Q, C, M)
    return jnp.reshape(y, (*y.shape[:-2], channels * multiplier))


def _input_gradient(
    g: Any,
    kernel: Any,
    size: Sequence[int],
    strides: Any,
    pads: Pads,
    dilation: Any,
    groups: int,
) -> Any:
    """Spread `g` (N, P, Q, O) out by the strides and convolve it with the flipped kernel."""
    edges = []
    for i, (before, _) in enumerate(pads):
        reach = (kernel.shape[i] - 1) * dilation[i] + 1
        spread = (g.shape[i + 1] - 1) * strides[i] + 1
        low = reach - 1 - before
        edges.append((low, size[i + 1] + reach - 1 - spread - low))
    if max(strides) > 1 or any(e < 0 for edge in edges for e in edge):
        widths = [(lo, hi, s - 1) for (lo, hi), s in zip(edges, strides, strict=True)]
        g = lax.pad(g, jnp.zeros((), g.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
        g = lax.optimization_barrier(g)
        edges = [(0, 0)] * len(edges)
    ones = (1,) * len(edges)
    kernel = jnp.flip(kernel, tuple(range(g.ndim - 2)))
    depth, filters = kernel.shape[-2:]
    if groups == size[-1] and groups > 1:
        split = (groups, filters // groups)
        g = jnp.reshape(g, (*g.shape[:-1], *split))  # (N, P, Q, C M) -> (N, P, Q, C, M)
        kernel = jnp.reshape(kernel, (*kernel.shape[:-1], *split))  # (h, w, 1, C, M)
        parts = [
            _depthwise(g[..., m], kernel[..., m], ones, edges, dilation) for m in range(split[1])
        ]
        return sum(parts[1:], parts[0])
    kernel = jnp.reshape(kernel, (*kernel.shape[:-1], groups, filters // groups))
    kernel = jnp.moveaxis(kernel, -3, -1)  # (h, w, I, G, O) -> (h, w, G, O, I)
    kernel = jnp.moveaxis(kernel, -3, -2)  # (h, w, G, O, I) -> (h, w, O, G, I)
    kernel = jnp.reshape(kernel, (*kernel.shape[:-2], groups * depth))
    return _plain(g, kernel, ones, edges, dilation, groups)


def _kernel_tangent(
    x: Any,
    dkernel: Any,
    size: Sequence[int],
    strides: Any,
    pads: Pads,
    dilation: Any,
    groups: int,
) -> Any:
    """Return what a change of the kernel adds: places of x times the kernel, as matrices."""
    if groups == x.shape[-1] and groups > 1:
        return _depthwise(x, dkernel, strides, pads, dilation)
    x = _padded(x, pads)
    depth, filters = dkernel.shape[-2:]
    places, width = math.prod(size[:-1]), dkernel.shape[-3]
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total: Any = 0
    for row in _taps(dkernel.shape[:-3]):
        parts = [_cut(x, (*row, i), size[1:-1], strides, dilation) for i in range(width)]
        weights = jnp.reshape(dkernel[row], (width * depth, filters))  # (w, I, O) -> (w I, O)
        if groups == 1:
            taken = jnp.concatenate(parts, -1) if width > 1 else parts[0]
            taken = lax.optimization_barrier(taken)  # or XLA cuts again for every product
            taken = jnp.reshape(taken, (places, -1))
            total = total + jnp.matmul(taken, weights, preferred_element_type=wide)
            continue
        taken = jnp.stack([jnp.reshape(p, (places, groups, depth)) for p in parts], 2)
        taken = lax.optimization_barrier(jnp.reshape(taken, (places, groups, width * depth)))
        split = jnp.reshape(weights, (width * depth, groups, filters // groups))
        total = total + jnp.einsum("ngk,kgo->ngo", taken, split, preferred_element_type=wide)
    return jnp.reshape(total, size).astype(dkernel.dtype)


def _taps(shape: Sequence[int]) -> Any:
    return itertools.product(*map(range, shape))


def _padded(x: Any, pads: Pads) -> Any:
    if not any(p for pad in pads for p in pad):
        return x
    zero = jnp.zeros((), x.dtype)
    return lax.pad(x, zero, [(0, 0, 0), *((lo, hi, 0) for lo, hi in pads), (0, 0, 0)])


def _output_size(
    x: Sequence[int], kernel: Sequence[int], strides: Any, pads: Pads, dilation: Any
) -> tuple[int, ...]:
    return tuple(
        (n + lo + hi - (k - 1) * d - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(x[1:-1], kernel, strides, pads, dilation, strict=False)
    )


def _cut(x: Any, tap: Sequence[int], size: Sequence[int], strides: Any, dilation: Any) -> Any:
    """Return what lies under pixel `tap` of the kernel, at every place."""
    start = [i * d for i, d in zip(tap, dilation, strict=True)]
    stop = [a + (n - 1) * s + 1 for a, n, s in zip(start, size, strides, strict=True)]
    return lax.slice(
        x, (0, *start, 0), (x.shape[0], *stop, x.shape[-1]), (1, *strides, 1)
    )  # (N, H, W, C) -> (N, P, Q, C)

"""Convolutions over one, two or three spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import config
from lamina._core.errors import describe, explain
from lamina._core.graph import Array, op
from lamina.ops._conv_gradients import conv_on_cpu

Sizes = int | Sequence[int]


def per_axis(where: str, name: str, value: Any, rank: int) -> tuple[int, ...]:
    """Return `value` as one whole number per spatial axis."""
    sizes = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(sizes) != rank:
        expected = f"expected one {name} for all spatial axes, or {rank}"
        raise ValueError(explain(where, expected, describe(value)))
    return sizes


def spatial_rank(where: str, x: Any) -> int:
    """Return the number of spatial axes of a batch, between the axes N and C."""
    if not 3 <= x.ndim <= 5:
        expected = "expected a batch with 1 to 3 spatial axes, as (N, H, W, C)"
        raise ValueError(explain(where, expected, describe(x), "one sample needs x[None]"))
    return x.ndim - 2


def _layout(rank: int, data_format: str) -> jax.lax.ConvDimensionNumbers:
    """Which axis is which: of inputs and outputs as `data_format` says, of kernels (..., I, O)."""
    n = rank + 2
    last = data_format == "channels_last"
    data = (0, n - 1, *range(1, n - 1)) if last else tuple(range(n))
    return jax.lax.ConvDimensionNumbers(data, (n - 1, n - 2, *range(n - 2)), data)


def _channels(x: Any, data_format: str) -> Any:
    return x.shape[-1] if data_format == "channels_last" else x.shape[1]


def _padding(where: str, padding: Any, kernel: Any, dilation: Sequence[int]) -> Any:
    name = str(padding).lower()
    if name in ("same", "valid"):
        return name.upper()
    if name == "causal" and len(dilation) == 1:
        return [(dilation[0] * (kernel.shape[0] - 1), 0)]
    expected = "expected padding 'same', 'valid', or 'causal' over one axis"
    raise ValueError(explain(where, expected, describe(padding)))


def convolve(
    where: str,
    inputs: Any,
    kernel: Any,
    strides: Sizes,
    padding: str,
    data_format: str,
    dilation_rate: Sizes,
    groups: Any,
) -> Any:
    """The one place from which convolutions enter XLA."""
    rank = spatial_rank(where, inputs)
    if kernel.ndim != rank + 2:
        expected = f"expected a kernel of {rank + 2} axes: {rank} spatial, in and out"
        raise ValueError(explain(where, expected, describe(kernel)))
    strides = per_axis(where, "stride", strides, rank)
    dilation = per_axis(where, "dilation rate", dilation_rate, rank)
    pads = _padding(where, padding, kernel, dilation)
    if jax.default_backend() == "cpu" and all(isinstance(n, int) for n in inputs.shape):
        result = _on_cpu(inputs, kernel, strides, pads, dilation, groups, data_format)
    else:
        result = jax.lax.conv_general_dilated(
            inputs,
            kernel,
            strides,
            pads,
            rhs_dilation=dilation,
            dimension_numbers=_layout(rank, data_format),
            feature_group_count=groups,
        )
    if 0 in result.shape and 0 not in inputs.shape:
        expected = "expected an input at least as large as the kernel"
        got = f"inputs of shape {inputs.shape}, kernel of shape {kernel.shape}"
        raise ValueError(explain(where, expected, got, "use padding='same' or a smaller kernel"))
    return result


def _on_cpu(
    x: Any,
    kernel: Any,
    strides: tuple[int, ...],
    padding: Any,
    dilation: tuple[int, ...],
    groups: int,
    data_format: str,
) -> Any:
    if data_format == "channels_first":
        x = jnp.moveaxis(x, 1, -1)
    if isinstance(padding, str):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
        padding = jax.lax.padtype_to_pads(x.shape[1:-1], spans, strides, padding)
    pads = tuple((int(low), int(high)) for low, high in padding)
    result = conv_on_cpu(x, kernel, strides, pads, dilation, groups)
    return jnp.moveaxis(result, -1, 1) if data_format == "channels_first" else result


@op
def conv(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Return the sums of `kernel` times what lies under it, at every place of the inputs.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        kernel: (..., I, O), C a multiple of I: then channels are convolved in C / I groups.
        strides: pixels from one place to the next.
        padding: 'valid' for places inside only, 'same' for as many as pixels (of stride 1), or
            over one axis 'causal', where nothing looks ahead.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.
        dilation_rate: pixels from one of the kernel to the next.

    Shapes:
        Returns (N, ..., O) or (N, O, ...).

    Raises:
        ValueError: shapes or options that do not fit.

    Example:
        >>> conv(jnp.ones((1, 4, 1)), jnp.ones((3, 1, 1)))[0, :, 0].tolist()
        [3.0, 3.0]
    """
    return grouped("ops.conv", inputs, kernel, strides, padding, data_format, dilation_rate)


def grouped(
    where: str,
    inputs: Any,
    kernel: Any,
    strides: Sizes,
    padding: str,
    data_format: str | None,
    dilation_rate: Sizes,
) -> Any:
    """Convolve channels in as many groups as the kernel's depth says; `where` is for errors."""
    data_format = config.standardize_data_format(data_format)
    channels, depth = _channels(inputs, data_format), kernel.shape[-2]
    if isinstance(channels, int) and channels % depth:
        expected = f"expected channels in groups of {depth}, as the kernel has"
        got = f"inputs of shape {inputs.shape}, kernel of shape {kernel.shape}, {data_format}"
        raise ValueError(explain(where, expected, got))
    return convolve(
        where,
        jnp.asarray(inputs, kernel.dtype),
        kernel,
        strides,
        padding,
        data_format,
        dilation_rate,
        groups=channels // depth,
    )


def _check_depth(where: str, inputs: Any, kernel: Any, data_format: str) -> None:
    channels = _channels(inputs, data_format)
    if channels != kernel.shape[-2]:
        expected = f"expected {kernel.shape[-2]} channels, as the kernel has"
        got = f"inputs of shape {inputs.shape}, kernel of shape {kernel.shape}, {data_format}"
        raise ValueError(explain(where, expected, got))


@op
def depthwise_conv(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Return the convolutions of each channel with kernels of its own.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        kernel: (..., C, M): M kernels per channel.
        strides, padding, data_format, dilation_rate: as for `conv`.

    Shapes:
        Returns (N, ..., C M) or (N, C M, ...).

    Raises:
        ValueError: shapes or options that do not fit.
    """
    return depthwise(
        "ops.depthwise_conv", inputs, kernel, strides, padding, data_format, dilation_rate
    )


def depthwise(
    where: str,
    inputs: Any,
    kernel: Any,
    strides: Sizes,
    padding: str,
    data_format: str | None,
    dilation_rate: Sizes,
) -> Any:
    """Convolve each channel with kernels of its own; `where` is for errors."""
    data_format = config.standardize_data_format(data_format)
    _check_depth(where, inputs, kernel, data_format)
    channels, multiplier = kernel.shape[-2:]
    flat = jnp.reshape(kernel, (*kernel.shape[:-2], 1, channels * multiplier))
    inputs, flat = _one_dtype(inputs, flat)
    return convolve(
        where, inputs, flat, strides, padding, data_format, dilation_rate, groups=channels
    )


def _one_dtype(*arrays: Any) -> tuple[Any, ...]:
    dtype = jnp.result_type(*arrays)
    return tuple(jnp.asarray(a, dtype) for a in arrays)


@op
def separable_conv(
    inputs: Array,
    depthwise_kernel: Array,
    pointwise_kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Return a depthwise convolution, whose channels are then mixed pixel by pixel.

    Args:
        inputs: (N, ..., C) or (N, C, ...), with 1 to 3 spatial axes.
        depthwise_kernel: (..., C, M).
        pointwise_kernel: (1, ..., C M, O).
        strides, padding, data_format, dilation_rate: as for `conv`, of the first step.

    Shapes:
        Returns (N, ..., O) or (N, O, ...).

    Raises:
        ValueError: shapes or options that do not fit.

    Reference:
        Chollet, "Xception", 2016, arXiv 1610.02357.
    """
    return separable(
        "ops.separable_conv",
        inputs,
        depthwise_kernel,
        pointwise_kernel,
        strides,
        padding,
        data_format,
        dilation_rate,
    )


def separable(
    where: str,
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes,
    padding: str,
    data_format: str | None,
    dilation_rate: Sizes,
) -> Any:
    """Convolve each channel, then mix them; `where` is for errors."""
    data_format = config.standardize_data_format(data_format)
    x = depthwise(where, inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    _check_depth(where, x, pointwise_kernel, data_format)
    x, pointwise_kernel = _one_dtype(x, pointwise_kernel)
    return convolve(where, x, pointwise_kernel, 1, "valid", data_format, 1, groups=1)


@op
def conv_transpose(
    inputs: Array,
    kernel: Array,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Sizes | None = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Array:
    """Return what a convolution would have had to see: its gradient as a function of its own.

    Args:
        inputs: (N, ..., I) or (N, I, ...), with 1 to 3 spatial axes.
        kernel: (..., O, I).
        strides: pixels in the result from one of the inputs to the next.
        padding: 'valid' for all pixels that any input reaches, 'same' for `strides` times as many
            as in the inputs.
        output_padding: pixels more at the end; None for as many as `padding` says.
        data_format: 'channels_last' or 'channels_first'; None for `config.image_data_format()`.
        dilation_rate: pixels from one of the kernel to the next.

    Shapes:
        Returns (N, ..., O) or (N, O, ...).

    Raises:
        ValueError: shapes or options that do not fit.

    Example:
        >>> conv_transpose(jnp.ones((1, 2, 1)), jnp.ones((3, 1, 1)), strides=2)[0, :, 0].tolist()
        [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    return transposed(
        "ops.conv_transpose",
        inputs,
        kernel,
        strides,
        padding,
        output_padding,
        data_format,
        dilation_rate,
    )


def transposed(
    where: str,
    inputs: Any,
    kernel: Any,
    strides: Sizes,
    padding: str,
    output_padding: Sizes | None,
    data_format: str | None,
    dilation_rate: Sizes,
) -> Any:
    """Spread the inputs out by `strides` and convolve them; `where` is for errors."""
    data_format = config.standardize_data_format(data_format)
    rank = spatial_rank(where, inputs)
    channels = _channels(inputs, data_format)
    if kernel.ndim != rank + 2 or channels != kernel.shape[-1]:
        expected = f"expected a kernel of {rank + 2} axes, the last of size {channels}"
        got = f"inputs of shape {inputs.shape}, kernel of shape {kernel.shape}, {data_format}"
        raise ValueError(explain(where, expected, got))
    strides = per_axis(where, "stride", strides, rank)
    dilation = per_axis(where, "dilation rate", dilation_rate, rank)
    extra = (None,) * rank if output_padding is None else output_padding
    extra = per_axis(where, "output padding", extra, rank)
    padding = str(padding).lower()
    if padding not in ("valid", "same"):
        raise ValueError(explain(where, "expected padding 'same' or 'valid'", describe(padding)))
    inputs, kernel = _one_dtype(inputs, kernel)
    pads = tuple(
        _transpose_padding(size, stride, rate, padding, more)
        for size, stride, rate, more in zip(kernel.shape, strides, dilation, extra, strict=False)
    )
    if jax.default_backend() == "cpu" and all(isinstance(n, int) for n in inputs.shape):
        return _transposed_on_cpu(inputs, kernel, strides, pads, dilation, data_format)
    return jax.lax.conv_transpose(
        inputs,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=_layout(rank, data_format),
        transpose_kernel=True,
    )


def _transposed_on_cpu(
    x: Any,
    kernel: Any,
    strides: tuple[int, ...],
    pads: Any,
    dilation: tuple[int, ...],
    data_format: str,
) -> Any:
    """The same as a convolution of what was spread out, whose gradients are fast in loops."""
    if data_format == "channels_first":
        x = jnp.moveaxis(x, 1, -1)
    if max(strides) > 1:
        widths = [(0, 0, 0), *((0, 0, stride - 1) for stride in strides), (0, 0, 0)]
        x = jax.lax.optimization_barrier(jax.lax.pad(x, jnp.zeros((), x.dtype), widths))
    axes = tuple(range(kernel.ndim - 2))
    kernel = jnp.swapaxes(jnp.flip(kernel, axes), -1, -2)  # (..., O, I) -> (..., I, O)
    result = conv_on_cpu(x, kernel, (1,) * len(strides), pads, dilation, 1)
    return jnp.moveaxis(result, -1, 1) if data_format == "channels_first" else result


def _transpose_padding(
    size: int, stride: int, rate: int, padding: str, extra: int | None
) -> tuple[int, int]:
    """Zeros before and after inputs that are spread out by `stride`.

    Without any, the result has (inputs - 1) stride + 2 - reach pixels, `reach` the kernel's span.
    """
    reach = (size - 1) * rate + 1
    if padding == "valid":  # (inputs - 1) stride + reach pixels, and at least `stride` per input
        extra = max(stride - reach, 0) if extra is None else extra
        return reach - 1, reach - 1 + extra
    if extra is None:  # inputs * stride pixels
        total = reach + stride - 2
    else:  # (inputs - 1) stride + reach % 2 + extra pixels
        total = reach + reach % 2 - 2 + extra
    before = min(-(-total // 2), reach - 1)
    return before, total - before

"""Convolutions of each channel by itself, alone and followed by a mix of the channels."""

from typing import Any

from lamina._core.configurable import PositiveInt
from lamina.layers._conv import Convolution
from lamina.layers._rank import over_axes
from lamina.ops import _conv


class DepthwiseConv(Convolution):
    """activation(y + bias), y being each channel convolved with kernels of its own.

    y[n, p, depth_multiplier c + m] = sum over q of x[n, strides p + dilation_rate q, c]
    kernel[q, c, m]: channels do not meet.

    Args:
        kernel_size: pixels of the kernels along each axis: one number, or one for each.
        strides: pixels from one place to the next.
        padding: 'valid' for places inside only; 'same' for as many as pixels (of stride 1).
        depth_multiplier: kernels per channel.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        dilation_rate: pixels from one of the kernel to the next.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer: where the weights start.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        depthwise_constraint, bias_constraint: what the weights must satisfy after every step.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: PositiveInt = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_places(kernel_size, strides, padding, data_format, dilation_rate)
        self.depth_multiplier = depth_multiplier
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_weight(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._add("kernel", shape, "depthwise")
        filters = channels * self.depth_multiplier
        self.bias = self._add("bias", (filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        x = _conv.depthwise(
            self._where(),
            inputs,
            self.kernel.value,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finished(x)  # (N, H, W, C) -> (N, P, Q, C M)


@over_axes(1)
class DepthwiseConv1D(DepthwiseConv):
    """Convolution of each channel over time.

    Shapes:
        (N, T, C) -> (N, P, C depth_multiplier), or with channels first.

    Weights:
        kernel (kernel_size, C, depth_multiplier), bias (C depth_multiplier,).

    Example:
        >>> import numpy as np
        >>> layer = DepthwiseConv1D(2, depthwise_initializer="ones")
        >>> layer(np.array([[[1.0, 10.0], [2.0, 20.0]]])).ravel().tolist()
        [3.0, 30.0]
    """


@over_axes(2, "strides", "dilation_rate")
class DepthwiseConv2D(DepthwiseConv):
    """Convolution of each channel over images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, C depth_multiplier), or with channels first.

    Weights:
        kernel (rows, columns, C, depth_multiplier), bias (C depth_multiplier,).

    Reference:
        Howard et al., 2017, arXiv 1704.04861.

    Example:
        >>> import numpy as np
        >>> DepthwiseConv2D(3, depth_multiplier=2)(np.ones((1, 5, 6, 3))).shape
        (1, 3, 4, 6)
    """


class SeparableConv(Convolution):
    """activation(z + bias), z being each channel convolved, then the channels mixed.

    z[n, p, o] = sum over c of y[n, p, c] pointwise_kernel[c, o], y as of DepthwiseConv2D with
    depth_multiplier: far fewer weights than one kernel over space and channels.

    Args:
        filters: number of output channels.
        kernel_size: pixels of the kernels along each axis: one number, or one for each.
        strides: pixels from one place to the next.
        padding: 'valid' for places inside only; 'same' for as many as pixels (of stride 1).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        dilation_rate: pixels from one of the kernel to the next.
        depth_multiplier: kernels per channel.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: where the weights start.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer:
            penalties added to the loss.
        depthwise_constraint, pointwise_constraint, bias_constraint: what the weights must satisfy
            after every step.
    """

    def __init__(
        self,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: PositiveInt = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_places(kernel_size, strides, padding, data_format, dilation_rate)
        self.filters = filters
        self.depth_multiplier = depth_multiplier
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_weight(
            "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self._set_weight(
            "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._add("depthwise_kernel", shape, "depthwise")
        shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add("pointwise_kernel", shape, "pointwise")
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        x = _conv.separable(
            self._where(),
            inputs,
            self.depthwise_kernel.value,
            self.pointwise_kernel.value,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finished(x)  # (N, H, W, C) -> (N, P, Q, O)


@over_axes(1)
class SeparableConv1D(SeparableConv):
    """Convolution over time that treats steps and channels one after the other.

    Shapes:
        (N, T, C) -> (N, P, filters), or (N, C, T) -> (N, filters, P).

    Weights:
        depthwise_kernel (kernel_size, C, depth_multiplier), pointwise_kernel
        (1, C depth_multiplier, filters), bias (filters,).

    Example:
        >>> import numpy as np
        >>> SeparableConv1D(8, 3)(np.ones((2, 10, 4))).shape
        (2, 8, 8)
    """


@over_axes(2, "strides", "dilation_rate")
class SeparableConv2D(SeparableConv):
    """Convolution over images that treats space and channels one after the other.

    Shapes:
        (N, H, W, C) -> (N, P, Q, filters), or (N, C, H, W) -> (N, filters, P, Q).

    Weights:
        depthwise_kernel (rows, columns, C, depth_multiplier), pointwise_kernel
        (1, 1, C depth_multiplier, filters), bias (filters,).

    Reference:
        Chollet, "Xception", 2016, arXiv 1610.02357.

    Example:
        >>> import numpy as np
        >>> SeparableConv2D(8, 3, padding="same")(np.ones((2, 9, 6, 3))).shape
        (2, 9, 6, 8)
    """

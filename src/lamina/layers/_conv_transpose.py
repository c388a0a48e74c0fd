"""Transposed convolutions, over one, two and three axes of space."""

from typing import Any

from lamina._core.configurable import PositiveInt
from lamina._core.errors import explain
from lamina.layers._checks import integers
from lamina.layers._conv import Convolution
from lamina.layers._rank import over_axes
from lamina.ops import _conv


class ConvTranspose(Convolution):
    """activation(z + bias), z being what a convolution with this kernel would have had to see.

    Every pixel of the input adds its multiple of the kernel to the output, `strides` pixels from
    what its neighbour adds: z[n, strides p + dilation_rate q, o] gets x[n, p, i] kernel[q, o, i].

    Args:
        filters: number of output channels.
        kernel_size: pixels of the kernel along each axis: one number, or one for each.
        strides: pixels in the output from one of the input to the next.
        padding: 'valid' for all pixels that any input reaches; 'same' for `strides` times as many
            as in the input.
        output_padding: pixels more at the end of each axis, fewer than `strides`; None for as
            many as `padding` says.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        dilation_rate: pixels from one of the kernel to the next; not together with strides.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.
    """

    def __init__(
        self,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_places(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_strides_with_dilation()
        self.filters = filters
        self.output_padding = self._extra(output_padding)
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def _extra(self, output_padding: Any) -> tuple[int, ...] | None:
        if output_padding is None:
            return None
        where = type(self).__name__
        extra = integers(where, "output_padding", output_padding, self.rank, least=0)
        if all(e < s for e, s in zip(extra, self.strides, strict=True)):
            return extra
        raise ValueError(
            explain(
                where,
                "expected an `output_padding` below `strides`",
                f"output_padding={extra}, strides={self.strides}",
                "leave it out for padding='same' to give `strides` times as many pixels",
            )
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, channels))
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        x = _conv.transposed(
            self._where(),
            inputs,
            self.kernel.value,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finished(x)  # (N, P, Q, I) -> (N, H, W, O)


@over_axes(1)
class Conv1DTranspose(ConvTranspose):
    """Transposed convolution over time.

    Shapes:
        (N, T, C) -> (N, P, filters), or (N, C, T) -> (N, filters, P).

    Weights:
        kernel (kernel_size, filters, C), bias (filters,).

    Example:
        >>> import numpy as np
        >>> layer = Conv1DTranspose(1, 3, strides=2, kernel_initializer="ones")
        >>> layer(np.array([[[1.0], [2.0]]])).ravel().tolist()
        [1.0, 1.0, 3.0, 2.0, 2.0]
    """


@over_axes(2, "strides", "dilation_rate")
class Conv2DTranspose(ConvTranspose):
    """Transposed convolution over images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, filters), or (N, C, H, W) -> (N, filters, P, Q).

    Weights:
        kernel (rows, columns, filters, C), bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv2DTranspose(8, 3, strides=2, padding="same")(np.ones((2, 4, 5, 3))).shape
        (2, 8, 10, 8)
    """


@over_axes(3, "strides", "dilation_rate")
class Conv3DTranspose(ConvTranspose):
    """Transposed convolution over volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, filters), or (N, C, D, H, W) -> (N, filters, O, P, Q).

    Weights:
        kernel (layers, rows, columns, filters, C), bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv3DTranspose(8, 2, strides=2)(np.ones((1, 2, 3, 4, 3))).shape
        (1, 4, 6, 8, 8)
    """

    def __init__(
        self,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(  # in Keras' order for volumes: data_format before output_padding
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )

"""Convolutions, and transposed convolutions, over one, two and three axes of space."""

from typing import Any, ClassVar

from lamina import activations, constraints, initializers, regularizers
from lamina._core import config
from lamina._core.configurable import PositiveInt
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.state import Variable
from lamina.layers._checks import check_choice, integers, known_size
from lamina.layers._lora import LowRank
from lamina.layers._rank import over_axes
from lamina.ops import _conv


class Convolution(Layer):
    """Base of the layers that move a kernel over `rank` axes of space."""

    rank: ClassVar[int]
    _takes_causal: ClassVar[bool] = False

    def _set_places(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        where, rank = type(self).__name__, self.rank
        self.kernel_size = integers(where, "kernel_size", kernel_size, rank)
        self.strides = integers(where, "strides", strides, rank)
        self.dilation_rate = integers(where, "dilation_rate", dilation_rate, rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        causal = ("causal",) if self._takes_causal and rank == 1 else ()
        check_choice(where, "padding", self.padding, ("valid", "same", *causal))
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _refuse_strides_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected `strides` or `dilation_rate` above 1, not both",
                    f"strides={self.strides}, dilation_rate={self.dilation_rate}",
                    "dilate with strides of 1, and put a pooling layer after it",
                )
            )

    def _set_output(
        self, activation: Any, use_bias: bool, initializer: Any, regularizer: Any, constraint: Any
    ) -> None:
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(initializer)
        self.bias_regularizer = regularizers.get(regularizer)
        self.bias_constraint = constraints.get(constraint)
        self.bias: Any = None

    def _set_weight(self, name: str, initializer: Any, regularizer: Any, constraint: Any) -> None:
        setattr(self, f"{name}_initializer", initializers.get(initializer))
        setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{name}_constraint", constraints.get(constraint))

    def _input_channels(self, input_shape: Any) -> int:
        """Return the channels that weights depend on, which inputs must have from now on."""
        axis = -1 if self.data_format == "channels_last" else 1
        channels = known_size(self._where(), input_shape, axis)
        if len(input_shape) == self.rank + 2:
            self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
            return channels
        raise ValueError(
            explain(
                self._where(),
                f"expected an input of {self.rank + 2} axes: the batch, {self.rank} of space, "
                "the channels",
                f"shape {tuple(input_shape)}",
            )
        )

    def _add(self, name: str, shape: Any, options: str | None = None) -> Variable:
        """Make a weight with the initializer, regularizer and constraint called by `options`."""
        options = options or name
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{options}_initializer"),
            regularizer=getattr(self, f"{options}_regularizer"),
            constraint=getattr(self, f"{options}_constraint"),
        )

    def _finished(self, x: Any) -> Any:
        """Return activation(x + bias)."""
        if self.bias is not None:
            bias = self.bias.value
            if self.data_format == "channels_first":
                bias = bias.reshape((-1, *(1,) * self.rank))  # (O,) -> (O, 1, 1)
            x = x + bias
        return self.activation(x)


class Conv(LowRank, Convolution):
    """activation(inputs * kernel + bias), * being the convolution over `rank` axes.

    y[n, p, o] = activation(bias[o] + sum over q, i of x[n, strides p + dilation_rate q, i]
    kernel[q, i, o]), for places p and q of as many axes as there are of space; out of sight, x
    is 0.

    Args:
        filters: number of output channels.
        kernel_size: pixels of the kernel along each axis: one number, or one for each.
        strides: pixels from one place to the next.
        padding: 'valid' for places inside only; 'same' for as many as pixels (of stride 1), and
            over one axis 'causal', where nothing looks ahead.
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        dilation_rate: pixels from one of the kernel to the next; not together with strides.
        groups: channels are convolved in so many groups, each with filters / groups kernels.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.
        lora_rank, lora_alpha: see `enable_lora`.
    """

    _adapted = "kernel"
    _takes_causal = True

    def __init__(
        self,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: PositiveInt = 1,
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
        rank, alpha = kwargs.pop("lora_rank", None), kwargs.pop("lora_alpha", None)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_places(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_strides_with_dilation()
        self.filters = filters
        self.groups = groups
        if filters % groups:
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected a number of `filters` that `groups` divides",
                    f"filters={filters}, groups={groups}",
                )
            )
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        if rank is not None:
            (rank,) = integers(type(self).__name__, "lora_rank", rank, 1)
        self.lora_rank = rank
        self.lora_alpha = rank if alpha is None else alpha

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a number of channels that groups={self.groups} divides",
                    f"{channels} channels, of shape {tuple(input_shape)}, {self.data_format}",
                )
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._kernel = self._add("kernel", shape)
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The weights (..., I / groups, O): a Variable, or with LoRA a sum with the correction."""
        return self._effective() if self.lora_enabled else self._weight()

    def call(self, inputs: Any) -> Any:
        x = _conv.grouped(
            self._where(),
            inputs,
            self._effective(),
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finished(x)  # (N, H, W, I) -> (N, P, Q, O)


@over_axes(1)
class Conv1D(Conv):
    """Convolution over time.

    Shapes:
        (N, T, C) -> (N, P, filters), or (N, C, T) -> (N, filters, P).

    Weights:
        kernel (kernel_size, C / groups, filters), bias (filters,).

    Example:
        >>> import numpy as np
        >>> layer = Conv1D(1, 2, kernel_initializer="ones")
        >>> layer(np.array([[[1.0], [2.0], [3.0]]])).ravel().tolist()
        [3.0, 5.0]
    """


@over_axes(2, "strides", "dilation_rate")
class Conv2D(Conv):
    """Convolution over images.

    Shapes:
        (N, H, W, C) -> (N, P, Q, filters), or (N, C, H, W) -> (N, filters, P, Q).

    Weights:
        kernel (rows, columns, C / groups, filters), bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv2D(8, 3, strides=2, padding="same")(np.ones((2, 9, 6, 3))).shape
        (2, 5, 3, 8)
    """


@over_axes(3, "strides", "dilation_rate")
class Conv3D(Conv):
    """Convolution over volumes.

    Shapes:
        (N, D, H, W, C) -> (N, O, P, Q, filters), or (N, C, D, H, W) -> (N, filters, O, P, Q).

    Weights:
        kernel (layers, rows, columns, C / groups, filters), bias (filters,).

    Example:
        >>> import numpy as np
        >>> Conv3D(8, (1, 3, 3))(np.ones((2, 4, 5, 6, 3))).shape
        (2, 4, 3, 4, 8)
    """

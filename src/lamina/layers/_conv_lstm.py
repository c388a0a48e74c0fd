"""ConvLSTM: an LSTM whose states are images, and whose products are convolutions."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina import activations
from lamina._core.configurable import Fraction, PositiveInt
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.random import SeedGenerator
from lamina.layers._cells import RecurrentDropout, Sweeper, forget_less
from lamina.layers._conv import Convolution
from lamina.layers._rank import over_axes
from lamina.layers._rnn import OPTIONS, RNN, shared_options
from lamina.ops import _conv, _rnn


class ConvLSTMCell(RecurrentDropout, Sweeper, Convolution):
    """One step of ConvLSTM over `rank` axes: c = f * c_before + i * g, h = o * activation(c).

    The gates i, f, g, o are activations of the sum of two convolutions, of the inputs and of
    h_before, cut in four.

    Shapes:
        (N, ..., C), states [h (N, ..., filters), c (N, ..., filters)] -> h, [h, c].

    Weights:
        kernel (..., C, 4 * filters), recurrent_kernel (..., filters, 4 * filters),
        bias (4 * filters,).
    """

    def __init__(
        self,
        rank: int,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rank = rank  # type: ignore[misc]
        self.filters = filters
        self._set_places(kernel_size, strides, padding, data_format, dilation_rate)
        self._refuse_strides_with_dilation()
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_weight(
            "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self._masks_per_step = 4
        self.state_size = [filters, filters]
        self.output_size = filters

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        axis = 1 if self.data_format == "channels_first" else -1
        self.input_spec = InputSpec(ndim=len(input_shape), axes={axis: channels})
        self._step_shape = tuple(input_shape[1:])
        if None in self._step_shape:
            raise ValueError(
                explain(
                    self._where(),
                    "expected images of a fixed size, since the states are as large",
                    f"shape {tuple(input_shape)} of one time step",
                    "give all sizes but the batch and the time in Input(shape=(None, 32, 32, 3))",
                )
            )
        width = 4 * self.filters
        self.kernel = self._add("kernel", (*self.kernel_size, channels, width))
        recurrent = (*self.kernel_size, self.filters, width)
        self.recurrent_kernel = self._add("recurrent_kernel", recurrent, "recurrent")
        if self.use_bias:
            self.bias = self._add("bias", (width,))
            if self.unit_forget_bias:
                start = forget_less(self.bias_initializer, self.filters)
                self.bias.assign(start(self.bias.shape, dtype=self.variable_dtype))
        shape = jax.eval_shape(
            lambda: self._seen(
                jnp.zeros((1, *self._step_shape)), jnp.zeros(self.kernel.shape), self._strides()
            )
        ).shape
        self._state_shape = tuple(
            self.filters if i == self._channels % len(shape) else n for i, n in enumerate(shape)
        )[1:]

    @property
    def _channels(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _strides(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
        }

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return zeros, the states h and c."""
        return [jnp.zeros((batch_size, *self._state_shape), self.compute_dtype) for _ in range(2)]

    def mask_shapes(self, batch: Any) -> tuple[tuple, tuple]:
        return (batch, *self._step_shape), (batch, *self._state_shape)

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        dropped, recurrent = self._masks(inputs.shape[0], training, inputs.dtype)
        return self._advance(self._projected(inputs, dropped), states, recurrent)

    def _projected(self, inputs: Any, masks: Any) -> Any:
        """(N, ..., C) -> (N, ..., 4 * filters), the inputs' part of all gates."""
        x = self._gated(inputs, masks, self.kernel.value, self._strides())
        if self.bias is None:
            return x
        bias = self.bias.value
        if self.data_format == "channels_first":
            bias = bias.reshape((-1, *(1,) * self.rank))  # (4F,) -> (4F, 1, 1)
        return x + bias

    def _advance(self, x: Any, states: Any, masks: Any) -> tuple[Any, list[Any]]:
        h, c = states
        same = {"strides": 1, "padding": "same", "dilation_rate": 1}
        z = x + self._gated(h, masks, self.recurrent_kernel.value, same)
        i, f, g, o = jnp.split(z, 4, axis=self._channels)  # (N, ..., 4F) -> 4 of (N, ..., F)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        c = f * c + i * self.activation(g)
        h = o * self.activation(c)
        return h, [h, c]

    def _gated(self, x: Any, masks: Any, kernel: Any, places: dict[str, Any]) -> Any:
        """Convolve, with a mask of its own for each gate if there are any."""
        if masks is None:
            return self._seen(x, kernel, places)
        parts = zip(masks, jnp.split(kernel, 4, axis=-1), strict=True)
        return jnp.concatenate([self._seen(x * m, k, places) for m, k in parts], self._channels)

    def _seen(self, x: Any, kernel: Any, places: dict[str, Any]) -> Any:
        return _conv.grouped(
            self._where(), x, kernel, **places, data_format=self.data_format
        )  # (N, H, W, C) -> (N, P, Q, 4F)

    # --- all steps at once ----------------------------------------------------------------------

    def sweeps(self, training: bool | None) -> bool:
        """Return whether `sweep` does what `call` does step by step."""
        return self.activity_regularizer is None

    def sweep(self, x: Any, states: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """Return the outputs of all steps and the last states; the inputs are convolved at once.

        Args:
            x: (T, N, ..., C).
            states: h and c.
            mask: (T, N), truth values, or None.
        """
        steps, batch = x.shape[:2]
        with self._entered(training):
            x = x.astype(self.compute_dtype)
            dropped, recurrent = self._masks(batch, training, x.dtype)
            if dropped is not None:  # the same in all steps
                dropped = [jnp.tile(m, (steps, *[1] * (m.ndim - 1))) for m in dropped]
            rows = jnp.reshape(x, (steps * batch, *x.shape[2:]))  # (T, N, ...) -> (T * N, ...)
            projected = self._projected(rows, dropped)
            projected = jnp.reshape(projected, (steps, batch, *projected.shape[1:]))
            step = lambda now, old: self._advance(now, old, recurrent)  # noqa: E731
            return _rnn.run(step, projected, list(states), mask)


class ConvLSTM(RNN, options=f"{OPTIONS} filters kernel_size strides padding data_format "
               "dilation_rate recurrent_activation unit_forget_bias"):  # fmt: skip
    """Read a sequence of images with an LSTM whose products are convolutions.

    c_t = f * c_{t-1} + i * g, h_t = o * activation(c_t); the gates i, f, g, o are activations of
    conv(x_t, kernel) + conv(h_{t-1}, recurrent_kernel) + bias, cut in four along the channels. The
    second convolution keeps the size, whatever `strides` and `padding` say of the first.

    Args:
        filters: channels of h, of c and of the outputs.
        kernel_size: pixels of both kernels along each axis: one number, or one for each.
        strides: pixels from one place of the first convolution to the next.
        padding: 'valid' for places inside only; 'same' for as many as pixels (of stride 1).
        data_format: 'channels_last' or 'channels_first' (default: `config.image_data_format()`).
        dilation_rate: pixels from one of the kernel to the next; not together with strides.
        activation: name or function, of g and of c.
        recurrent_activation: name or function, of i, f and o.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        unit_forget_bias: whether the bias of f starts from 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer:
            penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training, the same in all time steps.
        recurrent_dropout: fraction of h that is dropped while training, likewise.
        seed: a whole number for repeatable dropout.
        return_sequences, return_state, go_backwards, stateful: see `RNN`.
    """

    rank: ClassVar[int]

    def __init__(
        self,
        filters: PositiveInt,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate,
            activation, recurrent_activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias,
            kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint,
            dropout, recurrent_dropout, seed,
            **shared_options(kwargs), name="conv_lstm_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 3)


@over_axes(1)
class ConvLSTM1D(ConvLSTM):
    """Read a sequence of lines of pixels with an LSTM whose products are convolutions.

    Shapes:
        (N, T, W, C) -> (N, P, filters), or (N, T, P, filters) with `return_sequences`; with
        'channels_first' (N, T, C, W) -> (N, filters, P).

    Weights:
        kernel (kernel_size, C, 4 * filters), recurrent_kernel (kernel_size, filters,
        4 * filters), bias (4 * filters,).

    Reference:
        Shi et al., 2015, arXiv 1506.04214; without the products with c in the gates.

    Example:
        >>> import numpy as np
        >>> ConvLSTM1D(4, 3)(np.ones((2, 5, 8, 3))).shape
        (2, 6, 4)
    """


@over_axes(2)
class ConvLSTM2D(ConvLSTM):
    """Read a sequence of images with an LSTM whose products are convolutions.

    Shapes:
        (N, T, H, W, C) -> (N, P, Q, filters), or (N, T, P, Q, filters) with `return_sequences`;
        with 'channels_first' (N, T, C, H, W) -> (N, filters, P, Q).

    Weights:
        kernel (rows, columns, C, 4 * filters), recurrent_kernel (rows, columns, filters,
        4 * filters), bias (4 * filters,).

    Reference:
        Shi et al., 2015, arXiv 1506.04214; without the products with c in the gates.

    Example:
        >>> import numpy as np
        >>> ConvLSTM2D(4, 3, padding="same", return_sequences=True)(np.ones((2, 3, 6, 6, 1))).shape
        (2, 3, 6, 6, 4)
    """


@over_axes(3)
class ConvLSTM3D(ConvLSTM):
    """Read a sequence of volumes with an LSTM whose products are convolutions.

    Shapes:
        (N, T, D, H, W, C) -> (N, O, P, Q, filters), or with T with `return_sequences`; with
        'channels_first' (N, T, C, D, H, W) -> (N, filters, O, P, Q).

    Weights:
        kernel (layers, rows, columns, C, 4 * filters), recurrent_kernel (layers, rows, columns,
        filters, 4 * filters), bias (4 * filters,).

    Reference:
        Shi et al., 2015, arXiv 1506.04214; without the products with c in the gates.

    Example:
        >>> import numpy as np
        >>> ConvLSTM3D(2, 2)(np.ones((1, 2, 3, 3, 3, 1))).shape
        (1, 2, 2, 2, 2)
    """

"""Recurrent layers: a cell that reads a sequence, one time step after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from lamina._core import serialize, tree
from lamina._core.configurable import Check, Fraction, PositiveInt
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.graph import as_array
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.masks import get_mask
from lamina._core.state import Variable
from lamina._core.tensor import KerasTensor
from lamina.layers._cells import (
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
    Sweeper,
    build_cell,
    check_cell,
    first_states,
    held_masks,
    take_step,
)
from lamina.ops import _rnn

UseCudnn = Annotated[Any, Check("'auto', True or False", lambda x: x in ("auto", True, False))]


class RNN(Layer):
    """Read a sequence with a cell: output_t, states_t = cell(x_t, states_{t-1}).

    Args:
        cell: a cell, or a list of cells that are stacked. A cell of your own is a layer with
            `call(inputs, states)`, which returns `(output, new_states)`, and `state_size`, a size
            or a list of sizes; it may have `output_size` (default: the first state's size) and
            `get_initial_state(batch_size)` (default: zeros).
        return_sequences: whether the outputs of all time steps are returned, or the last one.
        return_state: whether the last states are returned too.
        go_backwards: whether the sequence is read from its end; outputs come in the order read.
        stateful: whether a batch starts from the states that the one before ended with. The
            batch's size must be fixed, and `fit` needs shuffle=False.
        unroll: whether the loop is written out, which compiles longer.
        zero_output_for_mask: whether masked time steps give zeros; by default they repeat the
            output before.

    `layer(x, initial_state=[...])` starts from given states, `layer(x, mask=...)` skips time steps:
    states stay as they are where the mask (N, T) is false. A mask that travels with `x` is used.

    Shapes:
        (N, T, C) -> (N, O), or (N, T, O) with `return_sequences`; with `return_state` a tuple of
        that and the last states.

    Weights:
        those of the cell.

    Raises:
        ValueError: `cell` is not one.

    Example:
        >>> import numpy as np
        >>> class Sum(Layer):
        ...     state_size = 1
        ...     def call(self, inputs, states):
        ...         total = states[0] + inputs
        ...         return total, [total]
        >>> x = np.array([[[1.0], [2.0], [3.0]]])
        >>> RNN(Sum(), return_sequences=True)(x).tolist()
        [[[1.0], [3.0], [6.0]]]
    """

    _makes_cell = False

    def __init_subclass__(cls, options: str = "", **kwargs: Any) -> None:
        """Let layers that make their cell themselves have its `options` as attributes."""
        super().__init_subclass__(**kwargs)
        for name in options.split():
            setattr(cls, name, _of_cell(name))
        cls._makes_cell = cls._makes_cell or bool(options)

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(type(self).__name__, cell)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.states: Any = None
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)
        self._expect_steps()
        sizes = cell.state_size
        self.state_size = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        shape = tuple(sequences_shape)
        if len(shape) < 3:
            raise ValueError(
                explain(
                    self._where(),
                    "expected sequences (N, T, ...): a batch, time steps, and at least one axis "
                    "of features",
                    f"shape {shape}",
                    "one feature is an axis too: x[..., None]",
                )
            )
        if self.stateful and shape[0] is None:
            raise ValueError(
                explain(
                    self._where(),
                    "expected a fixed batch size, since a stateful layer keeps states for each row",
                    f"shape {shape}",
                    "give it as Input(batch_shape=(32, ...)), and to `fit` as batch_size=32",
                )
            )
        self._build_cell((shape[0], *shape[2:]))
        self._expect_steps()
        if self.stateful and self.states is None:
            self.states = self._make_states(shape[0])

    def _expect_steps(self) -> None:
        """Accept sequences whose steps the cell accepts: an axis of time after the batch."""
        spec = getattr(self.cell, "input_spec", None)
        if isinstance(spec, InputSpec) and spec.ndim is not None:
            axes = {a + 1 if a > 0 else a: n for a, n in spec.axes.items()}
            self.input_spec = InputSpec(ndim=spec.ndim + 1, axes=axes)

    def _build_cell(self, step: tuple) -> None:
        cell = self.cell
        build_cell(cell, step)
        if isinstance(cell, Layer) and not cell.built:  # it builds itself when it is called
            batch = step[0] or 1
            states = jax.eval_shape(lambda: self.get_initial_state(batch))
            states = tree.map_structure(lambda s: KerasTensor(s.shape, s.dtype), states)
            cell(KerasTensor((batch, *step[1:]), self.input_dtype), states)

    def _make_states(self, batch: int) -> Any:
        with jax.ensure_compile_time_eval(), using(scope=None):
            states = self.get_initial_state(batch)
        return tree.map_structure(
            lambda s: Variable(s, dtype=self.variable_dtype, trainable=False, name="rnn_state"),
            states,
        )

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Return the states that a sequence starts from, a list."""
        states = first_states(self.cell, batch_size, self._state_dtype())
        return list(states) if tree.is_nested(states) else [states]

    def _state_dtype(self) -> Any:
        return getattr(self.cell, "compute_dtype", self.compute_dtype)

    def reset_state(self) -> None:
        """Set the states that a stateful layer keeps to 0."""
        for state in tree.flatten(self.states) if self.states is not None else []:
            state.assign(jnp.zeros(state.shape))

    def reset_states(self) -> None:
        """The old name of `reset_state`."""
        self.reset_state()

    # --- calling --------------------------------------------------------------------------------

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = False,
    ) -> Any:
        if mask is None:  # beside an initial state, a mask that travels with x is not passed
            mask = get_mask(sequences)
        states = self._starting_states(sequences, initial_state)
        last, outputs, states = self.inner_loop(sequences, states, mask, training=training)
        states = tree.map_structure(lambda s: s.astype(self.compute_dtype), states)
        if self.stateful:
            kept = tree.flatten(self.states)
            for variable, state in zip(kept, tree.flatten(states), strict=True):
                variable.assign(state)
        output = (outputs if self.return_sequences else last).astype(self.compute_dtype)
        return (output, *states) if self.return_state else output

    def _starting_states(self, sequences: Any, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if self.stateful and batch != tree.flatten(self.states)[0].shape[0]:
            kept = tree.flatten(self.states)[0].shape
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a batch of {kept[0]}, as at build: a stateful layer keeps states "
                    "for each row",
                    f"sequences of shape {sequences.shape}",
                    "use batches of that size only; drop the rest of the data",
                )
            )
        if given is None:
            given = self.states if self.stateful else self.get_initial_state(batch)
        else:
            given = self._checked_states(given, batch)
        dtype = self._state_dtype()
        return tree.map_structure(lambda s: as_array(s).astype(dtype), list(given))

    def _checked_states(self, given: Any, batch: Any) -> list[Any]:
        given = list(given) if tree.is_nested(given) else [given]
        wanted = jax.eval_shape(lambda: self.get_initial_state(batch))
        shapes = [tuple(s.shape) for s in tree.flatten(wanted)]
        if [tuple(getattr(s, "shape", ())) for s in tree.flatten(given)] != shapes:
            listed = ", ".join(map(str, shapes))
            raise ValueError(
                explain(
                    self._where(),
                    f"expected {len(shapes)} initial state(s), of shapes {listed}",
                    ", ".join(describe(s) for s in tree.flatten(given)),
                    "an LSTM has two, h and c; of stacked cells each has its own, and of a "
                    "Bidirectional layer each direction",
                )
            )
        return tree.pack_sequence_as(wanted, tree.flatten(given))

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False
    ) -> tuple[Any, Any, Any]:
        """Return the last output, the outputs of all time steps, and the last states.

        Args:
            sequences: (N, T, ...).
            initial_state: list of states.
            mask: (N, T), truth values, or None.
        """
        x, keep = jnp.swapaxes(sequences, 0, 1), self._time_mask(mask)  # (N, T, ...) -> (T, N, ...)
        if self.go_backwards:
            x, keep = jnp.flip(x, 0), None if keep is None else jnp.flip(keep, 0)
        cell = self.cell
        if isinstance(cell, Sweeper) and cell.sweeps(training):
            outputs, states = cell.sweep(x, initial_state, keep, training)
            if self.zero_output_for_mask and keep is not None:
                keep = jnp.expand_dims(keep, tuple(range(2, outputs.ndim)))  # (T, N, 1, ...)
                outputs = jnp.where(keep, outputs, jnp.zeros((), outputs.dtype))
        else:
            with held_masks(cell, x.shape[1], training):
                outputs, states = _rnn.run(
                    self._step(training), x, initial_state, keep, self.zero_output_for_mask,
                    self.unroll,
                )  # fmt: skip
        return outputs[-1], jnp.swapaxes(outputs, 0, 1), states

    def _time_mask(self, mask: Any) -> Any:
        """(N, T) or (N, T, ...), where a step counts if anything in it does -> (T, N)."""
        masks = [m for m in tree.flatten(mask) if m is not None]
        if not masks:
            return None
        if masks[0].ndim < 2:
            raise ValueError(
                explain(self._where(), "expected a mask (N, T)", f"shape {masks[0].shape}")
            )
        keep = masks[0].astype(bool)
        return jnp.any(keep, axis=tuple(range(2, keep.ndim))).T  # (N, T, ...) -> (T, N)

    def _step(self, training: bool | None) -> Callable[[Any, Any], tuple[Any, Any]]:
        def step(inputs: Any, states: Any) -> tuple[Any, Any]:
            output, new = take_step(self.cell, inputs, states, training)
            new = list(new) if tree.is_nested(new) else [new]
            if len(tree.flatten(new)) != len(tree.flatten(states)):
                raise ValueError(
                    explain(
                        self._where(),
                        f"expected {len(tree.flatten(states))} new state(s) from its cell, as "
                        "`state_size` says",
                        f"{len(tree.flatten(new))}",
                        "`call` of a cell returns `(output, new_states)`",
                    )
                )
            return output, new

        return step

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = tree.flatten(previous_mask)[0] if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self._makes_cell:
            for name in ("cell", "use_cudnn"):
                config.pop(name, None)
            regularizer = serialize.serialize_keras_object(self.activity_regularizer)
            config["activity_regularizer"] = regularizer
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        with serialize.CustomObjectScope(custom_objects or {}):
            return super().from_config(config)


def _of_cell(name: str) -> Any:
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")


OPTIONS = (
    "activation use_bias seed kernel_initializer recurrent_initializer bias_initializer "
    "kernel_regularizer recurrent_regularizer bias_regularizer kernel_constraint "
    "recurrent_constraint bias_constraint dropout recurrent_dropout"
)


class SimpleRNN(RNN, options=f"{OPTIONS} units"):
    """Read a sequence with h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias).

    Args:
        units: size of the state and of the outputs.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer:
            penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training, the same in all time steps.
        recurrent_dropout: fraction of the state that is dropped while training, likewise.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        seed: a whole number for repeatable dropout.

    Shapes:
        (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    Weights:
        kernel (C, units), recurrent_kernel (units, units), bias (units,).

    Example:
        >>> import numpy as np
        >>> SimpleRNN(4)(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        units: PositiveInt,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            units, activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint,
            dropout, recurrent_dropout, seed,
            **shared_options(kwargs), name="simple_rnn_cell",
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=3)


class LSTM(RNN, options=f"{OPTIONS} units recurrent_activation unit_forget_bias"):
    """Read a sequence with gates that decide what is kept in a memory c and what is shown of it.

    c_t = f * c_{t-1} + i * g, h_t = o * activation(c_t); the gates i, f, g, o are activations of
    x_t @ kernel + h_{t-1} @ recurrent_kernel + bias, cut in four.

    Args:
        units: size of h, of c and of the outputs.
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
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        use_cudnn: accepted; XLA decides.

    Shapes:
        (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`; states h and c are
        (N, units).

    Weights:
        kernel (C, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units,).

    Reference:
        Hochreiter and Schmidhuber, 1997; the forget gate: Gers et al., 2000.

    Example:
        >>> import numpy as np
        >>> layer = LSTM(4, return_sequences=True, return_state=True)
        >>> outputs, h, c = layer(np.ones((2, 5, 3)))
        >>> outputs.shape, c.shape
        ((2, 5, 4), (2, 4))
    """

    def __init__(
        self,
        units: PositiveInt,
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
        unroll: bool = False,
        use_cudnn: UseCudnn = "auto",
        **kwargs: Any,
    ) -> None:
        cell = LSTMCell(
            units, activation, recurrent_activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer, unit_forget_bias,
            kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint,
            dropout, recurrent_dropout, seed,
            **shared_options(kwargs), name="lstm_cell",
            implementation=kwargs.pop("implementation", 2),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=3)
        self.use_cudnn = use_cudnn


class GRU(RNN, options=f"{OPTIONS} units recurrent_activation reset_after"):
    """Read a sequence with gates that decide how much of the state is replaced, and by what.

    h_t = z * h_{t-1} + (1 - z) * hh; z and r are `recurrent_activation`, hh is `activation` of
    x_t @ kernel + h_{t-1} @ recurrent_kernel + bias, cut in three; in hh the product with h_{t-1},
    bias included, is multiplied by r. With `reset_after=False` it is h_{t-1} that is multiplied.

    Args:
        units: size of the state and of the outputs.
        activation: name or function, of hh.
        recurrent_activation: name or function, of z and r.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer:
            penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training, the same in all time steps.
        recurrent_dropout: fraction of the state that is dropped while training, likewise.
        seed: a whole number for repeatable dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        reset_after: whether r is multiplied after the product, as cuDNN does.
        use_cudnn: accepted; XLA decides.

    Shapes:
        (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    Weights:
        kernel (C, 3 * units), recurrent_kernel (units, 3 * units), bias (2, 3 * units), or
        (3 * units,) without `reset_after`.

    Reference:
        Cho et al., 2014, arXiv 1406.1078; reset_after: its first version.

    Example:
        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 5, 3))).shape
        (2, 4)
    """

    def __init__(
        self,
        units: PositiveInt,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: UseCudnn = "auto",
        **kwargs: Any,
    ) -> None:
        cell = GRUCell(
            units, activation, recurrent_activation, use_bias,
            kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint,
            dropout, recurrent_dropout, reset_after, seed,
            **shared_options(kwargs), name="gru_cell",
            implementation=kwargs.pop("implementation", 2),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences, return_state, go_backwards, stateful, unroll,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.input_spec = InputSpec(ndim=3)
        self.use_cudnn = use_cudnn


def shared_options(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a layer that its cell shares."""
    return {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}

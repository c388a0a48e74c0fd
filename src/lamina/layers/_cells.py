"""Cells: what happens in one time step of a recurrent layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import activations, constraints, initializers, ops, random, regularizers
from lamina._core import serialize, tree
from lamina._core.configurable import Fraction, PositiveInt, is_integer
from lamina._core.errors import describe, explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator
from lamina._core.signature import call_signature
from lamina.layers._checks import known_size
from lamina.ops import _rnn


def check_cell(where: str, cell: Any) -> None:
    """Raise a ValueError unless `cell` has what a recurrent layer asks of it."""
    for name, form in (
        ("call", "a method `call(inputs, states)` that returns `(output, new_states)`"),
        ("state_size", "an attribute `state_size`, a size or a list of sizes"),
    ):
        if getattr(cell, name, None) is None or isinstance(cell, type):
            raise ValueError(
                explain(
                    where,
                    f"expected a cell: an object with {form}",
                    describe(cell),
                    "use LSTMCell(4), say, or set it in the `__init__` of your own cell",
                )
            )
    sizes = cell.state_size
    if not is_integer(sizes) and not isinstance(sizes, (list, tuple)):
        raise ValueError(
            explain(
                where,
                "expected a size or a list of sizes as the `state_size` of a cell",
                describe(sizes),
            )
        )


def first_states(cell: Any, batch: Any, dtype: Any) -> Any:
    """Return the states that `cell` starts from, zeros unless it says otherwise.

    Shapes:
        (N, size) for every size in `cell.state_size`.
    """
    start = getattr(cell, "get_initial_state", None)
    if start is not None:
        return start(batch_size=batch)
    sizes = cell.state_size
    if is_integer(sizes):
        return jnp.zeros((batch, sizes), dtype)
    return [jnp.zeros((batch, size), dtype) for size in sizes]


def take_step(cell: Any, inputs: Any, states: Any, training: bool | None) -> tuple[Any, Any]:
    """Return the output and the new states of `cell`, a layer or any other object."""
    if not isinstance(cell, Layer):
        return cell(inputs, states) if callable(cell) else cell.call(inputs, states)
    if call_signature(type(cell)).has_training:
        return cell(inputs, states, training=training)
    return cell(inputs, states)


def build_cell(cell: Any, shape: Any) -> None:
    """Build `cell` for one step's inputs of `shape`, where it has a `build` of its own."""
    if isinstance(cell, Layer) and not cell.built and type(cell).build is not Layer.build:
        cell.build(shape)


class RecurrentDropout:
    """What cells with dropout share: masks that stay the same for all time steps.

    Mixed into a Layer with `dropout`, `recurrent_dropout` and a `seed_generator`.
    """

    dropout: float
    recurrent_dropout: float
    seed_generator: Any
    mask_shapes: Any  # (batch) -> shapes of one step's inputs and of the state
    _masks_per_step: int | None = None  # None: one mask for all gates
    _held: Any = None  # masks of the sequence that is being read

    def draw_masks(self, batch: Any, dtype: Any) -> tuple[Any, Any]:
        """Return factors of the inputs and of the state: None, an array, or one for each gate."""
        rates = (self.dropout, self.recurrent_dropout)
        drawn = []
        for rate, shape in zip(rates, self.mask_shapes(batch), strict=True):
            masks = [
                random.dropout(jnp.ones(shape, dtype), rate, seed=self.seed_generator)
                for _ in range(self._masks_per_step or 1)
                if rate > 0
            ]
            drawn.append((masks if self._masks_per_step else masks[0]) if masks else None)
        return drawn[0], drawn[1]

    def _masks(self, batch: Any, training: bool | None, dtype: Any) -> tuple[Any, Any]:
        if not training:
            return None, None
        return self.draw_masks(batch, dtype) if self._held is None else self._held


@contextmanager
def held_masks(cell: Any, batch: Any, training: bool | None) -> Iterator[None]:
    """Let `cell`, and cells inside it, drop the same inputs and states in all steps meanwhile."""
    layers = cell._flatten_layers() if isinstance(cell, Layer) and training else []
    cells = [c for c in layers if isinstance(c, RecurrentDropout) and c.built]
    try:
        for one in cells:
            one._held = one.draw_masks(batch, one.compute_dtype)
        yield
    finally:
        for one in cells:
            one._held = None


class Sweeper:
    """Mixed into cells that can read a whole sequence faster than step by step."""

    sweeps: Any  # (training) -> whether `sweep` does what `call` does
    sweep: Any  # (x (T, N, ...), states, mask (T, N), training) -> outputs, last states


class BuiltInCell(RecurrentDropout, Sweeper, Layer):
    """Base of the cells whose step is a function of x @ kernel + bias and h @ recurrent_kernel."""

    _gates = 1
    _formula: Any  # () -> what `ops._rnn` computes in a step

    def _configure(
        self,
        units: int,
        use_bias: bool,
        kernel: tuple[Any, Any, Any],
        recurrent: tuple[Any, Any, Any],
        bias: tuple[Any, Any, Any],
        dropout: tuple[float, float, int | None],
    ) -> None:
        """Keep what the constructor was given.

        Args:
            kernel, recurrent, bias: each (initializer, regularizer, constraint).
            dropout: rates of the inputs and of the state, and a seed.
        """
        self.units = units
        self.use_bias = use_bias
        self.input_spec = InputSpec(ndim=2)
        for name, (start, penalty, limit) in (
            ("kernel", kernel),
            ("recurrent", recurrent),
            ("bias", bias),
        ):
            setattr(self, f"{name}_initializer", initializers.get(start))
            setattr(self, f"{name}_regularizer", regularizers.get(penalty))
            setattr(self, f"{name}_constraint", constraints.get(limit))
        self.dropout, self.recurrent_dropout, self.seed = dropout
        self.seed_generator = SeedGenerator(self.seed)
        self.state_size: Any = units
        self.output_size = units
        self.bias: Any = None

    def _count_masks(self, implementation: int) -> None:
        """Draw a mask for every gate, where Keras does: so that one seed gives the same masks."""
        if implementation == 1 or self.recurrent_dropout > 0:
            self._masks_per_step = self._gates

    def build(self, input_shape: Any) -> None:
        size, width = known_size(self._where(), input_shape, -1), self._gates * self.units
        self.input_spec = InputSpec(ndim=2, axes={-1: size})
        self.kernel = self._weight("kernel", (size, width))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, width))
        if self.use_bias:
            self.bias = self._weight("bias", self._bias_shape(), self._bias_start())

    def _weight(self, name: str, shape: tuple[int, ...], initializer: Any = None) -> Any:
        kind = name.removesuffix("_kernel")
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer or getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
        )

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def _bias_start(self) -> Any:
        return self.bias_initializer  # type: ignore[attr-defined]

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return zeros, a list of (N, units)."""
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        return [jnp.zeros((batch_size, self.units), self.compute_dtype) for _ in range(count)]

    def mask_shapes(self, batch: Any) -> tuple[tuple, tuple]:
        return (batch, self.kernel.shape[0]), (batch, self.units)

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> tuple[Any, Any]:
        old = list(states) if tree.is_nested(states) else [states]
        dropped, recurrent = self._masks(inputs.shape[0], training, inputs.dtype)
        outer, inner = self._biases()
        x = self._projected(inputs, dropped)  # (N, C) -> (N, gates * U)
        new = self._advance(x if outer is None else x + outer, tuple(old), recurrent, inner)
        return new[0], list(new) if tree.is_nested(states) else new[0]

    def _projected(self, inputs: Any, masks: Any) -> Any:
        """Return inputs * mask @ kernel, also of all time steps at once: (T, N, C)."""
        kernel = self.kernel.value
        if not isinstance(masks, list):
            return _rnn.project(inputs if masks is None else inputs * masks, kernel)
        parts = jnp.split(kernel, self._gates, axis=-1)
        projected = [_rnn.project(inputs * m, k) for m, k in zip(masks, parts, strict=True)]
        return jnp.concatenate(projected, axis=-1)

    def _advance(self, x: Any, states: tuple, masks: Any, inner_bias: Any) -> tuple:
        """Return the new states, given the projected inputs with their bias."""
        m = self._product(states[0], masks)
        m = m if inner_bias is None else m + inner_bias
        return self._formula().advance(x, m, states)[0]

    def _product(self, h: Any, masks: Any) -> Any:
        """Return h * mask @ recurrent_kernel, a mask for each gate: (N, U) -> (N, gates * U)."""
        kernel = self.recurrent_kernel.value
        if not isinstance(masks, list):
            return (h if masks is None else h * masks) @ kernel
        parts = jnp.split(kernel, self._gates, axis=-1)
        return jnp.concatenate([h * m @ k for m, k in zip(masks, parts, strict=True)], axis=-1)

    def _biases(self) -> tuple[Any, Any]:
        """Return the biases of the inputs' product and of the state's."""
        return (self.bias.value if self.use_bias else None), None

    # --- all steps at once ------------------------------------------------------------------------

    def sweeps(self, training: bool | None) -> bool:
        """Return whether `sweep` does what `call` does step by step."""
        return (
            self.activity_regularizer is None
            and type(self).call is BuiltInCell.call
            and not (training and self.recurrent_dropout > 0)
        )

    def sweep(self, x: Any, states: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """Return the outputs of all steps, and the last states.

        Args:
            x: (T, N, C).
            states: list of (N, units).
            mask: (T, N), truth values, or None.
        """
        with self._entered(training):
            x = x.astype(self.compute_dtype)
            dropped, _ = self._masks(x.shape[1], training, x.dtype)
            outputs, new = _rnn.recur(
                self._formula(),
                self._projected(x, dropped),
                self.recurrent_kernel.value,
                self._biases(),
                states,
                mask,
            )
        return outputs, list(new)


def formula_parts(activation: Any) -> tuple[Any, Any]:
    """Return the activation as `ops._rnn` knows it, and its derivative, None if not known."""
    known = {activations.sigmoid: ops.sigmoid, activations.relu: ops.relu}
    activation = known.get(activation, activation)
    return activation, _rnn.SLOPES.get(activation)


class SimpleRNNCell(BuiltInCell):
    """One step of SimpleRNN: h = activation(x @ kernel + h_before @ recurrent_kernel + bias).

    Args:
        units: size of the state and of the output.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training.
        recurrent_dropout: fraction of the state that is dropped while training.
        seed: a whole number for repeatable masks.

    Shapes:
        (N, C), states [(N, units)] -> (N, units), [(N, units)].

    Weights:
        kernel (C, units), recurrent_kernel (units, units), bias (units,).

    Example:
        >>> cell = SimpleRNNCell(1, None, kernel_initializer="ones", recurrent_initializer="ones")
        >>> output, states = cell(np.array([[2.0]]), [np.array([[3.0]])])
        >>> output.tolist()
        [[5.0]]
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self._configure(
            units,
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            (dropout, recurrent_dropout, seed),
        )

    def _formula(self) -> _rnn.Cell:
        return _rnn.Simple(*formula_parts(self.activation))


class LSTMCell(BuiltInCell):
    """One step of LSTM: c = f * c_before + i * g, h = o * activation(c).

    The gates i, f, g, o are activations of x @ kernel + h_before @ recurrent_kernel + bias, cut in
    four: `activation` of g, `recurrent_activation` of the others.

    Args:
        units: size of each state and of the output.
        activation: name or function, of g and of c.
        recurrent_activation: name or function, of i, f and o.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        unit_forget_bias: whether the bias of f starts from 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training.
        recurrent_dropout: fraction of the state h that is dropped while training.
        seed: a whole number for repeatable masks.

    Shapes:
        (N, C), states [h (N, units), c (N, units)] -> (N, units), [h, c].

    Weights:
        kernel (C, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units,).

    Reference:
        Hochreiter and Schmidhuber, 1997; the forget gate: Gers et al., 2000.

    Example:
        >>> cell = LSTMCell(4)
        >>> output, (h, c) = cell(np.ones((2, 3)), cell.get_initial_state(2))
        >>> output.shape, c.shape
        ((2, 4), (2, 4))
    """

    _gates = 4

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._configure(
            units,
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            (dropout, recurrent_dropout, seed),
        )
        self._count_masks(implementation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]

    def _bias_start(self) -> Any:
        if not self.unit_forget_bias:
            return self.bias_initializer
        return forget_less(self.bias_initializer, self.units)

    def _formula(self) -> _rnn.Cell:
        return _rnn.Lstm(*formula_parts(self.activation), *formula_parts(self.recurrent_activation))


def forget_less(initializer: Any, units: int) -> Any:
    """Return an initializer of an LSTM's bias, whose part of the gate f is 1.

    Reference:
        Jozefowicz et al., 2015: a new network that keeps its memory learns sooner.
    """

    def start(shape: Any, dtype: Any = None) -> Any:
        parts = [initializer((n * units,), dtype=dtype) for n in (1, 2)]
        ones = np.ones(units, np.asarray(parts[0]).dtype)
        return np.concatenate([np.asarray(parts[0]), ones, np.asarray(parts[1])])

    return start


class GRUCell(BuiltInCell):
    """One step of GRU: h = z * h_before + (1 - z) * hh.

    z and r are `recurrent_activation`, hh is `activation` of x @ kernel + h_before @
    recurrent_kernel + bias, cut in three; in hh the product with h_before, bias included, is
    multiplied by r. With `reset_after=False` it is h_before that is multiplied.

    Args:
        units: size of the state and of the output.
        activation: name or function, of hh.
        recurrent_activation: name or function, of z and r.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: where the weights start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what the weights must satisfy
            after every step.
        dropout: fraction of the inputs that is dropped while training.
        recurrent_dropout: fraction of the state that is dropped while training.
        reset_after: whether r is multiplied after the product, as cuDNN does.
        seed: a whole number for repeatable masks.

    Shapes:
        (N, C), states [(N, units)] -> (N, units), [(N, units)].

    Weights:
        kernel (C, 3 * units), recurrent_kernel (units, 3 * units), bias (2, 3 * units), or
        (3 * units,) without `reset_after`.

    Reference:
        Cho et al., 2014, arXiv 1406.1078; reset_after: its first version.

    Example:
        >>> cell = GRUCell(4)
        >>> output, states = cell(np.ones((2, 3)), cell.get_initial_state(2))
        >>> output.shape
        (2, 4)
    """

    _gates = 3

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Fraction = 0.0,
        recurrent_dropout: Fraction = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self._configure(
            units,
            use_bias,
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
            (dropout, recurrent_dropout, seed),
        )
        self._count_masks(implementation)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _biases(self) -> tuple[Any, Any]:
        if not self.use_bias:
            return None, None
        bias = self.bias.value
        return (bias[0], bias[1]) if self.reset_after else (bias, None)

    def _formula(self) -> _rnn.Gru:
        return _rnn.Gru(*formula_parts(self.activation), *formula_parts(self.recurrent_activation))

    def sweeps(self, training: bool | None) -> bool:
        return self.reset_after and super().sweeps(training)

    def _advance(self, x: Any, states: tuple, masks: Any, inner_bias: Any) -> tuple:
        if self.reset_after:
            return super()._advance(x, states, masks, inner_bias)
        h, cut = states[0], 2 * self.units
        kernel, gates = self.recurrent_kernel.value, (h, h)
        last = h
        if masks is not None:
            *gates, last = (h * m for m in masks)
        parts = [g @ k for g, k in zip(gates, jnp.split(kernel[:, :cut], 2, axis=-1), strict=True)]
        m = jnp.concatenate(parts, axis=-1)
        z, r = jnp.split(self._formula().update_reset(x[..., :cut] + m), 2, axis=-1)
        hh = self.activation(x[..., cut:] + r * last @ kernel[:, cut:])
        return (z * h + (1 - z) * hh,)


class StackedRNNCells(Sweeper, Layer):
    """Cells on top of each other as one cell: each reads the output of the one before.

    Args:
        cells: list of cells.

    Shapes:
        those of the first cell's inputs and of the last cell's output; the states are a list with
        an entry for each cell.

    Raises:
        ValueError: an entry is not a cell.

    Example:
        >>> from lamina.layers import RNN
        >>> layer = RNN(StackedRNNCells([LSTMCell(4), LSTMCell(2)]))
        >>> layer(np.ones((3, 5, 1))).shape
        (3, 2)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(
                explain(type(self).__name__, "expected a list of cells", describe(cells))
            )
        for cell in cells:
            check_cell(type(self).__name__, cell)
        self.cells = cells
        self.input_spec = getattr(cells[0], "input_spec", None)

    @property
    def state_size(self) -> list[Any]:
        """The `state_size` of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Return the states that the cells start from, an entry for each."""
        return [first_states(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            build_cell(cell, shape)
            shape = (shape[0], output_size(cell))
        self.input_spec = getattr(self.cells[0], "input_spec", None)

    def call(
        self, inputs: Any, states: Any, training: bool | None = False, **kwargs: Any
    ) -> tuple[Any, Any]:
        new = []
        for cell, old in zip(self.cells, states, strict=True):
            nested = tree.is_nested(old)
            inputs, now = take_step(cell, inputs, list(old) if nested else [old], training)
            now = list(now) if tree.is_nested(now) else [now]
            new.append(now if nested else now[0])
        return inputs, new

    def sweeps(self, training: bool | None) -> bool:
        """Return whether the cells may read the whole sequence one after the other."""
        own = self.activity_regularizer is None and type(self).call is StackedRNNCells.call
        return own and all(isinstance(c, Sweeper) and c.sweeps(training) for c in self.cells)

    def sweep(self, x: Any, states: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
        """Return the last cell's outputs of all steps, and the states; see `BuiltInCell.sweep`."""
        new = []
        for cell, old in zip(self.cells, states, strict=True):
            x, now = cell.sweep(x, old, mask, training)
            new.append(now)
        return x, new

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> StackedRNNCells:
        with serialize.CustomObjectScope(custom_objects or {}):
            return super().from_config(config)


def output_size(cell: Any) -> Any:
    """Return the size of a cell's output: the first state's unless it says otherwise."""
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size

"""Paths: where the steps of padded sequences go in a model's graph, and whether they do anything.

Padded steps change no result if each layer that meets them leaves them out, as a mask tells it to,
or treats each step by itself and passes the mask on, until they are gone. The walk goes by what is
known of each of the library's layers; a layer of a user's, or any other operation, is an end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import activations
from lamina._core.graph import Function, Node, symbolic_leaves

# Layers that treat each time step by itself, and pass its mask on.
_BY_STEP = {
    "Activation", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU",
    "GaussianDropout", "GaussianNoise", "LayerNormalization", "LeakyReLU", "ReLU",
    "SpatialDropout1D", "TimeDistributed", "UnitNormalization",
}  # fmt: skip
_INSIDE = {"Activation", "Dense", "LayerNormalization"}  # those that TimeDistributed may have
_MERGING = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
_RECURRENT = {"GRU", "LSTM", "RNN", "SimpleRNN"}
_CELLS = {"GRUCell", "LSTMCell", "SimpleRNNCell"}
_ATTENTION = {
    "AdditiveAttention", "Attention", "GroupedQueryAttention", "MultiHeadAttention",
}  # fmt: skip
_ARGUMENTS = {"initial_state", "key", "query", "training", "use_causal_mask", "value"}


@dataclass(frozen=True)
class Filling:
    """The value that stands for a padded step.

    Args:
        value: what the steps are filled with.
        dtypes: those through which the inputs go before they are compared with it.
    """

    value: float
    dtypes: tuple[str, ...]

    def is_kept(self, dtype: Any) -> bool:
        """Return whether it is still recognized when it comes in an array of this dtype."""
        number: Any = np.asarray(self.value)
        with np.errstate(over="ignore", invalid="ignore"):
            for each in (dtype, *self.dtypes):
                number = number.astype(jnp.dtype(each))
        whole = number.dtype.kind in "biu"
        return bool(number == (self.value if whole else np.asarray(self.value, number.dtype)))


@dataclass(frozen=True)
class _Raw:
    """An input as it is given, whose padded steps no layer has masked yet."""

    number: int


class _Unsafe(Exception):
    """Steps of the input of this number may change results."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def paths_of(function: Function, by_step: bool) -> "Paths | None":
    """Return the way of the inputs that can be padded; None if there are none.

    Args:
        function: a model's graph.
        by_step: whether outputs for each step, which are padded too, are of use.
    """
    inputs = enumerate(function.flat_inputs)
    numbers = {i for i, t in inputs if t.ndim > 1 and t.shape[1] is None}
    while numbers:
        try:
            return Paths(function, numbers, by_step)
        except _Unsafe as found:
            numbers = numbers - {found.number}
    return None


class Paths:
    """A walk with padded inputs through a graph.

    A tensor stands for the number of the input whose padded steps it has, masked; or for None.

    Raises:
        _Unsafe: the steps of an input may change results.
    """

    def __init__(self, function: Function, numbers: Iterable[int], by_step: bool) -> None:
        self.fillings: dict[int, Filling] = {}  # number of an input -> what it is padded with
        self.equal: set[tuple[int, int]] = set()  # inputs that must have one length
        chosen = set(numbers)
        inputs = [_Raw(i) if i in chosen else None for i in range(len(function.flat_inputs))]
        self.outputs = self._through(function, inputs)
        for found in self.outputs:
            if found is not None and (not by_step or isinstance(found, _Raw)):
                raise _Unsafe(_number(found))
        for i in chosen - set(self.fillings):  # nothing looks at it
            raise _Unsafe(i)

    def _through(self, function: Function, inputs: list[Any]) -> list[Any]:
        known = {id(t): s for t, s in zip(function.flat_inputs, inputs, strict=True)}
        for node in function.nodes:
            given = [known.get(id(t)) for t in node.inputs]
            padded = [s for s in given if s is not None]
            if not padded:
                continue
            after = self._after(node, given)
            if after is None:
                raise _Unsafe(_number(padded[0]))
            for tensor, state in zip(symbolic_leaves(node.outputs), after, strict=True):
                known.setdefault(id(tensor), state)
        return [known.get(id(t)) for t in function.flat_outputs]

    def _after(self, node: Node, given: list[Any]) -> list[Any] | None:
        """Return what the outputs of a node have; None if padded steps may change them."""
        layer, kind = node.operation, _kind(node.operation)
        if not kind or set(node.kwargs) - _ARGUMENTS or _has_activity_losses(layer):
            return None
        if isinstance(getattr(layer, "function", None), Function):  # a model inside
            same = len(given) == len(layer.function.flat_inputs)
            ordered = same and not isinstance(node.args[0], dict)
            return self._through(layer.function, given) if ordered else None
        if any(isinstance(s, _Raw) for s in given):
            return self._masked(layer, node, given)
        count, rank = len(symbolic_leaves(node.outputs)), node.inputs[0].ndim
        alone = len(given) == len(node.args) == 1
        if kind in _BY_STEP and alone and rank > 2 and _is_by_step(layer, rank):
            return given
        if kind in _MERGING and None not in given and _is_by_step(layer, rank):
            self.equal |= {(given[0], other) for other in given[1:] if other != given[0]}
            return given[:1]
        if kind in _RECURRENT | {"Bidirectional"} and set(given[1:]) <= {None}:
            return None if len(node.args) > 2 else _after_recurrent(kind, layer, given[0], count)
        if kind == "GlobalAveragePooling1D" and alone and layer.data_format == "channels_last":
            return [None]
        if kind in _ATTENTION and count == 1:
            return _after_attention(node, dict(zip(map(id, node.inputs), given, strict=True)))
        return None

    def _masked(self, layer: Any, node: Node, given: list[Any]) -> list[Any] | None:
        """Return the state behind a layer that makes a mask of an input's values."""
        filling = _filling(layer, node.inputs[0])
        if len(given) > 1 or filling is None:
            return None
        number = given[0].number
        same = self.fillings.setdefault(number, filling) == filling
        return [number] if same else None


def _number(state: Any) -> int:
    return state.number if isinstance(state, _Raw) else state


def _kind(operation: Any) -> str:
    """Return the class of one of the library's own layers and models, else ''."""
    cls = type(operation)
    own = f"{cls.__module__}.".startswith(("lamina.layers.", "lamina.models."))
    return cls.__name__ if own else ""


def _has_activity_losses(layer: Any) -> bool:
    return any(each.activity_regularizer is not None for each in layer._flatten_layers())


def _filling(layer: Any, tensor: Any) -> Filling | None:
    """Return what a layer takes for padding in an input; None if it makes no mask."""
    kind = _kind(layer)
    if kind == "Embedding" and layer.mask_zero and tensor.ndim == 2:
        return Filling(0.0, (tensor.dtype,))
    if kind == "Masking" and tensor.ndim == 3 and np.ndim(layer.mask_value) == 0:
        cast = jnp.issubdtype(jnp.dtype(tensor.dtype), jnp.floating) and layer.autocast
        dtypes = (tensor.dtype, layer.compute_dtype) if cast else (tensor.dtype,)
        return Filling(float(layer.mask_value), dtypes)
    return None


def _is_by_step(layer: Any, rank: int) -> bool:
    """Return whether a layer, of those that can, treats each time step by itself."""
    inner = getattr(layer, "layer", None)
    if inner is not None and not (_kind(inner) in _INSIDE and _is_by_step(inner, rank - 1)):
        return False
    if not _is_known(getattr(layer, "activation", activations.linear)):
        return False
    axes = getattr(layer, "axis", -1)
    last = {a % rank for a in (axes if isinstance(axes, (list, tuple)) else [axes])} == {rank - 1}
    return bool(layer.supports_masking) and last


def _is_known(activation: Any) -> bool:
    """Return whether an activation is the library's: these look at the last axis at most."""
    name = getattr(activation, "__name__", None)
    return name in activations.__all__ and getattr(activations, name) is activation


def _after_recurrent(kind: str, layer: Any, state: Any, count: int) -> list[Any] | None:
    both = kind == "Bidirectional"
    parts = [layer.forward_layer, layer.backward_layer] if both else [layer]
    for part in parts:
        cells = getattr(part.cell, "cells", [part.cell])
        if _kind(part) not in _RECURRENT or any(_kind(cell) not in _CELLS for cell in cells):
            return None
        if part.zero_output_for_mask and not part.return_sequences:
            return None  # the last step's output is that of a padded one
        if part.go_backwards and part.return_sequences and not both:
            return None  # in the order in which they were read, unlike their mask
    series = (2 if both and layer.merge_mode is None else 1) if layer.return_sequences else 0
    return [state] * series + [None] * (count - series)


def _after_attention(node: Node, states: dict[int, Any]) -> list[Any] | None:
    given = node.args[0] if isinstance(node.args[0], (list, tuple)) else node.args
    named = {**dict(zip(("query", "value", "key"), given, strict=False)), **node.kwargs}
    query, value, key = (states.get(id(named.get(n))) for n in ("query", "value", "key"))
    if len(given) > 3 or (named.get("key") is not None and key != value):
        return None
    return [query]

"""Bidirectional: a recurrent layer that reads a sequence from both ends."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from lamina._core import serialize, tree
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.masks import get_mask
from lamina.layers._checks import check_choice

SHARED = ("stateful", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Two copies of a recurrent layer, one of which reads backwards; their outputs are merged.

    Args:
        layer: a recurrent layer, as LSTM(4): its options are used, not its weights.
        merge_mode: 'concat', 'sum', 'mul' (product), 'ave' (mean), or None for both outputs.
        weights: arrays to start from: those of the forward layer, then of the backward one.
        backward_layer: the layer that reads backwards, if it is not to be like `layer`; its
            `go_backwards` must differ from `layer`'s.

    Initial states are a list: those of the forward layer, then of the backward one; so are the
    states that are returned. Where a mask is false, outputs of sequences are 0.

    Shapes:
        (N, T, C) -> (N, 2 * O) with 'concat', else (N, O); (N, T, ...) if `layer` returns
        sequences.

    Weights:
        those of both layers.

    Raises:
        ValueError: `layer` is not a recurrent layer, or the two do not belong together.

    Reference:
        Schuster and Paliwal, 1997.

    Example:
        >>> import numpy as np
        >>> from lamina.layers import LSTM
        >>> Bidirectional(LSTM(4))(np.ones((2, 5, 3))).shape
        (2, 8)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        where = type(self).__name__
        for name, one in (("layer", layer), ("backward_layer", backward_layer)):
            if not (one is None and name == "backward_layer"):
                _check_recurrent(where, name, one)
        if merge_mode is not None:
            check_choice(where, "merge_mode", merge_mode, ("sum", "mul", "ave", "concat"))
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward_")
        if backward_layer is None:
            backward_layer = _copy(layer, "backward_", go_backwards=True)
        _check_pair(where, self.forward_layer, backward_layer)
        self.backward_layer = backward_layer
        for one in (self.forward_layer, self.backward_layer):
            if getattr(one, "zero_output_for_mask", None) is not None:
                one.zero_output_for_mask = one.return_sequences
        self.merge_mode = merge_mode
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._first_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
        self.input_spec = self.forward_layer.input_spec
        if self._first_weights:
            self.set_weights(self._first_weights)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        if mask is None:  # beside an initial state, a mask that travels with x is not passed
            mask = get_mask(sequences)
        pair, states = [], []
        for one, start in zip(
            (self.forward_layer, self.backward_layer), self._halves(initial_state), strict=True
        ):
            y = one(sequences, initial_state=start, mask=mask, training=training)
            if self.return_state:
                y, *last = y
                states += last
            pair.append(y.astype(self.compute_dtype))
        if self.return_sequences:
            pair[1] = jnp.flip(pair[1], 1)  # in the order of the sequence again
        output = self._merged(*pair)
        if not self.return_state:
            return output
        return (*(output if self.merge_mode is None else (output,)), *states)

    def _halves(self, given: Any) -> tuple[Any, Any]:
        if given is None:
            return None, None
        if not isinstance(given, (list, tuple)) or len(given) % 2:
            raise ValueError(
                explain(
                    self._where(),
                    "expected an even number of initial states: the forward layer's, then the "
                    "backward layer's",
                    describe(given) if not tree.is_nested(given) else f"{len(given)} of them",
                )
            )
        half = len(given) // 2
        return list(given[:half]), list(given[half:])

    def _merged(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            return jnp.concatenate([forward, backward], axis=-1)  # 2 of (..., O) -> (..., 2 * O)
        if self.merge_mode == "mul":
            return forward * backward
        total = forward + backward
        return total if self.merge_mode == "sum" else total / 2

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        mask = tree.flatten(previous_mask)[0] if self.return_sequences else None
        masks = [mask, mask] if self.merge_mode is None else [mask]
        if self.return_state:
            masks += [None] * (2 * len(self.forward_layer.state_size))
        return masks if len(masks) > 1 else mask

    @property
    def states(self) -> Any:
        """The states that a stateful layer keeps: the forward layer's, then the backward one's."""
        pair = self.forward_layer.states, self.backward_layer.states
        return None if None in pair else (*pair[0], *pair[1])

    def reset_state(self) -> None:
        """Set the states that a stateful layer keeps to 0."""
        if not self.stateful:
            raise AttributeError(
                explain(f"{self.name}.reset_state", "expected a stateful layer", "one that is not")
            )
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """The old name of `reset_state`."""
        self.reset_state()

    def _argument(self, name: str) -> Any:
        if name == "weights":
            return None  # kept in the variables
        return self.forward_layer if name == "layer" else super()._argument(name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["weights"]
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        with serialize.CustomObjectScope(custom_objects or {}):
            return super().from_config(config)


def _check_recurrent(where: str, name: str, layer: Any) -> None:
    wanted = (*SHARED, "go_backwards")
    if not isinstance(layer, Layer) or not all(hasattr(layer, a) for a in wanted):
        raise ValueError(
            explain(
                where,
                f"expected a recurrent layer as `{name}`, with {', '.join(wanted)}",
                describe(layer),
                "make one, as LSTM(4)",
            )
        )


def _check_pair(where: str, forward: Any, backward: Any) -> None:
    if bool(forward.go_backwards) == bool(backward.go_backwards):
        raise ValueError(
            explain(
                where,
                "expected layers that read in different directions",
                f"go_backwards={forward.go_backwards} of both",
                "give `backward_layer` go_backwards=True",
            )
        )
    for name in SHARED:
        values = getattr(forward, name), getattr(backward, name)
        if values[0] != values[1]:
            raise ValueError(
                explain(
                    where,
                    f"expected the same `{name}` of both layers",
                    f"{values[0]} of `layer`, {values[1]} of `backward_layer`",
                )
            )


def _copy(layer: Layer, prefix: str, **options: Any) -> Any:
    """Return a layer with the options of `layer`, with weights of its own."""
    with using(shared=None):  # it is another layer, also while a file is being read
        record = serialize.serialize_keras_object(layer)
        name = prefix + layer.name.removeprefix(prefix)
        record["config"] = {**record["config"], "name": name, **options}
        copy = serialize.deserialize_keras_object(record)
    if hasattr(layer, "use_cudnn"):
        copy.use_cudnn = layer.use_cudnn
    return copy

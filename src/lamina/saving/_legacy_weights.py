"""Arrays of layers whose weights had another form in Keras 2."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Convert = Callable[[list[np.ndarray]], list[np.ndarray]]
_GATES = {"LSTM": 4, "GRU": 3}


def fit_arrays(layer: Any, expected: Sequence[tuple], found: Sequence[tuple]) -> Convert | None:
    """Return what makes of a layer's stored arrays those of its weights; None if nothing does.

    Args:
        layer: the layer.
        expected: the shapes of its weights.
        found: the shapes in the file.
    """
    if list(expected) == list(found):
        return lambda arrays: arrays
    if type(layer).__name__ == "Bidirectional" and len(expected) == len(found):
        half = len(found) // 2
        one = fit_arrays(layer.forward_layer, expected[:half], found[:half])
        other = fit_arrays(layer.backward_layer, expected[half:], found[half:])
        if one is None or other is None:
            return None
        return lambda arrays: one(arrays[:half]) + other(arrays[half:])
    gates = _GATES.get(type(layer).__name__)
    if gates is None or (len(expected), len(found)) != (3, 3) or [*expected[:2]] != [*found[:2]]:
        return None
    if tuple(found[2]) != (2 * gates * layer.units,):
        return None
    return lambda arrays: _from_cudnn(arrays, gates)


def _from_cudnn(arrays: list[np.ndarray], gates: int) -> list[np.ndarray]:
    """Arrays of CuDNNLSTM or CuDNNGRU: each gate's matrices lay in column order.

    There were two biases, of inputs and of states: an LSTM adds them, a GRU keeps both.
    """
    kernel, recurrent, bias = arrays
    kernels = [k.T.reshape(k.shape, order="F") for k in np.split(kernel, gates, axis=1)]
    recurrents = [k.T for k in np.split(recurrent, gates, axis=1)]
    biases = bias.reshape(2, -1)
    return [
        np.concatenate(kernels, axis=1),
        np.concatenate(recurrents, axis=1),
        biases.sum(axis=0) if gates == 4 else biases,
    ]

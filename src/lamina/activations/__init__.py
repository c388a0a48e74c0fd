"""Activation functions, by name or as functions: `Dense(4, activation="relu")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.activations._activations import (
        exponential,
        gelu,
        linear,
        mish,
        relu,
        sigmoid,
        softmax,
    )
    from lamina.ops import (
        celu,
        elu,
        glu,
        hard_shrink,
        hard_sigmoid,
        hard_silu,
        hard_tanh,
        leaky_relu,
        log_sigmoid,
        log_softmax,
        relu6,
        selu,
        silu,
        soft_shrink,
        softplus,
        softsign,
        sparse_plus,
        sparse_sigmoid,
        sparsemax,
        squareplus,
        tanh,
        tanh_shrink,
        threshold,
    )
    from lamina.ops import hard_silu as hard_swish
    from lamina.ops import silu as swish


_NAMES = _Table(
    __name__,
    (
        "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
        "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
        "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
        "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh",
        "tanh_shrink", "threshold",
    ),
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the activation for a name, a function, a record, or None (linear).

    Raises:
        ValueError: no activation has that name; the message gives the nearest.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    if identifier is None:
        return _NAMES["linear"]
    return _serialize.lookup(identifier, "activation", _NAMES)


def serialize(activation: Any) -> Any:
    """Return the name of an activation, or the record of a registered one.

    Example:
        >>> serialize(swish)
        'silu'
    """
    return _serialize.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the activation that `serialize` described."""
    return _serialize.lookup(config, "activation", _NAMES, custom_objects)


__all__ = [*_NAMES, "deserialize", "get", "serialize"]
__getattr__, __dir__ = _lazy(__name__)

"""Layers: what models are made of."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._activation import Activation
from lamina.layers._dense import Dense
from lamina.layers._dropout import Dropout
from lamina.layers._input import Input, InputLayer
from lamina.layers._reshaping import Flatten, Identity


def serialize(layer: Layer) -> Any:
    """Return the record of a layer."""
    return _serialize.serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the layer that `serialize` described.

    Example:
        >>> deserialize(serialize(Dense(3, name="d"))).units
        3
    """
    return _serialize.deserialize_keras_object(config, custom_objects)


__all__ = [
    "Activation", "Dense", "Dropout", "Flatten", "Identity", "Input", "InputLayer", "InputSpec",
    "Layer", "deserialize", "serialize",
]  # fmt: skip
_serialize.export(
    {
        "__name__": "lamina.layers",
        "__all__": ["Layer", "InputSpec"],
        "Layer": Layer,
        "InputSpec": InputSpec,
    },
    saved_as="keras",
)
_serialize.export(globals())

"""Layers: what models are made of."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from lamina.layers._batch_normalization import BatchNormalization
from lamina.layers._dense import Dense, TernaryDense
from lamina.layers._dropout import Dropout
from lamina.layers._einsum_dense import EinsumDense
from lamina.layers._embedding import Embedding, ReversibleEmbedding
from lamina.layers._input import Input, InputLayer
from lamina.layers._lambda import Lambda
from lamina.layers._masking import Masking
from lamina.layers._merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from lamina.layers._normalization import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from lamina.layers._padding import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from lamina.layers._regularization import (
    ActivityRegularization,
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from lamina.layers._reshaping import Flatten, Identity, Permute, RepeatVector, Reshape
from lamina.layers._spectral import SpectralNormalization
from lamina.layers._upsampling import UpSampling1D, UpSampling2D, UpSampling3D
from lamina.layers._wrapper import Wrapper
from lamina.layers.preprocessing import (
    CategoryEncoding,
    Discretization,
    Hashing,
    Normalization,
    Rescaling,
)


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
    "Input", "InputLayer", "InputSpec", "Layer", "Wrapper", "deserialize", "serialize",
    # core
    "Dense", "EinsumDense", "Embedding", "Identity", "Lambda", "Masking", "ReversibleEmbedding",
    "TernaryDense",
    # activations
    "Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax",
    # merging
    "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract",
    "add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
    # normalization
    "BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization",
    "SpectralNormalization", "UnitNormalization",
    # regularization
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    # shapes
    "Cropping1D", "Cropping2D", "Cropping3D", "Flatten", "Permute", "RepeatVector", "Reshape",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D",
    # preprocessing
    "CategoryEncoding", "Discretization", "Hashing", "Normalization", "Rescaling",
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

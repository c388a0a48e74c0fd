"""Layers: what models are made of."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.input_spec import InputSpec
    from lamina._core.layer import Layer
    from lamina.layers._activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from lamina.layers._attention import AdditiveAttention, Attention
    from lamina.layers._batch_normalization import BatchNormalization
    from lamina.layers._bidirectional import Bidirectional
    from lamina.layers._cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
    from lamina.layers._conv import Conv1D, Conv2D, Conv3D
    from lamina.layers._conv import Conv1D as Convolution1D
    from lamina.layers._conv import Conv2D as Convolution2D
    from lamina.layers._conv import Conv3D as Convolution3D
    from lamina.layers._conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
    from lamina.layers._conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
    from lamina.layers._conv_transpose import Conv1DTranspose as Convolution1DTranspose
    from lamina.layers._conv_transpose import Conv2DTranspose as Convolution2DTranspose
    from lamina.layers._conv_transpose import Conv3DTranspose as Convolution3DTranspose
    from lamina.layers._dense import Dense, TernaryDense
    from lamina.layers._depthwise import (
        DepthwiseConv1D,
        DepthwiseConv2D,
        SeparableConv1D,
        SeparableConv2D,
    )
    from lamina.layers._depthwise import SeparableConv1D as SeparableConvolution1D
    from lamina.layers._depthwise import SeparableConv2D as SeparableConvolution2D
    from lamina.layers._dropout import Dropout
    from lamina.layers._einsum_dense import EinsumDense
    from lamina.layers._embedding import Embedding, ReversibleEmbedding
    from lamina.layers._foreign import FlaxLayer, JaxLayer
    from lamina.layers._grouped_query_attention import GroupedQueryAttention as GroupQueryAttention
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
    from lamina.layers._multi_head_attention import MultiHeadAttention
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
    from lamina.layers._pooling import (
        AdaptiveAveragePooling1D,
        AdaptiveAveragePooling2D,
        AdaptiveAveragePooling3D,
        AdaptiveMaxPooling1D,
        AdaptiveMaxPooling2D,
        AdaptiveMaxPooling3D,
        AveragePooling1D,
        AveragePooling2D,
        AveragePooling3D,
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalAveragePooling3D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
        GlobalMaxPooling3D,
        MaxPooling1D,
        MaxPooling2D,
        MaxPooling3D,
    )
    from lamina.layers._pooling import AveragePooling1D as AvgPool1D
    from lamina.layers._pooling import AveragePooling2D as AvgPool2D
    from lamina.layers._pooling import AveragePooling3D as AvgPool3D
    from lamina.layers._pooling import GlobalAveragePooling1D as GlobalAvgPool1D
    from lamina.layers._pooling import GlobalAveragePooling2D as GlobalAvgPool2D
    from lamina.layers._pooling import GlobalAveragePooling3D as GlobalAvgPool3D
    from lamina.layers._pooling import GlobalMaxPooling1D as GlobalMaxPool1D
    from lamina.layers._pooling import GlobalMaxPooling2D as GlobalMaxPool2D
    from lamina.layers._pooling import GlobalMaxPooling3D as GlobalMaxPool3D
    from lamina.layers._pooling import MaxPooling1D as MaxPool1D
    from lamina.layers._pooling import MaxPooling2D as MaxPool2D
    from lamina.layers._pooling import MaxPooling3D as MaxPool3D
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
    from lamina.layers._rnn import GRU, LSTM, RNN, SimpleRNN
    from lamina.layers._spectral import SpectralNormalization
    from lamina.layers._time_distributed import TimeDistributed
    from lamina.layers._torch import TFSMLayer, TorchModuleWrapper
    from lamina.layers._upsampling import UpSampling1D, UpSampling2D, UpSampling3D
    from lamina.layers._wrapper import Wrapper
    from lamina.layers.preprocessing import (
        CategoryEncoding,
        Discretization,
        HashedCrossing,
        Hashing,
        IntegerLookup,
        Normalization,
        Pipeline,
        Rescaling,
        StringLookup,
    )


def serialize(layer: "Layer") -> Any:
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
    # attention
    "AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention",
    # of others
    "FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper",
    # merging
    "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract",
    "add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
    # normalization
    "BatchNormalization", "GroupNormalization", "LayerNormalization", "RMSNormalization",
    "SpectralNormalization", "UnitNormalization",
    # regularization
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    # recurrent
    "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "TimeDistributed",
    "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells",
    # shapes
    "Cropping1D", "Cropping2D", "Cropping3D", "Flatten", "Permute", "RepeatVector", "Reshape",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D",
    # convolutions
    "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
    # pooling
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
    # second names of convolutions and pooling
    "AvgPool1D", "AvgPool2D", "AvgPool3D", "Convolution1D", "Convolution1DTranspose",
    "Convolution2D", "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose",
    "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D",
    "GlobalMaxPool2D", "GlobalMaxPool3D", "MaxPool1D", "MaxPool2D", "MaxPool3D",
    "SeparableConvolution1D", "SeparableConvolution2D",
    # preprocessing
    "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup",
    "Normalization", "Pipeline", "Rescaling", "StringLookup",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

"""Functions that networks are made of."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.ops._attention import (
        dot_product_attention,
    )
    from lamina.ops._complex import (
        polar,
    )
    from lamina.ops._conv import (
        conv,
        conv_transpose,
        depthwise_conv,
        separable_conv,
    )
    from lamina.ops._ctc import (
        ctc_decode,
        ctc_loss,
    )
    from lamina.ops._losses import (
        binary_crossentropy,
        categorical_crossentropy,
        psnr,
        sparse_categorical_crossentropy,
    )
    from lamina.ops._nn import (
        celu,
        depth_to_space,
        elu,
        gelu,
        glu,
        hard_shrink,
        hard_sigmoid,
        hard_silu,
        hard_swish,
        hard_tanh,
        leaky_relu,
        log_sigmoid,
        log_softmax,
        multi_hot,
        one_hot,
        relu,
        relu6,
        selu,
        sigmoid,
        silu,
        soft_shrink,
        softmax,
        softplus,
        softsign,
        space_to_depth,
        sparse_plus,
        sparse_sigmoid,
        sparsemax,
        squareplus,
        swish,
        tanh_shrink,
        threshold,
    )
    from lamina.ops._normalization import (
        batch_normalization,
        layer_normalization,
        moments,
        normalize,
        rms_normalization,
    )
    from lamina.ops._patches import (
        fold,
        unfold,
    )
    from lamina.ops._pooling import (
        adaptive_average_pool,
        adaptive_max_pool,
        average_pool,
        max_pool,
    )


__all__ = [
    "adaptive_average_pool", "adaptive_max_pool", "average_pool", "batch_normalization",
    "binary_crossentropy", "categorical_crossentropy", "celu", "conv", "conv_transpose",
    "ctc_decode", "ctc_loss", "depth_to_space", "depthwise_conv", "dot_product_attention",
    "elu", "fold", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "layer_normalization", "leaky_relu", "log_sigmoid", "log_softmax", "max_pool",
    "moments", "multi_hot", "normalize", "one_hot", "polar", "psnr", "relu", "relu6",
    "rms_normalization", "selu", "separable_conv", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "space_to_depth", "sparse_categorical_crossentropy", "sparse_plus",
    "sparse_sigmoid", "sparsemax", "squareplus", "swish", "tanh_shrink", "threshold", "unfold",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__, home="lamina.ops")

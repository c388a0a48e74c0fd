"""Modules of old Keras, and the lamina modules that hold their names now.

A leading dot stands for lamina: ".layers" is `lamina.layers`, "." is lamina itself.
"""

# What scripts compare with: the newest API that lamina follows, and who answers.
VERSIONS = {"keras": "3.15.1+lamina", "tensorflow": "2.16.0+lamina"}

# Other spellings of a whole tree of modules. The longest one that fits is taken, repeatedly.
REWRITTEN = {
    "keras.api": "keras",
    "keras.backend.tensorflow_backend": "keras.backend",
    "keras.src": "keras",
    "tensorflow.keras": "keras",
    "tensorflow.python.keras": "keras",
    "tensorflow.contrib.keras": "keras",
    "tensorflow.compat.v1": "tensorflow",
    "tensorflow.compat.v2": "tensorflow",
    # tensorflow 2 has these a second time, without `keras`.
    "tensorflow.initializers": "keras.initializers",
    "tensorflow.losses": "keras.losses",
    "tensorflow.metrics": "keras.metrics",
    "tensorflow.optimizers": "keras.optimizers",
}

_LAYERS = """
    activation advanced_activations attention convolutional convolutional_recurrent core
    cudnn_recurrent embeddings local merge merging noise normalization pooling recurrent
    regularization reshaping rnn wrappers
"""
_ENGINE = "base_layer functional input_layer input_spec network sequential topology training"
_UTILS = "conv_utils data_utils io_utils layer_utils np_utils training_utils vis_utils"

MODULES: dict[str, tuple[str, ...]] = {
    "keras.backend": (".backend", "lamina.legacy._backend"),
    "keras.engine": (".layers", ".models", "."),
    "keras.initializations": (".initializers",),
    "keras.layers.experimental.preprocessing": (".layers",),
    "keras.objectives": (".losses",),
    "keras.optimizers.experimental": (".optimizers",),
    "keras.optimizers.legacy": (".optimizers",),
    "keras.utils.generic_utils": (".utils", ".saving"),
    "keras.utils.losses_utils": (".losses",),
    "keras.utils.visualize_util": (".utils",),
    **{f"keras.layers.{name}": (".layers",) for name in _LAYERS.split()},
    **{f"keras.engine.{name}": (".layers", ".models", ".") for name in _ENGINE.split()},
    **{f"keras.utils.{name}": (".utils",) for name in _UTILS.split()},
}

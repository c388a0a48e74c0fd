"""Single names of old Keras and TensorFlow that have an equal in lamina under another name.

Only true equals stand here: same arguments in the same places, same results. Where that does not
hold, the entry leads to a small function of `_tensorflow.py`, or the name is in `_removed.py` with
advice. A leading dot stands for lamina.
"""

_LOSSES = {
    "bce": "binary_crossentropy",
    "BCE": "binary_crossentropy",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
}
_OPTIMIZERS = "SGD RMSprop Adagrad Adadelta Adam Adamax Nadam"

_KERAS = {
    "keras.constraints.maxnorm": ".constraints.MaxNorm",
    "keras.constraints.nonneg": ".constraints.NonNeg",
    "keras.constraints.unitnorm": ".constraints.UnitNorm",
    "keras.engine.get_source_inputs": ".utils.get_source_inputs",
    "keras.engine.topology.get_source_inputs": ".utils.get_source_inputs",
    "keras.initializers.normal": ".initializers.RandomNormal",
    "keras.initializers.one": ".initializers.Ones",
    "keras.initializers.uniform": ".initializers.RandomUniform",
    "keras.initializers.zero": ".initializers.Zeros",
    # The cuDNN layers always were what LSTM and GRU are by default today.
    "keras.layers.CuDNNGRU": ".layers.GRU",
    "keras.layers.CuDNNLSTM": ".layers.LSTM",
    "keras.layers.Deconvolution2D": ".layers.Conv2DTranspose",
    "keras.layers.Deconvolution3D": ".layers.Conv3DTranspose",
    "keras.models.Input": ".layers.Input",
    "keras.utils.Sequence": ".utils.PyDataset",
    "keras.utils.visualize_util.plot": ".utils.plot_model",
    **{f"keras.losses.{old}": f".losses.{new}" for old, new in _LOSSES.items()},
    **{f"keras.metrics.{old}": f".losses.{new}" for old, new in _LOSSES.items()},
    **{f"keras.optimizers.{name.lower()}": f".optimizers.{name}" for name in _OPTIMIZERS.split()},
}

# K.*: what keeps its name and arguments in lamina.ops. The rest of lamina.ops is not offered as
# K.*, because some names mean another thing there: K.identity, K.in_top_k, K.switch, K.ctc_decode.
_BACKEND_OPS = """
    abs all any arange binary_crossentropy cast categorical_crossentropy convert_to_tensor cos dot
    elu equal exp eye greater greater_equal is_tensor less less_equal log logsumexp max maximum
    mean min minimum not_equal one_hot ones ones_like prod reshape round shape sigmoid sign sin
    slice softmax softplus softsign sparse_categorical_crossentropy square squeeze stack std
    stop_gradient sum tanh tile transpose var zeros zeros_like
"""
_BACKEND = {
    "dropout": ".random.dropout",
    "permute_dimensions": ".ops.transpose",
    "pow": ".ops.power",
    "random_normal": ".random.normal",
    "random_uniform": ".random.uniform",
    "reverse": ".ops.flip",
    "truncated_normal": ".random.truncated_normal",
    "clear_session": ".utils.clear_session",
    "is_keras_tensor": ".utils.is_keras_tensor",
    "standardize_dtype": ".utils.standardize_dtype",
    "name_scope": ".name_scope",
}

_TENSORFLOW_SAME = """
    abs add cast convert_to_tensor cos divide equal exp expand_dims floor greater less log
    logical_and logical_not logical_or matmul maximum minimum multiply not_equal one_hot ones
    ones_like reshape round shape sigmoid sign sin sqrt square squeeze stack stop_gradient
    subtract tanh tile transpose where zeros zeros_like
"""
_TENSORFLOW_REDUCE = "all any logsumexp max mean min prod sum"
_TENSORFLOW_OPS = {
    **{name: name for name in _TENSORFLOW_SAME.split()},
    **{f"reduce_{name}": name for name in _TENSORFLOW_REDUCE.split()},
    "clip_by_value": "clip",
    "concat": "concatenate",
    "constant": "convert_to_tensor",
    "is_tensor": "is_tensor",
    "pow": "power",
}
_TENSORFLOW_NN = """
    elu leaky_relu log_softmax relu relu6 selu sigmoid silu softmax softplus softsign swish tanh
"""

# Their values are in `_tensorflow.DTYPES`.
_TENSORFLOW_DTYPES = """
    bfloat16 bool float16 float32 float64 int8 int16 int32 int64 string uint8 uint16 uint32 uint64
"""

# "random.set_seed" -> the function of _tensorflow.py that stands in for it.
_TENSORFLOW_FUNCTIONS = {
    "autograph.set_verbosity": "ignore",
    "config.experimental.list_physical_devices": "list_physical_devices",
    "config.experimental.set_memory_growth": "ignore",
    "config.list_physical_devices": "list_physical_devices",
    "data.AUTOTUNE": "AUTOTUNE",
    "data.Dataset": "Dataset",
    "data.experimental.AUTOTUNE": "AUTOTUNE",
    "disable_eager_execution": "ignore",
    "disable_v2_behavior": "ignore",
    "enable_eager_execution": "ignore",
    "enable_v2_behavior": "ignore",
    "executing_eagerly": "executing_eagerly",
    "get_logger": "get_logger",
    "logging.DEBUG": "DEBUG",
    "logging.ERROR": "ERROR",
    "logging.FATAL": "FATAL",
    "logging.INFO": "INFO",
    "logging.WARN": "WARN",
    "logging.set_verbosity": "set_verbosity",
    "newaxis": "newaxis",
    "random.set_random_seed": "set_seed",
    "random.set_seed": "set_seed",
    "set_random_seed": "set_seed",
    "test.gpu_device_name": "gpu_device_name",
    "test.is_gpu_available": "is_gpu_available",
    "train.AdamOptimizer": "AdamOptimizer",
    "train.GradientDescentOptimizer": "GradientDescentOptimizer",
    "train.RMSPropOptimizer": "RMSPropOptimizer",
}

RENAMED: dict[str, str] = {
    **_KERAS,
    **{f"keras.backend.{name}": f".ops.{name}" for name in _BACKEND_OPS.split()},
    **{f"keras.backend.{old}": new for old, new in _BACKEND.items()},
    **{f"tensorflow.{old}": f".ops.{new}" for old, new in _TENSORFLOW_OPS.items()},
    **{f"tensorflow.math.{old}": f".ops.{new}" for old, new in _TENSORFLOW_OPS.items()},
    **{f"tensorflow.nn.{name}": f".ops.{name}" for name in _TENSORFLOW_NN.split()},
    **{
        f"tensorflow.{name}": f"lamina.legacy._tensorflow.DTYPES.{name}"
        for name in _TENSORFLOW_DTYPES.split()
    },
    **{
        f"tensorflow.{old}": f"lamina.legacy._tensorflow.{new}"
        for old, new in _TENSORFLOW_FUNCTIONS.items()
    },
    "tensorflow.random.normal": ".random.normal",
    "tensorflow.random.uniform": ".random.uniform",
    "tensorflow.random_normal": ".random.normal",
    "tensorflow.random_uniform": ".random.uniform",
}

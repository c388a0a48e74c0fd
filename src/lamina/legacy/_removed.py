"""Names of old Keras and TensorFlow without an equal in lamina, and what to use instead.

A key stands for itself and for everything below it: "tensorflow.data" answers for
`tf.data.Dataset`. The advice is shown as it stands, after "Help: ".
"""

_NO_SESSION = "delete the line: there are no sessions, and JAX manages the device's memory itself"
_SKLEARN = (
    "use `keras.wrappers.SKLearn{}(model=...)`: it takes a model or a function that returns one"
)
_DATA = "use `tf.data.Dataset`, or give fit() arrays, a generator or a `keras.utils.PyDataset`"
_QUEUES = "give fit() a `keras.utils.PyDataset`; its `workers=` load in parallel"
_ARGMAX = "use `model.predict(x).argmax(axis=-1)`"
_LOCAL = "subclass `keras.layers.Layer`, with one kernel per position and `ops.einsum`"
_NO_INITIALIZER = "delete the line: variables have their value when they are made"
_CONV = "use the layer `keras.layers.{0}` or `keras.ops.{1}`"

_LAYERS = {
    "AtrousConvolution1D": "use `Conv1D(..., dilation_rate=...)`",
    "AtrousConvolution2D": "use `Conv2D(..., dilation_rate=...)`",
    "ConvRecurrent2D": "use `ConvLSTM2D`, or `RNN` with a cell of your own",
    "Highway": "subclass `keras.layers.Layer`: t * h(x) + (1 - t) * x, with t from a sigmoid Dense",
    "LocallyConnected1D": _LOCAL,
    "LocallyConnected2D": _LOCAL,
    "MaxoutDense": "use `Dense(units * k)`, `Reshape((units, k))` and a maximum over the last axis",
    "Merge": "use Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply or Subtract",
    "ParametricSoftplus": "use `PReLU`, or subclass `keras.layers.Layer`",
    "RandomHeight": "use `RandomZoom(height_factor, width_factor=0.0)`",
    "RandomWidth": "use `RandomZoom(0.0, width_factor)`",
    "Recurrent": "use `RNN` with a cell",
    "SReLU": "use `PReLU`, or subclass `keras.layers.Layer`",
    "ThresholdedReLU": "use `ReLU(threshold=theta)`",
    "TimeDistributedDense": "use `Dense`: it works on the last axis of any input",
}

_UTILS = {
    "GeneratorEnqueuer": _QUEUES,
    "HDF5Matrix": "open the file with h5py; read large ones in a `keras.utils.PyDataset`",
    "OrderedEnqueuer": _QUEUES,
    "SequenceEnqueuer": _QUEUES,
    "convert_all_kernels_in_model": "delete the line: kernels have one layout",
    "layer_utils.print_summary": "use `model.summary()`",
    "multi_gpu_model": "use `keras.distribution.DataParallel`, set before the model is made",
    "np_utils.accuracy": "use `numpy.mean(y_true == y_pred)`",
    "np_utils.categorical_probas_to_classes": _ARGMAX,
    "np_utils.probas_to_classes": _ARGMAX,
    "print_summary": "use `model.summary()`",
}

_DEFAULT_AXIS = {
    "argmax": -1,
    "argmin": -1,
    "concatenate": -1,
    "cumprod": 0,
    "cumsum": 0,
    "expand_dims": -1,
}
_BACKEND = {
    **{
        name: f"use `keras.ops.{name}(x, axis={axis})`: its default axis is not that of K.{name}"
        for name, axis in _DEFAULT_AXIS.items()
    },
    "batch_dot": "use the layer `keras.layers.Dot`, `keras.ops.matmul` or `keras.ops.einsum`",
    "batch_normalization": "use the layer `BatchNormalization`, or `keras.ops.batch_normalization`",
    "bias_add": "write `x + bias`",
    "clip": "use `keras.ops.clip(x, x_min, x_max)`",
    "conv1d": _CONV.format("Conv1D", "conv"),
    "conv2d": _CONV.format("Conv2D", "conv"),
    "conv2d_transpose": _CONV.format("Conv2DTranspose", "conv_transpose"),
    "conv3d": _CONV.format("Conv3D", "conv"),
    "ctc_batch_cost": "use the loss `keras.losses.CTC` or `keras.ops.ctc_loss`",
    "ctc_decode": "use `keras.ops.ctc_decode`: its arguments differ",
    "depthwise_conv2d": _CONV.format("DepthwiseConv2D", "depthwise_conv"),
    "foldl": "use `keras.ops.scan`",
    "foldr": "use `keras.ops.scan(..., reverse=True)`",
    "function": "use `keras.Model(inputs, outputs)` and call it or its predict()",
    "gather": "use `keras.ops.take(x, indices, axis=0)`",
    "get_session": _NO_SESSION,
    "gradients": (
        "use `keras.grad(lambda: ..., variables)`; by an input, `jax.grad` of a function that "
        "calls the model"
    ),
    "hard_sigmoid": "use `keras.ops.hard_sigmoid`: relu6(x + 3) / 6, not 0.2 x + 0.5 in [0, 1]",
    "identity": "use x itself",
    "in_top_k": "use `keras.ops.in_top_k(targets, predictions, k)`: in this order",
    "in_train_phase": "give the layer's call() an argument `training=None`: it is filled in",
    "l2_normalize": "use `keras.ops.normalize(x, axis=axis)`",
    "learning_phase": "give the layer's call() an argument `training=None`: it is filled in",
    "manual_variable_initialization": _NO_INITIALIZER,
    "map_fn": "use `keras.ops.map` or `keras.ops.vectorized_map`",
    "moving_average_update": "use `variable.assign(momentum * variable + (1 - momentum) * value)`",
    "placeholder": "use `keras.Input(shape)`; `batch_shape=` sets the batch axis too",
    "pool2d": _CONV.format("MaxPooling2D", "max_pool"),
    "pool3d": _CONV.format("MaxPooling3D", "max_pool"),
    "print_tensor": "use `jax.debug.print`",
    "random_binomial": "use `keras.random.uniform(shape) <= p`",
    "relu": "use `keras.activations.relu(x, negative_slope=, max_value=, threshold=)`",
    "repeat": "use the layer `RepeatVector`",
    "repeat_elements": "use `keras.ops.repeat(x, repeats, axis)`",
    "resize_images": "use the layer `keras.layers.UpSampling2D` or `keras.ops.image.resize`",
    "rnn": "use the layer `keras.layers.RNN` with a cell, or `keras.ops.scan`",
    "separable_conv2d": _CONV.format("SeparableConv2D", "separable_conv"),
    "set_learning_phase": "say it in the call: `model(x, training=False)`",
    "set_session": _NO_SESSION,
    "spatial_2d_padding": "use the layer `keras.layers.ZeroPadding2D` or `keras.ops.pad`",
    "sqrt": "use `keras.ops.sqrt(keras.ops.maximum(x, 0))`: K.sqrt gave 0 below 0",
    "switch": "use `keras.ops.where` for arrays, `keras.ops.cond` for functions",
    "temporal_padding": "use the layer `keras.layers.ZeroPadding1D` or `keras.ops.pad`",
    "tf": "lamina runs on JAX; use `keras.ops`",
    "while_loop": "use `keras.ops.while_loop`: its arguments differ",
}

_TENSORFLOW = {
    "ConfigProto": _NO_SESSION,
    "GPUOptions": _NO_SESSION,
    "GradientTape": "use `loss, grads = keras.value_and_grad(lambda: ..., variables)`",
    "Graph": "delete the line: there are no graphs to keep apart",
    "InteractiveSession": _NO_SESSION,
    "Session": _NO_SESSION,
    "Variable": "use `keras.Variable(value)`",
    "app": "call your main() directly",
    "contrib": "it left TensorFlow itself with 2.0; look for the layer or loss in `keras`",
    "data": _DATA,
    "device": "delete the line, or use `keras.device`; JAX takes the accelerator that it finds",
    "distribute": "use `keras.distribution`",
    "estimator": "build the model with `keras.Sequential` or `keras.Model`",
    "examples.tutorials.mnist.input_data": (
        "use `(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()`"
    ),
    "feature_column": "use the layers Normalization, Discretization, CategoryEncoding and so on",
    "flags": "use argparse of the standard library",
    "function": "delete the decorator: fit, evaluate and predict are compiled as they are",
    "get_default_graph": "delete the line: there are no graphs to keep apart",
    "get_default_session": _NO_SESSION,
    "gfile": "use open() and pathlib of the standard library",
    "global_variables_initializer": _NO_INITIALIZER,
    "image": "use `keras.ops.image` or the layers Resizing, Rescaling, RandomFlip, RandomCrop",
    "io": "use open() and pathlib of the standard library; `keras.utils.load_img` reads images",
    "layers": "use `keras.layers`: Dense, Conv2D, Flatten, Dropout, ...",
    "lite": "lamina does not write this format; see `keras.export`",
    "linalg": "use `keras.ops.linalg`",
    "placeholder": "use `keras.Input(shape)`; for plain numbers use numpy arrays",
    "python": "these are insides of TensorFlow; only `tensorflow.python.keras` is answered",
    "reset_default_graph": "use `keras.backend.clear_session()`",
    "saved_model": "use `model.save('model.keras')` and `keras.models.load_model`",
    "summary": "use the callback `keras.callbacks.TensorBoard`",
    "train": "use `keras.optimizers`; for saving use `model.save_weights`",
}

REMOVED: dict[str, str] = {
    **{f"keras.layers.{name}": advice for name, advice in _LAYERS.items()},
    **{f"keras.utils.{name}": advice for name, advice in _UTILS.items()},
    **{f"keras.backend.{name}": advice for name, advice in _BACKEND.items()},
    **{f"tensorflow.{name}": advice for name, advice in _TENSORFLOW.items()},
    "keras.applications.imagenet_utils._obtain_input_shape": (
        "write the shape out: `input_shape or (224, 224, 3)`"
    ),
    "keras.engine.Container": "use `keras.Model(inputs, outputs)`",
    "keras.engine.Network": "use `keras.Model(inputs, outputs)`",
    "keras.engine.network.Network": "use `keras.Model(inputs, outputs)`",
    "keras.engine.topology.Container": "use `keras.Model(inputs, outputs)`",
    "keras.engine.topology.Network": "use `keras.Model(inputs, outputs)`",
    "keras.engine.topology.Node": "use `keras.models.clone_model` or the layers of `model.layers`",
    "keras.estimator": "train with fit()",
    "keras.legacy": "delete the line: it served layers of Keras itself",
    "keras.losses.Reduction": "write `reduction=` as a string: 'sum_over_batch_size', 'sum', None",
    "keras.losses.cosine": "use `cosine_similarity`",
    "keras.losses.cosine_proximity": (
        "use `cosine_similarity`: it sums over the last axis where this one took the mean"
    ),
    "keras.metrics.cosine": "use `keras.losses.cosine_similarity` or the metric `CosineSimilarity`",
    "keras.metrics.cosine_proximity": "use the metric `CosineSimilarity`",
    "keras.metrics.fbeta_score": "use the metric `FBetaScore`",
    "keras.metrics.fmeasure": "use the metric `F1Score`",
    "keras.metrics.matthews_correlation": "compute it after `predict` from the confusion matrix",
    "keras.metrics.precision": "use the metric `Precision`",
    "keras.metrics.recall": "use the metric `Recall`",
    "keras.models.Graph": "use `keras.Model(inputs, outputs)`",
    "keras.models.model_from_config": "use `keras.Model.from_config` or `Sequential.from_config`",
    "keras.models.model_from_yaml": "use `model.to_json()` and `model_from_json`",
    "keras.optimizers.TFOptimizer": "use an optimizer of `keras.optimizers`",
    "keras.regularizers.WeightRegularizer": "use `L1L2(l1, l2)`",
    "keras.regularizers.activity_l1": "use `L1(l1)` as `activity_regularizer`",
    "keras.regularizers.activity_l1l2": "use `L1L2(l1, l2)` as `activity_regularizer`",
    "keras.regularizers.activity_l2": "use `L2(l2)` as `activity_regularizer`",
    "keras.regularizers.l1l2": "use `L1L2(l1, l2)`: its defaults are 0, not 0.01",
    "keras.wrappers.scikit_learn.KerasClassifier": _SKLEARN.format("Classifier"),
    "keras.wrappers.scikit_learn.KerasRegressor": _SKLEARN.format("Regressor"),
}

"""Configs of Keras 2 as Keras 3 would have written them.

Everything here turns plain dictionaries into plain dictionaries: no object is made, and the one
reader of records (`_core.serialize`) sees only the new form. What an old argument meant and Keras 3
cannot say is refused, never dropped.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from lamina import _exports
from lamina._core import serialize
from lamina._core.configurable import parameters
from lamina.saving._legacy_graph import modern_graph
from lamina.saving._legacy_ops import is_op_layer, modern_op
from lamina.saving._refusal import malformed_refused, refuse

_ANY: Any = object()  # any value: the argument never changed a result

# Classes by another name.
_CLASSES = {
    "Model": "Functional",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Policy": "DTypePolicy",
    "PolicyV1": "DTypePolicy",
    "SyncBatchNormalization": "BatchNormalization",
    "ThresholdedReLU": "ReLU",
}
_MODULES = {"DTypePolicy": "keras", "Functional": "keras.src.models.functional"}

# Arguments by another name.
_RENAMED = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "ThresholdedReLU": {"theta": "threshold"},
}

# Arguments that are no more, with the values for which nothing is lost.
_RNN = {"implementation": _ANY, "time_major": (False, None), "input_dim": _ANY,
        "input_length": _ANY, "num_constants": (None, 0)}  # fmt: skip
_CUDNN = {**_RNN, "implementation": _ANY}
_KERNEL = dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"), _ANY)
_GONE: dict[str, dict[str, Any]] = {
    "Attention": {"causal": (False, None)},
    "AdditiveAttention": {"causal": (False, None)},
    "BatchNormalization": {"fused": _ANY, "virtual_batch_size": (None,), "adjustment": (None,)},
    "Bidirectional": _RNN,
    "Conv1DTranspose": {"groups": (1,)},
    "Conv2DTranspose": {"groups": (1,)},
    "Conv3DTranspose": {"groups": (1,)},
    "ConvLSTM1D": _RNN,
    "ConvLSTM2D": _RNN,
    "ConvLSTM3D": _RNN,
    "CuDNNGRU": _CUDNN,
    "CuDNNLSTM": _CUDNN,
    "DepthwiseConv1D": {"groups": (1,), "filters": _ANY, **_KERNEL},
    "DepthwiseConv2D": {"groups": (1,), "filters": _ANY, **_KERNEL},
    "Embedding": {"input_length": _ANY, "sparse": (False, None), "activity_regularizer": (None,)},
    "GRU": _RNN,
    "GRUCell": {"implementation": _ANY},
    "InputLayer": {"type_spec": (None,), "ragged": (False, None)},
    "LSTM": _RNN,
    "LSTMCell": {"implementation": _ANY},
    "Lambda": {"module": _ANY, "output_shape_module": _ANY, "function_type": _ANY,
               "output_shape_type": _ANY, "mask": (None,), "mask_type": _ANY},
    "MultiHeadAttention": {"query_shape": _ANY, "key_shape": _ANY, "value_shape": _ANY},
    "RNN": _RNN,
    "SeparableConv1D": {"groups": (1,), **_KERNEL},
    "SeparableConv2D": {"groups": (1,), **_KERNEL},
    "SimpleRNN": _RNN,
    "SimpleRNNCell": {"implementation": _ANY},
    "SpatialDropout1D": {"noise_shape": (None,)},
    "SpatialDropout2D": {"noise_shape": (None,)},
    "SpatialDropout3D": {"noise_shape": (None,)},
    "SyncBatchNormalization": {"fused": _ANY, "virtual_batch_size": (None,)},
    "TimeDistributed": {"input_length": _ANY},
}  # fmt: skip
_ADDED: dict[str, dict[str, Any]] = {
    "CuDNNGRU": {"reset_after": True, "recurrent_activation": "sigmoid"},
    "CuDNNLSTM": {"recurrent_activation": "sigmoid"},
    "SyncBatchNormalization": {"synchronized": True},
}
_ACTIVATIONS = {"softmax_v2": "softmax", "leaky_relu_v2": "leaky_relu", "swish": "silu"}
_INITIALIZERS = {"normal": "truncated_normal"}  # the distributions of VarianceScaling


@serialize.register_keras_serializable("keras2", "hard_sigmoid")
def hard_sigmoid(x: Any) -> Any:
    """Return min(max(0.2 x + 0.5, 0), 1): Keras 2's `hard_sigmoid`, steeper than Keras 3's."""
    return jnp.clip(0.2 * x + 0.5, 0.0, 1.0)


def is_legacy(version: Any) -> bool:
    """Return whether a `keras_version`, None if there is none, is one of Keras 1 or 2."""
    return version is None or str(version).partition(".")[0] in ("", "0", "1", "2")


@malformed_refused("a configuration of Keras 2")
def modern(value: Any) -> Any:
    """Return a config of Keras 2, or a record, or a structure of them, in the form of Keras 3.

    Raises:
        FileRefused: an argument that means something Keras 3 has no word for, or code.
    """
    if isinstance(value, (list, tuple)):
        return [modern(x) for x in value]
    if not isinstance(value, Mapping):
        return value
    if isinstance(value.get("items"), (list, tuple)) and value.get("class_name") in _SEQUENCES:
        return modern(value["items"])
    if isinstance(value.get("class_name"), str) and "config" in value:
        return _modern_record(dict(value))
    return {k: modern(v) for k, v in value.items()}


_SEQUENCES = ("__tuple__", "ListWrapper", "TensorShape")


def _modern_record(record: dict[str, Any]) -> dict[str, Any]:
    old, config = record["class_name"], record["config"]
    name = _CLASSES.get(old, old)
    if serialize.get_registered_object(record.get("registered_name") or old) is not None:
        name = old  # a class of the user's, whatever it is called
    if name == "Sequential":
        config = _modern_sequential(config)
    elif name == "Functional" or (isinstance(config, Mapping) and "input_layers" in config):
        config = _modern_functional(config)
    elif isinstance(config, Mapping):
        config = _modern_config(old, name, dict(config))
    made = {**record, "class_name": name, "config": config}
    if name != old or name in _MODULES:
        made["module"], made["registered_name"] = _MODULES.get(name), None
    made.pop("build_config", None)  # the shapes follow from the graph
    if made.get("compile_config"):
        made["compile_config"] = modern_compile_config(made["compile_config"])
    return made


def _modern_config(old: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    for before, after in _RENAMED.get(old, {}).items():
        if before in config:
            config[after] = config.pop(before)
    for key, harmless in _GONE.get(old, {}).items():
        if key in config and harmless is not _ANY and config[key] not in harmless:
            raise refuse(
                f"{config.get('name', old)} ({old})",
                f"expected arguments that a layer of Keras 3 has, or {key}={harmless[0]!r}",
                f"{key}={config[key]!r}",
                "write the model anew, and load its weights alone with load_weights",
            )
        if old != "Lambda":
            config.pop(key, None)
    if name == "Lambda":
        config = _modern_lambda(config)
    if name != "InputLayer":
        config.pop("batch_input_shape", None)
    config.update(_ADDED.get(old, {}))
    cls = _exports.find(name, "layers")
    if cls is not None and "trainable" not in parameters(cls):
        config.pop("trainable", None)  # nothing in it could be
    if old == "GRU" and "units" in config:
        config.setdefault("reset_after", False)
    return {key: _modern_argument(name, key, value) for key, value in config.items()}


def _modern_argument(cls: str, key: str, value: Any) -> Any:
    if key.endswith("activation") and isinstance(value, str):
        return _modern_activation(value)
    if key in ("negative_slope", "max_value") and isinstance(value, Mapping):
        return value.get("value")  # {"type": "ndarray", "value": 0.3}
    if key == "distribution" and isinstance(value, str):
        return _INITIALIZERS.get(value, value)
    if key == "dtype" and isinstance(value, str) and value.strip("_") == "infer":
        return None
    value = modern(value)
    if key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if key.endswith("initializer") and isinstance(value, dict) and "config" in value:
        value["config"].pop("dtype", None)
    if cls == "DTypePolicy" and key != "name":
        return None
    return value


def _modern_activation(name: str) -> Any:
    if name == "hard_sigmoid":
        registered = serialize.get_registered_name(hard_sigmoid)
        return {"module": "builtins", "class_name": "function", "config": registered,
                "registered_name": registered}  # fmt: skip
    return _ACTIVATIONS.get(name, name)


def _modern_lambda(config: dict[str, Any]) -> dict[str, Any]:
    """A function by name, never by its code: the file's, or one registered for the layer."""
    layer = str(config.get("name", "lambda"))
    function = config.get("function")
    by_name = config.get("function_type") == "function" and isinstance(function, str)
    name = function if by_name else layer
    if not by_name and serialize.get_registered_object(layer) is None:
        raise refuse(
            f"{layer} (Lambda)",
            "expected a function by its registered name",
            "code, which is never run",
            f"write the function and pass custom_objects={{'{layer}': function}}",
        )
    kept = {k: v for k, v in config.items() if k not in _GONE["Lambda"]}
    if config.get("output_shape_type", "raw") != "raw":
        kept["output_shape"] = None  # code too; it is inferred
    kept["function"] = {"module": "builtins", "class_name": "function", "config": name,
                        "registered_name": name}  # fmt: skip
    return kept


# --- models --------------------------------------------------------------------------------------


def _modern_sequential(config: Any) -> dict[str, Any]:
    """With its name, and an InputLayer where the first layer knew the shape."""
    config = {"layers": config} if isinstance(config, (list, tuple)) else dict(config)
    records = list(config.get("layers") or [])
    first = records[0].get("config") if records and isinstance(records[0], Mapping) else None
    shape = first.get("batch_input_shape") if isinstance(first, Mapping) else None
    if shape is not None and records[0].get("class_name") != "InputLayer":
        options = {"batch_shape": shape, "name": f"{first.get('name', 'layer')}_input"}
        dtype = first.get("dtype")
        options |= {"dtype": dtype} if isinstance(dtype, str) else {}
        records.insert(0, {"class_name": "InputLayer", "config": options})
    return {**config, "layers": modern(records)}


def _modern_functional(config: Mapping[str, Any]) -> dict[str, Any]:
    records = config.get("layers")
    if not isinstance(records, (list, tuple)) or not all(isinstance(r, Mapping) for r in records):
        raise refuse("model_config", "expected a list of layers", f"{type(records).__name__}")
    graph = modern_graph(config)
    layers = []
    for record, nodes in zip(records, graph.pop("nodes"), strict=True):
        if is_op_layer(record) and serialize.get_registered_object(record["class_name"]) is None:
            layers.append(modern_op(record, nodes))
            continue
        new = modern({k: v for k, v in record.items() if k not in ("inbound_nodes", "name")})
        name = record.get("name") or record.get("config", {}).get("name")
        layers.append({**new, "name": name, "inbound_nodes": nodes})
    return {**config, **graph, "layers": layers}


# --- what compile() was given ---------------------------------------------------------------------


@malformed_refused("the arguments of compile()")
def modern_compile_config(training_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `compile` as records, from the `training_config` of an .h5 file."""
    old = dict(training_config)
    optimizer = old.get("optimizer_config") or old.get("optimizer")
    return {
        "optimizer": _modern_optimizer(optimizer),
        "loss": _each(old.get("loss"), _modern_loss),
        "loss_weights": old.get("loss_weights"),
        "metrics": _metrics(old.get("metrics")),
        "weighted_metrics": _metrics(old.get("weighted_metrics")),
    }


def _modern_optimizer(record: Any) -> Any:
    if not isinstance(record, Mapping) or not isinstance(record.get("config"), Mapping):
        return record
    name, config = str(record.get("class_name")), dict(record["config"])
    if serialize.get_registered_object(name) is not None:
        return dict(record)
    name = name.removeprefix("Custom>")
    name = next((n for n in _OPTIMIZERS if n.lower() == name.lower()), name)
    for key in ("jit_compile", "is_legacy_optimizer", "schedule_decay", "dynamic"):
        config.pop(key, None)
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    decay = config.pop("decay", None)
    if decay:
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": config["learning_rate"], "decay_steps": 1,
                       "decay_rate": decay},
            "registered_name": None,
        }  # fmt: skip
    if config.get("epsilon", 0) is None:
        config["epsilon"] = 1e-7
    if "inner_optimizer" in config:
        config["inner_optimizer"] = _modern_optimizer(config["inner_optimizer"])
    return {
        "module": "keras.optimizers",
        "class_name": name.removesuffix("V3") if name.startswith("LossScale") else name,
        "config": {key: modern(value) for key, value in config.items()},
        "registered_name": None,
    }


_OPTIMIZERS = ("Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "AdamW", "Ftrl", "Lion",
               "Nadam", "RMSprop", "SGD")  # fmt: skip


def _each(structure: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to the names and records in a structure."""
    if isinstance(structure, (list, tuple)):
        return [_each(x, change) for x in structure]
    if isinstance(structure, Mapping) and "class_name" not in structure:
        return {k: _each(v, change) for k, v in structure.items()}
    return None if structure is None else change(structure)


def _modern_loss(loss: Any) -> Any:
    if isinstance(loss, str):
        return _LOSSES.get(loss, loss)
    config = dict(loss.get("config") or {})
    function = config.pop("fn", None)
    if loss["class_name"] == "LossFunctionWrapper":
        return _modern_loss(function)
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    return {**_own("keras.losses", loss), "config": modern(config)}


_LOSSES = {
    "cosine_proximity": "cosine_similarity",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}


def _own(module: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with the module that the library's class is saved under."""
    if serialize.get_registered_object(record["class_name"]) is not None:
        return dict(record)
    return {**record, "module": module, "registered_name": None}


def _metrics(structure: Any) -> Any:
    """One list for one output; a list per output otherwise."""
    if isinstance(structure, list) and len(structure) == 1 and isinstance(structure[0], list):
        structure = structure[0]
    return _each(structure, _modern_metric) or None


def _modern_metric(metric: Any) -> Any:
    if isinstance(metric, str):
        return _LOSSES.get(metric, metric)
    name, config = metric["class_name"], dict(metric.get("config") or {})
    if name not in ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"):
        return {**_own("keras.metrics", metric), "config": modern(config)}
    function = config.get("fn")
    if config.get("name") in ("accuracy", "acc", "crossentropy", "ce"):
        return config["name"]  # chosen anew by the shapes, as when it was saved
    function = _LOSSES.get(str(function), function)
    config["fn"] = {"module": "builtins", "class_name": "function", "config": function,
                    "registered_name": function}  # fmt: skip
    return {"module": "keras.metrics", "class_name": "MeanMetricWrapper", "config": config,
            "registered_name": None}  # fmt: skip

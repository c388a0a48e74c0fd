"""Files `.h5` as Keras 2 wrote them and Keras 3 still does: a model, or weights alone.

A group per layer, by the layer's name, holds its arrays; attributes give their order. What
`model.save` writes has the weights in the group `model_weights`, and beside it the state of the
optimizer, the configuration and what `compile` was given, the last two as JSON in attributes.
"""

import json
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from lamina import _exports
from lamina._core import serialize, tree
from lamina._core.configurable import parameters
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.state import Scope, Variable
from lamina.saving._hdf5 import Dataset, Group, open_hdf5
from lamina.saving._json import read_json
from lamina.saving._legacy_config import is_legacy, modern, modern_compile_config
from lamina.saving._legacy_optimizer import complete_state, legacy_state
from lamina.saving._legacy_weights import fit_arrays
from lamina.saving._load_report import LoadReport, Problem
from lamina.saving._records import model_from_record
from lamina.saving._refusal import malformed_refused, refuse
from lamina.saving._weights import budget_of, check_built
from lamina.saving._weights_file import put_array
from lamina.utils._atomic import atomic_write

_KERAS = "3.15.0"  # the version whose files these are
_TOP = "top_level_model_weights"
_SPARE = 256 << 20  # bytes of variables beyond those in the file
_LARGEST = 64512  # bytes of one attribute: HDF5's limit for object headers, less some room


def is_legacy_h5(path: Any) -> bool:
    """Return whether a file, by its name, is of this kind."""
    name = os.fspath(path)
    return name.endswith((".h5", ".hdf5")) and not name.endswith(".weights.h5")


def holds_layers(path: Any) -> bool:
    """Return whether an HDF5 file has a group per layer by its name, whatever the file's name."""
    with open_hdf5(path) as file:
        return is_legacy_group(file)


def is_legacy_group(file: Group) -> bool:
    """Return whether the root of a file has a group per layer by its name."""
    names = {*file.attribute_names(), *file.keys()}
    return bool(names & {"layer_names", "layer_names0", "model_weights", "model_config", _TOP})


# --- reading ------------------------------------------------------------------------------------


def load_model(path: Any, custom_objects: Any = None, compile: bool = True) -> Any:
    """Return the model of a file, compiled and with its optimizer's state if the file has it.

    Args:
        path: of the file.
        custom_objects: classes and functions by name, beside those registered.
        compile: whether to compile it as it was.

    Raises:
        FileRefused: it is damaged, has weights alone, or holds what is never accepted.
    """
    where = os.path.basename(os.fspath(path))
    with serialize.CustomObjectScope(custom_objects or {}), open_hdf5(path) as file:
        version = file.attribute("keras_version")
        record = json_attribute(file, "model_config", where)
        if record is None:
            raise refuse(
                where,
                "expected a whole model",
                "weights alone",
                "make the model in Python, then model.load_weights(path)",
            )
        record = modern(record) if is_legacy(version) else _with_modules_of_ops(record)
        model: Any = model_from_record(record, None, 4 * os.path.getsize(path) + _SPARE, blank=True)
        if not isinstance(model, Layer):
            raise refuse(f"{where}@model_config", "expected a model", describe(model))
        group = _weights_group(file)
        _load(model, group, where, _same_names(model, group), skip_mismatch=False, exact=True)
        training = json_attribute(file, "training_config", where) if compile else None
        if training is not None:
            with malformed_refused(f"{where}@training_config"):
                _compile(model, training, file, where)
    return model


def _with_modules_of_ops(record: Any) -> Any:
    """Tell the operations in a record of Keras 3 from layers: `Multiply` is the name of both.

    Keras writes neither's module here, and then takes all for layers. A layer has `trainable`.
    """
    config = record.get("config") if isinstance(record, dict) else None
    if not isinstance(config, dict) or "module" in record:
        return record
    layers = config.get("layers")
    if isinstance(layers, list):
        layers = [_with_modules_of_ops(layer) for layer in layers]
        return {**record, "config": {**config, "layers": layers}}
    name = record.get("class_name")
    if name == "GroupedQueryAttention":  # what Keras calls the class inside
        return {**record, "class_name": "GroupQueryAttention"}
    if "trainable" in config or "inbound_nodes" not in record or not isinstance(name, str):
        return record
    cls = _exports.find(name, "layers")
    without = cls is not None and (name == "InputLayer" or "trainable" not in parameters(cls))
    if without or serialize.get_registered_object(name) is not None:
        return record
    return {**record, "module": "keras.src.ops."}


def load_weights(
    model: Any, path: Any, skip_mismatch: bool = False, by_name: bool = False
) -> LoadReport:
    """Load the weights of a file into `model`: all of them, or none.

    Args:
        model: a built model.
        path: of a file with weights, or with a whole model.
        skip_mismatch: whether layers that do not fit keep what they have, with a warning.
        by_name: whether layers get what the file has under their names, and others nothing; by
            default the layers with weights are taken in order.

    Raises:
        FileRefused: some layer does not fit; the message has the report.
    """
    check_built(model, "load_weights")
    where = os.path.basename(os.fspath(path))
    with open_hdf5(path, budget_of(model)) as file:
        return _load(model, _weights_group(file), where, by_name, skip_mismatch)


def json_attribute(file: Group, name: str, where: str) -> Any:
    """Return the dictionary in an attribute; None if there is no such attribute."""
    text = file.attribute(name)
    if text is None:
        return None
    value = read_json(text, f"{where}@{name}")
    if not isinstance(value, dict):
        raise refuse(f"{where}@{name}", "expected a dictionary", type(value).__name__)
    return value


def _weights_group(file: Group) -> Group:
    return file.group("model_weights") or file


def read_names(group: Group, name: str) -> list[str]:
    """Return an attribute that lists names; long lists are split over `NAME0`, `NAME1`, ..."""
    value, found = group.attribute(name), []
    if value is not None:
        found = [value]
    while value is None and (part := group.attribute(f"{name}{len(found)}")) is not None:
        found.append(part)
    names = [n for part in found for n in np.atleast_1d(part).tolist()]
    return [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names]


def _layers_in(group: Group) -> Iterator[tuple[str, list[tuple[str, Dataset]]]]:
    """Yield the layers of a file: (name, [(name of the weight, its array), ...])."""
    names = read_names(group, "layer_names")
    if not names and group.group(_TOP) is None:
        raise refuse(
            group.where,
            "expected the names of layers, as attribute layer_names",
            "none",
            "a file of Keras 3's newer form ends in .weights.h5",
        )
    for name in names:
        yield name, _arrays_in(group, name)


def _arrays_in(group: Group, name: str) -> list[tuple[str, Dataset]]:
    inner = group.group(name)
    if inner is None:
        raise refuse(f"{group.where}/{name}", "expected a group for the layer", "none")
    found = []
    for key in read_names(inner, "weight_names"):
        dataset = inner.dataset(key)
        if dataset is None:
            raise refuse(f"{inner.where}/{key}", "expected an array", "none")
        found.append((key, dataset))
    return found


def _load(
    model: Any, group: Group, where: str, by_name: bool, skip_mismatch: bool, exact: bool = False
) -> LoadReport:
    """Read what fits into a scope, which is left only if nothing is wrong."""
    report = LoadReport()
    pairs = list(_pairs(model, group, by_name, where, report, skip_mismatch))
    with Scope() as scope:
        for layer, name, arrays in pairs:
            _take(layer, legacy_weights(layer), name, arrays, report)
        own = own_weights(model)
        if group.group(_TOP) is not None and (own or not by_name):
            _take(model, own, _TOP, _arrays_in(group, _TOP), report)
    if exact or not by_name:
        _note_missing(model, {id(layer) for layer, _, _ in pairs}, group, report)
    if not report.ok and not skip_mismatch:
        raise refuse(
            where,
            "expected the weights of this model",
            f"{report}",
            "load_weights(..., skip_mismatch=True) loads what fits and leaves the rest; "
            "by_name=True pairs layers by their names",
        )
    for variable, value in scope.values.items():
        variable.assign(value)
    if not report.ok:
        warnings.warn(f"{where}: some weights were not loaded.\n{report}", stacklevel=4)
    return report


def _same_names(model: Any, group: Group) -> bool:
    """Whether layers go by the file's names; those of a subclass may be numbered otherwise."""
    return set(read_names(group, "layer_names")) == {layer.name for layer in model.layers}


def _pairs(
    model: Any, group: Group, by_name: bool, where: str, report: LoadReport, skip_mismatch: bool
) -> Iterator[tuple[Any, str, list[tuple[str, Dataset]]]]:
    """Yield which layer gets what: by their names, or those with weights in order."""
    stored = [(name, arrays) for name, arrays in _layers_in(group) if arrays]
    if by_name:
        named = {layer.name: layer for layer in model.layers}
        report.unused += [name for name, _ in stored if name not in named]
        yield from ((named[name], name, arrays) for name, arrays in stored if name in named)
        return
    layers = [layer for layer in model.layers if layer.weights]
    if len(layers) != len(stored) and not skip_mismatch:
        raise refuse(
            where,
            f"expected {len(layers)} layers with weights: {_listed(x.name for x in layers)}",
            f"{len(stored)}: {_listed(name for name, _ in stored)}",
            "load_weights(..., by_name=True) pairs layers by their names",
        )
    report.unused += [name for name, _ in stored[len(layers) :]]
    for layer, (name, arrays) in zip(layers, stored, strict=False):
        yield layer, name, arrays


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:12]) + ", ..." * (len(found) > 12) or "none"


def legacy_weights(layer: Any) -> list[Variable]:
    """Return the weights of a layer in the order of these files: those that are trained first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def own_weights(model: Any) -> list[Variable]:
    """Return the weights that a model holds itself, in no layer of its."""
    inside = {id(v) for layer in model.layers for v in layer.weights}
    return [v for v in legacy_weights(model) if id(v) not in inside]


def _take(
    layer: Any,
    variables: list[Variable],
    name: str,
    arrays: list[tuple[str, Dataset]],
    report: LoadReport,
) -> None:
    shapes = [dataset.shape for _, dataset in arrays]
    convert = fit_arrays(layer, [v.shape for v in variables], shapes)
    if convert is None:
        expected = ", ".join(f"{v.name} {v.shape}" for v in variables) or "no weights"
        found = ", ".join(f"{s}" for s in shapes) or "none"
        report.mismatched.append(Problem(name, _told(layer), expected, found))
        return
    values = convert([dataset.read() for _, dataset in arrays])
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    if variables:
        report.matched.append(name)


def _told(layer: Any) -> str:
    return f"{layer.path} ({type(layer).__name__})"


def _note_missing(model: Any, done: set[int], group: Group, report: LoadReport) -> None:
    for layer in model.layers:
        if layer.weights and id(layer) not in done:
            told = ", ".join(f"{v.name} {v.shape}" for v in layer.weights)
            nothing = f"nothing in {group.where}"
            report.missing.append(Problem(layer.name, _told(layer), told, nothing))


# --- compile arguments and the optimizer ---------------------------------------------------------


def _compile(model: Any, training: Mapping[str, Any], file: Group, where: str) -> None:
    model.compile_from_config(modern_compile_config(training))
    optimizer, stored = model.optimizer, file.group("optimizer_weights")
    if stored is None or optimizer is None:
        return
    optimizer.build(model.trainable_variables)
    arrays = dict(_arrays_in(file, "optimizer_weights"))
    group = _weights_group(file)
    weights = [
        pair
        for layer in model.layers
        if (inner := group.group(layer.name)) is not None
        for pair in zip(read_names(inner, "weight_names"), legacy_weights(layer), strict=False)
    ]
    wanted = legacy_state(optimizer, list(arrays), weights)
    if wanted is None or any(v.shape != arrays[name].shape for v, name in wanted.items()):
        warnings.warn(
            explain(
                where,
                f"expected state that fits {type(optimizer).__name__}; it starts afresh",
                f"{len(arrays)} arrays for {len(optimizer.variables)} variables",
                "training goes on from the weights alone",
            ),
            stacklevel=4,
        )
        return
    for variable, name in wanted.items():
        variable.assign(np.asarray(arrays[name].read()).astype(variable.dtype))
    complete_state(optimizer)


# --- writing ------------------------------------------------------------------------------------


def save_model(model: Any, path: Any, include_optimizer: bool = True) -> None:
    """Write a model, with its compile arguments and the optimizer's state, for Keras 2.x's readers.

    Args:
        model: a model made from `Input`s or by Sequential, or one whose class is registered.
        path: of the file, which is replaced in one step.
        include_optimizer: whether compile arguments and the optimizer are written too.
    """
    check_built(model, "save")
    record = _old_record(serialize.serialize_keras_object(model))
    attributes = {"keras_version": _KERAS, "backend": "jax", "model_config": json.dumps(record)}
    optimizer = getattr(model, "optimizer", None) if include_optimizer else None
    if optimizer is not None and model.compiled:
        attributes["training_config"] = json.dumps(_training_config(model))
    with _new_file(path) as file:
        file.attrs.update(attributes)
        _put_layers(model, file.create_group("model_weights"))
        if optimizer is not None and optimizer.variables:
            _put_arrays(file.create_group("optimizer_weights"), optimizer.variables)


def save_weights(model: Any, path: Any) -> None:
    """Write the weights of a model, a group for each of its layers."""
    check_built(model, "save_weights")
    with _new_file(path) as file:
        _put_layers(model, file)


@contextmanager
def _new_file(path: Any) -> Iterator[Any]:
    import h5py

    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        yield file


def _training_config(model: Any) -> dict[str, Any]:
    config = dict(model.get_compile_config())
    optimizer = config.pop("optimizer")
    name = optimizer["registered_name"] or optimizer["class_name"]
    config["optimizer_config"] = {"class_name": name, "config": optimizer["config"]}
    config["loss"] = tree.map_structure(lambda x: _SPELLED.get(x, x), config["loss"])
    return config


# Keras reads no short names of losses from these files.
_SPELLED = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}


def _old_record(record: Any) -> Any:
    """A model's record as these files hold it: layers by class name alone, down to every model.

    Operations keep their module, or Keras would take `Add` for the layer of that name.
    """
    if str(record.get("module")).startswith("keras.src.ops."):
        return record
    config = dict(record["config"])
    if isinstance(config.get("layers"), list):
        config["layers"] = [
            _old_record(layer) if "class_name" in layer else layer for layer in config["layers"]
        ]
    name = record.get("registered_name") or record["class_name"]
    # The shapes of the user's own classes do not follow from the graph.
    extra = ("build_config",) if ">" in name else ()
    kept = {k: v for k, v in record.items() if k in ("name", "inbound_nodes", *extra)}
    return {"class_name": name, "config": config, **kept}


def _put_layers(model: Any, group: Any) -> None:
    layers = model.layers
    _put_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = "jax"
    group.attrs["keras_version"] = _KERAS
    # By name, so that a name comes before those it begins: HDF5 makes the groups of a path.
    for layer in sorted(layers, key=lambda one: one.name):
        _put_arrays(group.create_group(layer.name), legacy_weights(layer))
    _put_arrays(group.create_group(_TOP), own_weights(model))


def _put_arrays(group: Any, variables: list[Variable]) -> None:
    names = _unlike_names([v.path for v in variables])
    _put_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        put_array(group, name, variable.numpy())


def _unlike_names(paths: list[str]) -> list[str]:
    """Return the paths, with a number behind those that came before or would be a group."""
    groups = {path[:i] for path in paths for i, c in enumerate(path) if c == "/"}
    seen: Counter[str] = Counter(groups)
    names = []
    for path in paths:
        name = path
        while seen[name]:
            seen[path] += 1
            name = f"{path}_{seen[path] - 1}"
        seen[name] += 1
        names.append(name)
    return names


def _put_names(group: Any, name: str, names: list[str]) -> None:
    data = np.array([n.encode() for n in names]) if names else np.empty((0,), "S1")
    parts = [data]
    while max(part.nbytes for part in parts) > _LARGEST:
        parts = np.array_split(data, len(parts) + 1)
        if len(parts) > len(data):
            raise ValueError(
                explain("save", f"expected names of at most {_LARGEST} bytes", "a longer one")
            )
    for i, part in enumerate(parts):
        group.attrs[name if len(parts) == 1 else f"{name}{i}"] = part

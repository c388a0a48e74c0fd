"""Records that attack, and every way in which a record of a layer reaches the library.

The names C1, R1, ... are those of vectors: C runs code, R reads files, D takes memory or time.
"""

import base64
import json
import marshal
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

import lamina
from lamina import layers, models, saving

# --- attacks ------------------------------------------------------------------------------------


@dataclass
class Attack:
    """A record of a layer.

    Args:
        record: of the layer.
        refused: whether it must be refused; others may also come to nothing.
        late: whether it may be refused when the layer is built.
    """

    record: Any
    refused: bool = True
    late: bool = False


def layer(
    cls: Any = "Dense", module: Any = "keras.layers", registered: Any = None, **config: Any
) -> dict[str, Any]:
    """The record of a layer as real files have it."""
    options = {"units": 2} if cls == "Dense" else {}
    options |= {"name": "evil", **config}
    return {"module": module, "class_name": cls, "config": options, "registered_name": registered}


_EVIL = compile("lambda x: open('/etc/passwd')", "", "eval")
CODE = base64.b64encode(marshal.dumps(_EVIL)).decode()
# Functions that do something: of the library, of Keras, of Python, and of a module for this test.
DOERS = (
    ("keras.utils", "get_file"), ("keras.saving", "load_model"), ("lamina.saving", "load_model"),
    ("lamina.saving", "save_model"), ("keras.models", "load_model"), ("keras.config", "set_floatx"),
    ("keras.config", "enable_unsafe_deserialization"), ("keras.utils", "set_random_seed"),
    ("lamina.utils", "plot_model"), ("lamina.saving", "get_custom_objects"), ("builtins", "eval"),
    ("builtins", "exec"), ("os", "system"), ("subprocess", "Popen"), ("evil_canary", "run"),
    ("keras.src.saving.saving_lib", "load_model"), ("keras.activations", "get"),
    ("keras.layers", "deserialize"), ("lamina._exports", "import_module"), ("numpy", "load"),
    ("keras.utils", "clear_session"), ("lamina.utils", "__builtins__"), ("jax.numpy", "load"),
)  # fmt: skip


def _function(module: str, name: str) -> dict[str, Any]:
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def _called(module: str, name: str) -> dict[str, Any]:
    config = {"filepath": "/etc/passwd", "fname": "x", "origin": "http://127.0.0.1:9/"}
    return {"class_name": name, "module": module, "config": config, "registered_name": name}


def _bytecode() -> dict[str, Attack]:
    lambdas = {
        "Keras 3": {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None}},
        "list": [CODE, None, None],
        "text": CODE,
    }
    found = {f"C1 Lambda, {k}": Attack(layer("Lambda", function=v)) for k, v in lambdas.items()}
    for key in ("output_shape", "mask"):
        record = layer("Lambda", function="relu", **{key: lambdas["Keras 3"]})
        found[f"C1 Lambda, {key}"] = Attack(record)
    old = layer("Lambda", module=None, function=lambdas["list"], function_type="lambda",
                module_="x", output_shape_type="lambda", arguments={})  # fmt: skip
    found["C1 Lambda, Keras 2"] = Attack(old)
    found["C1 code as an activation"] = Attack(layer(activation=lambdas["Keras 3"]))
    return found


def _foreign_classes() -> dict[str, Attack]:
    found = {}
    for module in ("os", "builtins", "evil_canary", None, "", "keras", "lamina._core.layer", 7, []):
        for name in ("system", "Popen", "run", "Canary", "eval"):
            found[f"C2 {module}.{name}"] = Attack(layer(name, module, command="touch /tmp/x"))
    odd = ("os.system", "keras.layers.Dense", "layers.Dense", "__import__", "__class__", "_Tail",
           "D\u0435nse", "Dense\0", "", " ", "Dense ", "dense", None, 7, True, ["Dense"], {},
           "TYPE_CHECKING", "Any", "Configurable", "lazy", "PACKAGES")  # fmt: skip
    for name in odd:
        found[f"C2 class {name!r}"] = Attack(layer(name))
    for registered in ("os>system", "os.system", "evil_canary>run", 7, ["x"], {"a": 1}):
        record = layer("system", "os", registered)
        found[f"C2 registered {registered!r}"] = Attack(record)
    found["C2 a known class with a module to import"] = Attack(layer(module="evil_canary"), False)
    found["C2 a layer that is a class"] = Attack(layer(activation=layer("class", config="Popen")))
    return found


def _doers() -> dict[str, Attack]:
    """Functions that do something, wherever a record takes a function or an object."""
    found = {}
    slots: dict[str, Callable[[Any], Any]] = {
        "activation": lambda f: layer(activation=f),
        "initializer": lambda f: layer(kernel_initializer=f),
        "regularizer": lambda f: layer(kernel_regularizer=f),
        "constraint": lambda f: layer(kernel_constraint=f),
        "Lambda": lambda f: layer("Lambda", function=f),
        "standardize": lambda f: layer("TextVectorization", standardize=f),
        "split": lambda f: layer("TextVectorization", split=f),
        "dtype": lambda f: layer(dtype=f),
        "wrapper": lambda f: layer("TimeDistributed", layer=f),
        "cell": lambda f: layer("RNN", cell=f),
        "JaxLayer": lambda f: layer("JaxLayer", call_fn=f),
        "FlaxLayer": lambda f: layer("FlaxLayer", module=f),
        "itself": lambda f: f,
    }
    for slot, make in slots.items():
        for module, name in DOERS:
            for form, how in (("", _function), ("()", _called)):
                found[f"C3 {slot} = {module}.{name}{form}"] = Attack(make(how(module, name)))
            if slot not in ("itself", "dtype"):
                found[f"C3 {slot} = {name!r}"] = Attack(make(name))
    return found


def _nested() -> dict[str, Attack]:
    """Code and foreign names below other records."""
    found = {}
    for title, evil in {"Lambda": layer("Lambda", function={"class_name": "__lambda__", "config": {
            "code": CODE}}), "os.system": _called("os", "system"),
            "load_model": _called("keras.saving", "load_model")}.items():  # fmt: skip
        wrapped = {
            "TimeDistributed": layer("TimeDistributed", layer=evil),
            "Bidirectional": layer("Bidirectional", layer=evil),
            "backward_layer": layer("Bidirectional", layer=layer("LSTM", units=2),
                                    backward_layer=evil),
            "RNN": layer("RNN", cell=evil),
            "StackedRNNCells": layer("StackedRNNCells", cells=[evil]),
            "SpectralNormalization": layer("SpectralNormalization", layer=evil),
            "Sequential": layer("Sequential", "keras", layers=[evil]),
            "Pipeline": layer("Pipeline", layers=[evil]),
            "compile_config": layer("Sequential", "keras", layers=[])
            | {"compile_config": {"optimizer": evil, "loss": evil, "metrics": [evil]}},
            "loss": layer("Sequential", "keras", layers=[])
            | {"compile_config": {"optimizer": "sgd", "loss": evil}},
            "metrics": layer("Sequential", "keras", layers=[])
            | {"compile_config": {"optimizer": "sgd", "loss": "mse", "metrics": [[evil]]}},
            "schedule": layer("Sequential", "keras", layers=[]) | {"compile_config": {
                "loss": "mse", "optimizer": {"module": "keras.optimizers", "class_name": "SGD",
                                             "config": {"learning_rate": evil},
                                             "registered_name": None}}},
        }  # fmt: skip
        for place, record in wrapped.items():
            found[f"C4 {title} in {place}"] = Attack(record)
        calls = [{"args": [evil, tensor("in")], "kwargs": {"mask": evil}}]
        found[f"C4 {title} in a call"] = Attack(graph([layer("Dense") | called("evil", calls)]))
    flips = layer() | {"build_config": {"safe_mode": False}, "safe_mode": False}
    found["C4 a switch in the record"] = Attack(flips, False)
    found["C5 Torch"] = Attack(layer("TorchModuleWrapper", module="gANjb3MKc3lzdGVtCg=="))
    found["C5 SavedModel"] = Attack(layer("TFSMLayer", filepath="/etc"))
    lookup = {"class_name": "class", "module": "keras.layers", "config": "StringLookup"}
    for how, cls in (("name", "StringLookup"), ("record", lookup)):
        arguments = {"vocabulary": "{secret}"}
        found[f"C7 Lambda of a class by {how}"] = Attack(
            layer("Lambda", function=cls, arguments=arguments))  # fmt: skip
    for key in ("bomb", "__class__", "_value", "safe_mode", "custom_objects", "cls", "self"):
        found[f"C7 Dense({key})"] = Attack(layer(**{key: "x"}))
    return found


def tensor(name: str, call: int = 0, index: int = 0) -> dict[str, Any]:
    """The record of a tensor in a graph."""
    config = {"shape": [None, 3], "dtype": "float32", "keras_history": [name, call, index]}
    return {"class_name": "__keras_tensor__", "config": config}


def called(name: str, calls: Any) -> dict[str, Any]:
    """What a layer's record has beside its own in a graph."""
    return {"name": name, "inbound_nodes": calls}


def graph(records: Any, ends: Any = ("evil", 0, 0)) -> dict[str, Any]:
    """The record of a functional model that begins at `in`."""
    start = layer("InputLayer", batch_shape=[None, 3], name="in") | called("in", [])
    config = {"name": "g", "layers": [start, *records], "input_layers": [["in", 0, 0]],
              "output_layers": [list(ends)]}  # fmt: skip
    return layer("Functional", "keras.src.models.functional") | {"config": config}


def _files() -> dict[str, Attack]:
    """Paths and addresses where records have lists of tokens."""
    found = {}
    places = ("{secret}", "../secret.txt", "~/.profile", "\\\\host\\share\\x", "file://{secret}",
              "http://127.0.0.1:9/x", "gs://bucket/x")  # fmt: skip
    for cls in ("StringLookup", "IntegerLookup", "TextVectorization"):
        for place in places:
            found[f"R1 {cls} of {place}"] = Attack(layer(cls, vocabulary=place))
        encoded = {"class_name": "__bytes__", "config": {"value": "{secret}"}}
        found[f"R1 {cls} of bytes"] = Attack(layer(cls, vocabulary=encoded))
    found["R1 idf_weights"] = Attack(
        layer("StringLookup", vocabulary=["a"], output_mode="tf_idf", idf_weights="{secret}")
    )
    moments = layer("Normalization", mean="{secret}", variance="{secret}")
    found["R1 Normalization"] = Attack(moments, late=True)
    found["R1 below TimeDistributed"] = Attack(
        layer("TimeDistributed", layer=layer("StringLookup", vocabulary="{secret}")))  # fmt: skip
    return found


def _op(cls: str, args: list, module: str = "numpy", **config: Any) -> dict[str, Any]:
    """A graph with a call of an op."""
    record = {"module": f"keras.src.ops.{module}", "class_name": cls, "registered_name": cls,
              "config": {"name": "evil", **config}}  # fmt: skip
    return graph([record | called("evil", [{"args": args, "kwargs": {}}])])


def _huge() -> dict[str, Attack]:
    """Sizes that no machine has, and graphs that have no end."""
    big = 10**12
    dense = layer() | called("evil", [{"args": [tensor("evil")], "kwargs": {}}])
    two = [layer(name=a) | called(a, [{"args": [tensor(b)], "kwargs": {}}]) for a, b in
           (("evil", "b"), ("b", "evil"))]  # fmt: skip
    noop = _function("keras.ops", "relu")
    found = {
        "Dense": layer(units=big),
        "Dense, wide": layer("Sequential", "keras", layers=[
            layer("RepeatVector", n=big), layer("Flatten"), layer(units=10**6)]),
        "Embedding": layer("Embedding", input_dim=big, output_dim=8),
        "EinsumDense": layer("EinsumDense", equation="ab,bc->ac", output_shape=big),
        "Normalization": layer("Normalization", mean=1.0, variance=[1.0] * 4, axis=big),
        "a float as units": layer(units=1e300),
        "numbers for what is unknown": layer("IntegerLookup", vocabulary=[1], num_oov_indices=big),
        "units below zero": layer(units=-(10**30)),
        "no end of digits": layer(units=10**300),
        "a cycle": graph([dense]),
        "a longer cycle": graph(two),
        "a call that nobody makes": graph([layer() | called("evil", [])], ("nobody", 0, 0)),
        "an index out of range": graph(
            [layer() | called("evil", [{"args": [tensor("in")], "kwargs": {}}])], ("evil", 0, big)),
        "an op of constants": _op("Full", [0.0], shape=[big]),
        "a long op of constants": _op("Repeat", [[1.0]], repeats=big),
        "a loop without an end": _op("WhileLoop", [[1.0]], "core", cond=noop, body=noop),
        "a range": _op("Arange", [0, 10**11, 1]),
    }  # fmt: skip
    return {f"D5 {title}": Attack(record, late=True) for title, record in found.items()}


def attacks(secret: Path, share: tuple[int, int] = (0, 1)) -> dict[str, Attack]:
    """All attacks, against a file `secret` where they need one.

    Args:
        secret: the file.
        share: (k, n) for every n-th of the functions in every place, from the k-th on.
    """
    doers = dict(list(_doers().items())[share[0] :: share[1]])
    found = {**_bytecode(), **_foreign_classes(), **doers, **_nested(), **_files(), **_huge()}
    for attack in found.values():
        attack.record = _with(attack.record, str(secret))
    return found


def _with(value: Any, secret: str) -> Any:
    if isinstance(value, dict):
        return {k: _with(v, secret) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with(v, secret) for v in value]
    return value.replace("{secret}", secret) if isinstance(value, str) else value


# --- ways in ------------------------------------------------------------------------------------


def stack_of(record: Any) -> dict[str, Any]:
    """The record of a Sequential with the layer in it."""
    start = layer("InputLayer", batch_shape=[None, 3], name="in")
    return layer("Sequential", "keras", layers=[start, record])


def in_graph(record: Any) -> dict[str, Any]:
    """The record of a functional model that calls the layer."""
    calls = [{"args": [tensor("in")], "kwargs": {}}]
    evil = record | called("evil", calls) if isinstance(record, dict) else record
    return graph([evil])


def _keras_file(folder: Path, record: Any, version: str = "3.15.0") -> Path:
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(record))
        archive.writestr("model.weights.h5", b"")
    return path


def _folder(folder: Path, record: Any) -> Path:
    path = folder / "model"
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(record))
    (path / "model.weights.h5").write_bytes(b"")
    return path


def _h5_file(folder: Path, record: Any, version: str) -> Path:
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(record)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = []
    return path


class Carrier(layers.Dense):
    """A user's layer whose config has what somebody else chose."""

    cargo: Any = None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_initializer": self.cargo}


def _cloned(record: Any) -> Any:
    carrier = Carrier(2, name="carrier")
    model = lamina.Sequential([lamina.Input((3,)), carrier])
    carrier.cargo = record
    return models.clone_model(model)


LATE = ("deserialize_keras_object", "layers.deserialize", "clone_model")  # these build nothing
# name -> (how the file is made, how it is loaded); what is not a file is made of the record.
WAYS: dict[str, tuple[Callable[[Path, Any], Any], Callable[[Any], Any]]] = {
    "deserialize_keras_object": (lambda _, r: r, saving.deserialize_keras_object),
    "layers.deserialize": (lambda _, r: r, layers.deserialize),
    "Sequential.from_config": (lambda _, r: stack_of(r)["config"], lamina.Sequential.from_config),
    "Model.from_config": (lambda _, r: in_graph(r)["config"], lamina.Model.from_config),
    "model_from_json": (lambda _, r: json.dumps(stack_of(r)), models.model_from_json),
    "model_from_json of a graph": (lambda _, r: json.dumps(in_graph(r)), models.model_from_json),
    "model_from_json, Keras 2": (
        lambda _, r: json.dumps(stack_of(r) | {"keras_version": "2.9.0"}),
        models.model_from_json,
    ),
    ".keras": (lambda p, r: _keras_file(p, stack_of(r)), saving.load_model),
    ".keras, Keras 2": (lambda p, r: _keras_file(p, stack_of(r), "2.15.0"), saving.load_model),
    "folder": (lambda p, r: _folder(p, in_graph(r)), saving.load_model),
    ".h5": (lambda p, r: _h5_file(p, stack_of(r), "3.15.0"), saving.load_model),
    ".h5, Keras 2": (lambda p, r: _h5_file(p, in_graph(r), "2.15.0"), saving.load_model),
    "clone_model": (lambda _, r: r, _cloned),
}

"""Objects to JSON-able records and back, by a closed table of names.

A record names a class; only classes and functions that were entered here (the library's own, and
those users register) can be made from one. No name from a record is ever imported.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lamina import _exports
from lamina._core import dtypes
from lamina._core.context import context, using
from lamina._core.errors import describe, explain, nearest, unknown
from lamina._core.tensor import KerasTensor

_custom: dict[str, Any] = {}  # "package>Name" -> the object
_custom_names: dict[int, str] = {}


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Any:
    """Return a decorator that makes a class or function loadable as 'package>name'.

    Example:
        >>> @register_keras_serializable("lessons")
        ... def double(x):
        ...     return 2 * x
        >>> get_registered_name(double)
        'lessons>double'
    """

    def decorate(item: Any) -> Any:
        registered = f"{package}>{name or item.__name__}"
        if isinstance(item, type) and not hasattr(item, "get_config"):
            expected = "expected a class with a `get_config` method"
            raise ValueError(explain("register_keras_serializable", expected, describe(item)))
        _custom[registered] = item
        _custom_names[id(item)] = registered
        return item

    return decorate


def get_registered_name(obj: Any) -> str:
    """Return the name under which `obj` is registered, or its own name."""
    return _custom_names.get(id(obj), obj.__name__)


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """Return the class or function registered as `name`, or None."""
    for table in (custom_objects, context().custom_objects, _scoped, _custom, module_objects):
        if table and name in table:
            return table[name]
    return None


_scoped: dict[str, Any] = {}


def get_custom_objects() -> dict[str, Any]:
    """Return the dictionary of names that loading always knows; add yours to it."""
    return _scoped


class CustomObjectScope:
    """`with CustomObjectScope({"Name": Class}):` lets loading inside find `Class`."""

    def __init__(self, custom_objects: Mapping[str, Any]) -> None:
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> "CustomObjectScope":
        merged = {**context().custom_objects, **self.custom_objects}
        self._using = using(custom_objects=merged)
        self._using.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._using.__exit__(*error)


# --- writing ------------------------------------------------------------------------------------


def serialize_keras_object(obj: Any) -> Any:
    """Return `obj` as numbers, strings, lists and dictionaries that JSON can hold."""
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, (list, tuple)):
        kind = type(obj) if type(obj) in (list, tuple) else list
        return kind(serialize_keras_object(x) for x in obj)
    if isinstance(obj, dict):
        return {k: serialize_keras_object(v) for k, v in obj.items()}
    special = _serialize_value(obj)
    if special is not None:
        return special
    if isinstance(obj, type) or not hasattr(obj, "get_config"):
        return _serialize_function(obj)
    return _serialize_instance(obj)


def _serialize_value(obj: Any) -> Any:
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, (np.dtype,)):
        return obj.name
    if isinstance(obj, KerasTensor):
        return _serialize_tensor(obj)
    if isinstance(obj, (np.ndarray, jax.Array)):
        kind = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        config = {"value": np.asarray(obj).tolist(), "dtype": str(obj.dtype)}
        return {"class_name": kind, "config": config}
    if isinstance(obj, bytes):
        return {
            "class_name": "__bytes__",
            "config": {"value": obj.decode("utf-8", "surrogateescape")},
        }
    if isinstance(obj, slice):
        parts = {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    return None


def _serialize_tensor(tensor: KerasTensor) -> dict[str, Any]:
    config: dict[str, Any] = {"shape": list(tensor.shape), "dtype": tensor.dtype}
    if tensor.node is not None:
        config["keras_history"] = [tensor.node.name, 0, tensor.index]
    return {"class_name": "__keras_tensor__", "config": config}


def _serialize_function(fn: Any) -> Any:
    module, public = _exports.public_name(fn) or ("builtins", None)
    if public is not None and _exports.find(public) is fn:
        return public
    name = public or getattr(fn, "__name__", None)
    if name is None or name == "<lambda>":
        expected = "expected objects that can be named in a file"
        help = "write a `def` with @lamina.utils.register_keras_serializable(), or give its class "
        help += "a get_config method"
        raise ValueError(explain("serialization", expected, describe(fn), help))
    kind = "class" if isinstance(fn, type) else "function"
    if public is None:  # as Keras writes users' own: by the registered name, which stands in config
        name = get_registered_name(fn)
    return {"module": module, "class_name": kind, "config": name, "registered_name": public or kind}


def _serialize_instance(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    module, name = _exports.public_name(cls) or (None, cls.__name__)
    registered: str | None = None
    if module is None:
        registered = get_registered_name(cls)
        module = None if cls.__module__ == "__main__" else cls.__module__
    record = {
        "module": module,
        "class_name": name,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": registered,
    }
    for key in ("build_config", "compile_config"):
        extra = getattr(obj, f"get_{key}", lambda: None)()
        if extra is not None:
            record[key] = serialize_keras_object(extra)
    shared = context().shared
    if shared is not None and hasattr(cls, "save_own_variables"):
        record["shared_object_id"] = shared.setdefault(("object", id(obj)), (len(shared), obj))[0]
    return record


# --- reading ------------------------------------------------------------------------------------


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any:
    """Return the object that `serialize_keras_object` described.

    Args:
        config: a record, or a structure with records in it.
        custom_objects: classes and functions by name, beside those registered; they go before the
            library's own of the same name.
        safe_mode: accepted for Keras' sake; code from files is never run.

    Raises:
        ValueError: the record names nothing known, or is not a record.
    """
    del safe_mode
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config)
    try:
        return _deserialize(config)
    except _MALFORMED as error:
        got = f"{type(error).__name__} {error}"
        raise ValueError(explain("deserialization", "expected a whole record", got)) from error


_MALFORMED = (TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)


def _deserialize(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return type(config)(_deserialize(x) for x in config)
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config or "config" not in config:
        return {k: _deserialize(v) for k, v in config.items()}
    return _deserialize_record(config)


def _deserialize_record(record: Mapping[str, Any]) -> Any:
    name, config = record["class_name"], record["config"]
    if isinstance(name, str) and name.startswith("__"):
        return _deserialize_value(name, config)
    if name in ("function", "class"):  # Keras' registered_name is then the kind, or the name again
        registered = record.get("registered_name")
        return find(config, record.get("module"), None if registered == name else registered)
    shared, number = context().shared, record.get("shared_object_id")
    if shared is not None and number is not None and number in shared:
        return shared[number]
    cls = find(name, record.get("module"), record.get("registered_name"))
    if not isinstance(cls, type) or not hasattr(cls, "from_config") or name in _FOREIGN:
        expected = "expected a class that is made from a config alone"
        raise ValueError(explain("deserialization", expected, repr(name), _FOREIGN.get(name)))
    obj = cls.from_config(config)
    if record.get("build_config") and not getattr(obj, "built", True):
        obj.build_from_config(record["build_config"])
    if record.get("compile_config") and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(record["compile_config"])
    if shared is not None and number is not None:
        shared[number] = obj
    return obj


_BY_HAND = "make it in your own code, from a file that you trust, and put it into the model"
_FOREIGN = {"TorchModuleWrapper": _BY_HAND, "TFSMLayer": _BY_HAND}  # a config names them files
_NO_CODE = (
    "code from files is never run. Where you made the model, write the function as a `def` with "
    "@lamina.saving.register_keras_serializable() and save again; or pass the layer, as "
    "custom_objects={'Lambda': YourLayer}"
)


def _deserialize_value(kind: str, config: Any) -> Any:
    if kind in ("__tensor__", "__numpy__"):
        if config["dtype"] not in dtypes.ALLOWED_DTYPES:
            raise ValueError(unknown("dtype", str(config["dtype"]), dtypes.ALLOWED_DTYPES))
        array = np.array(config["value"], dtype=jax.numpy.dtype(config["dtype"]))
        return array if kind == "__numpy__" else jax.numpy.asarray(array)
    if kind == "__bytes__":
        return config["value"].encode("utf-8", "surrogateescape")
    if kind == "__slice__":
        return slice(*(_deserialize(config.get(k)) for k in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind == "__keras_tensor__":
        return KerasTensor(config["shape"], config["dtype"])
    expected = "expected a record without code in it"
    raise ValueError(explain("deserialization", expected, f"a record of kind {kind!r}", _NO_CODE))


def find(name: Any, module: str | None = None, registered: str | None = None) -> Any:
    """Return the class or function that a record names, from the closed table.

    Args:
        name: of the class or function.
        module: the one it is from, as 'keras.layers'; used for the library's own only.
        registered: the name with which users' own are registered, as 'package>name'.
    """
    if not isinstance(name, str):
        raise ValueError(explain("deserialization", "expected a name", describe(name)))
    for known in (registered, name, name.rpartition(">")[2]):
        custom = get_registered_object(known) if isinstance(known, str) else None
        if custom is not None:
            return custom
    item = None
    if isinstance(module, str) and module.partition(".")[0] in ("keras", "lamina"):
        item = _exports.find(name, module.partition(".")[2])
    item = item or _exports.find(name) or _exports.find(name, "ops")
    if item is None:
        raise ValueError(_unknown_name(registered or name, module))
    return item


def _unknown_name(name: str, module: Any) -> str:
    package, _, plain = name.rpartition(">")
    near = nearest(plain, _exports.names())
    recipe = (
        f"load with custom_objects={{'{plain}': {plain}}}, or write "
        f"@lamina.saving.register_keras_serializable({repr(package) if package else ''}) above it"
    )
    if near and near.lower().replace("_", "") == plain.lower().replace("_", ""):
        recipe = f"did you mean '{near}'?"
    expected = "expected the name of a known class or function"
    return explain("deserialization", expected, f"{name!r} (module {module!r})", recipe)


def lookup(identifier: Any, kind: str, table: Mapping[str, Any], custom_objects: Any = None) -> Any:
    """Return what `identifier` stands for: the one mechanism behind every public `get`.

    Args:
        identifier: None, a name in `table`, a record, or an object or function as it is.
        kind: what errors call it, as 'optimizer'.
        table: names and what they stand for (classes are called without arguments).
    """
    from_name = None
    if isinstance(identifier, str):
        from_name = get_registered_object(identifier, custom_objects)
        if from_name is None:
            from_name = table.get(identifier)
        if from_name is None:
            from_name = table.get(identifier.lower())
        if from_name is None:
            raise ValueError(unknown(kind, identifier, table))
        return from_name() if isinstance(from_name, type) else from_name
    if isinstance(identifier, dict):
        return deserialize_keras_object(identifier, custom_objects)
    if isinstance(identifier, type):
        return identifier()
    if identifier is None or callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise ValueError(
        explain(
            kind,
            f"expected the name of a known {kind}, an instance or a function",
            describe(identifier),
            f"write its name, as '{next(iter(table))}'",
        )
    )

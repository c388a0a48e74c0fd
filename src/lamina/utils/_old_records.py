"""Records of objects as Keras 2 wrote them: a class and a config, no module."""

from collections.abc import Mapping
from typing import Any

from lamina._core import serialize
from lamina._core.errors import describe, explain, unknown


def serialize_keras_object(instance: Any) -> Any:
    """Return the record of an object, or the name of a function, as Keras 2 wrote them.

    Example:
        >>> from lamina.regularizers import L2
        >>> serialize_keras_object(L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = serialize.get_registered_name(type(instance))
        return {"class_name": name, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return serialize.get_registered_name(instance)
    expected = "expected an object with a get_config method, or a function"
    raise ValueError(explain("serialize_keras_object", expected, describe(instance)))


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Return what a record or a name of Keras 2 stands for; a function as it is.

    Args:
        identifier: {'class_name': ..., 'config': ...}, a name, a function or None.
        module_objects: classes and functions by name; a class that is named is called.
        custom_objects: likewise, and asked first.
        printable_module_name: what errors call it.

    Raises:
        ValueError: nothing has that name.
    """
    known = {**(module_objects or {}), **(custom_objects or {})}
    if identifier is None or callable(identifier):
        return identifier
    if isinstance(identifier, Mapping) and {"class_name", "config"} <= set(identifier):
        return serialize.deserialize_keras_object(identifier, known)
    if isinstance(identifier, str):
        found = serialize.get_registered_object(identifier, known)
        if found is None:
            raise ValueError(unknown(printable_module_name, identifier, known))
        return found() if isinstance(found, type) else found
    expected = "expected a record with 'class_name' and 'config', or a name"
    raise ValueError(explain(printable_module_name, expected, describe(identifier)))

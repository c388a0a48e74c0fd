"""A function of labels and predictions in the config of the loss or metric that wraps it."""

from typing import Any

import lamina._measures as measures
from lamina._core import serialize


def function_record(fn: Any) -> Any:
    """Return the record of `fn`, in the form in which Keras reads it too."""
    record = serialize.serialize_keras_object(fn)
    if isinstance(record, str):
        return {
            "module": "builtins",
            "class_name": "function",
            "config": record,
            "registered_name": "function",
        }
    return record


def function_from(record: Any) -> Any:
    """Return what `function_record` described; anything but a record as it is."""
    if isinstance(record, str):
        return _by_name(record)
    if not isinstance(record, dict) or "class_name" not in record:
        return record
    # Keras writes the kind of the object where the name belongs.
    if record["class_name"] == "function" and record.get("registered_name") == "function":
        return _by_name(record["config"])
    return serialize.deserialize_keras_object(record)


def _by_name(name: str) -> Any:
    """Return a function by its name; `binary_crossentropy` is that of losses, not that of ops."""
    custom = serialize.get_registered_object(name)
    if custom is not None:
        return custom
    return getattr(measures, name) if name in measures.__all__ else serialize.find(name)

"""A function of labels and predictions in the config of the loss or metric that wraps it."""

from typing import Any

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
        return serialize.find(record)
    if not isinstance(record, dict) or "class_name" not in record:
        return record
    if record["class_name"] == "function" and record.get("registered_name") == "function":
        record = {**record, "registered_name": None}  # Keras writes the kind where the name belongs
    return serialize.deserialize_keras_object(record)

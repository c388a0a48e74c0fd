"""Models and weights in files, and objects as records."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.serialize import (
        CustomObjectScope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from lamina._core.serialize import CustomObjectScope as custom_object_scope
    from lamina.saving._file_editor import KerasFileEditor
    from lamina.saving._inspect import FileContents, inspect
    from lamina.saving._load_report import LoadReport
    from lamina.saving._model_file import load_model, load_weights, save_model, save_weights
    from lamina.saving._refusal import FileRefused

__all__ = [
    "CustomObjectScope", "FileContents", "FileRefused", "KerasFileEditor", "LoadReport",
    "custom_object_scope",
    "deserialize_keras_object", "get_custom_objects", "get_registered_name",
    "get_registered_object", "inspect", "load_model", "load_weights", "register_keras_serializable",
    "save_model", "save_weights", "serialize_keras_object",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

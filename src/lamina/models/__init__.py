"""Models: layers trained together."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.models._clone import clone_model
    from lamina.models._functional import Functional
    from lamina.models._model import Model
    from lamina.models._sequential import Sequential
    from lamina.saving._model_file import load_model, model_from_json, save_model


__all__ = [
    "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model",
]  # fmt: skip
__getattr__, __dir__ = _lazy(
    __name__,
    saved_as={
        "Functional": "keras.src.models.functional",
        "Model": "keras",
        "Sequential": "keras",
    },
)

"""Models: layers trained together."""

from lamina._core import serialize as _serialize
from lamina.models._clone import clone_model
from lamina.models._functional import Functional
from lamina.models._model import Model
from lamina.models._sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model"]
_serialize.export(globals(), saved_as="keras")
_serialize.export(
    {"__name__": "lamina.models", "__all__": ["Functional"], "Functional": Functional},
    saved_as="keras.src.models.functional",
)

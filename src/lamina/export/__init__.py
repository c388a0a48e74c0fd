"""Models as artifacts that run without lamina: StableHLO programs, and ONNX."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.export._archive import ExportArchive, export_model
    from lamina.export._artifact import Artifact, load

__all__ = ["Artifact", "ExportArchive", "export_model", "load"]
__getattr__, __dir__ = _lazy(__name__)

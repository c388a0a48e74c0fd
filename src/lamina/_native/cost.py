"""Whether a step pays here: what it takes in this engine and in XLA, by a measured model."""

from lamina._native.engine import Engine
from lamina._native.graph import Unsupported

_LARGEST = 6000  # nodes: more take too long to compile


def pays(engine: Engine) -> None:
    """Raise Unsupported for a step that XLA is faster at."""
    if sum(len(part.graph.nodes) for part in engine.parts) > _LARGEST:
        raise Unsupported("too large")

"""Functional: a model made from symbolic tensors, whose graph is its configuration."""

from typing import Any

from lamina._core.layer import Layer
from lamina._core.walk import unique
from lamina.models._model import Model


class Functional(Model):
    """What `Model(inputs, outputs)` makes."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)

    @property
    def layers(self) -> list[Layer]:
        return unique(self._graph_layers)

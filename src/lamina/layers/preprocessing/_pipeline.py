"""Pipeline: layers one after another, as one layer."""

from typing import Annotated, Any

from lamina._core import tree
from lamina._core.configurable import Check
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.masks import get_mask
from lamina._core.signature import call_signature

Layers = Annotated[
    Any,
    Check(
        "a list of layers",
        lambda x: isinstance(x, (list, tuple)) and all(isinstance(e, Layer) for e in x),
        "as [Rescaling(1 / 255), Normalization()]",
    ),
]


class Pipeline(Layer):
    """Layers called in turn, each on what the one before returns, to prepare data.

    Unlike a Sequential it is no model: it has no `fit`, and needs no shape of its input. The first
    layer gets the inputs as they came, so it may take strings.

    Args:
        layers: the layers, in order.

    `layer(x, training=True)`: whether layers that behave differently in training do so; they do
    unless told otherwise.

    Shapes:
        the first layer's input -> the last layer's output.

    Weights:
        those of the layers.

    Example:
        >>> from lamina.layers import CategoryEncoding, StringLookup
        >>> pipeline = Pipeline([StringLookup(vocabulary=["a", "b"]), CategoryEncoding(3)])
        >>> pipeline([["a", "b"], ["b", "z"]]).tolist()
        [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]
    """

    def __init__(self, layers: Layers, name: str | None = None) -> None:
        super().__init__(name=name)
        self._stack = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return list(self._stack)

    def _standardize(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        return args, kwargs  # each layer does it for itself

    def _finish(self, outputs: Any, inputs: Any, mask: Any) -> None:
        """Do nothing: each layer does it for itself, masks included."""

    def get_build_config(self) -> None:
        """Return None: each layer's record tells what that was built for."""

    def call(self, inputs: Any, training: bool | None = True, mask: Any = None) -> Any:
        for layer in self._stack:
            accepted, given = call_signature(type(layer)), {}
            if "mask" in accepted.parameters:
                given["mask"] = mask
            if accepted.has_training and training is not None:
                given["training"] = training
            inputs = layer(inputs, **given)
            mask = tree.map_structure(get_mask, inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {"layers": config["layers"], "name": config["name"]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Pipeline":
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ValueError(
                explain(
                    f"{cls.__name__}.from_config",
                    "expected a list of layers under 'layers'",
                    describe(config.get("layers")),
                    "use what get_config() returned",
                )
            )
        return super().from_config(config)

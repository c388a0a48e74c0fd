"""Sequential: layers one after another."""

from typing import Any, Self

from lamina._core import serialize
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.tensor import KerasTensor
from lamina._training.trainer import Trainer
from lamina.layers import Input, InputLayer
from lamina.models._model import Model
from lamina.saving._records import limited_memory


class Sequential(Model):
    """A stack of layers: each gets what the one before returns.

    The weights are made as soon as the shape of the input is known: from an `Input` or
        `input_shape=`
    on the first layer, by `build`, or by the first call or `fit`.

    Args:
        layers: the layers, in order.
        trainable: whether training changes the weights.
        name: by default counted: 'sequential', 'sequential_1', ...

    Example:
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input(shape=(3,)), Dense(4, activation="relu"), Dense(2)])
        >>> model.output_shape, model.count_params()
        ((None, 2), 26)
    """

    _layers_first = True

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        Layer.__init__(self, trainable=True, name=name)
        Trainer.__init__(self)
        self.function = None
        self._stack: list[Layer] = []
        self.supports_masking = True
        items = layers if isinstance(layers, (list, tuple)) else [] if layers is None else [layers]
        for layer in items:
            self.add(layer, rebuild=False)
        self._rebuild()
        if not trainable:
            self.trainable = False

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack.

        Raises:
            ValueError: not a layer, a name that is taken, or an input that does not fit.
        """
        if (
            isinstance(layer, KerasTensor)
            and layer.node is not None
            and isinstance(layer.node.operation, InputLayer)
        ):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            raise ValueError(
                explain(
                    f"{self.name}.add",
                    "expected a layer",
                    describe(layer),
                    "make one, as Dense(4); for a function use a Lambda layer",
                )
            )
        if any(one is self for one in layer._flatten_layers()):
            raise ValueError(
                explain(
                    f"{self.name}.add",
                    "expected a layer that does not hold this model",
                    describe(layer),
                    "a model cannot be inside itself; make a new one",
                )
            )
        if any(one.name == layer.name and one is not layer for one in self._stack) or any(
            one is layer for one in self._stack
        ):
            raise ValueError(
                explain(
                    f"{self.name}.add",
                    "expected layers of different names",
                    f"a second '{layer.name}'",
                    "pass another name=",
                )
            )
        if (
            not self._stack
            and not isinstance(layer, InputLayer)
            and layer._input_shape_hint is not None
        ):
            self._stack.append(InputLayer(batch_shape=layer._input_shape_hint))
        if isinstance(layer, InputLayer) and self._stack:
            raise ValueError(
                explain(
                    f"{self.name}.add",
                    "expected an Input first in the stack, and one only",
                    f"one after {self._stack[-1].name}",
                )
            )
        self._stack.append(layer)
        if rebuild:
            try:
                self._grow(layer)
            except Exception:
                self._stack.pop()
                raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off the stack, and return it."""
        if not self.layers:
            raise IndexError(
                explain(f"{self.name}.pop", "expected layers", "none", "call `add` first")
            )
        layer = self._stack.pop()
        if rebuild:
            self._rebuild()
        return layer

    def _grow(self, layer: Layer) -> None:
        """Take the layer that was put on top into the graph."""
        if self.function is None:
            return self._rebuild()
        self._forget_programs()
        function = self.function
        return self._connect(function.inputs, function.outputs, [layer])

    def _rebuild(self) -> None:
        """Make the graph anew, if the input is known and there is more than it."""
        self.function, self.built = None, False
        self._forget_programs()
        first = self._stack[0] if self._stack else None
        if isinstance(first, InputLayer) and len(self._stack) > 1:
            self._connect(first.output, first.output, self._stack)
        elif isinstance(first, Model) and first.function is not None:
            x = Input(batch_shape=first.input_shape, dtype=first.inputs[0].dtype)
            self._connect(x, x, self._stack)

    def _connect(self, inputs: Any, x: Any, layers: list[Layer]) -> None:
        """Put layers on `x`, and make the graph from the inputs to there."""
        self._enter_path()
        with using(path=self._path):
            for layer in layers:
                if not isinstance(layer, InputLayer):
                    x = layer(x)
        self._set_graph(inputs, x)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, with its batch axis."""
        if self.function is not None:
            return
        if not self._stack:
            raise ValueError(
                explain(f"{self.name}.build", "expected layers", "none", "call `add` first")
            )
        if isinstance(self._stack[0], InputLayer):
            self._rebuild()
        elif input_shape is not None:
            first = Input(batch_shape=(None, *tuple(input_shape)[1:]))
            self._connect(first, first, self._stack)
            self._stack.insert(0, first.node.operation)  # stays known when layers come or go

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self.function is not None:
            return super().call(inputs, training, mask)
        for layer in self._stack:  # an input for which no graph could be made
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.function is None:
            for layer in self.layers:
                input_shape = layer.compute_output_shape(input_shape)
            return input_shape
        return super().compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize.serialize_keras_object(self.dtype_policy),
            "layers": [serialize.serialize_keras_object(layer) for layer in self._stack],
        }
        if self.function is not None:
            config["build_input_shape"] = self.input_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        with serialize.CustomObjectScope(custom_objects or {}), limited_memory():
            records = config["layers"] if isinstance(config, dict) else config
            layers = [serialize.deserialize_keras_object(record) for record in records]
            options = config if isinstance(config, dict) else {}
            model = cls(layers, trainable=options.get("trainable", True), name=options.get("name"))
            shape = options.get("build_input_shape")
            if model.function is None and shape:
                model.build(tuple(shape))
        return model

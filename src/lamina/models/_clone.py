"""clone_model: the same architecture with layers and weights of its own."""

import inspect
from collections.abc import Callable
from typing import Any

from lamina._core import serialize, tree
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.tensor import KerasTensor
from lamina.layers import Input, InputLayer
from lamina.models._functional import Functional
from lamina.models._model import Model
from lamina.models._sequential import Sequential
from lamina.saving._records import limited_memory


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """Return a model like `model`, of new layers with newly drawn weights.

    Args:
        model: what `Model(inputs, outputs)` or `Sequential` made; any other model is made anew
            from its config, without the options below.
        input_tensors: symbolic tensors to build on, in the structure of `model.input`; by default
            new `Input`s.
        clone_function: layer -> the layer that stands for it (default: from its config); not asked
            for `Input`s.
        call_function: (layer, *args, **kwargs) -> outputs, how each layer is called; not for a
            `Sequential`.
        recursive: whether the layers of models inside are cloned one by one too.

    Raises:
        ValueError: an option that this kind of model has not, or inputs of another structure.

    Example:
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input((3,)), Dense(2, name="d")])
        >>> again = clone_model(model)
        >>> again.layers[0].name, again.layers[0] is model.layers[0]
        ('d', False)
    """
    copies = _Copies(clone_function, call_function, recursive)
    with limited_memory():
        return copies.of_model(model, input_tensors)


class _Copies:
    """The layers cloned so far, so that a shared layer is shared in the clone too."""

    def __init__(self, clone_function: Any, call_function: Any, recursive: bool) -> None:
        for name, given in (("clone_function", clone_function), ("call_function", call_function)):
            if given is not None and not callable(given):
                expected = f"expected a function as `{name}`"
                raise ValueError(explain("clone_model", expected, describe(given)))
        self.clone_function = clone_function
        self.call_function = call_function
        self.recursive = recursive
        self.made: dict[int, Any] = {}

    def of_model(self, model: Any, input_tensors: Any = None) -> Any:
        if isinstance(model, Sequential):
            clone = self._of_sequential(model, input_tensors)
        elif isinstance(model, Model) and model.function is not None:
            clone = self._of_graph(model, input_tensors)
        else:
            return self._of_config(model, input_tensors)
        given = model.get_compile_config() if model.compiled else None
        if given is not None:
            clone.compile_from_config(given)
        return clone

    def of_layer(self, layer: Any) -> Any:
        if id(layer) not in self.made:
            inside = isinstance(layer, Sequential) or getattr(layer, "function", None) is not None
            if self.recursive and inside:
                made = self.of_model(layer)
            elif self.clone_function is not None:
                made = self.clone_function(layer)
            else:
                made = type(layer).from_config(layer.get_config())
            self.made[id(layer)] = made
        return self.made[id(layer)]

    def _of_sequential(self, model: Sequential, input_tensors: Any) -> Sequential:
        if self.call_function is not None and not self.recursive:
            raise ValueError(
                explain(
                    "clone_model",
                    "expected no `call_function` for a Sequential, whose layers are called later",
                    describe(model),
                    "use `clone_function`, or make the model with Model(inputs, outputs)",
                )
            )
        stack: list[Any] = [self.of_layer(layer) for layer in model.layers]
        first = model._stack[0] if model._stack else None
        if input_tensors is not None:
            flat = tree.flatten(input_tensors)
            if len(flat) != 1 or not isinstance(flat[0], KerasTensor):
                raise ValueError(
                    explain("clone_model", "expected one symbolic tensor", describe(input_tensors))
                )
            stack.insert(0, Input(batch_shape=flat[0].shape, dtype=flat[0].dtype))
        elif isinstance(first, InputLayer):
            stack.insert(0, InputLayer.from_config(first.get_config()))
        return Sequential(stack, name=model.name, trainable=model.trainable)

    def _of_graph(self, model: Any, input_tensors: Any) -> Any:
        function = model.function
        if input_tensors is None:
            fresh = [_new_input(t) for t in function.flat_inputs]
        else:
            fresh = _in_structure(input_tensors, function.inputs)

        def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(operation, Layer):
                return operation(*args, **kwargs)
            layer = self.of_layer(operation)
            if self.call_function is None:
                return layer(*args, **kwargs)
            return self.call_function(layer, *args, **kwargs)

        outputs = function.run(fresh, call)
        inputs = tree.pack_sequence_as(function.inputs, fresh)
        takes = list(inspect.signature(type(model).__init__).parameters)[1:3]
        cls = type(model) if takes == ["inputs", "outputs"] else Functional
        return cls(inputs, outputs, name=model.name)

    def _of_config(self, model: Any, input_tensors: Any) -> Any:
        options = {
            "input_tensors": input_tensors,
            "clone_function": self.clone_function,
            "call_function": self.call_function,
        }
        given = [name for name, value in options.items() if value is not None]
        if not isinstance(model, Model) or given:
            raise ValueError(
                explain(
                    "clone_model",
                    "expected a model made from `Input`s or by Sequential"
                    + f", to use {' and '.join(given)}" * bool(given),
                    describe(model),
                    "the layers that a subclass calls are not known",
                )
            )
        record = serialize.serialize_keras_object(model)
        return serialize.deserialize_keras_object(record, {type(model).__name__: type(model)})


def _new_input(tensor: KerasTensor) -> KerasTensor:
    operation: Any = tensor.node.operation if tensor.node is not None else None
    optional = getattr(operation, "optional", False)
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name, optional=optional)


def _in_structure(tensors: Any, structure: Any) -> list[KerasTensor]:
    """Return the given symbolic tensors in order, if they have the structure of the model's."""
    expected = "expected symbolic tensors in the structure of the model's inputs"
    got = f"{describe(tensors)}, where the model has {describe(structure)}"
    flat = tree.flatten(tensors)
    if not all(isinstance(t, KerasTensor) for t in flat):
        raise ValueError(explain("clone_model", expected, got, "make them with Input(shape=...)"))
    try:
        tree.map_structure(lambda a, b: None, structure, tensors)
    except (TypeError, ValueError):
        if len(flat) != 1 or len(tree.flatten(structure)) != 1:
            raise ValueError(explain("clone_model", expected, got)) from None
    return flat

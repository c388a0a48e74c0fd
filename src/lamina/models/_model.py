"""Model: a layer that can be trained, saved and drawn."""

import inspect
import json
from collections.abc import Callable
from typing import Any, Self

from lamina import export, models, saving
from lamina._core import serialize, tree
from lamina._core.errors import describe, explain, nearest
from lamina._core.graph import Function, infer, not_symbolic
from lamina._core.layer import Layer
from lamina._core.signature import all_arrays, map_shapes, shapes_of, unwrap_single
from lamina._core.tensor import KerasTensor
from lamina._core.walk import unique
from lamina._training.trainer import Trainer
from lamina.layers import Input
from lamina.models._graph import run_graph, standardize_inputs
from lamina.models._graph_config import graph_config, rebuild_graph
from lamina.saving._records import describe_model, limited_memory
from lamina.utils._summary import print_summary


class Model(Trainer, Layer):
    """Layers that are trained together.

    Either from symbolic tensors, `Model(inputs, outputs)`, or as a subclass that makes its layers
    in `__init__` and uses them in `call`.

    Args:
        inputs: symbolic tensor, or list or dictionary of them.
        outputs: likewise, made from the inputs.
        name: by default counted: 'functional', 'functional_1', ...
        trainable: whether training changes its weights.

    Example:
        >>> from lamina.layers import Dense, Input
        >>> x = Input(shape=(3,))
        >>> Model(x, Dense(2)(x)).output_shape
        (None, 2)
    """

    _unwalked = (
        *Layer._unwalked,
        "function",
        "optimizer",
        "_compiled",
        "_loss_tracker",
        "_programs",
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if cls is Model and _is_functional(args, kwargs):
            return models.Functional.__new__(models.Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.function: Function | None = None
        if _is_functional(args, kwargs):
            inputs, outputs, name, trainable = _functional_arguments(*args, **kwargs)
            Layer.__init__(self, name=name, trainable=True)
            self._set_graph(inputs, outputs)
            if not trainable:
                self.trainable = False
        else:
            Layer.__init__(self, *args, **kwargs)
        Trainer.__init__(self)

    def _set_graph(self, inputs: Any, outputs: Any) -> None:
        """Make the model run the graph between symbolic tensors."""
        self.function = Function(*_from_inputs(inputs, outputs))
        self._graph_layers = unique(
            n.operation for n in self.function.nodes if isinstance(n.operation, Layer)
        )
        names = [layer.name for layer in self._graph_layers]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}'",
                    "expected layers of different names",
                    f"two layers named '{repeated}'",
                    "pass another name= to one of them",
                )
            )
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the outputs; subclasses not made from `inputs` and `outputs` have their own."""
        if self.function is None:
            raise NotImplementedError(
                explain(
                    type(self).__name__,
                    "expected a `call` method",
                    None,
                    "write `def call(self, inputs)`",
                )
            )
        return unwrap_single(run_graph(self, self.function, inputs, mask))

    @property
    def _computes(self) -> bool:
        """Whether there is anything to call: some models have only a `train_step`."""
        return self.function is not None or type(self).call is not Model.call

    def _standardize(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        if self.function is not None and args:
            args = (standardize_inputs(self, self.function, args[0]), *args[1:])
        return super()._standardize(args, kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape, with its batch axis."""
        if not self.built or self.function is None:
            Layer.build(self, input_shape)

    def _ensure_built(self, bound: dict[str, Any]) -> None:
        arrays = {k: v for k, v in bound.items() if all_arrays(v) and k != "mask"}
        shapes = {f"{k}_shape": shapes_of(v) for k, v in arrays.items()}
        if not self.built and len(shapes) > 1 and type(self).build is Model.build:
            self._enter_path()  # layers inside build themselves when the call reaches them
            self._build_shapes, self.built = shapes, True
        super()._ensure_built(bound)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` returned.

        Raises:
            ValueError: they are not those of all arguments of `call`, as Keras may save them.
        """
        shapes = config.get("shapes_dict")
        try:
            if not shapes or type(self).build is not Model.build:
                super().build_from_config(config)
                return
            given = {k.removesuffix("_shape"): self._symbols(s) for k, s in shapes.items()}
            infer(self._call_arrays, **given)
        except TypeError as error:
            expected = "expected the shapes of all arguments of `call`"
            help = "make the model, call it on data, then load_weights with the path of this file"
            where = f"{self.name}.build_from_config"
            raise ValueError(explain(where, expected, f"{config}", help)) from error

    def _symbols(self, shapes: Any) -> Any:
        return map_shapes(lambda s: KerasTensor(s, self.input_dtype), shapes)

    def _build_for(self, inputs: Any) -> Any:
        """Make the weights for symbolic inputs, check these, and return the symbolic outputs."""
        if self.function is None and not self.built and type(self).build is not Model.build:
            self.build(tree.map_structure(lambda t: t.shape, inputs))
        if self.function is not None:
            standardize_inputs(self, self.function, inputs)
            return unwrap_single(self.function.outputs)
        outputs = infer(self._call_arrays, inputs)
        self.built = True
        return outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # outputs carry the masks that the layers inside gave them

    # --- structure ------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside, in order."""
        return list(self._children())

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError(
            explain(
                "Model.layers",
                "expected it to be read only",
                None,
                "use another attribute for your list of layers",
            )
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by place.

        Raises:
            ValueError: there is none; the message gives the nearest name.
        """
        layers = self.layers
        if index is not None and name is None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    explain(
                        f"{self.name}.get_layer",
                        f"expected an index below {len(layers)}",
                        str(index),
                        "-1 is the last layer",
                    )
                )
            return layers[index]
        for layer in layers:
            if layer.name == name and index is None:
                return layer
        names = [layer.name for layer in layers]
        near = nearest(str(name), names)
        raise ValueError(
            explain(
                f"{self.name}.get_layer",
                "expected the name or index of a layer",
                describe(name),
                f"did you mean '{near}'? " * bool(near) + f"layers: {', '.join(names)}",
            )
        )

    def _graph(self, what: str) -> Function:
        if self.function is None:
            raise AttributeError(
                explain(
                    f"{self.name}.{what}",
                    "expected a model whose inputs are known",
                    f"{type(self).__name__} without a graph",
                    "call build(input_shape) or fit first; "
                    "subclassed models have no symbolic inputs",
                )
            )
        return self.function

    @property
    def inputs(self) -> list[KerasTensor]:
        return list(self._graph("inputs").flat_inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        return list(self._graph("outputs").flat_outputs)

    @property
    def input(self) -> Any:
        return self._graph("input").inputs

    @property
    def output(self) -> Any:
        return self._graph("output").outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or the list of those of several in order."""
        return unwrap_single([t.shape for t in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or the list of those of several in order."""
        return unwrap_single([t.shape for t in self.outputs])

    @property
    def input_names(self) -> list[str]:
        return [t.name for t in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that make the outputs, made unique."""
        names: list[str] = []
        for tensor in self.outputs:
            name = tensor.node.name if tensor.node is not None else tensor.name
            repeats = sum(n == name or n.startswith(f"{name}_") for n in names)
            names.append(f"{name}_{repeats}" if name in names else name)
        return names

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers, the shapes of their outputs and their numbers of weights."""
        print_summary(
            self, line_length=line_length, positions=positions, print_fn=print_fn,
            expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; of a model made from tensors, its graph."""
        if self.function is None or not _takes_tensors(type(self)):
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, **graph_config(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Make a model from what `get_config` returned, for a model of any kind."""
        with serialize.CustomObjectScope(custom_objects or {}), limited_memory():
            if not isinstance(config, dict) or not set(config) >= _GRAPH_KEYS:
                return super().from_config(config)
            kind: Any = models.Functional if cls is Model else cls
            if not _takes_tensors(kind):
                return super().from_config(config)
            inputs, outputs = rebuild_graph(config)
            rest = {k: v for k, v in config.items() if k not in _GRAPH_KEYS}
            return kind(inputs, outputs, **rest)

    # --- files ----------------------------------------------------------------------------------

    @property
    def _layers_first(self) -> bool:
        """Whether files name the state of the layers before that of other attributes."""
        return self.function is not None

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Save the model whole; see `saving.save_model`."""
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Save the weights; see `saving.save_weights`."""
        saving.save_weights(self, filepath, overwrite, max_shard_size, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Load the weights, all or none; see `saving.load_weights`."""
        return saving.load_weights(self, filepath, skip_mismatch, **kwargs)

    def export(
        self, filepath: Any, format: str = "stablehlo", verbose: bool | None = None,
        input_signature: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Write the model as an artifact for inference, which runs without lamina.

        Args:
            filepath: of the file.
            format: 'stablehlo', which `lamina.export.load` reads, or 'onnx'.
            verbose: False to print nothing.
            input_signature: `InputSpec(shape=, dtype=)` for each argument, where the model's own
                shall not be taken; None in a shape stands for sizes that vary.
            kwargs: `check=False` to leave out the comparison of outputs; `platforms` of
                'stablehlo'; `opset_version` of 'onnx'.

        Raises:
            ValueError: another format, an operation that it cannot hold, or outputs that differ.
        """
        export.export_model(self, filepath, format, verbose, input_signature, **kwargs)

    # --- copies ---------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What `copy` and `pickle` keep: all but compiled programs, which are made anew."""
        return {**vars(self), "_programs": {}, "_prepared": set()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for node in self.function.nodes if self.function is not None else ():
            if isinstance(node.operation, Layer):
                node.operation._nodes.append(node)

    # --- configuration --------------------------------------------------------------------------

    def get_build_config(self) -> dict[str, Any] | None:
        return Layer.get_build_config(self) if self.function is None else None

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture, without weights, as JSON."""
        return json.dumps(describe_model(self), **kwargs)


_GRAPH_KEYS = {"layers", "input_layers", "output_layers"}


def _takes_tensors(cls: type) -> bool:
    """Whether a model of this class can be made from symbolic inputs and outputs, as Keras asks."""
    init = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    kinds = [p.kind for p in init.values()]
    anything = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= set(kinds)
    return list(init)[1:3] == ["inputs", "outputs"] or anything


def _from_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Return a graph that starts at `Input`s, from one that may start at what layers returned."""
    flat = tree.flatten(inputs)
    for tensor in flat:
        if not isinstance(tensor, KerasTensor):
            raise ValueError(not_symbolic(tensor))
    if not any(tensor.node is not None and tensor.node.inputs for tensor in flat):
        return inputs, outputs
    fresh = [
        Input(batch_shape=t.shape, dtype=t.dtype) if t.node is None or t.node.inputs else t
        for t in flat
    ]
    return tree.pack_sequence_as(inputs, fresh), Function(inputs, outputs).run(fresh)


def _is_functional(args: tuple, kwargs: dict[str, Any]) -> bool:
    return (
        len(args) >= 2
        or (len(args) == 1 and "outputs" in kwargs)
        or ("inputs" in kwargs and "outputs" in kwargs)
    )


def _functional_arguments(
    inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True
) -> tuple[Any, Any, str | None, bool]:
    return inputs, outputs, name, trainable

"""Functional: a model made from symbolic tensors, whose graph is its configuration."""

from typing import Any, Self

from lamina._core import serialize, tree
from lamina._core.errors import explain
from lamina._core.graph import Node
from lamina._core.layer import Layer
from lamina._core.tensor import KerasTensor
from lamina._core.walk import unique
from lamina.layers import InputLayer
from lamina.models._model import Model


class Functional(Model):
    """What `Model(inputs, outputs)` makes."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)

    @property
    def layers(self) -> list[Layer]:
        return unique(self._graph_layers)

    def get_config(self) -> dict[str, Any]:
        """Return the layers and how they are connected."""
        function = self._graph("get_config")
        places: dict[int, tuple[str, int]] = {}  # node -> (layer's name, number of its call)
        calls: dict[int, int] = {}
        for node in function.nodes:
            number = calls.setdefault(id(node.operation), 0)
            calls[id(node.operation)] += 1
            places[id(node)] = (node.name, number)
        layers = []
        for layer in unique(n.operation for n in function.nodes):
            nodes = [n for n in function.nodes if n.operation is layer]
            layers.append(_layer_record(layer, nodes, places))
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": layers,
            "input_layers": _reference_structure(function.inputs, places),
            "output_layers": _reference_structure(function.outputs, places),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        with serialize.CustomObjectScope(custom_objects or {}):
            inputs, outputs = rebuild_graph(config)
        return cls(
            inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True)
        )


def _first_number(layer: Any) -> int:
    """The number of a layer's first call where files say what a model's ends are.

    For a functional model inside, Keras counts its own graph there as 0; elsewhere it does not.
    """
    return int(isinstance(layer, Functional))


def _layer_record(
    layer: Any, nodes: list[Node], places: dict[int, tuple[str, int]]
) -> dict[str, Any]:
    if not isinstance(layer, Layer):
        raise ValueError(
            explain(
                "Functional.get_config",
                "expected layers only",
                f"the op {layer.__name__}",
                "saving models with bare ops comes with the saving of files",
            )
        )
    record = serialize.serialize_keras_object(layer)
    record["name"] = layer.name
    record["inbound_nodes"] = [
        {
            "args": _with_references(list(node.args), places),
            "kwargs": _with_references(node.kwargs, places),
        }
        for node in nodes
        if node.inputs
    ]
    return record


def _with_references(structure: Any, places: dict[int, tuple[str, int]]) -> Any:
    def leaf(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return serialize.serialize_keras_object(x)
        name, number = places[id(x.node)]
        config = {
            "shape": list(x.shape),
            "dtype": x.dtype,
            "keras_history": [name, number, x.index],
        }
        return {"class_name": "__keras_tensor__", "config": config}

    return tree.map_structure(leaf, structure)


def _reference_structure(structure: Any, places: dict[int, tuple[str, int]]) -> Any:
    def place(tensor: KerasTensor) -> list[Any]:
        node: Any = tensor.node
        name, number = places[id(node)]
        return [name, number + _first_number(node.operation), tensor.index]

    return tree.map_structure(place, structure)


def rebuild_graph(config: dict[str, Any]) -> tuple[Any, Any]:
    """Return the symbolic inputs and outputs that `Functional.get_config` described."""
    layers: dict[str, Layer] = {}
    tensors: dict[tuple[str, int], list[KerasTensor]] = {}
    pending: list[tuple[str, int, dict[str, Any]]] = []
    for record in config["layers"]:
        layer = serialize.deserialize_keras_object(record)
        name = record.get("name") or layer.name
        layers[name] = layer
        if isinstance(layer, InputLayer):
            tensors[name, 0] = [layer.output]
        pending.extend((name, i, node) for i, node in enumerate(record.get("inbound_nodes") or ()))
    while pending:
        waiting = []
        for name, number, node in pending:
            if all((ref[0], ref[1]) in tensors for ref in _references(node)):
                args, kwargs = _resolve(node["args"], tensors), _resolve(node["kwargs"], tensors)
                tensors[name, number] = tree.flatten(layers[name](*args, **kwargs))
            else:
                waiting.append((name, number, node))
        if len(waiting) == len(pending):
            names = ", ".join(name for name, _, _ in waiting)
            raise ValueError(
                explain(
                    "Functional.from_config",
                    "expected a graph whose every call can be made",
                    f"stuck at {names}",
                )
            )
        pending = waiting
    ends = {(name, i + _first_number(layers[name])): t for (name, i), t in tensors.items()}
    return _tensors_at(config["input_layers"], ends), _tensors_at(config["output_layers"], ends)


def _is_reference(x: Any) -> bool:
    return isinstance(x, dict) and x.get("class_name") == "__keras_tensor__"


def _references(structure: Any) -> list[Any]:
    if _is_reference(structure):
        return [structure["config"]["keras_history"]]
    items = structure.values() if isinstance(structure, dict) else structure
    return (
        [r for x in items for r in _references(x)]
        if isinstance(structure, (dict, list, tuple))
        else []
    )


def _resolve(structure: Any, tensors: Any) -> Any:
    if _is_reference(structure):
        name, number, index = structure["config"]["keras_history"]
        return tensors[name, number][index]
    if isinstance(structure, dict) and "class_name" in structure:
        return serialize.deserialize_keras_object(structure)
    if isinstance(structure, dict):
        return {k: _resolve(v, tensors) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [_resolve(x, tensors) for x in structure]
    return structure


def _tensors_at(structure: Any, tensors: Any) -> Any:
    if isinstance(structure, dict):
        return {k: _tensors_at(v, tensors) for k, v in structure.items()}
    if len(structure) == 3 and isinstance(structure[0], str):
        return tensors[structure[0], structure[1]][structure[2]]
    return [_tensors_at(s, tensors) for s in structure]

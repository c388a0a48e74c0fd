"""The graphs of functional models: from the nodes of Keras 2 to those of Keras 3.

Keras 2 wrote a call as its tensors, `[layer, call, tensor, kwargs]` each; Keras 3 writes its
arguments. Calls of a model inside were counted from 1, since its own graph was call 0.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lamina.saving._refusal import refuse

_NETWORKS = ("Functional", "Model", "Sequential")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "CuDNNLSTM", "CuDNNGRU", "Bidirectional")
_RECURRENT += ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
_CONSTANT = "_CONSTANT_VALUE"


def modern_graph(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `input_layers`, the `output_layers`, and the nodes of each layer."""
    records = config["layers"]
    classes = {_name(record): record.get("class_name") for record in records}
    nodes = [_checked(record.get("inbound_nodes") or []) for record in records]
    first = _first_calls(config, classes, nodes)
    graph = _Graph(classes, first)
    return {
        "nodes": [
            [graph.call(record, node) for node in calls]
            for record, calls in zip(records, nodes, strict=True)
        ],
        "input_layers": _single(graph.ends(config.get("input_layers"))),
        "output_layers": _single(graph.ends(config.get("output_layers"))),
    }


def _name(record: Mapping[str, Any]) -> Any:
    return record.get("name") or (record.get("config") or {}).get("name")


def _checked(nodes: Any) -> list[Any]:
    if not isinstance(nodes, (list, tuple)):
        raise refuse("model_config", "expected lists as inbound_nodes", type(nodes).__name__)
    return list(nodes)


def _single(structure: Any) -> Any:
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _is_place(x: Any) -> bool:
    return (
        isinstance(x, (list, tuple))
        and len(x) in (3, 4)
        and isinstance(x[0], str)
        and all(isinstance(i, int) and not isinstance(i, bool) for i in x[1:3])
    )


def _is_leaf(x: Any) -> bool:
    """Whether this is one argument of a call: a tensor's place, or a constant."""
    constant = isinstance(x, (list, tuple)) and len(x) == 4 and x[0] == _CONSTANT
    return constant or (_is_place(x) and (len(x) == 3 or isinstance(x[3], Mapping)))


def _places(structure: Any, names: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if _is_place(structure) and structure[0] in names:
        yield structure[0], structure[1]
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    if isinstance(structure, (list, tuple)):
        for item in structure:
            yield from _places(item, names)


def _first_calls(config: Mapping[str, Any], classes: Any, nodes: Any) -> dict[str, int]:
    """The number that a model inside has at its first call here: its smallest one."""
    found: dict[str, int] = {}
    for name, number in _places([nodes, config.get("output_layers")], classes):
        if classes[name] in _NETWORKS:
            found[name] = min(number, found.get(name, number))
    return found


class _Graph:
    """What calls of a model's layers are written with: classes and first numbers by name."""

    def __init__(self, classes: dict[Any, Any], first: dict[str, int]) -> None:
        self.classes, self.first = classes, first

    def ends(self, structure: Any) -> Any:
        """Places of inputs or outputs; there, Keras 3 too counts models inside from 1."""
        if isinstance(structure, Mapping):
            return {k: self.ends(v) for k, v in structure.items()}
        if not _is_place(structure):
            if not isinstance(structure, (list, tuple)):
                raise refuse("model_config", "expected places of tensors", f"{structure!r:.60}")
            return [self.ends(s) for s in structure]
        name, number, index = structure[:3]
        inside = self.classes.get(name) in ("Functional", "Model")
        return [name, number - self.first.get(name, 0) + inside, index]

    def tensor(self, place: Any) -> dict[str, Any]:
        name, number, index = place[:3]
        history = [name, number - self.first.get(name, 0), index]
        return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}

    def call(self, record: Mapping[str, Any], node: Any) -> dict[str, Any]:
        """Return a call of the layer of `record` as arguments and keyword arguments."""
        kwargs: dict[str, Any] = {}
        first = self.argument(node, kwargs)
        if isinstance(first, list) and len(first) == 1:
            first = first[0]
        if isinstance(first, list) and record.get("class_name") in _RECURRENT:
            first, kwargs["initial_state"] = first[0], first[1:]  # states came with the inputs
        return {"args": [first], "kwargs": kwargs}

    def argument(self, structure: Any, kwargs: dict[str, Any]) -> Any:
        """The first argument of a call; the others, which each leaf repeats, go into `kwargs`."""
        if isinstance(structure, Mapping):
            return {k: self.argument(v, kwargs) for k, v in structure.items()}
        if not _is_leaf(structure):
            if not isinstance(structure, (list, tuple)):
                raise refuse("model_config", "expected places of tensors", f"{structure!r:.60}")
            return [self.argument(s, kwargs) for s in structure]
        for key, value in (structure[3] if len(structure) > 3 else {}).items():
            if value is not None:
                kwargs[key] = self.keyword(value)
        return structure[2] if structure[0] == _CONSTANT else self.tensor(structure)

    def keyword(self, value: Any) -> Any:
        if _is_place(value) and len(value) == 3 and value[0] in self.classes:
            return self.tensor(value)
        if isinstance(value, Mapping):
            return {k: self.keyword(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.keyword(v) for v in value]
        return value

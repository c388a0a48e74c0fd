"""The graph of a model as its configuration, and back: layers, and the calls of each."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from lamina import models
from lamina._core import serialize, tree
from lamina._core.errors import describe, explain
from lamina._core.graph import Function, Node, has_tensor, owner_of, symbolic_leaves
from lamina._core.naming import to_snake_case
from lamina._core.tensor import KerasTensor
from lamina._core.walk import unique
from lamina.layers import InputLayer
from lamina.models._operations import kind_of, op_from_record, op_record

_WHERE = "Functional.from_config"
Place = tuple[str, int]  # the name of a layer or op in the file, and the number of its call


def _first_number(layer: Any) -> int:
    """The number of a layer's first call where files say what a model's ends are.

    For a functional model inside, Keras counts its own graph there as 0; elsewhere it does not.
    """
    return int(isinstance(layer, models.Functional))


# --- writing ------------------------------------------------------------------------------------


def graph_config(function: Function) -> dict[str, Any]:
    """Return the layers and ops of a graph, the calls of each, and where it begins and ends.

    Raises:
        ValueError: an op that files have no name for.
    """
    owners = unique(map(owner_of, function.nodes))
    names = _names(owners)
    calls: Counter[int] = Counter()
    places: dict[int, Place] = {}
    for node in function.nodes:
        owner = id(owner_of(node))
        places[id(node)] = (names[owner], calls[owner])
        calls[owner] += 1
    records = []
    for owner in owners:
        nodes = [n for n in function.nodes if owner_of(n) is owner]
        records.append(_record(owner, names[id(owner)], nodes, places))

    def place(tensor: KerasTensor) -> list[Any]:
        node: Any = tensor.node
        name, number = places[id(node)]
        return [name, number + _first_number(node.operation), tensor.index]

    return {
        "layers": records,
        "input_layers": tree.map_structure(place, function.inputs),
        "output_layers": tree.map_structure(place, function.outputs),
    }


def _names(owners: list[Any]) -> dict[int, str]:
    """What files call each layer (its name) and each call of an op (its class, counted)."""
    names = {id(owner): owner.name for owner in owners if not isinstance(owner, Node)}
    taken, counts = set(names.values()), Counter[str]()
    for node in (owner for owner in owners if isinstance(owner, Node)):
        kind = kind_of(node.operation)
        base = name = to_snake_case(node.operation.__name__ if kind is None else kind.name)
        while name in taken:
            counts[base] += 1
            name = f"{base}_{counts[base]}"
        taken.add(name)
        names[id(node)] = name
    return names


def _record(owner: Any, name: str, nodes: list[Node], places: dict[int, Place]) -> dict[str, Any]:
    if isinstance(owner, Node):
        record, args, kwargs = op_record(owner, name)
        calls = [(args, kwargs)]
    else:
        record = serialize.serialize_keras_object(owner)
        calls = [(list(node.args), node.kwargs) for node in nodes if node.inputs]
    record["name"] = name
    record["inbound_nodes"] = [
        {"args": _with_references(args, places), "kwargs": _with_references(kwargs, places)}
        for args, kwargs in calls
    ]
    return record


def _with_references(structure: Any, places: dict[int, Place]) -> Any:
    def leaf(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return serialize.serialize_keras_object(x)
        name, number = places[id(x.node)]
        history = [name, number, x.index]
        config = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": config}

    return tree.map_structure(leaf, structure)


# --- reading ------------------------------------------------------------------------------------


def rebuild_graph(config: dict[str, Any]) -> tuple[Any, Any]:
    """Return the symbolic inputs and outputs that `graph_config` described.

    Raises:
        ValueError: a record that describes no layer, or calls that wait for each other.
    """
    layers: dict[str, Any] = {}
    tensors: dict[Place, list[KerasTensor]] = {}
    calls: dict[Place, Any] = {}
    for record in _list(config, "layers"):
        layer = op_from_record(record) or serialize.deserialize_keras_object(record)
        name = record.get("name") or getattr(layer, "name", None)
        if not callable(layer) or not isinstance(name, str) or name in layers:
            got = f"{describe(layer)} named {name!r}"
            raise ValueError(explain(_WHERE, "expected layers of different names", got))
        layers[name] = layer
        if isinstance(layer, InputLayer):
            tensors[name, 0] = [layer.output]
        for number, node in enumerate(record.get("inbound_nodes") or ()):
            if not isinstance(node, dict) or not {"args", "kwargs"} <= set(node):
                raise ValueError(explain(_WHERE, "expected calls of args and kwargs", str(node)))
            calls[name, number] = node
    for place in _in_order(calls, tensors):
        node = calls[place]
        args, kwargs = _resolve(node["args"], tensors), _resolve(node["kwargs"], tensors)
        if not has_tensor(args, kwargs):  # it would be computed now, whatever it takes
            got = f"a call of {place[0]!r} on constants"
            raise ValueError(explain(_WHERE, "expected calls on tensors of the graph", got))
        tensors[place] = symbolic_leaves(layers[place[0]](*args, **kwargs))
    ends = {(name, i + _first_number(layers[name])): t for (name, i), t in tensors.items()}
    return tuple(_tensors_at(config[key], ends) for key in ("input_layers", "output_layers"))  # type: ignore[return-value]


def _list(config: Any, key: str) -> list[Any]:
    found = config.get(key) if isinstance(config, dict) else None
    if not isinstance(found, (list, tuple)) or not all(isinstance(x, dict) for x in found):
        raise ValueError(explain(_WHERE, f"expected a list of records as '{key}'", describe(found)))
    return list(found)


def _in_order(calls: dict[Place, Any], known: dict[Place, Any]) -> Iterator[Place]:
    """Yield the places of calls, each after those whose results it takes."""
    waiting: dict[Place, list[Place]] = {}
    missing: dict[Place, int] = {}
    for place, node in calls.items():
        needs = {ref for ref in _references(node) if ref not in known}
        if place[1]:
            needs.add((place[0], place[1] - 1))  # a layer's calls keep their order
        missing[place] = len(needs)
        for need in needs:
            waiting.setdefault(need, []).append(place)
    ready = [place for place in reversed(calls) if not missing[place]]
    done = 0
    while ready:
        place = ready.pop()
        yield place
        done += 1
        for after in reversed(waiting.get(place, ())):
            missing[after] -= 1
            if not missing[after]:
                ready.append(after)
    if done < len(calls):
        names = list(dict.fromkeys(name for (name, _), n in missing.items() if n))
        got = f"stuck at {', '.join(names[:8])}"
        raise ValueError(explain(_WHERE, "expected a graph whose every call can be made", got))


def _is_reference(x: Any) -> bool:
    return isinstance(x, dict) and x.get("class_name") == "__keras_tensor__"


def _place_of(reference: dict[str, Any]) -> tuple[Place, int]:
    history = (reference.get("config") or {}).get("keras_history")
    if not isinstance(history, (list, tuple)) or len(history) != 3:
        raise ValueError(explain(_WHERE, "expected a tensor's place", f"{history!r}"))
    name, number, index = history
    return (str(name), int(number)), int(index)


def _references(structure: Any) -> list[Place]:
    if _is_reference(structure):
        return [_place_of(structure)[0]]
    if not isinstance(structure, (dict, list, tuple)):
        return []
    items = structure.values() if isinstance(structure, dict) else structure
    return [reference for x in items for reference in _references(x)]


def _resolve(structure: Any, tensors: Any) -> Any:
    if _is_reference(structure):
        place, index = _place_of(structure)
        return _tensor(tensors, place, index)
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
    if not isinstance(structure, (list, tuple)):
        raise ValueError(explain(_WHERE, "expected the place of a tensor", describe(structure)))
    if len(structure) == 3 and isinstance(structure[0], str):
        return _tensor(tensors, (structure[0], structure[1]), structure[2])
    return [_tensors_at(s, tensors) for s in structure]


def _tensor(tensors: Any, place: Place, index: Any) -> KerasTensor:
    found = tensors.get(place)
    if found is None or not isinstance(index, int) or not 0 <= index < len(found):
        got = f"tensor {index!r} of call {place[1]!r} of {place[0]!r}"
        raise ValueError(explain(_WHERE, "expected a tensor of the graph", got))
    return found[index]

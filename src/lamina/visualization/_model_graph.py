"""What a picture shows of a model: a tree of boxes and nested models, and edges between boxes.

This is the one file of the pictures of models that knows how models are made.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from lamina._core import tree
from lamina._core.errors import describe, explain

Path = tuple[int, ...]


class LayerBox(NamedTuple):
    """A layer, an operation on tensors, or a nested model that is not shown in detail.

    Shapes and dtypes are those of every tensor that goes in and out, one line of text each.
    """

    name: str
    kind: str
    family: str
    activation: str | None
    trainable: bool | None  # None: it has no weights
    input_shapes: list[str]
    output_shapes: list[str]
    output_dtypes: list[str]


class ModelGraph:
    """A model shown in detail; edges join boxes by their paths from here."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: list[LayerBox | ModelGraph] = []
        self.edges: list[tuple[Path, Path]] = []
        # The boxes that take each input, and the one that gives each output (None: an input).
        self.takers: list[list[Path]] = []
        self.givers: list[Path | None] = []


def read_model(model: Any, expand_nested: bool = False, where: str = "plot_model") -> ModelGraph:
    """Return the graph of `model`; of nested models too if `expand_nested`."""
    check_built(model, where)
    if function_of(model) is not None:
        return _read_function(model, expand_nested)
    graph = ModelGraph(model.name)
    if is_sequential(model):
        graph.children = [_layer_box(layer, []) for layer in model.layers]
        graph.edges = [((i,), (i + 1,)) for i in range(len(graph.children) - 1)]
    else:
        graph.children = [_layer_box(model, [])]  # what a subclass does is known to its code alone
    return graph


def check_built(model: Any, where: str) -> None:
    """Refuse what is not a model, and a model whose layers are not known yet."""
    if not hasattr(model, "built") or not hasattr(model, "name"):
        raise TypeError(
            explain(where, "expected a model", describe(model), "make one, as Sequential([...])")
        )
    if not model.built:
        raise ValueError(
            explain(
                where,
                "expected a model that has been built, so that its layers and shapes are known",
                f"'{model.name}' ({type(model).__name__}), which has not been",
                "give the first layer an `Input(shape=...)`, call `model.build(input_shape)`, "
                "or call the model on a batch",
            )
        )


def read_chain(model: Any) -> list[Any] | None:
    """Return the layers of a model in which each feeds the next alone; None for other models."""
    function = function_of(model)
    if function is None and not is_sequential(model):
        return None
    if function is None or is_sequential(model):
        layers = list(model.layers)
    else:
        inner = [node for node in function.nodes if node.inputs]
        steps = [tree.flatten(function.inputs), *(tree.flatten(node.outputs) for node in inner)]
        takes = [*(node.inputs for node in inner), tree.flatten(function.outputs)]
        for made, taken in zip(steps, takes, strict=True):
            if len(made) != 1 or len(taken) != 1 or made[0] is not taken[0]:
                return None
        layers = [node.operation for node in inner]
    chain: list[Any] = []
    for layer in layers:
        nested = function_of(layer) is not None or is_sequential(layer)
        part = read_chain(layer) if nested else [layer]
        if part is None:
            return None
        chain += part
    return chain


def function_of(operation: Any) -> Any:
    """Return the graph that a model consists of; None for anything else."""
    function = getattr(operation, "function", None)
    return function if hasattr(function, "nodes") else None  # a Lambda layer has a function too


def is_sequential(operation: Any) -> bool:
    """Return whether `operation` is a Sequential model."""
    return any(c.__name__ == "Sequential" for c in type(operation).__mro__)


def is_input(operation: Any) -> bool:
    """Return whether `operation` is the layer of an `Input`."""
    return type(operation).__name__ == "InputLayer"


def _read_function(model: Any, expand_nested: bool) -> ModelGraph:
    function, sequential = function_of(model), is_sequential(model)
    graph = ModelGraph(model.name)
    inputs = {id(tensor): i for i, tensor in enumerate(tree.flatten(function.inputs))}
    graph.takers = [[] for _ in inputs]
    calls: dict[int, list[Any]] = {}  # the nodes of one layer make one box, those of ops one each
    for node in function.nodes:
        layer = hasattr(node.operation, "built") or is_input(node.operation)
        calls.setdefault(id(node.operation) if layer else id(node), []).append(node)
    givers: dict[int, Path | None] = dict.fromkeys(inputs)  # of tensors
    drawn: list[tuple[Any, ModelGraph | LayerBox, int]] = []
    for nodes in calls.values():
        operation = nodes[0].operation
        if is_input(operation) and sequential:
            continue
        child = _child(operation, nodes, expand_nested)
        number = len(graph.children)
        graph.children.append(child)
        drawn += [(node, child, number) for node in nodes]
        for node in nodes:
            for i, tensor in enumerate(tree.flatten(node.outputs)):
                inner = child.givers[i] if isinstance(child, ModelGraph) else ()
                givers[id(tensor)] = None if inner is None else (number, *inner)
                if is_input(operation) and id(tensor) in inputs:
                    graph.takers[inputs[id(tensor)]].append((number,))
    _connect(graph, drawn, givers, inputs)
    graph.givers = [givers.get(id(tensor)) for tensor in tree.flatten(function.outputs)]
    return graph


def _child(operation: Any, nodes: list[Any], expand_nested: bool) -> "LayerBox | ModelGraph":
    if expand_nested and function_of(operation) is not None:
        inner = _read_function(operation, expand_nested)
        # A model that hands an input through, or is empty, cannot be drawn as a group of boxes.
        if inner.children and all(inner.takers) and None not in inner.givers:
            return inner
    return _layer_box(operation, nodes)


def _connect(
    graph: ModelGraph,
    drawn: Sequence[tuple[Any, "LayerBox | ModelGraph", int]],
    givers: dict[int, Path | None],
    inputs: dict[int, int],
) -> None:
    edges: dict[tuple[Path, Path], None] = {}
    for node, child, number in drawn:
        for i, tensor in enumerate(node.inputs):
            if isinstance(child, ModelGraph):
                heads = [(number, *path) for path in child.takers[i % len(child.takers)]]
            else:
                heads = [(number,)]
            tail = givers.get(id(tensor))
            if tail is not None:
                edges |= dict.fromkeys((tail, head) for head in heads)
            elif id(tensor) in inputs:
                graph.takers[inputs[id(tensor)]] += heads
    graph.edges = list(edges)


# Boxes ----------------------------------------------------------------------------------------

# Families of layers, by what the names of their classes contain. The first that fits counts.
_FAMILIES = {
    "input": ("InputLayer",),
    "recurrent": ("RNN", "LSTM", "GRU", "Bidirectional", "TimeDistributed"),
    "attention": ("Attention",),
    "normalization": ("Normalization",),
    "regularization": ("Dropout", "Noise", "Regularization"),
    "pooling": ("Pool",),
    "activation": ("Activation", "ReLU", "ELU", "Softmax"),
    "reshaping": (
        ("Flatten", "Reshape", "Permute", "Padding", "Cropping", "UpSampling", "RepeatVector")
    ),
    "convolution": ("Conv",),
    "merging": (
        "Add",
        "Concatenate",
        "Average",
        "Maximum",
        "Minimum",
        "Multiply",
        "Subtract",
        "Dot",
    ),
    "core": ("Dense", "Embedding"),
    "model": ("Model", "Sequential", "Functional"),
}


def family_of(operation: Any) -> str:
    names = [c.__name__ for c in type(operation).__mro__]
    for name in names:
        for family, words in _FAMILIES.items():
            if any(word in name for word in words):
                return family
    return "core" if getattr(operation, "weights", None) else "plain"


def _layer_box(operation: Any, nodes: list[Any]) -> LayerBox:
    kind = type(operation).__name__
    if not hasattr(operation, "name"):  # an op: a function of tensors
        kind = getattr(operation, "__name__", kind)
    weights = getattr(operation, "weights", None)
    outputs = [tree.flatten(node.outputs) for node in nodes]
    return LayerBox(
        name=getattr(operation, "name", kind),
        kind=kind,
        family=family_of(operation),
        activation=activation_name(operation),
        trainable=bool(operation.trainable) if weights else None,
        input_shapes=_lines([node.inputs for node in nodes], lambda t: str(t.shape)),
        output_shapes=_lines(outputs, lambda t: str(t.shape)),
        output_dtypes=list(dict.fromkeys(_lines(outputs, lambda t: str(t.dtype)))),
    )


def _lines(calls: Iterable[Sequence[Any]], text: Callable[[Any], str]) -> list[str]:
    """Return one line for each tensor of a call; calls that look alike count once."""
    different = dict.fromkeys(
        tuple(text(t) for t in tensors if hasattr(t, "shape")) for tensors in calls
    )
    return [line for lines in different for line in lines]


def activation_name(layer: Any) -> str | None:
    """Return the name of a layer's activation; None if it has none."""
    activation = getattr(layer, "activation", None)
    if activation is None:
        return None
    name = getattr(activation, "name", None) or getattr(activation, "__name__", None)
    return str(name or type(activation).__name__)

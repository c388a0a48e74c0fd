"""Graphs: `@op` serves arrays and symbolic tensors alike; `Function` runs what was recorded."""

import inspect
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from lamina._core import dtypes, tree
from lamina._core.errors import describe, explain
from lamina._core.naming import auto_name
from lamina._core.state import Scope, Variable
from lamina._core.tensor import KerasTensor
from lamina._exports import public_part

Array = jax.Array  # annotates the parameters of ops that take arrays; see `op`

# Two sizes with many divisors, for code that asks an unknown size for its value.
_PROBE_SIZES = (5040, 10080)
(_ANY,) = export.symbolic_shape("N")


class Node:
    """One call of an operation on symbolic tensors."""

    __slots__ = ("__weakref__", "args", "inputs", "kwargs", "operation", "outputs")

    def __init__(self, operation: Any, args: tuple, kwargs: dict[str, Any], outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.inputs: list[KerasTensor] = symbolic_leaves((args, kwargs))
        for index, tensor in enumerate(symbolic_leaves(outputs)):
            tensor.node, tensor.index = self, index

    @property
    def name(self) -> str:
        return getattr(self.operation, "name", None) or self.operation.__name__


def symbolic_leaves(structure: Any) -> list[KerasTensor]:
    """Return the symbolic tensors in `structure`, in order."""
    return [x for x in tree.flatten(structure) if isinstance(x, KerasTensor)]


def has_tensor(*structures: Any) -> bool:
    """Return whether any leaf is a symbolic tensor."""
    for x in structures:
        if isinstance(x, KerasTensor):
            return True
        nested = type(x) in (list, tuple, dict) and x
        if nested and has_tensor(*(x.values() if type(x) is dict else x)):
            return True
    return False


def record(operation: Any, fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call `fn` on symbolic tensors: return symbolic results that remember the call."""
    outputs = infer(fn, *args, **kwargs)
    Node(operation, args, kwargs, outputs)
    return outputs


def infer(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Return what `fn` would return, as symbolic tensors, without computing anything.

    All unknown sizes are one shared symbolic size; where `fn` asks for its value, two concrete
    sizes are tried and what differs between them is unknown. Variables written meanwhile (seeds,
    moving averages) keep their values.
    """
    leaves = tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]

    def call(*arrays: Any) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        a, k = tree.pack_sequence_as((args, kwargs), filled)
        with Scope():
            return tree.map_structure(_as_output, fn(*a, **k))

    def shapes(size: Any) -> Any:
        specs = [_spec(leaves[place], size) for place in places]
        return jax.eval_shape(call, *specs)

    if not any(None in leaves[place].shape for place in places):
        return tree.map_structure(_tensor, shapes(None))
    try:
        return tree.map_structure(_tensor, shapes(_ANY))
    except Exception as error:  # any user code may run here; the concrete sizes decide
        return _infer_by_sizes(shapes, leaves, places, error)


def _infer_by_sizes(shapes: Any, leaves: list[Any], places: list[int], error: Exception) -> Any:
    try:
        small, large = (shapes(size) for size in _PROBE_SIZES)
    except Exception:
        # Only one size may fit: an unknown axis that meets a known one, as in (None,) + (7,).
        for size in sorted({s for x in leaves for s in getattr(x, "shape", ()) if s is not None}):
            try:
                return tree.map_structure(_tensor, shapes(size))
            except Exception:
                continue
        raise error from None
    return tree.map_structure(_merge, small, large)


def _spec(tensor: KerasTensor, size: Any) -> jax.ShapeDtypeStruct:
    shape = tuple(size if s is None else s for s in tensor.shape)
    return jax.ShapeDtypeStruct(shape, jax.dtypes.canonicalize_dtype(tensor.dtype))


def _as_output(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def _tensor(spec: Any) -> Any:
    if spec is None:
        return None
    shape = tuple(s if isinstance(s, int) else None for s in spec.shape)
    return KerasTensor(shape, str(spec.dtype))


def _merge(small: Any, large: Any) -> Any:
    if small is None:
        return None
    shape = tuple(a if a == b else None for a, b in zip(small.shape, large.shape, strict=True))
    return KerasTensor(shape, str(small.dtype))


def op(fn: Callable[..., Any], explains_errors: bool = True) -> Callable[..., Any]:
    """Make `fn`, a function of arrays, accept anything that holds numbers, and symbolic tensors.

    Parameters annotated `Array` (or a sequence of it) are converted: variables, lists, numpy
    arrays. Plain numbers stay plain, so that they take the dtype of what they meet.

    Args:
        fn: the function.
        explains_errors: whether its errors are told in three parts, with its name and arguments;
            not those of functions that it is given, say.
    """

    @wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        symbolic = has_tensor(*args, *kwargs.values())
        try:
            return record(wrapper, compute, args, kwargs) if symbolic else compute(*args, **kwargs)
        except _EXPLAINED as error:
            told = not explains_errors or str(error).startswith("ops.")
            # What jax says about tracers is for whoever traces, unless that is `infer`.
            if told or (isinstance(error, _TRACING) and not symbolic):
                raise
            raise _explained(wrapper, error, args, kwargs) from error

    def compute(*args: Any, **kwargs: Any) -> Any:
        positional, named = _converters(fn)
        args = (
            tuple(c(a) if c else a for a, c in zip(args, positional, strict=False))
            + args[len(positional) :]
        )
        for name, c in named.items():
            if name in kwargs:
                kwargs[name] = c(kwargs[name])
        return fn(*args, **kwargs)

    wrapper.is_op = True  # type: ignore[attr-defined]
    return wrapper


_TRACING = (jax.errors.JAXTypeError, jax.errors.JAXIndexError)
_EXPLAINED = (TypeError, ValueError, IndexError, ZeroDivisionError)
_ADVICE = {
    "broadcast": "sizes must be equal or 1, compared from the last axis; ops.reshape and "
    "ops.expand_dims add axes",
    "out of bounds for array": "axes count from 0, or backwards from -1",
}


def _explained(fn: Any, error: Exception, args: tuple, kwargs: dict[str, Any]) -> Exception:
    """The error in three parts, as a TypeError, ValueError or IndexError."""
    expected, advice = str(error).strip().split("\n")[0] or type(error).__name__, None
    if isinstance(error, _TRACING):
        expected = "expected values that are known: the shape of the result depends on them"
        advice = "symbolic tensors and compiled code have none; call it on arrays"
    for part, help in _ADVICE.items():
        advice = help if part in expected else advice
    names = list(inspect.signature(fn).parameters)
    given = [*zip([*names, *names[-1:] * len(args)], args, strict=False), *kwargs.items()]
    got = ", ".join(f"{name}={_brief(value)}" for name, value in given) or "nothing"
    where = f"{public_part(fn.__module__).removeprefix('lamina.')}.{fn.__name__}"
    kind = next((k for k in (IndexError, TypeError) if isinstance(error, k)), ValueError)
    if "\n  Got " in str(error):  # in three parts already, of what any op may be given
        return kind(f"{where}, {error}")
    return kind(explain(where, expected, got, advice))


def _brief(value: Any) -> str:
    """`value` in a line of an error: arrays by shape and dtype, also those in lists."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{tuple(value.shape)} {value.dtype}"
    if isinstance(value, (list, tuple)) and any(hasattr(v, "shape") for v in value):
        return f"[{', '.join(map(_brief, value[:8]))}]"
    return describe(value).removesuffix(f" ({type(value).__name__})")


@cache
def _converters(fn: Callable[..., Any]) -> tuple[list[Any], dict[str, Any]]:
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(fn).parameters.values():
        annotation = str(parameter.annotation)
        converter: Any = None
        if "Sequence[" in annotation and "Array" in annotation:
            converter = _arrays
        elif "Array" in annotation:
            converter = as_operand
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            positional.append(converter)
        if converter is not None:
            named[parameter.name] = converter
    return positional, named


def as_operand(x: Any) -> Any:
    """Return `x` as the engine computes with it: an array, or a plain number as it is."""
    if x is None or isinstance(x, (jax.Array, bool, int, float, complex)):
        return x
    if isinstance(x, Variable):
        return x.value
    return as_array(x)


def _arrays(xs: Any) -> Any:
    return [as_operand(x) for x in xs] if isinstance(xs, (list, tuple)) else as_operand(xs)


def as_array(x: Any, dtype: Any = None) -> Any:
    """Return `x` as a jax array; numpy's float64 becomes the default float dtype."""
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, jax.Array):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    if dtype is None:
        if isinstance(x, (list, tuple)) and any(
            isinstance(e, (jax.Array, Variable)) for e in tree.flatten(x)
        ):
            return jnp.stack([as_array(e) for e in x])
        given, x = x, np.asarray(x)
        if x.dtype.kind in "OSU":
            raise TypeError(explain("array", "expected numbers", describe(given)))
        dtype = dtypes.standardize_dtype(None) if x.dtype == np.float64 else None
        if x.dtype == np.int64:
            dtype = "int32"
    return jnp.asarray(x, None if dtype is None else jnp.dtype(dtype))


class Function:
    """The graph between `inputs` and `outputs`: nodes, run in order over one dictionary."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self.name = name or auto_name(type(self))
        self.inputs = inputs
        self.outputs = outputs
        self.flat_inputs: list[KerasTensor] = tree.flatten(inputs)
        self.flat_outputs: list[KerasTensor] = tree.flatten(outputs)
        self.nodes = sort_nodes(self.flat_inputs, self.flat_outputs)
        given = {id(t) for t in self.flat_inputs}
        self._steps = [
            n for n in self.nodes if not all(id(t) in given for t in symbolic_leaves(n.outputs))
        ]

    def run(
        self, arrays: Sequence[Any], call: Any = lambda f, *args, **kwargs: f(*args, **kwargs)
    ) -> Any:
        """Return the outputs for `arrays`, one for each input; `call` calls each operation."""
        values = {id(t): a for t, a in zip(self.flat_inputs, arrays, strict=True)}

        def value(x: Any) -> Any:
            return values[id(x)] if isinstance(x, KerasTensor) else x

        for node in self._steps:
            args, kwargs = tree.map_structure(value, (node.args, node.kwargs))
            results = call(node.operation, *args, **kwargs)
            for tensor, result in zip(
                tree.flatten(node.outputs), tree.flatten(results), strict=True
            ):
                if isinstance(tensor, KerasTensor):
                    values.setdefault(id(tensor), result)
        return tree.map_structure(value, self.outputs)


def sort_nodes(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> list[Node]:
    """Return the nodes between inputs and outputs, each after those it needs.

    The order is Keras', since it is the order of a model's layers and weights: the further from
    the outputs the earlier, and at one distance as a walk up from the outputs meets the layers.
    """
    nodes, met = _walk_up(inputs, outputs)
    depths: dict[int, int] = {}
    deepest: dict[int, int] = {}  # of all calls of a layer
    for node in reversed(nodes):
        owner = id(owner_of(node))
        depth = max(depths.get(id(node), 0), deepest.get(owner, 0))
        depths[id(node)] = deepest[owner] = depth
        for tensor in node.inputs:
            before = id(tensor.node)
            depths[before] = max(depths.get(before, 0), depth + 1)
    unused = [t.node for t in inputs if t.node is not None and id(t.node) not in depths]
    nodes += [n for n in dict.fromkeys(unused) if not n.inputs]
    return sorted(nodes, key=lambda n: (-depths.get(id(n), 0), met.get(id(owner_of(n)), -1)))


def owner_of(node: Node) -> Any:
    """What a node is a call of: its layer, which others may share, or the node itself for an op."""
    return node if getattr(node.operation, "is_op", False) else node.operation


def _walk_up(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]
) -> tuple[list[Node], dict[int, int]]:
    """Return the nodes, each after those it needs, and when each of their owners was first met."""
    given = {id(t) for t in inputs}
    done: dict[int, Node] = {}
    met: dict[int, int] = {}
    for output in outputs:
        if not isinstance(output, KerasTensor):
            raise ValueError(not_symbolic(output))
        stack: list[tuple[KerasTensor, bool]] = [(output, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if id(node) in done or (id(tensor) in given and (node is None or node.inputs)):
                continue
            if node is None or (not node.inputs and id(tensor) not in given):
                raise ValueError(_disconnected(tensor, output, inputs))
            met.setdefault(id(owner_of(node)), len(met))
            if ready or not node.inputs:
                done[id(node)] = node
            else:
                stack.append((tensor, True))
                stack.extend((t, False) for t in reversed(node.inputs))
    return list(done.values()), met


def not_symbolic(output: Any) -> str:
    """Return the error text for something else than a symbolic tensor at an end of a graph."""
    return explain(
        "Model",
        "expected symbolic tensors as inputs and outputs",
        describe(output),
        "start from `x = Input(shape=...)` and pass what layers return for it",
    )


def _disconnected(tensor: KerasTensor, output: KerasTensor, inputs: Sequence[KerasTensor]) -> str:
    given = ", ".join(t.name for t in inputs) or "none"
    return explain(
        "Model",
        f"expected output '{output.name}' to depend on the given inputs alone",
        f"a path to '{tensor.name}' of shape {tensor.shape}, which is not among them ({given})",
        f"add '{tensor.name}' to `inputs`",
    )


class WeakList:
    """A list that does not keep its items alive."""

    def __init__(self) -> None:
        self._refs: list[weakref.ref] = []

    def append(self, item: Any) -> None:
        self._refs = [r for r in self._refs if r() is not None]
        self._refs.append(weakref.ref(item))

    def __reduce__(self) -> Any:
        return WeakList, ()  # copies and pickles begin empty, or they would take the items along

    def __iter__(self) -> Iterator[Any]:
        return (item for r in self._refs if (item := r()) is not None)

"""What jax's primitives become in a graph; those that are elementwise need no entry.

Keys of random numbers are two words of Threefry-2x32; numbers are drawn as jax does it since 0.5.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import jax
import numpy as np

from lamina._native.graph import PRIMITIVES, Graph, Node, Unsupported, require

Nodes = list[Node]
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # of Threefry-2x32


def primitive(*names: str, **how: str) -> Callable[[Any], Any]:
    """Enter a function of (graph, inputs, types of the outputs, **params) under these names.

    Under names that come with an operation it is entered with that as its parameter `how`.
    """

    def enter(function: Any) -> Any:
        PRIMITIVES.update(dict.fromkeys(names, function))
        PRIMITIVES.update({name: partial(function, how=what) for name, what in how.items()})
        return function

    return enter


# --- calls and branches -------------------------------------------------------------------------


@primitive("copy", "copy_p", "stop_gradient", "random_wrap", "random_unwrap")
@primitive("optimization_barrier")
def _same(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Nodes:
    return inputs


@primitive("pjit", "jit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
@primitive("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
def _call(graph: Graph, inputs: Nodes, outputs: Any, **params: Any) -> Nodes:
    inner = params.get("jaxpr") or params.get("call_jaxpr") or params.get("fun_jaxpr")
    return graph.inline(inner, inputs)


@primitive("platform_index")
def _platform_index(graph: Graph, inputs: Nodes, outputs: Any, platforms: Any, **_: Any) -> Node:
    for k, names in enumerate(platforms):
        if names is None or "cpu" in names:
            return graph.constant(np.int32(k))
    raise Unsupported("platform_index")


@primitive("cond")
def _cond(graph: Graph, inputs: Nodes, outputs: Any, branches: Any, **_: Any) -> Nodes:
    """Compute all branches, which have no effects, and select."""
    which, *arguments = inputs
    if which.value is not None:
        return graph.inline(branches[np.clip(which.value, 0, len(branches) - 1)], arguments)
    found = [graph.inline(branch, arguments) for branch in branches]
    chosen = found[-1]
    for k in reversed(range(len(branches) - 1)):
        same = "le" if k == 0 else "eq"  # what is below the first branch is the first's
        is_k = graph.add(same, [which, graph.constant(np.int32(k))], (), "bool")
        chosen = [
            graph.add("select_n", [is_k, other, mine], mine.shape, mine.dtype)
            for other, mine in zip(chosen, found[k], strict=True)
        ]
    return chosen


# --- views and parts ----------------------------------------------------------------------------


def _shape(aval: Any) -> tuple[int, ...]:
    """Return a shape in which each key has its two words along one more axis."""
    return (*aval.shape, 2) if str(aval.dtype) == "key<fry>" else tuple(aval.shape)


@primitive("broadcast_in_dim")
def _broadcast(
    graph: Graph, inputs: Nodes, outputs: Any, broadcast_dimensions: Any, **_: Any
) -> Node:
    (node,), shape = inputs, _shape(outputs[0])
    to = (*broadcast_dimensions, len(shape) - 1)  # of a key's words, too
    return graph.view(node, shape, [(0, 1, a if n > 1 else None) for n, a in zip(node.shape, to)])


@primitive("reshape", "squeeze", "expand_dims")
def _reshape(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Node:
    return graph.reshape(inputs[0], _shape(outputs[0]))


@primitive("transpose")
def _transpose(graph: Graph, inputs: Nodes, outputs: Any, permutation: Any) -> Node:
    rank = len(inputs[0].shape)
    order = [*permutation, rank - 1][:rank]
    return graph.view(inputs[0], _shape(outputs[0]), [(0, 1, order.index(a)) for a in range(rank)])


@primitive("slice")
def _slice(
    graph: Graph, inputs: Nodes, outputs: Any, start_indices: Any, strides: Any, **_: Any
) -> Node:
    rank = len(inputs[0].shape)
    starts, steps = (*start_indices, 0)[:rank], (*(strides or (1,) * rank), 1)[:rank]
    return graph.view(inputs[0], _shape(outputs[0]), list(zip(starts, steps, range(rank))))


@primitive("rev")
def _reverse(graph: Graph, inputs: Nodes, outputs: Any, dimensions: Any) -> Node:
    shape = inputs[0].shape
    axes = [(n - 1, -1, a) if a in dimensions else (0, 1, a) for a, n in enumerate(shape)]
    return graph.view(inputs[0], shape, axes)


@primitive("split")
def _split(graph: Graph, inputs: Nodes, outputs: Any, sizes: Any, axis: int) -> Nodes:
    ends = np.cumsum(sizes).tolist()
    return [graph.piece(inputs[0], axis, b - n, n) for b, n in zip(ends, sizes, strict=True)]


@primitive("concatenate")
def _concatenate(graph: Graph, inputs: Nodes, outputs: Any, dimension: int) -> Node:
    return graph.joined(inputs, dimension)


@primitive("stack")
def _stack(graph: Graph, inputs: Nodes, outputs: Any, axis: int, **_: Any) -> Node:
    return graph.stacked(inputs, axis)


@primitive("pad")
def _pad(graph: Graph, inputs: Nodes, outputs: Any, padding_config: Any) -> Node:
    require(all(min(p) >= 0 for p in padding_config), "negative padding")
    source, filler = inputs
    shape, rank = outputs[0].shape, len(padding_config)
    lows, steps = zip(*((low, inner + 1) for low, _, inner in padding_config), strict=True)
    places = (((0,) * rank, (1,) * rank), (lows, steps))
    return graph.add("parts", [graph.view(filler, shape, ()), source], shape, source.dtype,
                     places=places)  # fmt: skip


@primitive("iota")
def _iota(graph: Graph, inputs: Nodes, outputs: Any, dimension: int, **_: Any) -> Node:
    return graph.add("iota", [], outputs[0].shape, outputs[0].dtype, axis=dimension)


# --- sums and products --------------------------------------------------------------------------


@primitive(
    reduce_sum="add", reduce_prod="mul", reduce_max="max", reduce_min="min", reduce_or="or",
    reduce_and="and", argmax="argmax", argmin="argmin",
)  # fmt: skip
def _reduce(graph: Graph, inputs: Nodes, outputs: Any, how: str, axes: Any, **_: Any) -> Node:
    (node,), out = inputs, outputs[0]
    if how[:3] != "arg" and node.size == prod(out.shape):
        return graph.reshape(node, out.shape) if axes else node
    axes = tuple(sorted(axes))
    return graph.add("reduce", inputs, out.shape, out.dtype, how=how, axes=axes, reverse=False)


@primitive(cumsum="add", cumprod="mul", cummax="max", cummin="min")
def _scan(
    graph: Graph, inputs: Nodes, outputs: Any, how: str, axis: int, reverse: bool, **_: Any
) -> Node:
    (node,), axes = inputs, (axis,)
    return graph.add("scan", inputs, node.shape, node.dtype, how=how, axes=axes, reverse=reverse)


@primitive("square")
def _square(graph: Graph, inputs: Nodes, outputs: Any) -> Node:
    return graph.add("mul", inputs * 2, inputs[0].shape, inputs[0].dtype)


@primitive("dot_general")
def _product(graph: Graph, inputs: Nodes, outputs: Any, dimension_numbers: Any, **_: Any) -> Node:
    """A product of matrices; several axes that it sums over are made one first."""
    require(all(n.dtype == "float32" for n in inputs), "a product of integers")
    sums, batch = ([tuple(map(int, axes)) for axes in pair] for pair in dimension_numbers)
    if len(sums[0]) > 1:
        found = []
        for node, axes, kept in zip(inputs, sums, batch, strict=True):
            rank = len(node.shape)
            order = [*kept, *axes, *(a for a in range(rank) if a not in (*axes, *kept))]
            if axes == tuple(range(axes[0], axes[0] + len(axes))) and not kept:
                order = list(range(rank))  # they lie in a row already
            shape = [node.shape[a] for a in order]
            if order != list(range(rank)):
                node = graph.view(node, shape, [(0, 1, order.index(a)) for a in range(rank)])
            at = order.index(axes[0])
            merged = (*shape[:at], prod(shape[at : at + len(axes)]), *shape[at + len(axes) :])
            found.append((graph.reshape(node, merged), at))
        inputs, sums = [node for node, _ in found], [(at,) for _, at in found]
        batch = [tuple(range(len(kept))) for kept in batch]
    shape = outputs[0].shape
    return graph.add("dot", inputs, shape, "float32", sums=tuple(sums), batch=tuple(batch))


# --- windows: parts of an array at computed places ----------------------------------------------
#
# A 'gather' (array, starts ...) or a 'scatter' (array, updates, starts ...) has the parameters
#   along: for each axis of the array, the axis of the output or the updates that runs along it;
#   batch: axes of those that the array of starts has; None if each start is a scalar;
#   axes: of the array, that have a start each;
#   limits: the largest start of each;
#   strict: whether a window that does not fit is left out, not moved inside.


def _along(rank: int, window: Any, batch: Any, fixed: Any, pairs: dict[int, int]) -> Any:
    axes = iter(window)
    return tuple(
        batch[pairs[a]] if a in pairs else None if a in fixed else next(axes) for a in range(rank)
    )


@primitive("gather")
def _gather(
    graph: Graph, inputs: Nodes, outputs: Any, dimension_numbers: Any, slice_sizes: Any, mode: Any,
    fill_value: Any, **_: Any,
) -> Node:  # fmt: skip
    d, (array, _starts), (out,) = dimension_numbers, inputs, outputs
    batch = tuple(a for a in range(len(out.shape)) if a not in d.offset_dims)
    pairs = dict(zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True))
    if fill_value is None:
        fill_value = np.nan
        if array.dtype != "float32":
            limits = np.iinfo("uint8" if array.dtype == "bool" else array.dtype)
            fill_value = limits.min or limits.max
    return graph.add(
        "gather", inputs, out.shape, out.dtype, batch=batch, fill=fill_value,
        along=_along(len(array.shape), d.offset_dims, batch, d.collapsed_slice_dims, pairs),
        axes=tuple(d.start_index_map), strict="FILL" in str(mode).upper(),
        limits=tuple(array.shape[a] - slice_sizes[a] for a in d.start_index_map),
    )  # fmt: skip


@primitive(
    scatter="set", scatter_add="add", scatter_mul="mul", scatter_min="min", scatter_max="max"
)
def _scatter(
    graph: Graph, inputs: Nodes, outputs: Any, how: str, dimension_numbers: Any, mode: Any, **_: Any
) -> Node:
    d, (array, starts, updates) = dimension_numbers, inputs
    window = d.update_window_dims
    batch = tuple(a for a in range(len(updates.shape)) if a not in window)
    pairs = dict(zip(d.operand_batching_dims, d.scatter_indices_batching_dims, strict=True))
    along = _along(len(array.shape), window, batch, d.inserted_window_dims, pairs)
    axes = tuple(d.scatter_dims_to_operand_dims)
    sizes = [1 if along[a] not in window else updates.shape[along[a]] for a in axes]
    return graph.add(
        "scatter", [array, updates, starts], array.shape, array.dtype, how=how, along=along,
        batch=batch, axes=axes, strict="CLIP" not in str(mode).upper(),
        limits=tuple(array.shape[a] - n for a, n in zip(axes, sizes, strict=True)),
    )  # fmt: skip


@primitive("dynamic_slice")
def _dynamic_slice(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Node:
    window = _moving(inputs[0], outputs[0].shape)
    return graph.add("gather", inputs, outputs[0].shape, outputs[0].dtype, fill=0, **window)


@primitive("dynamic_update_slice")
def _dynamic_update_slice(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Node:
    window = _moving(inputs[0], inputs[1].shape)
    return graph.add("scatter", inputs, outputs[0].shape, outputs[0].dtype, how="set", **window)


def _moving(array: Node, shape: Sequence[int]) -> dict[str, Any]:
    """Return the parameters of a window of some shape that is moved as a whole."""
    axes = tuple(range(len(shape)))
    limits = tuple(n - size for n, size in zip(array.shape, shape, strict=True))
    return {"along": axes, "batch": None, "axes": axes, "limits": limits, "strict": False}


# --- random numbers -----------------------------------------------------------------------------


@primitive("random_bits")
def _random_bits(graph: Graph, inputs: Nodes, outputs: Any, bit_width: int, shape: Any) -> Node:
    require(bit_width == 32, f"random numbers of {bit_width} bits")
    return graph.add("xor", _blocks(graph, inputs[0], *_counts(graph, shape)), shape, "uint32")


@primitive("random_split")
def _random_split(graph: Graph, inputs: Nodes, outputs: Any, shape: Any) -> Node:
    return graph.stacked(_blocks(graph, inputs[0], *_counts(graph, shape)), len(shape))


@primitive("random_fold_in")
def _random_fold_in(graph: Graph, inputs: Nodes, outputs: Any) -> Node:
    key, data = inputs
    require(not data.shape and data.dtype in ("uint32", "int32"), "fold_in of an array")
    low = graph.add("convert_element_type", [data], (), "uint32", new_dtype=np.dtype("uint32"))
    return graph.stacked(_blocks(graph, key, graph.constant(np.uint32(0)), low), 0)


@primitive("iota_2x32_shape")
def _iota_2x32(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Nodes:
    return _counts(graph, outputs[1].shape)


def _counts(graph: Graph, shape: Sequence[int]) -> Nodes:
    """Return each element's number as two words."""
    require(prod(shape) < 2**32, "an array too large")
    flat = graph.add("iota", [], (prod(shape),), "uint32", axis=0)
    return [graph.constant(np.zeros(shape, "uint32")), graph.reshape(flat, tuple(shape))]


def _blocks(graph: Graph, key: Node, high: Node, low: Node) -> Nodes:
    """Return Threefry of two words under a key."""
    partitionable = jax.config.values.get("jax_threefry_partitionable")
    require(key.shape == (2,) and partitionable, "random numbers other than Threefry's")
    words = [graph.reshape(graph.piece(key, 0, at, 1), ()) for at in (0, 1)]
    return _threefry(graph, [*words, high, low], [])


@primitive("threefry2x32")
def _threefry(graph: Graph, inputs: Nodes, outputs: Any, **_: Any) -> Nodes:
    def do(op: str, a: Node, b: Node) -> Node:
        return graph.add(op, [a, b], max(a.shape, b.shape, key=len), "uint32")

    def number(value: int) -> Node:
        return graph.constant(np.uint32(value))

    k0, k1, x, y = inputs
    keys = (k0, k1, do("xor", do("xor", k0, k1), number(0x1BD11BDA)))
    x, y = do("add", x, k0), do("add", y, k1)
    for i in range(5):
        for by in _ROTATIONS[i % 2]:
            x = do("add", x, y)
            left, right = (("shift_left", by), ("shift_right_logical", 32 - by))
            y = do("xor", x, do("or", *(do(op, y, number(n)) for op, n in (left, right))))
        x = do("add", x, keys[(i + 1) % 3])
        y = do("add", do("add", y, keys[(i + 2) % 3]), number(i + 1))
    return [x, y]

"""What jax's primitives become in a graph; those that are elementwise need no entry.

Keys of random numbers are two words of Threefry-2x32, along one more axis; numbers are drawn as jax
does it since 0.5.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import jax
import numpy as np

from lamina._native.graph import PRIMITIVES, Graph, Node, Unsupported, require

Nodes = list[Node]
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # of Threefry-2x32


def primitive(*names: str, **how: str) -> Callable[[Any], Any]:
    """Enter a function (graph, inputs, types of the outputs, parameters) -> nodes under names.

    Under names that come with an operation it is entered with that as one more parameter, 'how'.
    """

    def enter(function: Any) -> Any:
        PRIMITIVES.update({name: (function, how.get(name)) for name in (*names, *how)})
        return function

    return enter


# --- calls and branches -------------------------------------------------------------------------


@primitive("platform_index")
def _platform_index(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    for k, names in enumerate(p["platforms"]):
        if names is None or "cpu" in names:
            return g.constant(np.int32(k))
    raise Unsupported("platform_index")


@primitive("cond")
def _cond(g: Graph, x: Nodes, out: Any, p: Any) -> Nodes:
    """Compute all branches, which have no effects, and select."""
    (which, *arguments), branches = x, p["branches"]
    if which.value is not None:
        return g.inline(branches[np.clip(which.value, 0, len(branches) - 1)], arguments)
    found = [g.inline(branch, arguments) for branch in branches]
    chosen = found[-1]
    for k in reversed(range(len(branches) - 1)):
        same = "le" if k == 0 else "eq"  # what is below the first branch is the first's
        is_k = g.add(same, [which, g.constant(np.int32(k))], (), "bool")
        pairs = zip(chosen, found[k], strict=True)
        chosen = [g.add("select_n", [is_k, a, b], b.shape, b.dtype) for a, b in pairs]
    return chosen


# --- views and parts ----------------------------------------------------------------------------


def _shape(aval: Any) -> tuple[int, ...]:
    return (*aval.shape, 2) if str(aval.dtype) == "key<fry>" else tuple(aval.shape)


@primitive("broadcast_in_dim")
def _broadcast(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    (node,), shape = x, _shape(out[0])
    to = [*p["broadcast_dimensions"], len(shape) - 1][: len(node.shape)]
    axes = [(0, 1, a if n > 1 else None) for n, a in zip(node.shape, to, strict=True)]
    return g.view(node, shape, axes)


@primitive("transpose")
def _transpose(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    rank = len(x[0].shape)
    return g.transpose(x[0], [*p["permutation"], rank - 1][:rank])


@primitive("slice")
def _slice(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    rank = len(x[0].shape)
    starts, steps = [*p["start_indices"], 0][:rank], [*(p["strides"] or [1] * rank), 1][:rank]
    return g.view(x[0], _shape(out[0]), list(zip(starts, steps, range(rank), strict=True)))


@primitive("rev")
def _reverse(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    shape = x[0].shape
    axes = [(n - 1, -1, a) if a in p["dimensions"] else (0, 1, a) for a, n in enumerate(shape)]
    return g.view(x[0], shape, axes)


@primitive("split")
def _split(g: Graph, x: Nodes, out: Any, p: Any) -> Nodes:
    starts = np.cumsum([0, *p["sizes"]]).tolist()
    return [g.piece(x[0], p["axis"], at, n) for at, n in zip(starts, p["sizes"], strict=False)]


@primitive("unstack")
def _unstack(g: Graph, x: Nodes, out: Any, p: Any) -> Nodes:
    axis, shape = p["axis"], x[0].shape
    rest = (*shape[:axis], *shape[axis + 1 :])
    return [g.reshape(g.piece(x[0], axis, at, 1), rest) for at in range(shape[axis])]


@primitive("pad")
def _pad(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    config, shape = p["padding_config"], out[0].shape
    require(all(min(widths) >= 0 for widths in config), "negative padding")
    places = (
        (tuple(0 for _ in config), tuple(1 for _ in config)),
        (tuple(low for low, _, _ in config), tuple(inner + 1 for _, _, inner in config)),
    )
    return g.add("parts", [g.view(x[1], shape, ()), x[0]], shape, x[0].dtype, places=places)


# --- sums and products --------------------------------------------------------------------------


@primitive(
    reduce_sum="add", reduce_prod="mul", reduce_max="max", reduce_min="min", reduce_or="or",
    reduce_and="and", argmax="argmax", argmin="argmin",
)  # fmt: skip
def _reduce(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    (node,), (aval,), axes = x, out, tuple(sorted(p["axes"]))
    if p["how"][:3] != "arg" and node.size == prod(aval.shape):
        return g.reshape(node, aval.shape) if axes else node
    return g.add("reduce", x, aval.shape, aval.dtype, how=p["how"], axes=axes)


@primitive(cumsum="add", cumprod="mul", cummax="max", cummin="min")
def _scan(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    axes, turned = (p["axis"],), p["reverse"]
    return g.add("scan", x, x[0].shape, x[0].dtype, how=p["how"], axes=axes, reverse=turned)


@primitive("dot_general")
def _product(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    """A product of matrices; several axes that it sums over are made one first."""
    require(all(n.dtype == "float32" for n in x), "a product of integers")
    sums, batch = ([tuple(map(int, axes)) for axes in pair] for pair in p["dimension_numbers"])
    if len(sums[0]) > 1:
        found = []
        for node, axes, kept in zip(x, sums, batch, strict=True):
            rank = len(node.shape)
            order = [*kept, *axes, *(a for a in range(rank) if a not in (*axes, *kept))]
            if axes == tuple(range(axes[0], axes[0] + len(axes))) and not kept:
                order = list(range(rank))  # they lie in a row already
            shape, at = [node.shape[a] for a in order], order.index(axes[0])
            merged = (*shape[:at], prod(shape[at : at + len(axes)]), *shape[at + len(axes) :])
            found.append((g.reshape(g.transpose(node, order), merged), at))
        x, sums = [node for node, _ in found], [(at,) for _, at in found]
        batch = [tuple(range(len(kept))) for kept in batch]
    return g.add("dot", x, out[0].shape, "float32", sums=tuple(sums), batch=tuple(batch))


# --- windows: parts of an array at computed places ----------------------------------------------


def _window(
    array: Node, shape: Any, window: Any, fixed: Any, axes: Any, batches: Any, strict: bool
) -> dict[str, Any]:
    """Return the parameters of a 'gather' (array, starts ...) or 'scatter' (array, updates, ...).

    `along`: for each axis of the array, the axis of the output or the updates that runs along it;
    `batch`: the axes of those that run along the array of starts, if that is one;
    `axes`: of the array, that have a start each; `limits`: the largest starts;
    `strict`: whether a window that does not fit is left out, not moved inside.
    """
    batch, pairs = (
        tuple(a for a in range(len(shape)) if a not in window),
        dict(zip(*batches, strict=True)),
    )
    running = iter(window)
    along = tuple(
        batch[pairs[a]] if a in pairs else None if a in fixed else next(running)
        for a in range(len(array.shape))
    )
    sizes = {a: shape[along[a]] if along[a] in window else 1 for a in axes}
    limits = tuple(array.shape[a] - sizes[a] for a in axes)
    return {"along": along, "batch": batch, "axes": tuple(axes), "limits": limits, "strict": strict}


def _moving(array: Node, shape: Any) -> dict[str, Any]:
    axes = range(len(shape))
    return _window(array, shape, axes, (), axes, ((), ()), False)


@primitive("gather")
def _gather(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    d, (aval,), fill = p["dimension_numbers"], out, p["fill_value"]
    if fill is None and x[0].dtype != "float32":
        limits = np.iinfo("uint8" if x[0].dtype == "bool" else x[0].dtype)
        fill = limits.min or limits.max
    window = _window(
        x[0], aval.shape, d.offset_dims, d.collapsed_slice_dims, d.start_index_map,
        (d.operand_batching_dims, d.start_indices_batching_dims), "FILL" in str(p["mode"]).upper(),
    )  # fmt: skip
    return g.add(
        "gather", x, aval.shape, aval.dtype, fill=np.nan if fill is None else fill, **window
    )


@primitive(
    scatter="set", scatter_add="add", scatter_mul="mul", scatter_min="min", scatter_max="max"
)
def _scatter(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    d, (array, starts, updates) = p["dimension_numbers"], x
    window = _window(
        array, updates.shape, d.update_window_dims, d.inserted_window_dims,
        d.scatter_dims_to_operand_dims, (d.operand_batching_dims, d.scatter_indices_batching_dims),
        "CLIP" not in str(p["mode"]).upper(),
    )  # fmt: skip
    inputs = [array, updates, starts]
    return g.add("scatter", inputs, array.shape, array.dtype, how=p["how"], **window)


@primitive("dynamic_slice")
def _dynamic_slice(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    shape = out[0].shape
    return g.add("gather", x, shape, x[0].dtype, fill=0, **_moving(x[0], shape))


@primitive("dynamic_update_slice")
def _dynamic_update_slice(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    window = _moving(x[0], x[1].shape)
    return g.add("scatter", x, x[0].shape, x[0].dtype, how="set", **window)


# --- random numbers -----------------------------------------------------------------------------


@primitive("random_bits")
def _random_bits(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    require(p["bit_width"] == 32, f"random numbers of {p['bit_width']} bits")
    return g.add("xor", _blocks(g, x[0], *_counts(g, p["shape"])), p["shape"], "uint32")


@primitive("random_fold_in")
def _random_fold_in(g: Graph, x: Nodes, out: Any, p: Any) -> Node:
    key, data = x
    require(not data.shape and data.dtype in ("uint32", "int32"), "fold_in of an array")
    low = g.add("convert_element_type", [data], (), "uint32", new_dtype="uint32")
    return g.stacked(_blocks(g, key, g.constant(np.uint32(0)), low), 0)


def _counts(g: Graph, shape: Sequence[int]) -> Nodes:
    """Return each element's number as two words."""
    require(prod(shape) < 2**32, "an array too large")
    flat = g.add("iota", [], (prod(shape),), "uint32", axis=0)
    return [g.constant(np.zeros(shape, "uint32")), g.reshape(flat, tuple(shape))]


def _blocks(g: Graph, key: Node, high: Node, low: Node) -> Nodes:
    """Return Threefry of two words under a key."""
    partitionable = jax.config.values.get("jax_threefry_partitionable")
    require(key.shape == (2,) and partitionable, "random numbers other than Threefry's")
    words = [g.reshape(g.piece(key, 0, at, 1), ()) for at in (0, 1)]
    return _threefry(g, [*words, high, low], None, None)


@primitive("threefry2x32")
def _threefry(g: Graph, x: Nodes, out: Any, p: Any) -> Nodes:
    def do(op: str, a: Node, b: Node | int) -> Node:
        b = g.constant(np.uint32(b)) if isinstance(b, int) else b
        return g.add(op, [a, b], max(a.shape, b.shape, key=len), "uint32")

    k0, k1, a, b = x
    keys = (k0, k1, do("xor", do("xor", k0, k1), 0x1BD11BDA))
    a, b = do("add", a, k0), do("add", b, k1)
    for i in range(5):
        for by in _ROTATIONS[i % 2]:
            a = do("add", a, b)
            turned = do("or", do("shift_left", b, by), do("shift_right_logical", b, 32 - by))
            b = do("xor", a, turned)
        a = do("add", a, keys[(i + 1) % 3])
        b = do("add", do("add", b, keys[(i + 2) % 3]), i + 1)
    return [a, b]


# --- what is said in a line ---------------------------------------------------------------------

_SHORT: dict[str, Callable[..., Any]] = {
    "copy copy_p stop_gradient random_wrap random_unwrap optimization_barrier": (
        lambda g, x, out, p: x
    ),
    "pjit jit closed_call core_call remat remat2 checkpoint": (
        lambda g, x, out, p: g.inline(p.get("jaxpr") or p["call_jaxpr"], x)
    ),
    "custom_jvp_call custom_vjp_call custom_vjp_call_jaxpr": (
        lambda g, x, out, p: g.inline(p.get("call_jaxpr") or p["fun_jaxpr"], x)
    ),
    "reshape squeeze expand_dims": lambda g, x, out, p: g.reshape(x[0], _shape(out[0])),
    "concatenate": lambda g, x, out, p: g.joined(x, p["dimension"]),
    "stack": lambda g, x, out, p: g.stacked(x, p["axis"]),
    "square": lambda g, x, out, p: g.add("mul", x * 2, x[0].shape, x[0].dtype),
    "iota": lambda g, x, out, p: g.add(
        "iota", [], out[0].shape, out[0].dtype, axis=p["dimension"]
    ),
    "iota_2x32_shape": lambda g, x, out, p: _counts(g, out[1].shape),
    "random_split": lambda g, x, out, p: g.stacked(
        _blocks(g, x[0], *_counts(g, p["shape"])), len(p["shape"])
    ),
}  # fmt: skip
for _names, _function in _SHORT.items():
    primitive(*_names.split())(_function)

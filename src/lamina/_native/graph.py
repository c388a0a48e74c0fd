"""A step as a flat graph: one node per array, calls inlined, equal nodes merged.

What cannot be said in these nodes raises `Unsupported`, and the step is XLA's.
"""

import hashlib
from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import numpy as np

DTYPES = ("float32", "int32", "uint32", "bool", "int8", "uint8", "int16", "uint16")

VIEWS = {"broadcast_in_dim", "transpose", "squeeze", "expand_dims", "reshape", "slice", "rev"}
REDUCTIONS = {
    "reduce_sum": "add",
    "reduce_prod": "mul",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_or": "or",
    "reduce_and": "and",
    "argmax": "argmax",
    "argmin": "argmin",
}
SCANS = {"cumsum": "add", "cumprod": "mul", "cummax": "max", "cummin": "min"}
SCATTERS = {
    "scatter": "set",
    "scatter-add": "add",
    "scatter_add": "add",
    "scatter-mul": "mul",
    "scatter_mul": "mul",
    "scatter-min": "min",
    "scatter_min": "min",
    "scatter-max": "max",
    "scatter_max": "max",
    "dynamic_update_slice": "set",
}
LOOKUPS = {"gather", "dynamic_slice", "batch"}  # values at computed places, read where needed
PARTS = {"concatenate", "pad"}  # written piece by piece

_CALLS = {"pjit", "jit", "closed_call", "core_call", "remat", "remat2", "checkpoint"}
_CALLS |= {"custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
_SAME = {"copy", "copy_p", "stop_gradient", "random_wrap", "random_unwrap", "optimization_barrier"}
# The parameters that make a difference; all others are dropped.
_PARAMS = {
    "broadcast_in_dim": ("broadcast_dimensions",),
    "transpose": ("permutation",),
    "slice": ("start_indices", "strides"),
    "rev": ("dimensions",),
    "dot_general": ("dimension_numbers",),
    "gather": ("dimension_numbers", "slice_sizes", "mode", "fill_value"),
    "concatenate": ("dimension",),
    "pad": ("padding_config",),
    "iota": ("dimension",),
    "integer_pow": ("y",),
    "round": ("rounding_method",),
    **dict.fromkeys(REDUCTIONS, ("axes",)),
    **dict.fromkeys(SCANS, ("axis", "reverse")),
    **{name: ("dimension_numbers", "mode") for name in SCATTERS if name[:2] == "sc"},
}
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))  # of Threefry-2x32


class Unsupported(Exception):
    """A step that is not for this engine; the message says why."""


class Node:
    """One array of the graph."""

    __slots__ = (
        "depth", "dtype", "inputs", "kernel", "layout", "number", "op", "params", "shape", "uses",
        "value",
    )  # fmt: skip

    def __init__(
        self, op: str, inputs: Sequence["Node"], shape: Any, dtype: str, params: dict[str, Any]
    ) -> None:
        self.op, self.inputs, self.params = op, list(inputs), params
        self.shape: tuple[int, ...] = tuple(int(n) for n in shape)
        self.dtype = dtype
        self.value: Any = None  # of a constant scalar
        self.number = self.depth = 0
        self.uses: list[Node] = []
        self.layout: tuple[int, ...] = tuple(range(len(self.shape)))  # axes, the fastest last
        self.kernel: Any = None

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __repr__(self) -> str:
        return f"{self.op}{self.number}:{self.dtype}{list(self.shape)}"


class Graph:
    """Nodes in an order in which they can be computed.

    Args:
        supported: names of the elementwise operations that can be emitted.
    """

    def __init__(self, supported: Any) -> None:
        self.nodes: list[Node] = []
        self.arrays: list[Any] = []  # constants that are not scalars
        self._known: dict[Any, Node] = {}
        self._supported = set(supported) | VIEWS | set(REDUCTIONS) | set(SCANS) | set(SCATTERS)
        self._supported |= LOOKUPS | PARTS | {"iota", "dot_general"}

    def add(self, op: str, inputs: Sequence[Node], shape: Any, dtype: Any, **params: Any) -> Node:
        """Return the node with these properties, a new one if there is none."""
        name = str(dtype)
        if name not in DTYPES:
            raise Unsupported(f"dtype {name}")
        key = (op, tuple(n.number for n in inputs), tuple(shape), name, repr(params))
        if key not in self._known:
            node = Node(op, inputs, shape, name, params)
            if 0 in node.shape:
                raise Unsupported("an array without elements")
            node.number = len(self.nodes)
            self.nodes.append(node)
            self._known[key] = node
        return self._known[key]

    def constant(self, value: Any) -> Node:
        """Return the node of an array that is known now."""
        value = np.asarray(value)
        if value.ndim == 0:
            node = self.add("constant", [], (), value.dtype, text=value.tobytes().hex())
            node.value = value[()]
            return node
        if value.size and (value == value.flat[0]).all():
            scalar = self.constant(value.flat[0])
            return self.add(
                "broadcast_in_dim", [scalar], value.shape, value.dtype, broadcast_dimensions=()
            )
        node = self.add("array", [], value.shape, value.dtype, place=len(self.arrays))
        self.arrays.append(np.ascontiguousarray(value))
        return node

    def inline(self, jaxpr: Any, arguments: Sequence[Node]) -> list[Node]:
        """Add the equations of a jaxpr, closed or not; return the nodes of its results."""
        inner, constants = getattr(jaxpr, "jaxpr", jaxpr), getattr(jaxpr, "consts", ())
        known = dict(zip(inner.constvars, map(self.constant, constants), strict=True))
        known |= zip(inner.invars, arguments, strict=True)

        def read(atom: Any) -> Node:
            if hasattr(atom, "val"):  # a literal
                return self.constant(np.asarray(atom.val, atom.aval.dtype))
            return known[atom]

        for equation in inner.eqns:
            inputs = [read(v) for v in equation.invars]
            known |= zip(equation.outvars, self._equation(equation, inputs), strict=True)
        return [read(v) for v in inner.outvars]

    def _equation(self, equation: Any, inputs: list[Node]) -> list[Node]:
        op, params = equation.primitive.name, equation.params
        if op in _SAME:
            return inputs
        if op in _CALLS:
            inner = params.get("jaxpr") or params.get("call_jaxpr") or params.get("fun_jaxpr")
            return self.inline(inner, inputs)
        special = getattr(self, f"_{op}", None)
        outputs = [v.aval for v in equation.outvars]
        if special is not None:
            return special(params, inputs, outputs)
        if op not in self._supported or len(outputs) != 1:
            raise Unsupported(op)
        shape, dtype = outputs[0].shape, outputs[0].dtype
        if op in REDUCTIONS and op[:3] != "arg" and inputs[0].size == prod(shape):
            return [self.add("reshape", inputs, shape, dtype)] if params["axes"] else inputs
        kept = {name: params[name] for name in _PARAMS.get(op, ())}
        if op == "slice" and kept["strides"] is None:
            kept["strides"] = (1,) * len(shape)
        if str(dtype) == "key<fry>":  # each key is two words, along one more axis
            shape, dtype = (*shape, 2), "uint32"
            if op == "slice":
                kept = {
                    "start_indices": (*kept["start_indices"], 0),
                    "strides": (*kept["strides"], 1),
                }
            elif op not in ("squeeze", "reshape", "expand_dims"):
                raise Unsupported(f"{op} of keys")
        if op == "dot_general":
            return [self._product(inputs, kept["dimension_numbers"], shape, dtype)]
        return [self.add(op, inputs, shape, dtype, **kept)]

    def _product(self, inputs: list[Node], numbers: Any, shape: Any, dtype: Any) -> Node:
        """Add a product of matrices; several axes that it sums over are made one first."""
        if any(n.dtype != "float32" for n in inputs):
            raise Unsupported("a product of integers")
        sums, batch = ([tuple(map(int, axes)) for axes in pair] for pair in numbers)
        if len(sums[0]) > 1:
            found = []
            for node, axes, kept in zip(inputs, sums, batch, strict=True):
                free = [a for a in range(len(node.shape)) if a not in axes and a not in kept]
                order = (*kept, *axes, *free)
                if axes == tuple(range(axes[0], axes[0] + len(axes))) and kept == ():
                    order = tuple(range(len(node.shape)))  # they lie in a row already
                turned = self._transposed(node, order)
                at = order.index(axes[0])
                size = prod(node.shape[a] for a in axes)
                merged = (*turned.shape[:at], size, *turned.shape[at + len(axes) :])
                found.append((self.add("reshape", [turned], merged, node.dtype), at))
            inputs = [node for node, _ in found]
            sums = [(at,) for _, at in found]
            batch = [tuple(range(len(kept))) for kept in batch]
        numbers = (tuple(sums), tuple(batch))
        return self.add("dot_general", inputs, shape, dtype, dimension_numbers=numbers)

    def _transposed(self, node: Node, order: tuple[int, ...]) -> Node:
        if order == tuple(range(len(order))):
            return node
        shape = tuple(node.shape[a] for a in order)
        return self.add("transpose", [node], shape, node.dtype, permutation=order)

    # --- what becomes several nodes -------------------------------------------------------------

    def _split(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        pieces, at, axis = [], 0, params["axis"]
        for aval in outputs:
            start = tuple(at if d == axis else 0 for d in range(aval.ndim))
            piece = self.add(
                "slice", inputs, aval.shape, aval.dtype, start_indices=start,
                strides=(1,) * aval.ndim,
            )  # fmt: skip
            pieces.append(piece)
            at += aval.shape[axis]
        return pieces

    def _stack(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        axis, shape = params["axis"], outputs[0].shape
        one = (*shape[:axis], 1, *shape[axis + 1 :])
        rows = [self.add("expand_dims", [n], one, n.dtype) for n in inputs]
        return [self.add("concatenate", rows, shape, outputs[0].dtype, dimension=axis)]

    def _platform_index(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        platforms = params["platforms"]
        for k, names in enumerate(platforms):
            if names is None or "cpu" in names:
                return [self.constant(np.int32(k))]
        raise Unsupported("platform_index")

    def _cond(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        """Compute all branches, which have no effects, and select."""
        which, *arguments = inputs
        branches = params["branches"]
        if which.value is not None:
            place = min(max(int(which.value), 0), len(branches) - 1)
            return self.inline(branches[place], arguments)
        found = [self.inline(branch, arguments) for branch in branches]
        chosen = found[-1]
        for k in reversed(range(len(branches) - 1)):
            same = "le" if k == 0 else "eq"  # what is below the first branch is the first's
            is_k = self.add(same, [which, self.constant(np.int32(k))], (), "bool")
            pairs = zip(chosen, found[k], strict=True)
            chosen = [
                self.add("select_n", [is_k, other, mine], mine.shape, mine.dtype)
                for other, mine in pairs
            ]
        return chosen

    def _square(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        return [self.add("mul", inputs * 2, inputs[0].shape, inputs[0].dtype)]

    # Keys are two words of Threefry-2x32; numbers are drawn as jax does it since 0.5.

    def _random_bits(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        if params["bit_width"] != 32:
            raise Unsupported(f"random numbers of {params['bit_width']} bits")
        shape = tuple(params["shape"])
        pair = self._blocks(inputs[0], *self._counts(shape))
        return [self.add("xor", pair, shape, "uint32")]

    def _random_split(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        pair = self._blocks(inputs[0], *self._counts(tuple(params["shape"])))
        return [self._joined(pair)]

    def _random_fold_in(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        key, data = inputs
        if data.shape or data.dtype not in ("uint32", "int32"):
            raise Unsupported("fold_in of an array")
        low = self.add("convert_element_type", [data], (), "uint32")
        return [self._joined(self._blocks(key, self.constant(np.uint32(0)), low))]

    def _blocks(self, key: Node, high: Node, low: Node) -> list[Node]:
        """Return Threefry of two words under a key."""
        if key.shape != (2,) or not jax.config.values.get("jax_threefry_partitionable"):
            raise Unsupported("random numbers other than Threefry's")
        words = []
        for at in (0, 1):
            one = self.add("slice", [key], (1,), "uint32", start_indices=(at,), strides=(1,))
            words.append(self.add("reshape", [one], (), "uint32"))
        return self._threefry2x32(None, [*words, high, low], [])

    def _counts(self, shape: tuple[int, ...]) -> list[Node]:
        """Return each element's number as two words."""
        if prod(shape) >= 2**32:
            raise Unsupported("an array too large")
        flat = self.add("iota", [], (prod(shape),), "uint32", dimension=0)
        low = self.add("reshape", [flat], shape, "uint32")
        return [self.constant(np.zeros(shape, "uint32")), low]

    def _joined(self, pair: list[Node]) -> Node:
        """Return two arrays along a new last axis."""
        shape = pair[0].shape
        last = [self.add("expand_dims", [n], (*shape, 1), n.dtype) for n in pair]
        return self.add("concatenate", last, (*shape, 2), "uint32", dimension=len(shape))

    def _iota_2x32_shape(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        return self._counts(tuple(outputs[1].shape))

    def _threefry2x32(self, params: Any, inputs: list[Node], outputs: list[Any]) -> list[Node]:
        def binary(op: str, a: Node, b: Node) -> Node:
            return self.add(op, [a, b], max(a.shape, b.shape, key=len), "uint32")

        def number(value: int) -> Node:
            return self.constant(np.uint32(value))

        k0, k1, x, y = inputs
        keys = (k0, k1, binary("xor", binary("xor", k0, k1), number(0x1BD11BDA)))
        x, y = binary("add", x, keys[0]), binary("add", y, keys[1])
        for i in range(5):
            for by in _ROTATIONS[i % 2]:
                x = binary("add", x, y)
                left = binary("shift_left", y, number(by))
                right = binary("shift_right_logical", y, number(32 - by))
                y = binary("xor", x, binary("or", left, right))
            x = binary("add", x, keys[(i + 1) % 3])
            y = binary("add", binary("add", y, keys[(i + 2) % 3]), number(i + 1))
        return [x, y]


def live(outputs: Sequence[Node], nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes that `outputs` need, in order, with their uses."""
    needed, todo = set(), list(outputs)
    while todo:
        node = todo.pop()
        if node.number not in needed:
            needed.add(node.number)
            todo += node.inputs
    kept = [n for n in nodes if n.number in needed]
    for node in kept:
        node.uses = []
    for node in kept:
        for source in node.inputs:
            source.uses.append(node)
    return kept


def fingerprint(parts: Sequence[tuple[Sequence[Node], Sequence[Node]]]) -> str:
    """Return a name for graphs, equal if and only if the same code computes them."""
    digest = hashlib.sha256()
    for nodes, outputs in parts:
        for n in nodes:
            inputs = [i.number for i in n.inputs]
            digest.update(f"{n.number} {n.op} {inputs} {n.shape} {n.dtype} {n.params}\n".encode())
        digest.update(f"{[n.number for n in outputs]}\n".encode())
    return digest.hexdigest()

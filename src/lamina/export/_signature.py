"""What an exported function takes: shapes and dtypes, with a symbol for each size left open."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from lamina._core import dtypes, tree
from lamina._core.errors import describe, explain
from lamina._core.input_spec import InputSpec
from lamina._core.signature import map_shapes


def signature_of(model: Any) -> list[Any]:
    """Return what a model's call takes: a structure of `InputSpec`s for each argument.

    Raises:
        ValueError: its input shapes are not known.
    """
    function = getattr(model, "function", None)
    if function is not None:
        return [tree.map_structure(as_spec, function.inputs)]
    shapes = getattr(model, "_build_shapes", None)
    if not model.built or not shapes:
        raise ValueError(
            explain(
                f"{model.name}.export",
                "expected a model whose input shapes are known",
                f"{describe(model)}, which was never called",
                "call it on data first, or give input_signature=[InputSpec(shape=, dtype=)]",
            )
        )
    dtype = model.input_dtype
    return [
        map_shapes(lambda s: InputSpec(dtype=dtype, shape=(None, *s[1:])), shape)
        for shape in shapes.values()
    ]


def checked_signature(where: str, signature: Any) -> list[Any]:
    """Return a signature that a user gave, as a list of structures of `InputSpec`s.

    Raises:
        ValueError: a leaf that has no shape and dtype.
    """
    if not isinstance(signature, (list, tuple)):
        signature = [signature]
    return [tree.map_structure(lambda leaf: as_spec(leaf, where), part) for part in signature]


def as_spec(leaf: Any, where: str = "export") -> InputSpec:
    """Return the spec of a symbolic tensor, an array or a spec; of tensors, any batch is taken."""
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if shape is None or dtype is None:
        raise ValueError(
            explain(
                where,
                "expected a shape and a dtype for each input",
                describe(leaf),
                "write InputSpec(shape=(None, 3), dtype='float32'), None for sizes that vary",
            )
        )
    if not isinstance(leaf, InputSpec):
        shape = (None, *shape[1:])
    dtype = dtypes.standardize_dtype(dtype)
    return InputSpec(dtype=dtype, shape=shape, name=getattr(leaf, "name", None))


def symbolic(signature: list[Any]) -> list[Any]:
    """Return what jax traces with: all open first axes are one size, the batch's."""
    scope = export.SymbolicScope()
    names = iter(f"n{i}" for i in range(1, 10_000))

    def shaped(spec: InputSpec) -> jax.ShapeDtypeStruct:
        sizes = []
        for axis, size in enumerate(spec.shape):
            named = "batch" if axis == 0 else next(names)
            sizes += export.symbolic_shape(named, scope=scope) if size is None else [int(size)]
        return jax.ShapeDtypeStruct(tuple(sizes), jax.dtypes.canonicalize_dtype(spec.dtype))

    return [tree.map_structure(shaped, part) for part in signature]


def told(signature: list[Any]) -> list[Any]:
    """Return a signature as JSON holds it."""

    def one(spec: InputSpec) -> dict[str, Any]:
        return {"name": spec.name, "shape": list(spec.shape), "dtype": str(spec.dtype)}

    return [tree.map_structure(one, part) for part in signature]


def samples(signature: list[Any], size: int, seed: int = 0) -> list[Any]:
    """Return random inputs; integers are 0 or 1, open sizes `size`."""
    rng = np.random.default_rng(seed)

    def draw(spec: InputSpec) -> Any:
        shape = tuple(size if s is None else int(s) for s in spec.shape)
        if dtypes.is_float(spec.dtype):
            return jnp.asarray(rng.normal(size=shape), spec.dtype)
        return jnp.asarray(rng.integers(0, 2, shape), spec.dtype)

    return [tree.map_structure(draw, part) for part in signature]


def leaves(signature: list[Any]) -> Iterator[InputSpec]:
    """Yield the specs of all inputs, in order."""
    for part in signature:
        yield from tree.flatten(part)

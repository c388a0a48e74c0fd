"""Running a model's graph: inputs in whatever structure fits, node by node, to the outputs."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina._core.graph import Function, as_array, infer
from lamina._core.masks import get_mask, set_mask
from lamina._core.signature import as_numbers
from lamina._core.tensor import KerasTensor


def standardize_inputs(model: Any, function: Function, inputs: Any) -> Any:
    """Return `inputs` in the structure of the model's, as arrays of the rank and dtype it wants."""
    flat = _in_order(model, function, inputs)
    arrays = [_fit(x, tensor) for x, tensor in zip(flat, function.flat_inputs, strict=True)]
    _check_shapes(model, function, arrays)
    return tree.pack_sequence_as(function.inputs, arrays)


def _in_order(model: Any, function: Function, inputs: Any) -> list[Any]:
    wanted = function.flat_inputs
    if isinstance(inputs, dict) and not isinstance(function.inputs, dict):
        _check_names(model, inputs, [t.name for t in wanted])
        return [inputs[t.name] for t in wanted]
    if isinstance(inputs, dict):
        _check_names(model, inputs, list(function.inputs))
        inputs = {k: inputs[k] for k in function.inputs}
    if isinstance(inputs, (list, tuple)):
        several = len(wanted) > 1 and len(inputs) == len(wanted)
        inputs = [as_numbers(x) for x in inputs] if several else as_numbers(inputs)
    flat = tree.flatten(inputs)
    if len(flat) != len(wanted):
        raise ValueError(
            explain(
                f"{model.path} ({type(model).__name__})",
                f"expected {len(wanted)} input(s): {', '.join(t.name for t in wanted)}",
                f"{len(flat)}: " + ", ".join(describe(x) for x in flat[:4]),
                "give a list in that order, or a dictionary with these names",
            )
        )
    return flat


def _check_names(model: Any, inputs: dict[str, Any], names: list[str]) -> None:
    missing = [name for name in names if name not in inputs]
    if missing:
        raise ValueError(
            explain(
                f"{model.path} ({type(model).__name__})",
                f"expected inputs named {', '.join(names)}",
                f"{', '.join(map(str, inputs)) or 'none'}: no {', '.join(missing)}",
                "the keys are the names of the Inputs, or the keys with which the model was made",
            )
        )


def _fit(x: Any, tensor: KerasTensor) -> Any:
    """Cast to the input's dtype, and drop or add a last axis of 1 where only that is missing."""
    if x is None:
        return x
    if isinstance(x, KerasTensor):
        return infer(lambda a: _fit(a, tensor), x)
    mask = get_mask(x)
    x = as_array(x)
    if str(x.dtype) != tensor.dtype:
        x = x.astype(jnp.dtype(tensor.dtype))
    if x.ndim == tensor.ndim + 1 and x.shape[-1] == 1:
        x = jnp.squeeze(x, -1)
    elif x.ndim == tensor.ndim - 1 and tensor.shape[-1] == 1:
        x = jnp.expand_dims(x, -1)
    if mask is not None:
        set_mask(x, mask)
    return x


def _check_shapes(model: Any, function: Function, arrays: list[Any]) -> None:
    for x, tensor in zip(arrays, function.flat_inputs, strict=True):
        if x is None and getattr(tensor.node.operation, "optional", False):
            continue
        if x is None:
            raise ValueError(
                explain(
                    f"{model.path} ({type(model).__name__})",
                    f"expected data for input '{tensor.name}'",
                    "None",
                    "only an Input(..., optional=True) may be left out",
                )
            )
        shape = tuple(s if isinstance(s, int) else None for s in x.shape)
        fits = len(shape) == tensor.ndim and all(
            a == b or a is None or b is None
            for a, b in zip(shape[1:], tensor.shape[1:], strict=True)
        )
        if not fits:
            width = f" ({tensor.shape[-1]} numbers per sample)" if tensor.ndim == 2 else ""
            raise ValueError(
                explain(
                    f"{model.path} ({type(model).__name__})",
                    f"expected input '{tensor.name}' of shape {tensor.shape}{width}",
                    f"x of shape {shape}, {x.dtype}",
                    "the first axis is the batch; the others must be as the model was made for",
                )
            )


def run_graph(model: Any, function: Function, inputs: Any, mask: Any = None) -> Any:
    """Return the outputs of the graph for `inputs`."""
    arrays = tree.flatten(inputs)
    if mask is not None:
        for x, m in zip(arrays, tree.flatten(mask), strict=False):
            if m is not None and isinstance(x, jax.Array):
                set_mask(x, m)
    return function.run(arrays)

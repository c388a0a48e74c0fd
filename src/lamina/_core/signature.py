"""What a layer's `call` takes, and the shapes of what it is given."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import numpy as np

from lamina._core import tree
from lamina._core.errors import describe, explain
from lamina._core.tensor import KerasTensor, standardize_shape


@dataclass(frozen=True)
class CallSignature:
    """What a class' `call` takes."""

    names: tuple[str, ...]  # positional parameters, without self
    parameters: frozenset[str]
    training: Any  # default of `training`, None if there is none

    @property
    def has_training(self) -> bool:
        return "training" in self.parameters


def call_signature(cls: type) -> CallSignature:
    """Return the signature of `cls.call`, read once."""
    return _call_signature(cls)


@cache
def _call_signature(cls: type) -> CallSignature:
    signature = inspect.signature(cls.call)  # type: ignore[attr-defined]
    parameters = list(signature.parameters.values())[1:]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    default = next((p.default for p in parameters if p.name == "training"), None)
    return CallSignature(
        tuple(p.name for p in parameters if p.kind in positional),
        frozenset(p.name for p in parameters),
        None if default is inspect.Parameter.empty else default,
    )


def shape_hint(kwargs: dict[str, Any]) -> tuple | None:
    """Take Keras 2's ways to say the input shape out of `kwargs`; return it with its batch."""
    size = kwargs.pop("input_dim", None)
    shape = kwargs.pop("input_shape", None)
    batch_shape = kwargs.pop("batch_input_shape", None)
    if batch_shape is not None:
        return standardize_shape(batch_shape)
    if size is not None:
        shape = (size,)
    if shape is None:
        return None
    return (None, *standardize_shape((shape,) if isinstance(shape, int) else shape))


def as_numbers(x: Any) -> Any:
    """A nested list of plain numbers as an array; anything else as it is."""
    if isinstance(x, (list, tuple)) and x:
        leaves = tree.flatten(x)
        if all(isinstance(leaf, (int, float, np.generic)) for leaf in leaves):
            return np.asarray(x)
    return x


def all_arrays(x: Any) -> bool:
    if isinstance(x, (jax.Array, np.ndarray, KerasTensor)):
        return True
    leaves = tree.flatten(x) if tree.is_nested(x) else []
    return bool(leaves) and all(
        isinstance(leaf, (jax.Array, np.ndarray, KerasTensor)) for leaf in leaves
    )


def shapes_of(x: Any) -> Any:
    return tree.map_structure(
        lambda a: tuple(s if isinstance(s, int) else None for s in a.shape), x
    )


def _is_shape(x: Any) -> bool:
    return isinstance(x, (tuple, list)) and all(
        s is None or isinstance(s, (int, np.integer)) for s in x
    )


def map_shapes(fn: Callable[[Any], Any], shapes: Any) -> Any:
    """Apply `fn` to each shape in a structure of shapes."""
    if _is_shape(shapes):
        return fn(tuple(shapes))
    if isinstance(shapes, dict):
        return {k: map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)):
        return type(shapes)(map_shapes(fn, s) for s in shapes)
    raise ValueError(
        explain("shape", "expected a shape or a structure of shapes", describe(shapes))
    )


def shape_tuples(shapes: Any) -> Any:
    """Shapes as tuples again, after JSON made lists of them."""
    if _is_shape(shapes):
        return tuple(shapes)
    return map_shapes(tuple, shapes)


def unwrap_single(structure: Any) -> Any:
    if isinstance(structure, (tuple, list)) and len(structure) == 1:
        return structure[0]
    return structure

"""Probes: which layer's output, or gradient, is the first that is not finite."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import tree
from lamina._core.masks import carry_logits, get_mask, set_mask
from lamina._core.state import Scope

# What a probe saw of one array: its shape, how many values are not finite, and one of these.
Reading = tuple[tuple[int, ...], int, float]


class Readings:
    """What the probes saw of one step; calls are numbered in the order in which they end."""

    def __init__(self) -> None:
        self.layers: list[Any] = []
        self.outputs: dict[int, Reading] = {}
        self.gradients: dict[int, Reading] = {}

    def first_output(self) -> str | None:
        """Say which call's output is the first that is not finite; inner layers end first."""
        if not self.outputs:
            return None
        number = min(self.outputs)
        return f"the output of {_named(self.layers[number])} {_seen(self.outputs[number])}"

    def first_gradient(self) -> str | None:
        """Say which gradient is the first that is not finite, on the way back from the loss."""
        found = {id(self.layers[i]) for i in self.gradients}
        around = [  # layers that hold another one of those found say nothing new
            i
            for i in self.gradients
            if any(id(inner) in found for inner in self.layers[i]._flatten_layers(False))
        ]
        inner = [i for i in self.gradients if i not in around]
        if not inner:
            return None
        number = max(inner)
        seen = _seen(self.gradients[number])
        return f"the gradient at the output of {_named(self.layers[number])} {seen}"


def _named(layer: Any) -> str:
    return f"'{layer.path}' ({type(layer).__name__})"


def _seen(reading: Reading) -> str:
    shape, count, example = reading
    return f"is the first that is not finite: {example} in {count} of {np.prod(shape, dtype=int)}"


def find_origin(model: Any, step: Callable[[Any], Any], rows: Any, finite_loss: bool) -> str:
    """Say where a step leaves the finite numbers; the model stays as it is.

    Args:
        model: in the state before the step.
        step: the step as a function of a batch.
        rows: the batch.
        finite_loss: whether the loss of this step is finite: then the update is not.
    """
    for name, part in zip(("x", "y", "sample_weight"), rows, strict=True):
        for leaf in jax.tree.leaves(part):
            if jnp.issubdtype(leaf.dtype, jnp.floating) and not np.isfinite(leaf).all():
                return f"`{name}` of this batch has values that are not finite"
    readings = Readings()
    with _probed(model, readings), Scope() as scope:
        step(rows)
        jax.effects_barrier()
    found = readings.first_output()
    if found is not None:
        return found
    if not finite_loss:
        return "the outputs of all layers are finite, the loss made of them is not"
    found = readings.first_gradient()
    if found is not None:
        return f"all outputs are finite, but {found}"
    for variable in model.variables:
        if not np.isfinite(np.asarray(scope.read(variable))).all():
            return f"outputs are finite, but what the step makes of '{variable.path}' is not"
    return "outputs and gradients of all layers are finite"


@contextmanager
def _probed(model: Any, readings: Readings) -> Iterator[None]:
    """While entered, what the layers' calls return passes a probe."""
    layers = model._flatten_layers(include_self=False)
    for layer in layers:
        layer.call = _with_probe(layer, layer.call, readings)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _with_probe(layer: Any, call: Callable[..., Any], readings: Readings) -> Callable[..., Any]:
    @wraps(call)
    def probed_call(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        number = len(readings.layers)
        readings.layers.append(layer)
        return tree.map_structure(lambda x: _behind_probe(x, number, readings), outputs)

    return probed_call


def _behind_probe(x: Any, number: int, readings: Readings) -> Any:
    if not isinstance(x, jax.Array) or not jnp.issubdtype(x.dtype, jnp.floating):
        return x
    seen = _probe(x, partial(_note, readings.outputs, number, x.shape),
                  partial(_note, readings.gradients, number, x.shape))  # fmt: skip
    set_mask(seen, get_mask(x))
    carry_logits(x, seen)
    return seen


def _note(found: dict[int, Reading], number: int, shape: Any, count: Any, example: Any) -> None:
    if count:
        found.setdefault(number, (shape, int(count), float(example)))


def _look(x: Any, note: Callable[..., None]) -> None:
    """Tell `note` of values that are not finite; also from inside jax's transformations."""
    strange = ~jnp.isfinite(x)
    example = jnp.ravel(x)[jnp.argmax(jnp.ravel(strange))] if x.size else jnp.zeros(())
    jax.debug.callback(note, jnp.sum(strange), example.astype("float32"))


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _probe(x: Any, note_output: Callable[..., None], note_gradient: Callable[..., None]) -> Any:
    """Return x; what is not finite in it, and in the gradient that comes back, is noted."""
    _look(x, note_output)
    return x


def _forward(x: Any, note_output: Any, note_gradient: Any) -> tuple[Any, None]:
    return _probe(x, note_output, note_gradient), None


def _backward(note_output: Any, note_gradient: Any, _: None, gradient: Any) -> tuple[Any]:
    _look(gradient, note_gradient)
    return (gradient,)


_probe.defvjp(_forward, _backward)

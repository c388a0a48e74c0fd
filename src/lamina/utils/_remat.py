"""Rematerialization: computing what the backward pass needs again instead of keeping it."""

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any

import jax

from lamina._core import tree
from lamina._core.configurable import is_integer
from lamina._core.context import using
from lamina._core.errors import describe, explain
from lamina._core.graph import has_tensor, infer
from lamina._core.masks import get_logits, get_mask, set_logits, set_mask
from lamina._core.state import Scope

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope:
    """Layers made in it forget their intermediate results, and compute them again for gradients.

    Less memory, more time. What counts is where a layer is made, not where it is called.

    Args:
        mode: 'full' for all of a layer's call, 'activations' for its activation function alone,
            'larger_than' for layers with large outputs, 'list_of_layers' for those named, None
            for none.
        output_size_threshold: numbers in the outputs above which 'larger_than' applies.
        layer_names: the names for 'list_of_layers'.

    Raises:
        ValueError: another mode.

    Reference:
        Chen et al., 2016, arXiv 1604.06174.

    Example:
        >>> from lamina.layers import Dense
        >>> with RematScope(mode="full"):
        ...     layer = Dense(2, kernel_initializer="ones")
        >>> layer(jax.numpy.ones((1, 3))).tolist()
        [[3.0, 3.0]]
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Any = None
    ) -> None:
        if mode not in _MODES:
            expected = f"expected one of {', '.join(map(str, _MODES))} as `mode`"
            raise ValueError(explain("RematScope", expected, describe(mode)))
        if not is_integer(output_size_threshold):
            expected = "expected a number of numbers as `output_size_threshold`"
            raise ValueError(explain("RematScope", expected, describe(output_size_threshold)))
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> "RematScope":
        self._using = using(remat=None if self.mode is None else self)
        self._using.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._using.__exit__(*error)

    def __call__(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Return what `layer.call` returns, of a layer that was made in this scope."""
        activation = getattr(layer, "activation", None)
        if self.mode == "activations" and activation is not None:
            layer.activation = remat(activation)
            try:
                return layer.call(*args, **kwargs)
            finally:
                layer.activation = activation
        if self._applies(layer, args, kwargs):
            return remat(layer.call)(*args, **kwargs)
        return layer.call(*args, **kwargs)

    def _applies(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> bool:
        if self.mode == "larger_than":
            outputs = tree.flatten(infer(layer.call, *args, **kwargs))
            return sum(prod(x.shape) for x in outputs) > self.output_size_threshold
        return self.mode == "full" or (
            self.mode == "list_of_layers" and layer.name in self.layer_names
        )


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return `f` as a function whose intermediate results are computed again for gradients.

    Args:
        f: a function of arrays, also one that reads and writes variables, as a layer's method.

    Reference:
        Chen et al., 2016, arXiv 1604.06174.

    Example:
        >>> import jax.numpy as jnp
        >>> slope = jax.grad(remat(lambda x: jnp.sin(jnp.sin(x))))(1.0)
        >>> bool(abs(slope - jnp.cos(1.0) * jnp.cos(jnp.sin(1.0))) < 1e-6)
        True
    """

    @wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs) if has_tensor(args, kwargs) else _recomputed(f, args, kwargs)

    return wrapper


def _recomputed(f: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call `f` under jax.checkpoint, and let what it did beside returning take effect.

    The arguments are closed over, so that they stay the arrays they are and their masks are found.
    """
    seen: dict[str, Any] = {}

    def run() -> tuple[Any, ...]:
        with Scope() as scope:
            outputs = f(*args, **kwargs)
            leaves = tree.flatten(outputs)
            beside = [(get_mask(x), get_logits(x)) for x in leaves]
        seen.update(form=outputs, variables=list(scope.values), losses=scope.losses)
        added = [tree.flatten(losses) for losses in scope.losses.values()]
        return leaves, beside, list(scope.values.values()), added

    leaves, beside, values, added = jax.checkpoint(run)()
    for variable, value in zip(seen["variables"], values, strict=True):
        variable.assign(value)
    for layer, losses in zip(seen["losses"], added, strict=True):
        layer.add_loss(losses)
    for leaf, (mask, logits) in zip(leaves, beside, strict=True):
        if mask is not None:
            set_mask(leaf, mask)
        if logits is not None:
            set_logits(leaf, logits)
    return tree.pack_sequence_as(seen["form"], leaves)

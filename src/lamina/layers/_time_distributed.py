"""TimeDistributed: a layer that is applied to every time step by itself."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina._core import tree
from lamina._core.context import using
from lamina._core.errors import explain
from lamina._core.signature import call_signature
from lamina.layers._wrapper import Wrapper
from lamina.ops import _rnn


class TimeDistributed(Wrapper):
    """Apply one layer, with one set of weights, to each time step.

    Where a call of the layer changes nothing, all steps are computed at once. Otherwise, as with
    dropout or batch normalization while training, they follow each other.

    Args:
        layer: the layer inside.

    `layer(x, mask=...)`: each step gets its part of the mask (N, T, ...).

    Shapes:
        (N, T, ...) -> (N, T, ...): what `layer` makes of (N, ...), for each step.

    Weights:
        those of the layer inside.

    Raises:
        ValueError: `layer` is not a layer, the input has no time axis, or the mask does not fit it.

    Example:
        >>> import numpy as np
        >>> from lamina.layers import Dense
        >>> TimeDistributed(Dense(2))(np.ones((3, 5, 4))).shape
        (3, 5, 2)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        shape = tuple(input_shape)
        if len(shape) < 3:
            raise ValueError(
                explain(
                    self._where(),
                    "expected an input of at least 3 axes: a batch, time steps, features",
                    f"shape {shape}",
                    "one feature is an axis too: x[..., None]",
                )
            )
        super().build((shape[0], *shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None:
            self._check_mask(mask, inputs)
        x = jnp.swapaxes(inputs, 0, 1)  # (N, T, ...) -> (T, N, ...)
        signature = call_signature(type(self.layer))
        by_step = mask is not None and "mask" in signature.parameters
        masks = jnp.swapaxes(jnp.asarray(mask), 0, 1) if by_step else None

        def step(now: Any, states: Any) -> tuple[Any, Any]:
            options: dict[str, Any] = {"training": training} if signature.has_training else {}
            if by_step:
                options["mask"] = now[1]
            return self.layer(now[0], **options), states

        xs = (x, masks) if by_step else (x,)
        if any(_rnn.writes(step, jax.tree.map(lambda a: a[0], xs), [])):
            outputs, _ = _rnn.run(step, xs, [])
        else:
            with using(masks={}):
                outputs = jax.vmap(lambda *now: step(now, [])[0])(*xs)
        return tree.map_structure(lambda y: jnp.swapaxes(y, 0, 1), outputs)

    def _check_mask(self, mask: Any, inputs: Any) -> None:
        if tuple(mask.shape[:2]) != tuple(inputs.shape[:2]):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a mask whose first axes are those of the input, {inputs.shape[:2]}",
                    f"a mask of shape {tuple(mask.shape)}",
                    "for (N, T, C) it is (N, T): true where a time step counts",
                )
            )

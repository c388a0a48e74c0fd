"""What attention with several heads shares: projections, masks, and the sum itself."""

import math
from typing import Annotated, Any

import jax.numpy as jnp

from lamina import constraints, initializers, ops, regularizers
from lamina._core import config
from lamina._core.configurable import Check, is_integer
from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina.layers._activations import Softmax
from lamina.layers._dropout import Dropout
from lamina.layers._einsum_dense import EinsumDense

Window = Annotated[
    int,
    Check(
        "a positive number of steps, or None",
        lambda x: is_integer(x) and x > 0,
        "a window of 1 lets each step see itself alone",
    ),
]


class ProjectedAttention(Layer):
    """Base of attention between projections of query, value and key.

    Subclasses set `_head_size` (of query and key), `_score_axes` and the two einsum equations, and
    make the projections in `build`.
    """

    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _output_dense: EinsumDense
    _gate_dense: EinsumDense | None = None
    _attention_axes: tuple[int, ...]  # of query, over which the sum goes
    _head_size: int
    _dot_product_equation: str
    _combine_equation: str

    def _set_options(
        self,
        dropout: float,
        use_bias: bool,
        use_gate: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        seed: int | None,
    ) -> None:
        if (flash_attention or config.is_flash_attention_enabled()) and dropout > 0:
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected dropout=0.0 beside flash attention, which has none",
                    f"dropout={dropout}",
                    "pass flash_attention=False, or leave dropout to a layer after this one",
                )
            )
        self.supports_masking = True
        self.dropout = dropout
        self.use_bias = use_bias
        self.use_gate = use_gate
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.seed = seed

    def _set_starts(self, kernel: tuple[Any, Any, Any], bias: tuple[Any, Any, Any]) -> None:
        """Keep initializer, regularizer and constraint of the projections' weights."""
        self.kernel_initializer = initializers.get(kernel[0])
        self.kernel_regularizer = regularizers.get(kernel[1])
        self.kernel_constraint = constraints.get(kernel[2])
        self.bias_initializer = initializers.get(bias[0])
        self.bias_regularizer = regularizers.get(bias[1])
        self.bias_constraint = constraints.get(bias[2])

    def _projection(
        self,
        name: str,
        equation: str,
        output_shape: Any,
        input_shape: Any,
        bias_axes: str,
        activation: Any = None,
    ) -> EinsumDense:
        """Return a built EinsumDense with this layer's options."""
        layer = EinsumDense(
            equation,
            output_shape=output_shape,
            activation=activation,
            bias_axes=bias_axes if self.use_bias else None,
            kernel_initializer=_renewed(self.kernel_initializer),
            bias_initializer=_renewed(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._projections_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
        )
        layer.supports_masking = True  # masks of time steps pass through, unused
        layer.build(input_shape)
        return layer

    @property
    def _projections_regularizer(self) -> Any:
        return self.activity_regularizer

    def _make_softmax(self, axes: tuple[int, ...]) -> None:
        self._softmax = Softmax(axis=axes, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        # Alone, the causal mask need not be spelled out; an override may not know that.
        own = type(self)._compute_attention is ProjectedAttention._compute_attention
        masks = (query_mask, value_mask, key_mask, attention_mask, self.sliding_window)
        causal_only = use_causal_mask and own and all(m is None for m in masks)
        if not causal_only:
            attention_mask = self._compute_attention_mask(
                query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask
            )
        gate = None if self._gate_dense is None else self._gate_dense(query)
        query = self._query_dense(query)  # (N, T, C) -> (N, T, h, K)
        key = self._key_dense(key)  # (N, S, C) -> (N, S, h, K)
        value = self._value_dense(value)  # (N, S, C) -> (N, S, h, V)
        outputs, scores = self._compute_attention(
            query,
            key,
            value,
            attention_mask,
            training,
            return_attention_scores,
            **({"use_causal_mask": True} if causal_only else {}),
        )
        outputs = outputs if gate is None else outputs * gate
        outputs = self._output_dense(outputs)  # (N, T, h, V) -> (N, T, C)
        return (outputs, scores) if return_attention_scores else outputs

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """Return the sums, and the weights of the sums or None; subclasses may have their own."""
        if attention_mask is not None:
            attention_mask = self._with_heads(attention_mask, 2 + 2 * len(self._attention_axes))
        if self.dropout == 0 and not return_attention_scores and query.ndim == 4:
            outputs = ops.dot_product_attention(
                query,
                key,
                value,
                mask=attention_mask,
                scale=1.0 / math.sqrt(self._head_size),
                is_causal=use_causal_mask,
                flash_attention=self.flash_attention,
            )
            return outputs, None
        if use_causal_mask:
            steps = self._causal_mask(query, value)
            attention_mask = steps if attention_mask is None else attention_mask & steps
        key, value = self._for_each_head(key), self._for_each_head(value)
        query = query * (1.0 / math.sqrt(self._head_size))
        scores = jnp.einsum(self._dot_product_equation, key, query)  # -> (N, h, T, S)
        scores = self._softmax(scores, mask=attention_mask)
        kept = self._dropout_layer(scores, training=training)
        return jnp.einsum(self._combine_equation, kept, value), scores  # -> (N, T, h, V)

    def _for_each_head(self, x: Any) -> Any:
        return x

    def _compute_attention_mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Return where each query may look, (N, T, S), of all that limits it; None for nothing."""
        mask = None if attention_mask is None else jnp.asarray(attention_mask).astype(bool)
        limits = [
            None
            if query_mask is None
            else jnp.asarray(query_mask, bool)[..., :, None],  # (N, T, 1)
            None
            if value_mask is None
            else jnp.asarray(value_mask, bool)[..., None, :],  # (N, 1, S)
            None if key_mask is None else jnp.asarray(key_mask, bool)[..., None, :],
            self._causal_mask(query, value) if use_causal_mask else None,
            None if self.sliding_window is None else self._window_mask(query, value),
        ]
        for limit in limits:
            if limit is not None:
                mask = limit if mask is None else mask & limit
        return mask

    def _causal_mask(self, query: Any, value: Any) -> Any:
        rows, columns = _steps(query, value)
        return (rows >= columns)[None]  # (1, T, S)

    def _window_mask(self, query: Any, value: Any) -> Any:
        rows, columns = _steps(query, value)
        return (jnp.abs(rows - columns) < self.sliding_window)[None]  # (1, T, S)

    def _with_heads(self, mask: Any, rank: int) -> Any:
        """Return a mask with axes of 1 for the heads, and whatever else it lacks, before T."""
        missing = max(rank - mask.ndim, 0)
        place = mask.ndim - 2 * len(self._attention_axes)
        return jnp.asarray(mask, bool).reshape(
            *mask.shape[:place], *[1] * missing, *mask.shape[place:]
        )  # (N, T, S) -> (N, 1, T, S)

    def get_config(self) -> dict[str, Any]:
        settings = super().get_config()
        del settings["flash_attention"]
        return settings


def _steps(query: Any, value: Any) -> tuple[Any, Any]:
    """Return the numbers of the steps, of queries down and of values across."""
    return jnp.arange(query.shape[1])[:, None], jnp.arange(value.shape[1])[None, :]


def _renewed(initializer: Any) -> Any:
    """Return a copy with a seed of its own, so that weights do not start alike."""
    if not hasattr(initializer, "get_config"):
        return initializer
    return type(initializer).from_config(initializer.get_config())

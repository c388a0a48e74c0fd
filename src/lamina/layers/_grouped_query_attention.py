"""GroupQueryAttention: heads of queries that share heads of keys and values."""

from typing import Any

import jax.numpy as jnp

from lamina import regularizers
from lamina._core.configurable import Fraction, PositiveInt
from lamina._core.errors import explain
from lamina.layers._projected_attention import ProjectedAttention, Window


class GroupedQueryAttention(ProjectedAttention):
    """MultiHeadAttention in which each head of key and value serves a group of query heads.

    Args:
        head_dim: K, size of each head.
        num_query_heads: h, heads of the query, a multiple of num_key_value_heads.
        num_key_value_heads: g, heads of key and value.
        dropout: fraction in [0, 1] of the weights of the sum that is dropped while training.
        use_bias: whether the projections have biases.
        sliding_window: how near a step must be to be seen: fewer than this many steps away; None
            for any.
        flash_attention: True demands the fused kernel of cuDNN, None leaves it to
            `config.enable_flash_attention()`.
        kernel_initializer, bias_initializer: where the projections' weights start.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        activity_regularizer: penalty of the outputs, and of the projections' outputs.
        kernel_constraint, bias_constraint: what weights must satisfy after every step.
        use_gate: whether the sums are multiplied by sigmoid of a projection of the query.
        seed: a whole number for repeatable dropout.

    Call arguments are those of `MultiHeadAttention`.

    Shapes:
        query (N, T, C), value (N, S, D), key (N, S, E) -> (N, T, C); scores (N, h, T, S).

    Weights:
        query, key, value and attention_output, each an EinsumDense: kernels (C, h, K), (E, g, K),
        (D, g, K) and (h, K, C), biases (h, K), (g, K), (g, K) and (C,); with a gate (C, h, K),
        (h, K) after the key's.

    Reference:
        Ainslie et al., 2023, arXiv 2305.13245.

    Example:
        >>> import numpy as np
        >>> layer = GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
        >>> x = np.ones((1, 3, 8))
        >>> layer(x, x).shape, layer.count_params()
        ((1, 3, 8), 424)
    """

    def __init__(
        self,
        head_dim: PositiveInt,
        num_query_heads: PositiveInt,
        num_key_value_heads: PositiveInt,
        dropout: Fraction = 0.0,
        use_bias: bool = True,
        sliding_window: Window | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected num_query_heads to be a multiple of num_key_value_heads",
                    f"{num_query_heads} and {num_key_value_heads}",
                    "each head of keys serves as many heads of queries",
                )
            )
        self._set_options(dropout, use_bias, use_gate, sliding_window, flash_attention, seed)
        self._set_starts(
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.head_dim = self._head_size = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads
        self._attention_axes = (1,)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        queries = (None, self.num_query_heads, self.head_dim)
        keys = (None, self.num_key_value_heads, self.head_dim)
        project = self._projection
        self._query_dense = project("query", "bqm,muh->bquh", queries, query_shape, "uh")
        self._key_dense = project("key", "bkm,mvh->bkvh", keys, key_shape, "vh")
        if self.use_gate:
            self._gate_dense = project(
                "gate", "bqm,muh->bquh", queries, query_shape, "uh", "sigmoid"
            )
        self._value_dense = project("value", "bkm,mvh->bkvh", keys, value_shape, "vh")
        self._make_softmax((-1,))
        self._dot_product_equation, self._combine_equation = "bkuh,bquh->buqk", "buqk,bkuh->bquh"
        self._output_dense = project(
            "attention_output",
            "bquh,uhm->bqm",
            (None, query_shape[-1]),
            (None, *queries),
            "m",
        )

    def _check_shapes(self, query_shape: Any, value_shape: Any, key_shape: Any) -> None:
        got = f"query {tuple(query_shape)}, value {tuple(value_shape)}, key {tuple(key_shape)}"
        expected = None
        if {len(query_shape), len(value_shape), len(key_shape)} != {3}:
            expected = "expected query, value and key of 3 axes, (N, T, C)"
        elif value_shape[1] != key_shape[1]:
            expected = "expected one key for each value: as many time steps"
        if expected:
            help = "call it as layer(query, value, key=key)"
            raise ValueError(explain(self._where(), expected, got, help))

    def _for_each_head(self, x: Any) -> Any:
        return jnp.repeat(x, self.num_repeats, axis=2)  # (N, S, g, K) -> (N, S, h, K)

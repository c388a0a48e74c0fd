"""MultiHeadAttention: several attentions side by side, over learned projections."""

from string import ascii_lowercase
from typing import Any

from lamina import regularizers
from lamina._core.configurable import Fraction, PositiveInt
from lamina._core.errors import explain
from lamina.layers._checks import Axes
from lamina.layers._einsum_dense import EinsumDense
from lamina.layers._projected_attention import ProjectedAttention, Window


class MultiHeadAttention(ProjectedAttention):
    """output(concat over heads of softmax(query key^T / sqrt(key_dim)) value).

    query, key and value are projections of what the layer is called on, one for each head. With
    the same array as query and value it is self-attention.

    Args:
        num_heads: h, attentions side by side.
        key_dim: K, size of each head of query and key.
        value_dim: V, size of each head of value; None for key_dim.
        dropout: fraction in [0, 1] of the weights of the sum that is dropped while training.
        use_bias: whether the projections have biases.
        output_shape: size or shape of the outputs after the axes of time; None for the query's.
        attention_axes: axes of the query over which the sum goes; None for all but the batch and
            the last.
        sliding_window: how near a step must be to be seen: fewer than this many steps away; None
            for any.
        flash_attention: True demands the fused kernel of cuDNN, None leaves it to
            `config.enable_flash_attention()`.
        kernel_initializer, bias_initializer: where the projections' weights start.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        activity_regularizer: penalty of the projections' outputs.
        kernel_constraint, bias_constraint: what weights must satisfy after every step.
        use_gate: whether the sums are multiplied by sigmoid of a projection of the query.
        seed: a whole number for repeatable dropout.

    `layer(query, value, key=value, attention_mask=None, use_causal_mask=False,
    return_attention_scores=False)`: attention_mask is true where query t may look at step s. Masks
    that travel with query, value and key, or come as query_mask, value_mask and key_mask, limit it
    further.

    Shapes:
        query (N, T, C), value (N, S, D), key (N, S, E) -> (N, T, C); scores (N, h, T, S);
        attention_mask (N, T, S) or (N, h, T, S). With more axes T and S stand for several.

    Weights:
        query, key, value and attention_output, each an EinsumDense: kernels (C, h, K), (E, h, K),
        (D, h, V) and (h, V, C), biases (h, K), (h, K), (h, V) and (C,); with a gate (C, h, V),
        (h, V) after the key's.

    Reference:
        Vaswani et al., 2017, arXiv 1706.03762; gate: Qiu et al., 2025, arXiv 2505.06708.

    Example:
        >>> import numpy as np
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
        >>> x = np.ones((1, 3, 8))
        >>> y, scores = layer(x, x, use_causal_mask=True, return_attention_scores=True)
        >>> y.shape, scores[0, 0, 0].tolist()
        ((1, 3, 8), [1.0, 0.0, 0.0])
    """

    def __init__(
        self,
        num_heads: PositiveInt,
        key_dim: PositiveInt,
        value_dim: PositiveInt | None = None,
        dropout: Fraction = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Axes | None = None,
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
        self._set_options(dropout, use_bias, use_gate, sliding_window, flash_attention, seed)
        self._set_starts(
            (kernel_initializer, kernel_regularizer, kernel_constraint),
            (bias_initializer, bias_regularizer, bias_constraint),
        )
        self.num_heads = num_heads
        self.key_dim = self._head_size = key_dim
        self.value_dim = value_dim or key_dim
        self._given_regularizer = regularizers.get(activity_regularizer)
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        # Not `output_shape`, which is what symbolic outputs of a layer have.
        self._output_shape = tuple(output_shape) if output_shape else None
        if isinstance(attention_axes, int):
            attention_axes = (attention_axes,)
        self.attention_axes = attention_axes

    @property
    def _projections_regularizer(self) -> Any:
        return self._given_regularizer

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        rank = len(value_shape)
        if self.attention_axes is None:
            self.attention_axes = tuple(range(1, rank - 1))
        self.attention_axes = self._attention_axes = tuple(a % rank for a in self.attention_axes)
        keys, values = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim)
        self._query_dense = self._heads("query", query_shape, keys)
        self._key_dense = self._heads("key", key_shape, keys)
        if self.use_gate:
            self._gate_dense = self._heads("gate", query_shape, values, "sigmoid")
        self._value_dense = self._heads("value", value_shape, values)
        self._dot_product_equation, self._combine_equation = attention_equations(
            rank + 1, self._attention_axes
        )
        scores_rank = rank + len(self._attention_axes)
        self._make_softmax(tuple(range(scores_rank - len(self._attention_axes), scores_rank)))
        free = len(query_shape) - 1
        shape = self._output_shape or (query_shape[-1],)
        equation, bias_axes = projection_equation(free, 2, len(shape))
        self._output_dense = self._projection(
            "attention_output",
            equation,
            (*[None] * (free - 1), *shape),
            (*query_shape[:-1], *values),
            bias_axes,
        )

    def _heads(
        self, name: str, input_shape: Any, size: tuple[int, int], activation: Any = None
    ) -> EinsumDense:
        """Return a projection of the last axis to heads: (N, T, C) -> (N, T, *size)."""
        free = len(input_shape) - 1
        equation, bias_axes = projection_equation(free, 1, 2)
        shape = (*[None] * (free - 1), *size)
        return self._projection(name, equation, shape, input_shape, bias_axes, activation)

    def _check_shapes(self, query_shape: Any, value_shape: Any, key_shape: Any) -> None:
        got = f"query {tuple(query_shape)}, value {tuple(value_shape)}, key {tuple(key_shape)}"
        expected = None
        if not len(query_shape) == len(value_shape) >= 3:
            expected = "expected query and value of as many axes, 3 or more: (N, T, C)"
        elif tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            expected = "expected one key for each value: equal sizes but for the last"
        if expected:
            help = "call it as layer(query, value, key=key)"
            raise ValueError(explain(self._where(), expected, got, help))

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of the heads' sums."""
        return self._output_dense

    def _argument(self, name: str) -> Any:
        if name == "activity_regularizer":
            return self._given_regularizer
        return self._output_shape if name == "output_shape" else super()._argument(name)


def projection_equation(free: int, bound: int, outputs: int) -> tuple[str, str]:
    """Return an einsum equation that projects the last axes, and the letters of its bias.

    Args:
        free: axes that are kept.
        bound: axes that are summed over.
        outputs: axes that are made.

    Example:
        >>> projection_equation(2, 1, 2)
        ('abc,cde->abde', 'de')
    """
    letters = iter(ascii_lowercase)
    kept, summed, made = ("".join(next(letters) for _ in range(n)) for n in (free, bound, outputs))
    return f"{kept}{summed},{summed}{made}->{kept}{made}", made


def attention_equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Return the einsum equations of key and query to scores, and of scores and value to sums.

    Args:
        rank: axes of the projections, (N, ..., h, K).
        axes: those over which the sum goes.

    Example:
        >>> attention_equations(4, (1,))
        ('aecd,abcd->acbe', 'acbe,aecd->abcd')
    """
    query = ascii_lowercase[:rank]
    fresh = iter(ascii_lowercase[rank:])
    key = "".join(next(fresh) if i in axes else letter for i, letter in enumerate(query))
    shared = "".join(letter for i, letter in enumerate(query[:-1]) if i not in axes)
    scores = shared + "".join(query[i] for i in axes) + "".join(key[i] for i in axes)
    return f"{key},{query}->{scores}", f"{scores},{key}->{query}"

"""Attention and AdditiveAttention: sums of values, without weights of their own for the inputs."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina import random
from lamina._core.configurable import Fraction
from lamina._core.errors import describe, explain
from lamina._core.layer import Layer
from lamina._core.random import SeedGenerator
from lamina.layers._checks import check_choice, known_size


class Attention(Layer):
    """softmax(scores(query, key)) value, with the product of query and key as scores.

    Called on a list [query, value] or [query, value, key]; without a key the value is the key.

    Args:
        use_scale: whether a trained number scales the scores.
        score_mode: 'dot' for query key^T, 'concat' for weight * sum(tanh(query + key)).
        dropout: fraction in [0, 1] of the weights of the sum that is dropped while training.
        seed: a whole number for repeatable dropout.

    `layer(inputs, mask=[query_mask, value_mask], return_attention_scores=False,
    use_causal_mask=False)`: values whose mask is false have no part, outputs where the query's
    mask is false are 0, and under a causal mask step t sees only steps up to t. With
    `return_attention_scores` the weights of the sum are returned too.

    Shapes:
        query (N, T, C), value (N, S, D), key (N, S, C) -> (N, T, D); scores (N, T, S).

    Weights:
        scale () with `use_scale`; concat_score_weight () with 'concat'.

    Reference:
        Luong, Pham and Manning, 2015, arXiv 1508.04025.

    Example:
        >>> import numpy as np
        >>> query, value = np.zeros((1, 1, 2)), np.array([[[1.0, 2.0], [3.0, 4.0]]])
        >>> Attention()([query, value]).tolist()
        [[[2.0, 3.0]]]
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: Fraction = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice(type(self).__name__, "score_mode", score_mode, ("dot", "concat"))
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        if dropout > 0:
            self.seed_generator = SeedGenerator(seed)
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any) -> None:
        self._check_list("inputs", input_shape)
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check_list("inputs", inputs)
        self._check_ranks(inputs)
        if mask is not None:
            self._check_list("mask", mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._scores(query, key)  # (N, T, C), (N, S, C) -> (N, T, S)
        seen = self._score_mask(scores, value_mask, use_causal_mask)
        if seen is not None:
            # Not -inf, which would make NaN of rows that are masked whole; the largest float16.
            lowest = 65504.0 if scores.dtype == jnp.float16 else 1e9
            scores = jnp.where(seen, scores, scores - lowest)
        weights = jax.nn.softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        outputs = jnp.matmul(weights, value)  # (N, T, S), (N, S, D) -> (N, T, D)
        if query_mask is not None:
            outputs = jnp.where(query_mask[..., None], outputs, jnp.zeros((), outputs.dtype))
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None if previous_mask is None else previous_mask[0]

    def _scores(self, query: Any, key: Any) -> Any:
        scale = None if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            scores = jnp.matmul(query, jnp.swapaxes(key, -2, -1))  # (N, T, S)
            return scores if scale is None else scores * scale
        total = query[..., :, None, :] + key[..., None, :, :]  # (N, T, S, C)
        total = total if scale is None else total * scale
        return self.concat_score_weight.value * jnp.sum(jnp.tanh(total), axis=-1)

    def _score_mask(self, scores: Any, value_mask: Any, causal: bool) -> Any:
        """Return where queries may look, broadcasting to (N, T, S), or None for everywhere."""
        if value_mask is not None:
            value_mask = jnp.asarray(value_mask, bool)
            value_mask = value_mask[:, None] if value_mask.ndim == 2 else value_mask  # (N, 1, S)
        if not causal:
            return value_mask
        steps = jnp.tril(jnp.ones(scores.shape[-2:], bool))  # (T, S)
        return steps if value_mask is None else steps & value_mask

    def _check_ranks(self, inputs: Any) -> None:
        if min(x.ndim for x in inputs) < 2 or len({x.ndim for x in inputs}) > 1:
            raise ValueError(
                explain(
                    self._where(),
                    "expected arrays (N, T, C) of equally many axes",
                    f"shapes {', '.join(str(x.shape) for x in inputs)}",
                    "one feature is an axis too: x[..., None]",
                )
            )

    def _check_list(self, name: str, given: Any) -> None:
        if isinstance(given, (list, tuple)) and len(given) in (2, 3):
            return
        count = f"{len(given)} of them" if isinstance(given, (list, tuple)) else describe(given)
        raise ValueError(
            explain(
                self._where(),
                f"expected a list [query, value] or [query, value, key] as `{name}`",
                count,
                f"call it as layer([query, value]){', mask=[mask, mask]' * (name == 'mask')}",
            )
        )


class AdditiveAttention(Attention):
    """softmax(scores(query, key)) value, with sum(scale * tanh(query + key)) as scores.

    Called on a list [query, value] or [query, value, key]; without a key the value is the key.

    Args:
        use_scale: whether the sum has trained weights, one for each channel.
        dropout: fraction in [0, 1] of the weights of the sum that is dropped while training.

    `layer(inputs, mask=..., return_attention_scores=..., use_causal_mask=...)`: see `Attention`.

    Shapes:
        query (N, T, C), value (N, S, D), key (N, S, C) -> (N, T, D); scores (N, T, S).

    Weights:
        scale (C,) with `use_scale`.

    Reference:
        Bahdanau, Cho and Bengio, 2014, arXiv 1409.0473.

    Example:
        >>> import numpy as np
        >>> query, value = np.zeros((1, 1, 2)), np.ones((1, 3, 2))
        >>> AdditiveAttention()([query, value]).tolist()
        [[[1.0, 1.0]]]
    """

    def __init__(self, use_scale: bool = True, dropout: Fraction = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check_list("inputs", input_shape)
        if self.use_scale:
            size = known_size(self._where(), input_shape[0], -1)
            self.scale = self.add_weight(name="scale", shape=(size,), initializer="glorot_uniform")

    def _check_ranks(self, inputs: Any) -> None:
        super()._check_ranks(inputs)
        size = None if self.scale is None else self.scale.shape[0]
        if size is not None and inputs[0].shape[-1] != size:
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a query of {size} channels, as at build",
                    f"shape {inputs[0].shape}",
                    "make a new layer for other sizes",
                )
            )

    def _scores(self, query: Any, key: Any) -> Any:
        total = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])  # (N, T, S, C)
        if self.scale is not None:
            total = self.scale.value * total
        return jnp.sum(total, axis=-1)  # (N, T, S, C) -> (N, T, S)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["score_mode"]
        return config

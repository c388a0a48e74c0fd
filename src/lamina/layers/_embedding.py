"""Embedding: a learned vector for every whole number."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina import constraints, initializers, regularizers
from lamina._core import serialize
from lamina._core.configurable import PositiveInt
from lamina._core.layer import Layer
from lamina._core.masks import set_mask
from lamina.layers._checks import NonNegative, Unquantized
from lamina.layers._lora import LowRank


class Embedding(LowRank, Layer):
    """embeddings[inputs]: row i of the table for the number i.

    Args:
        input_dim: rows of the table: the largest number plus 1.
        output_dim: size of the vectors.
        embeddings_initializer: where the table starts.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: what the table must satisfy after every step.
        mask_zero: whether 0 stands for padding, which layers after this one skip.
        weights: the table to start from, an array (input_dim, output_dim).
        lora_rank, lora_alpha: see `enable_lora`.
        quantization_config: None; quantization is not supported.

    Shapes:
        (N, ...) -> (N, ..., output_dim).

    Weights:
        embeddings (input_dim, output_dim); with LoRA also lora_embeddings_a
        (input_dim, lora_rank) and lora_embeddings_b (lora_rank, output_dim).

    A number that has no row gives a vector of NaN.

    Example:
        >>> import numpy as np
        >>> layer = Embedding(3, 2, weights=np.array([[0, 0], [1, 2], [3, 4]]))
        >>> layer(np.array([[2, 1]])).tolist()
        [[[3.0, 4.0], [1.0, 2.0]]]
    """

    _adapted = "embeddings"

    def __init__(
        self,
        input_dim: PositiveInt,
        output_dim: PositiveInt,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: PositiveInt | None = None,
        lora_alpha: NonNegative | None = None,
        quantization_config: Unquantized = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.quantization_config = quantization_config
        self.autocast = False  # the inputs are numbers of rows; rows are cast when looked up
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self._embeddings = self.add_weight(
            name="embeddings",
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def embeddings(self) -> Any:
        """The table: a Variable, or with LoRA its sum with the correction."""
        return self._effective() if self.lora_enabled else self._weight()

    def call(self, inputs: Any) -> Any:
        rows = inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype("int32")
        vectors = jnp.take(self._effective(), rows, axis=0)  # (N, ...) -> (N, ..., D)
        return vectors.astype(self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None

    def _argument(self, name: str) -> Any:
        return None if name == "weights" else super()._argument(name)  # kept in the variables

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["weights"]
        config["activity_regularizer"] = serialize.serialize_keras_object(self.activity_regularizer)
        return config


class ReversibleEmbedding(Embedding):
    """An Embedding that also goes backwards: `layer(x, reverse=True)` gives a score for every row.

    forward: embeddings[inputs]; reverse: inputs @ embeddings^T, as at the two ends of a language
    model.

    Args:
        input_dim: rows of the table: the largest number plus 1.
        output_dim: size of the vectors.
        tie_weights: whether both directions share the table.
        embeddings_initializer: where the table starts.
        embeddings_regularizer: penalty added to the loss.
        embeddings_constraint: what the table must satisfy after every step.
        mask_zero: whether 0 stands for padding.
        reverse_dtype: dtype of the scores' computation (default: the layer's compute dtype).
        logit_soft_cap: scores are kept within +-cap, as cap * tanh(scores / cap).

    Shapes:
        (N, ...) -> (N, ..., output_dim); reverse: (N, ..., output_dim) -> (N, ..., input_dim).

    Weights:
        embeddings (input_dim, output_dim); reverse_embeddings (output_dim, input_dim) unless tied.

    Reference:
        Press and Wolf, 2016, arXiv 1608.05859.

    Example:
        >>> import numpy as np
        >>> layer = ReversibleEmbedding(3, 2, weights=np.array([[0, 0], [1, 2], [3, 4]]))
        >>> layer(np.array([[1.0, 1.0]]), reverse=True).tolist()
        [[0.0, 3.0, 7.0]]
    """

    def __init__(
        self,
        input_dim: PositiveInt,
        output_dim: PositiveInt,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.tie_weights = tie_weights  # before the base, which may build
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            vectors = super().call(inputs)
            if self.mask_zero:
                set_mask(vectors, super().compute_mask(inputs))
            return vectors
        dtype = self.reverse_dtype or self.compute_dtype
        table = self._effective().T if self.tie_weights else self.reverse_embeddings.value
        scores = jnp.matmul(inputs.astype(dtype), table.astype(dtype))  # (N, .., D) -> (N, .., I)
        cap = self.logit_soft_cap
        return scores if cap is None else jnp.tanh(scores / cap) * np.asarray(cap, scores.dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None  # set in `call`, which knows the direction

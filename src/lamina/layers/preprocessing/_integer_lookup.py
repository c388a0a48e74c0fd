"""IntegerLookup: whole numbers of a vocabulary as 0, 1, 2, ..."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core.configurable import Count, is_integer
from lamina._core.errors import describe, explain
from lamina._core.graph import infer
from lamina.layers._checks import check_choice
from lamina.layers.preprocessing._category_encoding import encode
from lamina.layers.preprocessing._lookup import Lookup, MaxTokens, whole_numbers


class IntegerLookup(Lookup):
    """Whole numbers of a vocabulary as 0, 1, 2, ..., or as vectors.

    Numbers that are not in the vocabulary get numbers of their own: by default 0.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included (default: any).
        num_oov_indices: how many numbers stand for values that are not in the vocabulary; with 0
            such values are refused.
        mask_token: a value that gets number 0, or with vectors is dropped (default: none).
        oov_token: with `invert`, what numbers that have no token become.
        vocabulary: the tokens, or the path of a text file with one on each line; without it,
            `adapt` finds them.
        vocabulary_dtype: 'int64'.
        idf_weights: with 'tf_idf' and a vocabulary, the weight of each token.
        invert: whether to go back, from numbers to tokens.
        output_mode: 'int'; or vectors: 'one_hot', 'multi_hot', 'count' (see `CategoryEncoding`),
            or 'tf_idf': counts times weights.
        sparse: False; arrays are always dense.
        pad_to_max_tokens: whether vectors have max_tokens places, however large the vocabulary.
        oov_method: with several numbers for unknown values, how one is chosen: 'floormod': the
            value modulo their count, or 'farmhash': its hash, which spreads better.
        salt: with 'farmhash', one or two whole numbers that change the hash (then SipHash).

    Shapes:
        'int': (N, ...) -> (N, ...), int32; others: see `CategoryEncoding`.

    In compiled code values are of 32 bits, and unknown ones with num_oov_indices=0 are not refused
    but get the number after the last one: zeros in vectors, NaN from an Embedding.

    Example:
        >>> import numpy as np
        >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> layer(np.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
        [[1, 3, 4], [4, 0, 2]]
        >>> layer = IntegerLookup(output_mode="count")
        >>> layer.adapt([7, 7, 7, 9])
        >>> layer.get_vocabulary(), layer([9, 9, 5]).tolist()
        ([-1, 7, 9], [1.0, 0.0, 2.0])
    """

    def __init__(
        self,
        max_tokens: MaxTokens | None = None,
        num_oov_indices: Count = 1,
        mask_token: Any = None,
        oov_token: Any = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        where = type(self).__name__
        check_choice(where, "vocabulary_dtype", vocabulary_dtype, ("int64",))
        if salt is not None and oov_method != "farmhash":
            raise ValueError(
                explain(where, "expected `salt` with oov_method='farmhash' only",
                        f"oov_method={oov_method!r}", "a modulus takes no salt")
            )  # fmt: skip
        for key, token in (("mask_token", mask_token), ("oov_token", oov_token)):
            if token is not None and not is_integer(token):
                raise ValueError(
                    explain(where, f"expected a whole number or None as `{key}`", describe(token),
                            "StringLookup has tokens that are strings")
                )  # fmt: skip
        self.vocabulary_dtype = vocabulary_dtype
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=None if mask_token is None else int(mask_token),
            oov_token=None if oov_token is None else int(oov_token),
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            oov_method=oov_method,
            salt=salt,
            name=name,
            **kwargs,
        )

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """Return the symbolic output: its shape is known before the vocabulary is, often."""
        if self._tokens is not None:
            return super().compute_output_spec(inputs, **kwargs)
        if self._fixes_size() and self._frozen_size is None:
            self._require_vocabulary()
        depth = self.max_tokens if self.pad_to_max_tokens else self._frozen_size or 0
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        dtype = "int32" if mode == "int" else self.dtype
        return infer(lambda x: encode(jnp.zeros(x.shape, "int32"), mode, depth, dtype), inputs)

    def call(self, inputs: Any) -> Any:
        self._require_vocabulary()
        whole = inputs.astype(jax.dtypes.canonicalize_dtype("int64"))
        self._device_tokens([t for t in (self.mask_token, self.oov_token) if t is not None])
        if not self.invert:
            return self._encoded(self._with_unknown(jnp, whole, self._positions(whole)))
        last = self.vocabulary_size()
        table = self._device_tokens([*self.get_vocabulary(), self.oov_token])
        return table[jnp.where((whole >= 0) & (whole < last), whole, last)]

    def _tokens_of(self, values: Any, where: str) -> np.ndarray:
        return whole_numbers(values, where)

    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self._tokens)  # type: ignore[arg-type]
        return self._tokens[order], order  # type: ignore[index]

    def _positions(self, tokens: Any) -> Any:
        ordered, order = self._places
        xp: Any = np
        if isinstance(tokens, jax.Array):
            xp, ordered, order = jnp, self._device_tokens(ordered), jnp.asarray(order, "int32")
        if not len(order):
            return xp.full(tokens.shape, -1)
        nearest = xp.minimum(xp.searchsorted(ordered, tokens), len(order) - 1)
        return xp.where(ordered[nearest] == tokens, order[nearest], -1)

    def _device_tokens(self, tokens: Any) -> jax.Array:
        """Return tokens as an array of jax's, which by default has 32 bits for a number."""
        values = np.asarray(tokens, "int64")
        array = values.astype(jax.dtypes.canonicalize_dtype("int64"))
        if (array != values).any():
            raise ValueError(
                explain(
                    self._where(),
                    "expected tokens of 32 bits in compiled code",
                    f"{values[array != values][0]}",
                    "call the layer on numpy arrays, before the model",
                )
            )
        return jnp.asarray(array)

    def _bucket(self, xp: Any, tokens: Any) -> Any:
        if self.oov_method == "floormod":
            return xp.mod(tokens, self.num_oov_indices)
        if xp is np:
            return self._hashed(tokens)
        result = jax.ShapeDtypeStruct(tokens.shape, jnp.int32)
        return jax.pure_callback(self._hashed, result, tokens, vmap_method="expand_dims")

    def _inverted(self, numbers: np.ndarray) -> Any:
        return self._device_tokens(super()._inverted(numbers))

    def _parsed(self, lines: list[str], where: str) -> list[Any]:
        try:
            return [int(line) for line in lines]
        except ValueError as error:
            raise ValueError(
                explain(where, "expected a whole number on each line", str(error),
                        "StringLookup reads words")
            ) from error  # fmt: skip

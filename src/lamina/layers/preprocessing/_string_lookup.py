"""StringLookup: strings of a vocabulary as 0, 1, 2, ..."""

import codecs
from typing import Any

import numpy as np

from lamina._core.configurable import Count
from lamina._core.errors import describe, explain
from lamina.layers.preprocessing._lookup import Lookup, MaxTokens, as_array


class StringLookup(Lookup):
    """Strings of a vocabulary as 0, 1, 2, ..., or as vectors.

    Strings that are not in the vocabulary get numbers of their own: by default 0.

    Args:
        max_tokens: largest size of the vocabulary, special tokens included (default: any).
        num_oov_indices: how many numbers stand for strings that are not in the vocabulary, chosen
            by a hash; with 0 such strings are refused.
        mask_token: a string that gets number 0, or with vectors is dropped (default: none).
        oov_token: with `invert`, what numbers that have no token become.
        vocabulary: the tokens, or the path of a text file with one on each line; without it,
            `adapt` finds them.
        idf_weights: with 'tf_idf' and a vocabulary, the weight of each token.
        invert: whether to go back, from numbers to strings: an array of numpy's.
        output_mode: 'int'; or vectors: 'one_hot', 'multi_hot', 'count' (see `CategoryEncoding`),
            or 'tf_idf': counts times weights.
        pad_to_max_tokens: whether vectors have max_tokens places, however large the vocabulary.
        sparse: False; arrays are always dense.
        encoding: of inputs that are bytes.
        salt: one or two whole numbers that change the hash (then SipHash, else FarmHash).

    Shapes:
        'int': (N, ...) -> (N, ...), int32; others: see `CategoryEncoding`.

    Strings are looked up on the host: call the layer on the data, before the model.

    Example:
        >>> layer = StringLookup(vocabulary=["a", "b", "c", "d"])
        >>> layer([["a", "c", "d"], ["d", "z", "b"]]).tolist()
        [[1, 3, 4], [4, 0, 2]]
        >>> back = StringLookup(vocabulary=layer.get_vocabulary(), invert=True)
        >>> back([[1, 3, 0]]).tolist()
        [['a', 'c', '[UNK]']]
    """

    def __init__(
        self,
        max_tokens: MaxTokens | None = None,
        num_oov_indices: Count = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        where = type(self).__name__
        for key, token in (("mask_token", mask_token), ("oov_token", oov_token)):
            if token is not None and not isinstance(token, str):
                raise ValueError(
                    explain(where, f"expected a string or None as `{key}`", describe(token),
                            "IntegerLookup has tokens that are whole numbers")
                )  # fmt: skip
        try:
            codecs.lookup(encoding)
        except (LookupError, TypeError):
            raise ValueError(
                explain(where, "expected the name of an encoding", describe(encoding),
                        "as 'utf-8' or 'latin-1'")
            ) from None  # fmt: skip
        self.encoding = encoding
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens,
            salt=salt,
            name=name,
            **kwargs,
        )

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """Refuse symbolic inputs: programs hold no strings."""
        return self.call(inputs)

    def call(self, inputs: Any) -> Any:
        raise ValueError(
            explain(
                self._where(),
                "expected data, outside of models and compiled functions",
                describe(inputs),
                "strings are looked up on the host: give the model the numbers that "
                "layer(strings) returns",
            )
        )

    def _tokens_of(self, values: Any, where: str) -> np.ndarray:
        array = as_array(values, where)
        flat = array.ravel().tolist() if array.dtype.kind in "OSUT" or not array.size else [None]
        try:
            texts = [t.decode(self.encoding) if isinstance(t, bytes) else t for t in flat]
        except UnicodeDecodeError as error:
            raise ValueError(
                explain(where, f"expected bytes in the encoding {self.encoding}", str(error),
                        "give the data's own as encoding=")
            ) from error  # fmt: skip
        if not all(isinstance(t, str) for t in texts):
            raise ValueError(
                explain(where, "expected strings", describe(values),
                        "IntegerLookup takes whole numbers")
            )  # fmt: skip
        tokens = np.empty(len(texts), object)
        tokens[:] = texts
        return tokens.reshape(array.shape)

    def _index(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.get_vocabulary(False))}

    def _positions(self, tokens: np.ndarray) -> np.ndarray:
        found = [self._places.get(t, -1) for t in tokens.ravel().tolist()]
        return np.array(found, "int32").reshape(tokens.shape)

    def _inverted(self, numbers: np.ndarray) -> np.ndarray:
        return super()._inverted(numbers).astype(str)

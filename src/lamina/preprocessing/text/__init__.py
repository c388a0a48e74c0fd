"""Texts as numbers, as Keras 1 and 2 had it; new code uses `layers.TextVectorization`."""

from typing import TYPE_CHECKING

from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina.preprocessing.text._tokenizer import (
        Tokenizer,
        hashing_trick,
        one_hot,
        text_to_word_sequence,
        tokenizer_from_json,
    )


__all__ = [
    "Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

"""Tokenizer: words and their numbers, learned from texts."""

import hashlib
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from lamina._core.errors import explain, unknown

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "tfidf", "freq")


def text_to_word_sequence(
    input_text: str, filters: str = _FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Return the words of a text.

    Args:
        input_text: the text.
        filters: characters that stand between words.
        lower: whether to use small letters only.
        split: what stands between words, too.

    Example:
        >>> text_to_word_sequence("The cat, the dog!")
        ['the', 'cat', 'the', 'dog']
    """
    text = input_text.lower() if lower else input_text
    return [w for w in text.translate(dict.fromkeys(map(ord, filters), split)).split(split) if w]


def one_hot(
    input_text: str,
    n: int,
    filters: str = _FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Return a number from 1 to n - 1 for each word; another one each time Python is started.

    Args:
        input_text, filters, lower, split: see `text_to_word_sequence`.
        n: the numbers are below this.
        analyzer: a function that returns the words of a text.

    Example:
        >>> len(one_hot("the cat", 50))
        2
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Any = None,
    filters: str = _FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Return a number from 1 to n - 1 for each word, by a hash of it.

    Args:
        text, filters, lower, split, analyzer: see `one_hot`.
        n: the numbers are below this.
        hash_function: 'md5', which gives the same numbers everywhere, or a function of a word;
            None is Python's `hash`, which does not.

    Example:
        >>> hashing_trick("the cat", 50, "md5")
        [43, 32]
    """
    by_hash = _md5 if hash_function == "md5" else hash_function or hash
    words = analyzer or (lambda given: text_to_word_sequence(given, filters, lower, split))
    return [by_hash(w) % (n - 1) + 1 for w in words(text)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


class Tokenizer:
    """Numbers words by how often they are, from 1; 0 is free for padding.

    Args:
        num_words: words with a number of this or more are left out; None for none.
        filters: characters that stand between words.
        lower: whether to use small letters only.
        split: what stands between words, too.
        char_level: whether every character is a word.
        oov_token: what stands for words that are not known; None leaves them out.
        analyzer: a function that returns the words of a text.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["the cat and the dog"])
        >>> tokenizer.texts_to_sequences(["the dog sleeps"])
        [[1, 4]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = _FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_words = kwargs.pop("nb_words", num_words)
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(
                explain("Tokenizer", "expected only arguments that it knows", ", ".join(kwargs))
            )
        self.filters, self.lower, self.split = filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: dict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learn words from texts, or from lists of words."""
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        known = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        first = [] if self.oov_token is None else [self.oov_token]
        self.word_index = {word: i for i, word in enumerate([*first, *known], start=1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Any) -> None:
        """Learn from lists of numbers how many of them have each one."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for i in set(sequence):
                self.index_docs[i] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Return the numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yield the numbers of the words of each text."""
        for text in texts:
            yield self._kept(self.word_index.get(word) for word in self._words(text))

    def sequences_to_texts(self, sequences: Iterable[Any]) -> list[str]:
        """Return the words for each list of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Any]) -> Iterator[str]:
        """Yield the words for each list of numbers."""
        for sequence in sequences:
            known = (i if i in self.index_word else None for i in sequence)
            yield " ".join(self.index_word[i] for i in self._kept(known))

    def _kept(self, numbers: Iterable[int | None]) -> list[int]:
        """Return numbers, with that of `oov_token` for those that are unknown or too large."""
        other = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        limit = self.num_words or float("inf")
        kept = (i if i is not None and i < limit else other for i in numbers)
        return [i for i in kept if i is not None]

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """Return a row per text and a column per word; see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """Return a row per list of numbers and a column per number.

        Args:
            sequences: lists of numbers.
            mode: 'binary' for whether a number is there, 'count' for how often, 'freq' for which
                fraction it is, 'tfidf' for (1 + log count) log(1 + texts / (1 + texts with it)).

        Shapes:
            (N, words).

        Raises:
            ValueError: an unknown mode, or nothing has been learned.
        """
        if mode not in _MODES:
            raise ValueError(unknown("mode", mode, _MODES))
        columns = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not columns or (mode == "tfidf" and not self.document_count):
            raise ValueError(
                explain(
                    "Tokenizer",
                    "expected texts to have been learned from",
                    "none",
                    "call fit_on_texts(texts) first",
                )
            )
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            for i, count in Counter(i for i in sequence if i < columns).items():
                if mode == "tfidf":
                    with_it = self.index_docs.get(i, 0)
                    inverse = np.log(1 + self.document_count / (1 + with_it))
                    row[i] = (1 + np.log(count)) * inverse
                else:
                    row[i] = {"binary": 1, "count": count, "freq": count / len(sequence)}[mode]
        return matrix

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            return [w.lower() for w in text] if self.lower else list(text)
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, and what has been learned, as JSON texts."""
        config = {
            name: getattr(self, name)
            for name in ("num_words", "filters", "lower", "split", "char_level", "oov_token",
                         "document_count")
        }  # fmt: skip
        return config | {name: json.dumps(getattr(self, name)) for name in _LEARNED}

    def to_json(self, **kwargs: Any) -> str:
        """Return all of it as JSON, for `tokenizer_from_json`."""
        config = {"class_name": type(self).__name__, "config": self.get_config()}
        return json.dumps(config, **kwargs)


_LEARNED = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the Tokenizer that `to_json` wrote.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'a': 1, 'b': 2}
    """
    config = json.loads(json_string)["config"]
    learned = {name: json.loads(config.pop(name)) for name in _LEARNED}
    tokenizer = Tokenizer(**config)
    for name, value in learned.items():
        if name.startswith("index_"):  # JSON's keys are texts
            value = {int(k): v for k, v in value.items()}
        getattr(tokenizer, name).update(value)
    return tokenizer

"""Pairs of words that stand near each other."""

import random
from typing import Any

import numpy as np


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """Return the probability with which the word of each rank is used: min(1, sqrt(t / f)).

    f is the frequency of the word of rank r by Zipf's law:
    1 / (r (log r + 0.577) + 1/2 - 1/(12 r)).

    Args:
        size: number of words.
        sampling_factor: t.

    Reference:
        Mikolov et al., Distributed representations of words and phrases, 2013, arXiv:1310.4546.

    Example:
        >>> make_sampling_table(3).round(5).tolist()
        [0.00315, 0.00315, 0.00548]
    """
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse_frequency))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[Any], list[Any]]:
    """Return pairs of words, and whether they stand near each other.

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: numbers are below this.
        window_size: words on either side that count as near.
        negative_samples: random pairs per pair that is near.
        shuffle: whether to shuffle the pairs.
        categorical: whether to return [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: probability with which each word is used; see `make_sampling_table`.
        seed: of the order.

    Returns:
        (pairs, labels).

    Example:
        >>> skipgrams([1, 2], 3, negative_samples=0, shuffle=False)
        ([[1, 2], [2, 1]], [1, 1])
    """
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    pairs = [
        [word, near]
        for i, word in enumerate(sequence)
        if word and (sampling_table is None or sampling_table[word] >= random.random())
        for j in range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        if j != i and (near := sequence[j])
    ]
    labels = [yes] * len(pairs)
    wrong = int(len(pairs) * negative_samples)
    if wrong > 0:
        words = [word for word, _ in pairs]
        random.shuffle(words)
        others = range(wrong)
        pairs += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in others]
        labels += [no] * wrong
    if shuffle:
        order = list(range(len(pairs)))
        random.Random(random.randint(0, 10**7) if seed is None else seed).shuffle(order)
        pairs, labels = [pairs[i] for i in order], [labels[i] for i in order]
    return pairs, labels

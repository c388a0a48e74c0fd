"""Names: `Dense` -> `dense`, `dense_1`, ..., counted over the process as Keras does."""

import re
from collections import Counter

_counts: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """Return a class name in snake case, with Keras' rules.

    Example:
        >>> to_snake_case("Conv2DTranspose"), to_snake_case("ReLU"), to_snake_case("LSTM")
        ('conv2d_transpose', 're_lu', 'lstm')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """Return `prefix`, then `prefix_1`, `prefix_2`, ... on later calls."""
    before = count(prefix) - 1
    return f"{prefix}_{before}" if before else prefix


def count(prefix: str) -> int:
    """Return how often `prefix` was counted by now, this time included."""
    _counts[prefix] += 1
    return _counts[prefix]


def auto_name(cls: type) -> str:
    """Return the next unused default name for an object of class `cls`."""
    return unique_name(to_snake_case(cls.__name__))


def reset_names() -> None:
    """Start counting anew (part of `clear_session`)."""
    _counts.clear()

"""`class_weight`: what it says, as one weight per sample."""

from typing import Any

import numpy as np

from lamina._core import tree
from lamina._core.configurable import is_real
from lamina._core.errors import describe, explain
from lamina._training.compile import match_outputs

_HELP = "{0: 1.0, 1: 5.0} makes samples of class 1 count five times"


def weigh_classes(packed: Any, class_weight: Any, keys: list[str], y_pred: Any) -> Any:
    """Return (x, y, sample_weight) with weights that give each class the one asked for.

    Args:
        packed: (x, y, sample_weight) as arrays; given weights are multiplied.
        class_weight: {class number: weight}; with several outputs {output: such a dictionary}, or
            a list of those in the order of the outputs, None for an output without.
        keys: names of the outputs.
        y_pred: structure of the outputs.

    Raises:
        ValueError: `class_weight` is something else, or there are no labels.
    """
    x, y, sample_weight = packed
    by_output = _by_output(class_weight, keys)
    if y is None:
        raise ValueError(explain("class_weight", "expected labels `y` beside it", "None"))
    labels = match_outputs("y", y, keys, y_pred)
    if len(keys) == 1:
        return x, y, _weights(labels[0], by_output[0], sample_weight)
    if sample_weight is None or not tree.is_nested(sample_weight):
        given = [sample_weight] * len(keys)
    else:
        given = match_outputs("sample_weight", sample_weight, keys, y_pred)
    return x, y, [_weights(*each) for each in zip(labels, by_output, given, strict=True)]


def _by_output(class_weight: Any, keys: list[str]) -> list[Any]:
    """Return a dictionary by class, or None, for each output."""
    if len(keys) == 1 and _is_by_class(class_weight):
        return [class_weight]
    found = class_weight
    if isinstance(class_weight, dict) and set(class_weight) <= set(keys):
        found = [class_weight.get(key) for key in keys]
    if (
        isinstance(found, (list, tuple))
        and len(found) == len(keys)
        and all(each is None or _is_by_class(each) for each in found)
    ):
        return list(found)
    expected, help_ = "expected a dictionary {class number: weight} as `class_weight`", _HELP
    if isinstance(class_weight, str):
        help_ = "for balanced classes: n = np.bincount(y); dict(enumerate(len(y) / len(n) / n))"
    elif len(keys) > 1:
        expected += f" of each of the outputs {', '.join(keys)}"
        help_ = f"{{{keys[0]!r}: {{0: 1.0, 1: 5.0}}}} weighs the classes of that output alone"
    raise ValueError(explain("class_weight", expected, describe(class_weight), help_))


def _is_by_class(value: Any) -> bool:
    return isinstance(value, dict) and all(is_real(k) and is_real(v) for k, v in value.items())


def _weights(labels: Any, by_class: dict[Any, Any] | None, given: Any) -> Any:
    """Return the weight of each label, times the weight of its sample."""
    if by_class is None or labels is None:
        return given
    labels = np.asarray(labels)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    numbers = np.round(labels).astype("int64")
    weights = np.ones(labels.shape, "float32")
    for label, weight in by_class.items():
        weights[numbers == int(label)] = weight
    if given is None:
        return weights
    given = np.asarray(given)
    rank = max(given.ndim, weights.ndim)
    lifted = [a.reshape(a.shape + (1,) * (rank - a.ndim)) for a in (given, weights)]
    return lifted[0] * lifted[1]

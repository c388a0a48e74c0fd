"""Finding children and variables by walking attributes, when asked: nothing is tracked."""

from collections.abc import Iterator
from typing import Any

from lamina._core.random import SeedGenerator
from lamina._core.state import Variable

_LEAVES = frozenset({str, int, float, bool, type(None)})


def members(obj: Any, kinds: tuple[type, ...]) -> Iterator[Any]:
    """Yield what `obj`'s attributes hold of `kinds`, once each, in the order they were set.

    Lists, tuples and dictionaries are looked into; other objects are not.
    """
    seen: set[int] = {id(obj)}
    hidden = getattr(obj, "_unwalked", ())
    attributes = reversed(vars(obj).items())
    stack = [v for k, v in attributes if type(v) not in _LEAVES and k not in hidden]
    while stack:
        value = stack.pop()
        if isinstance(value, kinds):
            if id(value) not in seen:
                seen.add(id(value))
                yield value
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(reversed(list(value.values() if isinstance(value, dict) else value)))


def unique(items: Any) -> list[Any]:
    """Return `items` without repeats, by identity, in order."""
    seen: dict[int, Any] = {}
    for item in items:
        seen.setdefault(id(item), item)
    return list(seen.values())


def own_variables(obj: Any) -> list[Variable]:
    """Return the variables that are attributes of `obj`, and the states of its seed generators."""
    found = list(members(obj, (Variable, SeedGenerator)))
    variables = [v for v in found if isinstance(v, Variable)]
    seeds = [s.state for s in found if isinstance(s, SeedGenerator)]
    trainable = [v for v in variables if v.born_trainable]
    return trainable + [v for v in variables if not v.born_trainable] + seeds


def is_seed_state(variable: Variable) -> bool:
    """Return whether a variable is no weight: a seed generator's state, or one of a sequence."""
    return variable.name in ("seed_generator_state", "rnn_state")


_metric_classes: tuple[type, ...] = ()


def register_metric_class(cls: type) -> None:
    """Let layers find objects of `cls` (registered by the metrics package, which stands above)."""
    global _metric_classes
    _metric_classes = (*_metric_classes, cls)


def metric_classes() -> tuple[type, ...]:
    return _metric_classes

"""Compiled programs of models that are gone: megabytes that Python's collector does not see.

It runs when there are many new objects, and a model is few. So before a program is made, it is run
here, if models with programs have become twice as many as were left the last time.
"""

import gc
from typing import Any
from weakref import WeakValueDictionary

_LEAST = 3  # models: as many may wait, however few there were
_holders: WeakValueDictionary[int, Any] = WeakValueDictionary()  # by id: some have no hash
_limit = _LEAST


def make_room(model: Any) -> None:
    """Free what models that nobody has any more have left; `model` is about to get a program."""
    global _limit
    _holders[id(model)] = model
    if len(_holders) > _limit:
        gc.collect()
        _limit = max(_LEAST, 2 * len(_holders))

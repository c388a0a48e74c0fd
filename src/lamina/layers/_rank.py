"""The rank of a layer: one class serves one, two and three axes of space, under three names."""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


def over_axes(rank: int, *names: str) -> Callable[[Class], Class]:
    """Return a decorator of classes that only give a name to their base over `rank` axes.

    The constructor's defaults for `names` get one number per axis, since Keras' signatures say
    strides=1 over one axis and strides=(1, 1) over two. The text of the base goes between the
    first line of the class' own docstring and the rest.
    """

    def named(cls: Class) -> Class:
        base = cls.__mro__[1]
        cls.rank = rank  # type: ignore[attr-defined]
        if rank > 1 and names:
            cls.__init__ = _spelled_out(cls.__init__, rank, names)  # type: ignore[misc]
        first, _, rest = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")
        shared = inspect.cleandoc(base.__doc__ or "").partition("\n\n")[2]
        cls.__doc__ = f"{first}\n\n{shared}\n\n{rest}\n"
        return cls

    return named


def _spelled_out(init: Any, rank: int, names: tuple[str, ...]) -> Any:
    copy = FunctionType(init.__code__, init.__globals__, init.__name__, None, init.__closure__)
    copy.__defaults__ = tuple(
        (p.default,) * rank if p.name in names else p.default
        for p in inspect.signature(init).parameters.values()
        if p.default is not p.empty
    )
    copy.__annotations__ = init.__annotations__
    copy.__qualname__ = init.__qualname__
    return copy

"""All ambient state: one frozen record in one ContextVar, changed by `with using(...)`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina._core.state import Scope


@dataclass(frozen=True, slots=True)
class Context:
    """What code further down may need to know about the call it runs in."""

    scope: "Scope | None" = None  # where variables read and write; None: in themselves
    training: bool | None = None  # given by the outermost caller, seen by every layer below
    compute_dtype: str | None = None  # float variables read inside a layer's call are cast to it
    path: tuple[str, ...] = ()  # names of the layers around, for the names of variables
    call: int = 0  # number of the outermost layer call that runs; 0 outside of any
    masks: dict[Any, Any] | None = None  # masks of traced arrays, see masks.py
    remat: Any = None  # how layers made inside rematerialize
    custom_objects: Mapping[str, Any] = field(default_factory=dict)  # names for deserialization
    shared: dict[Any, Any] | None = None  # objects of the records being written or read
    blank: Any = None  # initializer of weights that are about to be loaded
    memory: Any = None  # told of the bytes of each new variable before they are taken; may refuse


_current: ContextVar[Context] = ContextVar("lamina_context", default=Context())

context = _current.get


@contextmanager
def using(**changes: Any) -> Iterator[Context]:
    """Run the body of a `with` under the current context with `changes`."""
    token = _current.set(replace(_current.get(), **changes))
    try:
        yield _current.get()
    finally:
        _current.reset(token)

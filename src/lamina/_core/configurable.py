"""Configurable: constructor parameters are checked as annotated; `get_config` is read off them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

import numpy as np

from lamina import _exports
from lamina._core import serialize
from lamina._core.errors import describe, explain, nearest


@dataclass(frozen=True)
class Check:
    """What a constructor parameter must be: `Annotated[int, Check("a positive integer", ...)]`."""

    expected: str
    holds: Callable[[Any], bool]
    help: str | None = None


def is_integer(x: Any) -> bool:
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)


def is_real(x: Any) -> bool:
    return isinstance(x, (int, float, np.integer, np.floating)) and not isinstance(x, bool)


PositiveInt = Annotated[
    int, Check("a positive integer", lambda x: is_integer(x) and x > 0, "use 1 or more")
]
Count = Annotated[
    int, Check("an integer of 0 or more", lambda x: is_integer(x) and x >= 0, "use 0 or more")
]
Fraction = Annotated[
    float,
    Check("a fraction from 0 to 1", lambda x: is_real(x) and 0 <= x <= 1, "0.2 stands for 20 %"),
]
Flag = Annotated[bool, Check("True or False", lambda x: isinstance(x, (bool, np.bool_, int)))]


class Configurable:
    """Base of everything that has a config.

    Each constructor parameter is kept in the attribute of its name.

    `get_config` reads the parameters back by the constructor's signature, so subclasses, users'
    too, need neither write it nor `from_config`.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _exports.publish(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "_given", check_arguments(cls, args, kwargs))
        return self

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, as numbers, strings, lists and dictionaries."""
        return {
            name: serialize.serialize_keras_object(self._argument(name))
            for name in parameters(type(self))
        }

    def _argument(self, name: str) -> Any:
        if hasattr(self, name):
            return getattr(self, name)
        given: dict[str, Any] = self._given  # type: ignore[attr-defined]
        if name in given:
            return given[name]
        return parameters(type(self))[name].default

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned."""
        if not isinstance(config, Mapping):
            raise ValueError(
                explain(f"{cls.__name__}.from_config", "expected a dictionary", describe(config))
            )
        return cls(**{k: _revive(v) for k, v in config.items()})


def _revive(value: Any) -> Any:
    """Records of objects become objects; anything else stays."""
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return serialize.deserialize_keras_object(value)
    if isinstance(value, list):
        return [_revive(x) for x in value]
    return value


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a class' constructor.

    `**kwargs` stands for those of the next base.
    """
    return _parameters(cls)


@cache
def _parameters(cls: type) -> dict[str, inspect.Parameter]:
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        init = vars(base)["__init__"]
        signature = list(inspect.signature(init).parameters.values())[1:]
        own = {
            p.name: p
            for p in signature
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in found
        }
        found.update(own)
        if not any(p.kind is p.VAR_KEYWORD for p in signature):
            break
    return found


@cache
def _checks(cls: type) -> dict[str, tuple[Check, bool]]:
    """The declared checks of a class' constructor: name -> (check, whether None is allowed)."""
    checks: dict[str, tuple[Check, bool]] = {}
    for base in reversed(cls.__mro__):
        init = vars(base).get("__init__")
        if init is None or not base.__module__.startswith("lamina"):
            continue
        for name, hint in get_type_hints(init, include_extras=True).items():
            optional = type(None) in get_args(hint)
            for part in (hint, *get_args(hint)):
                if get_origin(part) is Annotated:
                    for extra in part.__metadata__:
                        if isinstance(extra, Check):
                            checks[name] = (extra, optional)
    return checks


def check_arguments(cls: type, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by name, after the checks that the constructor's annotations declare."""
    signature = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    names = list(signature)[1:]
    unknown = {k: v for k, v in kwargs.items() if k not in names}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in signature.values())
    if unknown and not open_ended and cls.__module__.startswith("lamina."):
        raise ValueError(unknown_arguments(cls, unknown))
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    for name, (check, optional) in _checks(cls).items():
        if (
            name in given
            and not (optional and given[name] is None)
            and not check.holds(given[name])
        ):
            raise ValueError(
                explain(
                    cls.__name__,
                    f"expected {check.expected} as `{name}`",
                    describe(given[name]),
                    check.help,
                )
            )
    return given


def unknown_arguments(cls: type, kwargs: dict[str, Any]) -> str:
    """Return the error text for keyword arguments that no constructor of `cls` takes."""
    name = next(iter(kwargs))
    known = [n for n in parameters(cls) if n not in ("args", "kwargs")]
    near = nearest(name, known)
    advice = (f"did you mean `{near}`? " if near else "") + "it takes: " + ", ".join(known)
    return explain(
        cls.__name__, "expected only arguments that it knows", f"`{name}={kwargs[name]!r}`", advice
    )

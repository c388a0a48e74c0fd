"""Initial values of weights, by name or as objects: `Dense(4, kernel_initializer="he_normal")`."""

from typing import TYPE_CHECKING, Any

from lamina._core import serialize as _serialize
from lamina._core.naming import to_snake_case as _snake
from lamina._exports import Table as _Table
from lamina._exports import lazy as _lazy
from lamina.initializers._initializer import Given as _Given

if TYPE_CHECKING:
    from lamina.initializers._initializer import Constant, Identity, Initializer, Ones, Zeros
    from lamina.initializers._initializer import Constant as constant
    from lamina.initializers._initializer import Identity as IdentityInitializer
    from lamina.initializers._initializer import Identity as identity
    from lamina.initializers._initializer import Ones as ones
    from lamina.initializers._initializer import Zeros as zeros
    from lamina.initializers._random import (
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        LecunNormal,
        LecunUniform,
        Orthogonal,
        RandomNormal,
        RandomUniform,
        TruncatedNormal,
        VarianceScaling,
    )
    from lamina.initializers._random import GlorotNormal as glorot_normal
    from lamina.initializers._random import GlorotUniform as glorot_uniform
    from lamina.initializers._random import HeNormal as he_normal
    from lamina.initializers._random import HeUniform as he_uniform
    from lamina.initializers._random import LecunNormal as lecun_normal
    from lamina.initializers._random import LecunUniform as lecun_uniform
    from lamina.initializers._random import Orthogonal as OrthogonalInitializer
    from lamina.initializers._random import Orthogonal as orthogonal
    from lamina.initializers._random import RandomNormal as random_normal
    from lamina.initializers._random import RandomUniform as random_uniform
    from lamina.initializers._random import TruncatedNormal as truncated_normal
    from lamina.initializers._random import VarianceScaling as variance_scaling
    from lamina.initializers._stft import STFT
    from lamina.initializers._stft import STFT as STFTInitializer
    from lamina.initializers._stft import STFT as stft


_CLASSES = (
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "STFT",
    "TruncatedNormal", "VarianceScaling", "Zeros",
)  # fmt: skip
_NAMES = _Table(
    __name__,
    (*_CLASSES, "IdentityInitializer", "OrthogonalInitializer", "STFTInitializer"),
    {
        **{_snake(name): name for name in _CLASSES},
        "uniform": "RandomUniform", "normal": "RandomNormal", "one": "Ones", "zero": "Zeros",
    },
)  # fmt: skip


def get(identifier: Any) -> Any:
    """Return the initializer for a name, an object, a function, a record, an array, or None.

    Raises:
        ValueError: no initializer has that name; the message gives the nearest.

    Example:
        >>> type(get("he_normal")).__name__
        'HeNormal'
    """
    if hasattr(identifier, "shape") and not callable(identifier):
        return _Given(identifier)
    return _serialize.lookup(identifier, "initializer", _NAMES)


def serialize(initializer: Any) -> Any:
    """Return the record of an initializer."""
    return _serialize.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """Return the initializer that `serialize` described."""
    return _serialize.lookup(config, "initializer", _NAMES, custom_objects)


__all__ = [
    "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity",
    "IdentityInitializer", "Initializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal",
    "OrthogonalInitializer", "RandomNormal", "RandomUniform", "STFT", "STFTInitializer",
    "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get",
    "glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal",
    "lecun_uniform", "ones", "orthogonal", "random_normal", "random_uniform", "serialize", "stft",
    "truncated_normal", "variance_scaling", "zeros",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

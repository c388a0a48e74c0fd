"""Initial values of weights, by name or as objects: `Dense(4, kernel_initializer="he_normal")`."""

from typing import Any

from lamina._core import serialize as _serialize
from lamina._core.naming import to_snake_case as _snake
from lamina.initializers._initializer import Constant, Given, Identity, Initializer, Ones, Zeros
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
from lamina.initializers._stft import STFT

_CLASSES = (
    Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform,
    Ones, Orthogonal, RandomNormal, RandomUniform, STFT, TruncatedNormal, VarianceScaling, Zeros,
)  # fmt: skip
_NAMES: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{_snake(cls.__name__): cls for cls in _CLASSES},
    "IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT,
    "uniform": RandomUniform, "normal": RandomNormal, "one": Ones, "zero": Zeros,
}  # fmt: skip

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, zeros = Constant, Identity, Ones, Zeros
glorot_normal, glorot_uniform, he_normal, he_uniform = (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
)
lecun_normal, lecun_uniform, orthogonal, stft = LecunNormal, LecunUniform, Orthogonal, STFT
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling


def get(identifier: Any) -> Any:
    """Return the initializer for a name, an object, a function, a record, an array, or None.

    Raises:
        ValueError: no initializer has that name; the message gives the nearest.

    Example:
        >>> type(get("he_normal")).__name__
        'HeNormal'
    """
    if hasattr(identifier, "shape") and not callable(identifier):
        return Given(identifier)
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
    "TruncatedNormal", "VarianceScaling", "Zeros", "constant", "deserialize", "get", "glorot_normal",
    "glorot_uniform", "he_normal", "he_uniform", "identity", "lecun_normal", "lecun_uniform", "ones",
    "orthogonal", "random_normal", "random_uniform", "serialize", "stft", "truncated_normal",
    "variance_scaling", "zeros",
]  # fmt: skip
_serialize.export(globals())

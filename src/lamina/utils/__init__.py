"""Useful functions around models and data."""

import random as _python_random
from typing import TYPE_CHECKING

import numpy as _np

from lamina._core.errors import describe as _describe
from lamina._core.errors import explain as _explain
from lamina._core.naming import reset_names as _reset_names
from lamina._core.random import reset_global_generator as _reset_global_generator
from lamina._core.tensor import KerasTensor as _KerasTensor
from lamina._exports import lazy as _lazy

if TYPE_CHECKING:
    from lamina._core.dtypes import standardize_dtype
    from lamina._core.serialize import (
        CustomObjectScope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from lamina._core.serialize import CustomObjectScope as custom_object_scope
    from lamina.config import (
        disable_interactive_logging,
        enable_interactive_logging,
        is_interactive_logging_enabled,
    )
    from lamina.utils._arrays import normalize, to_categorical
    from lamina.utils._dataset_directory import (
        audio_dataset_from_directory,
        image_dataset_from_directory,
        text_dataset_from_directory,
    )
    from lamina.utils._dataset_split import split_dataset
    from lamina.utils._dataset_timeseries import timeseries_dataset_from_array
    from lamina.utils._get_file import get_file
    from lamina.utils._image import array_to_img, img_to_array, load_img, save_img
    from lamina.utils._progbar import Progbar
    from lamina.utils._py_dataset import PyDataset
    from lamina.utils._py_dataset import PyDataset as Sequence
    from lamina.utils._samples import pack_x_y_sample_weight, unpack_x_y_sample_weight
    from lamina.utils._sequences import pad_sequences
    from lamina.visualization import model_to_dot, plot_model


def set_random_seed(seed: int) -> None:
    """Make everything random repeatable: Python's `random`, numpy's, and lamina's.

    Args:
        seed: an integer.

    Example:
        >>> set_random_seed(1); a = _np.random.rand(); set_random_seed(1); a == _np.random.rand()
        True
    """
    if not isinstance(seed, (int, _np.integer)):
        raise ValueError(
            _explain("set_random_seed", "expected an integer", _describe(seed), "use 1")
        )
    _python_random.seed(int(seed))
    _np.random.seed(seed % 2**32)  # noqa: NPY002  what scripts draw their data from
    _reset_global_generator()


def clear_session(free_memory: bool = True) -> None:
    """Forget all names given so far: the next `Dense` is 'dense' again."""
    del free_memory  # nothing global keeps a model alive
    _reset_names()
    _reset_global_generator()


def is_keras_tensor(x: object) -> bool:
    """Return whether `x` is a symbolic tensor."""
    return isinstance(x, _KerasTensor)


__all__ = [
    "CustomObjectScope", "Progbar", "PyDataset", "Sequence", "array_to_img",
    "audio_dataset_from_directory", "get_file", "image_dataset_from_directory", "img_to_array",
    "load_img", "save_img", "split_dataset", "text_dataset_from_directory",
    "timeseries_dataset_from_array", "clear_session", "custom_object_scope",
    "deserialize_keras_object", "disable_interactive_logging", "enable_interactive_logging",
    "get_custom_objects", "get_registered_name",
    "get_registered_object", "is_interactive_logging_enabled", "is_keras_tensor",
    "model_to_dot", "normalize",
    "pack_x_y_sample_weight", "pad_sequences", "unpack_x_y_sample_weight",
    "plot_model", "register_keras_serializable", "serialize_keras_object", "set_random_seed",
    "standardize_dtype", "to_categorical",
]  # fmt: skip
__getattr__, __dir__ = _lazy(__name__)

"""What old scripts call on `tensorflow` beside `tf.keras`, as far as lamina has an honest equal.

The names under which a script finds them are listed in `_renamed.py`.
"""

import logging
import random
from types import SimpleNamespace
from typing import Any

import jax

from lamina import optimizers
from lamina._core.random import reset_global_generator
from lamina.utils._dataset import Dataset  # noqa: F401  tf.data.Dataset

# tf.float32 and so on: Keras and numpy take dtypes by name.
DTYPES = SimpleNamespace(
    bfloat16="bfloat16",
    bool="bool",
    float16="float16",
    float32="float32",
    float64="float64",
    int8="int8",
    int16="int16",
    int32="int32",
    int64="int64",
    string="string",
    uint8="uint8",
    uint16="uint16",
    uint32="uint32",
    uint64="uint64",
)

newaxis = None
AUTOTUNE = -1

DEBUG, INFO, WARN, ERROR, FATAL = (
    logging.DEBUG,
    logging.INFO,
    logging.WARNING,
    logging.ERROR,
    logging.CRITICAL,
)


def get_logger() -> logging.Logger:
    """Return lamina's logger."""
    return logging.getLogger("lamina")


def set_verbosity(level: int | str) -> None:
    """Set the level of lamina's logger."""
    get_logger().setLevel(level)


def ignore(*args: Any, **kwargs: Any) -> None:
    """Do nothing: what this switched does not exist here, and no result depends on it."""


def executing_eagerly() -> bool:
    """Return True: outside of compiled functions every operation runs at once."""
    return True


def set_seed(seed: int) -> None:
    """Make weights and random layers repeatable.

    Unlike `keras.utils.set_random_seed` this leaves numpy alone, as TensorFlow does: the script's
    own data must not change. Initial weights draw their seeds from Python's `random`.
    """
    random.seed(seed)
    reset_global_generator()


def list_physical_devices(device_type: str | None = None) -> list[SimpleNamespace]:
    """Return the devices that JAX uses, each with `name` and `device_type`."""
    devices = [
        SimpleNamespace(
            name=f"/physical_device:{d.platform.upper()}:{d.id}", device_type=d.platform.upper()
        )
        for d in jax.devices()
    ]
    return [d for d in devices if device_type in (None, d.device_type)]


def is_gpu_available(*args: Any, **kwargs: Any) -> bool:
    """Return whether JAX uses a GPU."""
    return len(list_physical_devices("GPU")) > 0


def gpu_device_name() -> str:
    """Return the name of the first GPU in TensorFlow's words, or ''."""
    return "/device:GPU:0" if is_gpu_available() else ""


def AdamOptimizer(
    learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Any:
    """Return `keras.optimizers.Adam` with the defaults of `tf.train`."""
    return optimizers.Adam(learning_rate, beta_1=beta1, beta_2=beta2, epsilon=epsilon)


def GradientDescentOptimizer(learning_rate: float) -> Any:
    """Return `keras.optimizers.SGD`."""
    return optimizers.SGD(learning_rate)


def RMSPropOptimizer(
    learning_rate: float, decay: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-10
) -> Any:
    """Return `keras.optimizers.RMSprop` with the defaults of `tf.train`."""
    return optimizers.RMSprop(learning_rate, rho=decay, momentum=momentum, epsilon=epsilon)

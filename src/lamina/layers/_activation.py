"""Activation functions as layers of their own."""

from typing import Any

from lamina import activations
from lamina._core.layer import Layer


class Activation(Layer):
    """Apply an activation function.

    Args:
        activation: name or function.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Activation("relu")(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

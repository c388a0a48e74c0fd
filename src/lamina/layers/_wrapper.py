"""Wrapper: a layer around another."""

from typing import Any

from lamina._core.errors import describe, explain
from lamina._core.layer import Layer


class Wrapper(Layer):
    """Base of layers that hold another one in `layer`; subclasses write `call`.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: `layer` is not one.

    Example:
        >>> import numpy as np
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(self.layer(inputs))
        >>> from lamina.layers import Dense
        >>> Twice(Dense(1, kernel_initializer="ones"))(np.ones((1, 1))).tolist()
        [[1.0]]
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected a layer as `layer`",
                    describe(layer),
                    "make one, as Dense(4); a function goes into a Lambda layer",
                )
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

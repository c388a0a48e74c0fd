"""Dense: every output is a weighted sum of all inputs."""

from typing import Any

import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina._core.configurable import PositiveInt
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer


class Dense(Layer):
    """activation(inputs @ kernel + bias).

    Args:
        units: number of outputs.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.

    Shapes:
        (N, ..., I) -> (N, ..., units).

    Weights:
        kernel (I, units), bias (units,).

    Example:
        >>> import numpy as np
        >>> layer = Dense(2, kernel_initializer="ones")
        >>> layer(np.array([[1.0, 2.0, 3.0]])).tolist()
        [[6.0, 6.0]]
    """

    def __init__(
        self,
        units: PositiveInt,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Any = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = jnp.matmul(inputs, self.kernel.value)  # (N, ..., I) -> (N, ..., units)
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)

"""Dense: every output is a weighted sum of all inputs."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina._core.configurable import PositiveInt
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.state import Variable
from lamina.layers._checks import NonNegative, Unquantized, known_size
from lamina.layers._lora import LowRank


class Dense(LowRank, Layer):
    """activation(inputs @ kernel + bias).

    Args:
        units: number of outputs.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.
        lora_rank: if given, the kernel is frozen and a correction of this rank is trained; see
            `enable_lora`.
        lora_alpha: the correction is scaled by lora_alpha / lora_rank (default: by 1).
        quantization_config: None; quantization is not supported.

    Shapes:
        (N, ..., I) -> (N, ..., units).

    Weights:
        kernel (I, units), bias (units,); with LoRA also lora_kernel_a (I, lora_rank) and
        lora_kernel_b (lora_rank, units).

    Example:
        >>> import numpy as np
        >>> layer = Dense(2, kernel_initializer="ones")
        >>> layer(np.array([[1.0, 2.0, 3.0]])).tolist()
        [[6.0, 6.0]]
    """

    _adapted = "kernel"

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
        lora_rank: PositiveInt | None = None,
        lora_alpha: NonNegative | None = None,
        quantization_config: Unquantized = None,
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
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.quantization_config = quantization_config
        self.bias: Any = None
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self._kernel, self.bias = _add_weights(self, input_shape)
        self.built = True
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The weights (I, units): a Variable, or with LoRA their sum with the correction."""
        return self._effective() if self.lora_enabled else self._weight()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = jnp.matmul(inputs, self._effective())  # (N, ..., I) -> (N, ..., units)
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.activity_regularizer is None:
            config.pop("activity_regularizer", None)  # nor has a subclass that fixes its arguments
        return config


class TernaryDense(Layer):
    """activation(beta * inputs @ ternary(kernel) + bias), with weights -1, 0 and 1 only.

    ternary(w) = sign(w) where |w| > threshold, else 0. Gradients pass as if it were not there, so
    that the float kernel behind it learns.

    Args:
        units: number of outputs.
        threshold: where weights become 0; None for mean(|kernel|) / 2, and then
            beta = mean(|kernel|), else 1.
        activation: name or function, None for none.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: what the weights must satisfy after every step.

    Shapes:
        (N, ..., I) -> (N, ..., units).

    Weights:
        kernel (I, units), bias (units,).

    Reference:
        Ma et al., 2024, arXiv 2402.17764, section 2; here inputs are not quantized.

    Example:
        >>> import numpy as np
        >>> layer = TernaryDense(2, threshold=0.5, kernel_initializer="ones")
        >>> layer(np.array([[1.0, 2.0, 3.0]])).tolist()
        [[6.0, 6.0]]
    """

    def __init__(
        self,
        units: PositiveInt,
        threshold: NonNegative | None = None,
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
        self.threshold = threshold
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
        self.kernel, self.bias = _add_weights(self, input_shape)

    def call(self, inputs: Any) -> Any:
        kernel = self.kernel.value
        size = jnp.abs(kernel)
        beta = jnp.mean(size)
        threshold = beta / 2 if self.threshold is None else self.threshold
        ternary = jnp.sign(kernel) * (size > threshold).astype(kernel.dtype)
        x = jnp.matmul(inputs, kernel + jax.lax.stop_gradient(ternary - kernel))  # (.., I) (.., O)
        if self.threshold is None:
            x = x * beta
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)


def _add_weights(layer: Any, input_shape: Any) -> tuple[Variable, Variable | None]:
    """Make a kernel (I, units) and, if wanted, a bias (units,)."""
    size = known_size(layer._where(), input_shape, -1)
    layer.input_spec = InputSpec(min_ndim=2, axes={-1: size})
    kernel = layer.add_weight(
        name="kernel",
        shape=(size, layer.units),
        initializer=layer.kernel_initializer,
        regularizer=layer.kernel_regularizer,
        constraint=layer.kernel_constraint,
    )
    if not layer.use_bias:
        return kernel, None
    bias = layer.add_weight(
        name="bias",
        shape=(layer.units,),
        initializer=layer.bias_initializer,
        regularizer=layer.bias_regularizer,
        constraint=layer.bias_constraint,
    )
    return kernel, bias

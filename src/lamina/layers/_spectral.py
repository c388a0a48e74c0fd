"""SpectralNormalization: a layer whose weights stretch no vector."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from lamina import initializers
from lamina._core import config
from lamina._core.configurable import PositiveInt
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.state import Variable
from lamina.layers._normalization import unit_length
from lamina.layers._wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """While training, divide the kernel of a layer by its largest singular value sigma.

    sigma is estimated by power iteration from a vector that is kept from step to step:
    v = u W^T / |u W^T|, u = v W / |v W|, sigma = v W u^T.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: iterations of each training step.

    Shapes:
        those of `layer`.

    Weights:
        those of `layer`, and vector_u (1, last axis of the kernel).

    Reference:
        Miyato et al., 2018, arXiv 1802.05957. There the kernel itself is kept and divided for
        use only; here, as in Keras, the quotient replaces it.

    Example:
        >>> import numpy as np
        >>> from lamina.layers import Dense
        >>> layer = SpectralNormalization(Dense(1, kernel_initializer="ones"))
        >>> layer(np.ones((1, 4)), training=True).tolist()
        [[2.0]]
    """

    def __init__(self, layer: Any, power_iterations: PositiveInt = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if hasattr(self.layer, "kernel"):
            self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if not isinstance(kernel, Variable):
            raise ValueError(
                explain(
                    self._where(),
                    "expected a layer with a `kernel` or `embeddings`, without LoRA",
                    f"{type(self.layer).__name__} '{self.layer.name}'",
                    "wrap a Dense, Conv or Embedding layer",
                )
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=kernel.raw().dtype,
        )

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if training:
            self._normalize()
        outputs = self.layer(inputs)
        is_float = jnp.issubdtype(inputs.dtype, jnp.floating)
        return outputs.astype(inputs.dtype) if is_float else outputs

    def _normalize(self) -> None:
        kernel, u = self.kernel.raw(), self.vector_u.raw()
        rows = kernel.reshape(-1, kernel.shape[-1])  # (..., I, O) -> (K, O)
        vector, epsilon = u, config.epsilon()
        for _ in range(self.power_iterations):
            v = unit_length(lax.stop_gradient(vector @ rows.T), None, epsilon)  # (1, K)
            vector = unit_length(lax.stop_gradient(v @ rows), None, epsilon)  # (1, O)
        empty = jnp.all(kernel == 0)  # sigma would be 0
        sigma = jnp.where(empty, 1.0, jnp.sum((v @ rows) * vector))
        self.vector_u.assign(jnp.where(empty, u, vector))
        self.kernel.assign(kernel / sigma)

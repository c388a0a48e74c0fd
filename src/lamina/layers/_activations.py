"""Activation functions as layers of their own."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina._core.configurable import Check, is_integer
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import Axes, NonNegative, Number, known_size, positive_axis

SharedAxes = Annotated[
    Any,
    Check(
        "numbers of axes, 1 or more",
        lambda a: all(
            is_integer(x) and x >= 1 for x in (a if isinstance(a, (list, tuple)) else [a])
        ),
        "axis 0 is the batch, which always shares; [1, 2] shares over the space of images",
    ),
]


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


class ReLU(Layer):
    """max(x, 0), with options.

    f(x) = max_value for x >= max_value, x for threshold <= x < max_value,
    negative_slope * (x - threshold) otherwise.

    Args:
        max_value: where the output saturates; None for nowhere.
        negative_slope: slope below the threshold.
        threshold: below it the output is damped or zero.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> ReLU(max_value=6.0)(np.array([-1.0, 2.0, 9.0])).tolist()
        [0.0, 2.0, 6.0]
    """

    def __init__(
        self,
        max_value: NonNegative | None = None,
        negative_slope: NonNegative = 0.0,
        threshold: NonNegative = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )


class LeakyReLU(Layer):
    """x where x >= 0, else negative_slope * x.

    Args:
        negative_slope: slope below 0.

    Shapes:
        (N, ...) -> (N, ...).

    Reference:
        Maas et al., 2013.

    Example:
        >>> import numpy as np
        >>> LeakyReLU(0.5)(np.array([-10.0, 5.0])).tolist()
        [-5.0, 5.0]
    """

    def __init__(self, negative_slope: NonNegative = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = negative_slope
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class ELU(Layer):
    """x where x > 0, else alpha * (exp(x) - 1).

    Args:
        alpha: minus the value for x far below 0.

    Shapes:
        (N, ...) -> (N, ...).

    Reference:
        Clevert et al., 2015, arXiv 1511.07289.

    Example:
        >>> import numpy as np
        >>> ELU()(np.array([-100.0, 2.0])).tolist()
        [-1.0, 2.0]
    """

    def __init__(self, alpha: Number = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


class PReLU(Layer):
    """x where x >= 0, else alpha * x, with alpha learned for every place of a sample.

    Args:
        alpha_initializer: where alpha starts.
        alpha_regularizer: penalty added to the loss.
        alpha_constraint: what alpha must satisfy after every step.
        shared_axes: axes over which alpha is the same, as [1, 2] for one alpha a channel of
            images.

    Shapes:
        (N, ...) -> (N, ...).

    Weights:
        alpha: as one sample, 1 along shared axes.

    Reference:
        He et al., 2015, arXiv 1502.01852.

    Example:
        >>> import numpy as np
        >>> layer = PReLU(alpha_initializer="ones", shared_axes=[1])
        >>> layer(np.array([[-1.0, 2.0]])).tolist(), layer.alpha.shape
        ([[-1.0, 2.0]], (1,))
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: SharedAxes | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None and not isinstance(shared_axes, (list, tuple)):
            shared_axes = [shared_axes]
        self.shared_axes = None if shared_axes is None else list(shared_axes)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        rank, shared = len(input_shape), self.shared_axes or []
        self.alpha = self.add_weight(
            name="alpha",
            shape=[
                1 if i in shared else known_size(self._where(), input_shape, i)
                for i in range(1, rank)
            ],
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        fixed = {i: input_shape[i] for i in range(1, rank) if i not in shared}
        self.input_spec = InputSpec(ndim=rank, axes=fixed)

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs) - self.alpha.value * activations.relu(-inputs)


class Softmax(Layer):
    """exp(x) / sum(exp(x)): shares of 1 along an axis.

    Args:
        axis: the axis, or several, over which the shares sum to 1.

    `layer(x, mask=...)`: places where the mask is false get 0; it broadcasts to x.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> x, mask = np.array([[1.0, 1.0, 5.0]]), np.array([[True, True, False]])
        >>> Softmax()(x, mask=mask).tolist()
        [[0.5, 0.5, 0.0]]
    """

    def __init__(self, axis: Axes = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            mask = self._as_bool(mask, inputs)
            # Not -inf, which would make NaN of rows that are masked whole.
            lowest = -3e4 if inputs.dtype == jnp.float16 else -1e9
            inputs = jnp.where(mask, inputs, jnp.asarray(lowest, inputs.dtype))
        given = self.axis if isinstance(self.axis, (list, tuple)) else [self.axis]
        axes = tuple(positive_axis(self._where(), a, inputs.shape) for a in given)
        if len(axes) > 1:
            outputs = jnp.exp(inputs - jax.nn.logsumexp(inputs, axis=axes, keepdims=True))
        else:
            outputs = activations.softmax(inputs, axis=axes[0])
        return outputs if mask is None else jnp.where(mask, outputs, jnp.zeros((), outputs.dtype))

    def _as_bool(self, mask: Any, inputs: Any) -> Any:
        mask = jnp.asarray(mask)
        sizes = zip(reversed(mask.shape), reversed(inputs.shape), strict=False)
        if mask.ndim > inputs.ndim or any(
            isinstance(m, int) and isinstance(n, int) and m not in (1, n) for m, n in sizes
        ):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a mask that broadcasts to inputs of shape {inputs.shape}",
                    f"one of shape {mask.shape}",
                    "sizes are matched from the last axis on; each must be equal or 1",
                )
            )
        return mask if mask.dtype == bool else mask > 0.5

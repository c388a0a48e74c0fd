"""Layers that give their outputs a mean of 0 and a size of 1, within each sample."""

import math
import warnings
from typing import Annotated, Any

import jax.numpy as jnp
from jax import lax

from lamina import constraints, initializers, regularizers
from lamina._core.configurable import Check, is_integer
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina.layers._checks import Axes, Axis, NonNegative, known_size, positive_axis

Groups = Annotated[
    int,
    Check(
        "a positive integer, or -1",
        lambda g: is_integer(g) and (g > 0 or g == -1),
        "-1 stands for one group a channel",
    ),
]


def widened(x: Any) -> Any:
    """Return `x` in float32 or wider: sums of squares overflow in 16 bits."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def unit_length(x: Any, axes: Any, epsilon: float) -> Any:
    """Return x / max(|x|, epsilon), |x| the length along `axes`; finite gradients at 0.

    Example:
        >>> import jax.numpy as jnp
        >>> unit_length(jnp.array([0.0, 2.0]), -1, 1e-12).tolist()
        [0.0, 1.0]
    """
    squares = jnp.sum(jnp.square(widened(x)), axis=axes, keepdims=True)
    return (x * lax.rsqrt(jnp.maximum(squares, epsilon**2))).astype(x.dtype)


def axes_of(layer: Any, shape: Any) -> tuple[int, ...]:
    """Return the axes that `layer.axis` names, one or several, counted from 0, in order."""
    given = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    return tuple(sorted({positive_axis(layer._where(), a, shape) for a in given}))


def fix_sizes(layer: Any, shape: Any) -> tuple[int, ...]:
    """Return the sizes of the axes that `layer.axis` names; inputs must have them from now on."""
    sizes = tuple(known_size(layer._where(), shape, a) for a in axes_of(layer, shape))
    given = layer.axis if isinstance(layer.axis, list) else [layer.axis]
    rank = max(a + 1 if a >= 0 else -a for a in given)
    layer.input_spec = InputSpec(min_ndim=rank, axes={a: shape[a] for a in given})
    return sizes


class ScaleAndShift(Layer):
    """Base of normalizations with a learned scale gamma and shift beta."""

    def _set_affine(
        self,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
    ) -> None:
        """Keep what the constructor was given; `beta` and `gamma` are (initializer, ...)."""
        self.center, self.scale = center, scale
        for name, (initializer, regularizer, constraint) in (("beta", beta), ("gamma", gamma)):
            setattr(self, f"{name}_initializer", initializers.get(initializer))
            setattr(self, f"{name}_regularizer", regularizers.get(regularizer))
            setattr(self, f"{name}_constraint", constraints.get(constraint))
        self.gamma: Any = None
        self.beta: Any = None
        self.supports_masking = True

    def _add_affine(self, shape: tuple[int, ...], gamma: bool, beta: bool) -> None:
        for name, wanted in (("gamma", gamma), ("beta", beta)):
            if wanted:
                variable = self.add_weight(
                    name=name,
                    shape=shape,
                    initializer=getattr(self, f"{name}_initializer"),
                    regularizer=getattr(self, f"{name}_regularizer"),
                    constraint=getattr(self, f"{name}_constraint"),
                    autocast=False,
                )
                setattr(self, name, variable)

    def _normalized(self, x: Any, mean: Any, variance: Any, epsilon: float, shape: Any) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon) * gamma + beta, in the compute dtype.

        Args:
            x, mean, variance: arrays that broadcast.
            epsilon: added to the variance.
            shape: of gamma and beta, so that they broadcast too.
        """
        factor = lax.rsqrt(variance + epsilon)
        if self.gamma is not None:
            factor = factor * self._as(self.gamma, x.dtype, shape)
        shift = -mean * factor
        if self.beta is not None:
            shift = shift + self._as(self.beta, x.dtype, shape)
        return (x * factor + shift).astype(self.compute_dtype)

    def _as(self, variable: Any, dtype: Any, shape: Any) -> Any:
        return jnp.reshape(variable.value.astype(dtype), shape)


class LayerNormalization(ScaleAndShift):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, statistics of each sample.

    Args:
        axis: the axis, or axes, over which mean and variance are taken.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: where they start.
        beta_regularizer, gamma_regularizer: penalties added to the loss.
        beta_constraint, gamma_constraint: what they must satisfy after every step.

    Shapes:
        (N, ..., C) -> (N, ..., C).

    Weights:
        gamma, beta: sizes of the axes.

    Statistics are computed in float32 or wider whatever the policy.

    Reference:
        Ba et al., 2016, arXiv 1607.06450.

    Example:
        >>> import numpy as np
        >>> LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]])).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: Axes = -1,
        epsilon: NonNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        rms_scaling = kwargs.pop("rms_scaling", False)
        if rms_scaling:
            warnings.warn(
                "LayerNormalization(rms_scaling=True) divides by the standard deviation without "
                "taking the mean away, for old models' sake; use RMSNormalization.",
                stacklevel=2,
            )
        super().__init__(**kwargs)
        self.rms_scaling = rms_scaling
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon
        self._set_affine(
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        sizes = fix_sizes(self, input_shape)
        # For old models' sake: with rms_scaling there is always a gamma, and never a beta.
        gamma = self.scale or self.rms_scaling
        self._add_affine(sizes, gamma, self.center and not self.rms_scaling)

    def call(self, inputs: Any) -> Any:
        x, axes = widened(inputs), axes_of(self, inputs.shape)
        mean = 0.0 if self.rms_scaling else jnp.mean(x, axis=axes, keepdims=True)
        variance = jnp.var(x, axis=axes, keepdims=True)
        shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
        return self._normalized(x, mean, variance, self.epsilon, shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class GroupNormalization(ScaleAndShift):
    """As LayerNormalization, over groups of channels and all of space.

    Args:
        groups: how many; they share the channels out equally. 1 for one group, -1 for one a
            channel.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: where they start.
        beta_regularizer, gamma_regularizer: penalties added to the loss.
        beta_constraint, gamma_constraint: what they must satisfy after every step.

    Shapes:
        (N, ..., C) -> (N, ..., C).

    Weights:
        gamma (C,), beta (C,).

    Reference:
        Wu and He, 2018, arXiv 1803.08494.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 3.0, 10.0, 50.0]])
        >>> GroupNormalization(2, epsilon=0.0)(x).round(4).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self,
        groups: Groups = 32,
        axis: Axis = -1,
        epsilon: NonNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self._set_affine(
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        size = known_size(self._where(), input_shape, self.axis)
        self._axis = positive_axis(self._where(), self.axis, input_shape)
        self._count = size if self.groups == -1 else self.groups
        if self._axis == 0 or size % self._count:
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a number of channels that {self._count} groups divide, "
                    "on another axis than the batch's",
                    f"{size} on axis {self._axis}",
                    f"try groups={math.gcd(size, self._count)}, or -1 for one a channel",
                )
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        self._add_affine((size,), self.scale, self.center)

    def call(self, inputs: Any) -> Any:
        a, shape = self._axis, inputs.shape
        parts = (self._count, shape[a] // self._count)
        x = widened(inputs).reshape(*shape[:a], *parts, *shape[a + 1 :])  # C -> (G, C / G)
        axes = tuple(i for i in range(1, x.ndim) if i != a)
        mean = jnp.mean(x, axis=axes, keepdims=True)
        variance = jnp.var(x, axis=axes, keepdims=True)
        affine = [*[1] * a, *parts, *[1] * (len(shape) - a - 1)]
        outputs = self._normalized(x, mean, variance, self.epsilon, affine)
        return outputs.reshape(shape)  # (G, C / G) -> C


class RMSNormalization(Layer):
    """x / sqrt(mean(x^2) + epsilon) * scale.

    Args:
        axis: the axis, or axes, over which the mean is taken.
        epsilon: added to the mean.

    Shapes:
        (N, ..., C) -> (N, ..., C).

    Weights:
        scale: sizes of the axes.

    Reference:
        Zhang and Sennrich, 2019, arXiv 1910.07467.

    Example:
        >>> import numpy as np
        >>> bool(np.allclose(RMSNormalization()(np.array([[1.0, 7.0]])), [[0.2, 1.4]]))
        True
    """

    def __init__(self, axis: Axes = -1, epsilon: NonNegative = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        sizes = fix_sizes(self, input_shape)
        self.scale = self.add_weight(name="scale", shape=sizes, initializer="ones")

    def call(self, inputs: Any) -> Any:
        x, axes = widened(inputs), axes_of(self, inputs.shape)
        squares = jnp.mean(jnp.square(x), axis=axes, keepdims=True)
        shape = [n if i in axes else 1 for i, n in enumerate(x.shape)]
        scale = jnp.reshape(self.scale.value.astype(x.dtype), shape)
        return (x * lax.rsqrt(squares + self.epsilon) * scale).astype(inputs.dtype)


class UnitNormalization(Layer):
    """x / |x|: vectors of length 1.

    Args:
        axis: the axis, or axes, along which the length is taken.

    Shapes:
        (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> bool(np.allclose(UnitNormalization()(np.array([[3.0, 4.0]])), [[0.6, 0.8]]))
        True
    """

    def __init__(self, axis: Axes = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        return unit_length(inputs, axes_of(self, inputs.shape), 1e-12)

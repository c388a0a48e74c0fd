"""BatchNormalization: mean 0 and variance 1 for every channel, over the batch."""

from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina import initializers
from lamina._core import config
from lamina._core.configurable import Check, Fraction, is_real
from lamina._core.errors import explain
from lamina._core.input_spec import InputSpec
from lamina.layers._checks import Axis, NonNegative, check_mask, known_size, positive_axis
from lamina.layers._normalization import ScaleAndShift, widened


def _are_limits(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) <= {"rmin", "rmax", "dmax"}
        and all(v is None or is_real(v) for v in value.values())
        and (value.get("dmax") or 0) >= 0
        and not (None not in (low := value.get("rmin"), high := value.get("rmax")) and low > high)
    )


Limits = Annotated[
    Any,
    Check(
        "a dictionary of limits 'rmin', 'rmax' (not below rmin) and 'dmax' (not below 0)",
        _are_limits,
        "as {'rmin': 1 / 3, 'rmax': 3.0, 'dmax': 5.0}",
    ),
]


class BatchNormalization(ScaleAndShift):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, statistics of each channel.

    While training, mean and variance are those of the batch (and of space), and the moving
    averages follow: moving = momentum * moving + (1 - momentum) * batch's. Otherwise, and while
    `trainable` is False, the moving averages are used and stay as they are.

    Args:
        axis: the axis of the channels.
        momentum: fraction of the moving averages that each step keeps.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: where they start.
        moving_mean_initializer, moving_variance_initializer: where the averages start.
        beta_regularizer, gamma_regularizer: penalties added to the loss.
        beta_constraint, gamma_constraint: what they must satisfy after every step.
        renorm: whether training also corrects the batch's statistics towards averages of them:
            x * r + d instead of x, with r = stddev / renorm_stddev and
            d = (mean - renorm_mean) / renorm_stddev, through which no gradient flows.
        renorm_clipping: limits of that correction, {'rmin', 'rmax', 'dmax'}.
        renorm_momentum: fraction of its averages that each step keeps.
        synchronized: accepted; when training is distributed, statistics are always those of the
            whole batch.

    `layer(x, mask=...)`: places where the mask is false do not count in the statistics.

    Shapes:
        (N, ..., C) -> (N, ..., C).

    Weights:
        gamma (C,), beta (C,); not trained: moving_mean (C,), moving_variance (C,).

    Statistics are computed and kept in float32 or wider whatever the policy.

    Reference:
        Ioffe and Szegedy, 2015, arXiv 1502.03167; renorm: Ioffe, 2017, arXiv 1702.03275.

    Example:
        >>> import numpy as np
        >>> layer = BatchNormalization(momentum=0.5, epsilon=0.0)
        >>> layer(np.array([[1.0], [3.0]]), training=True).tolist()
        [[-1.0], [1.0]]
        >>> layer.moving_mean.numpy().tolist()
        [1.0]
    """

    def __init__(
        self,
        axis: Axis = -1,
        momentum: Fraction = 0.99,
        epsilon: NonNegative = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Limits | None = None,
        renorm_momentum: Fraction = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self._set_affine(
            center,
            scale,
            (beta_initializer, beta_regularizer, beta_constraint),
            (gamma_initializer, gamma_regularizer, gamma_constraint),
        )
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = (renorm_clipping or {}) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self.moving_mean: Any = None
        self.moving_variance: Any = None

    def build(self, input_shape: Any) -> None:
        size = known_size(self._where(), input_shape, self.axis)
        self._axis = positive_axis(self._where(), self.axis, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        self._add_affine((size,), self.scale, self.center)
        self.moving_mean = self._add_average("moving_mean", size, self.moving_mean_initializer)
        self.moving_variance = self._add_average(
            "moving_variance", size, self.moving_variance_initializer
        )
        if self.renorm:
            self.moving_stddev = self._add_average("moving_stddev", size, self._initial_stddev)
            self.renorm_mean = self._add_average("renorm_mean", size, self.moving_mean_initializer)
            self.renorm_stddev = self._add_average("renorm_stddev", size, self._initial_stddev)

    def _add_average(self, name: str, size: int, initializer: Any) -> Any:
        return self.add_weight(
            name=name, shape=(size,), initializer=initializer, trainable=False, autocast=False
        )

    def _initial_stddev(self, shape: Any, dtype: Any = None) -> Any:
        return np.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = widened(inputs)
        broadcast = [n if i == self._axis else 1 for i, n in enumerate(x.shape)]
        if not (training and self.trainable):
            mean, variance = (
                v.value.astype(x.dtype).reshape(broadcast)
                for v in (self.moving_mean, self.moving_variance)
            )
            return self._normalized(x, mean, variance, self.epsilon, broadcast)
        mean, variance = self._moments(x, mask)  # (1, ..., C)
        flat_mean, flat_variance = mean.reshape(-1), variance.reshape(-1)  # (C,)
        if self.renorm:
            r, d = self._correction(flat_mean, flat_variance)
            r, d = (lax.stop_gradient(c).reshape(broadcast) for c in (r, d))
            self._follow_renorm(flat_mean, flat_variance)
            x = (x - mean) * lax.rsqrt(variance + self.epsilon) * r + d
            return self._normalized(x, jnp.zeros_like(mean), jnp.ones_like(mean), 0.0, broadcast)
        self._follow(self.moving_mean, flat_mean, self.momentum)
        self._follow(self.moving_variance, flat_variance, self.momentum)
        return self._normalized(x, mean, variance, self.epsilon, broadcast)

    def _follow(self, average: Any, value: Any, momentum: float) -> Any:
        """Move an average towards `value`, and return it."""
        old = average.value.astype(value.dtype)
        return average.assign(old * momentum + lax.stop_gradient(value) * (1.0 - momentum))

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return mean and variance over all axes but the channels', of what the mask keeps."""
        axes = tuple(i for i in range(x.ndim) if i != self._axis)
        if mask is None:
            mean = jnp.mean(x, axis=axes, keepdims=True)
            return mean, jnp.var(x, axis=axes, keepdims=True)
        mask = jnp.asarray(mask)
        if mask.ndim != x.ndim - 1:
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a mask of {x.ndim - 1} axes: those of the input but for the last",
                    f"a mask of shape {mask.shape}, for an input of shape {x.shape}",
                    "for (N, T, C) it is (N, T): true where a time step counts",
                )
            )
        check_mask(self._where(), mask, x.shape)
        kept = jnp.broadcast_to(mask[..., None].astype(bool), x.shape)  # (N, T) -> (N, T, C)
        # A little is added, so that a batch that is masked whole gives 0 instead of NaN.
        count = jnp.sum(kept.astype(x.dtype), axis=axes, keepdims=True) + config.epsilon()
        mean = jnp.sum(jnp.where(kept, x, 0.0), axis=axes, keepdims=True) / count
        distances = jnp.where(kept, x - mean, 0.0)
        return mean, jnp.sum(jnp.square(distances), axis=axes, keepdims=True) / count

    def _correction(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """Return r and d of batch renormalization, clipped."""
        limits = self.renorm_clipping
        expected = self.renorm_mean.value.astype(mean.dtype)
        stddev = self.renorm_stddev.value.astype(mean.dtype)
        stddev = jnp.maximum(stddev, self.epsilon**0.5)
        r = jnp.sqrt(variance + self.epsilon) / stddev
        d = (mean - expected) / stddev
        if limits.get("rmin") is not None or limits.get("rmax") is not None:
            r = jnp.clip(r, limits.get("rmin"), limits.get("rmax"))
        if limits.get("dmax") is not None:
            d = jnp.clip(d, -limits["dmax"], limits["dmax"])
        return r, d

    def _follow_renorm(self, mean: Any, variance: Any) -> None:
        stddev = jnp.sqrt(variance + self.epsilon)
        self._follow(self.renorm_mean, mean, self.renorm_momentum)
        self._follow(self.renorm_stddev, stddev, self.renorm_momentum)
        self._follow(self.moving_mean, mean, self.momentum)
        moving = self._follow(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(jnp.maximum(jnp.square(moving) - self.epsilon, 0.0))

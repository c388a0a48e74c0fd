"""Normalization: features brought to mean 0 and variance 1, as measured on data."""

from collections.abc import Iterator
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina._core import config
from lamina._core.configurable import Check, is_integer
from lamina._core.errors import describe, explain
from lamina._core.input_spec import InputSpec
from lamina._core.layer import Layer
from lamina._core.signature import as_numbers
from lamina.layers._checks import known_size, positive_axis

KeptAxes = Annotated[
    Any,
    Check(
        "None, the number of an axis, or several",
        lambda a: (
            a is None or is_integer(a) or (isinstance(a, (list, tuple)) and all(map(is_integer, a)))
        ),
        "None for one mean of everything, -1 for one a feature",
    ),
]


class Normalization(Layer):
    """(x - mean) / sqrt(variance), with mean and variance given, or measured by `adapt`.

    Args:
        axis: the axis, or axes, that have a mean and variance for each place; None for one of
            everything.
        mean, variance: numbers or arrays, both or neither.
        invert: whether to go back: x * sqrt(variance) + mean.

    Shapes:
        (N, ...) -> (N, ...).

    Weights:
        unless given, not trained: mean, variance (sizes of `axis`), count ().

    Example:
        >>> import numpy as np
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[0.0, 9.0]])).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: KeptAxes = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if is_integer(axis) else tuple(axis)
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        if (mean is None) != (variance is None) or np.shape(mean) != np.shape(variance):
            raise ValueError(
                explain(
                    type(self).__name__,
                    "expected `mean` and `variance` of one shape, or neither",
                    f"mean {describe(mean)}, variance {describe(variance)}",
                    "leave both out and call adapt(data) to measure them",
                )
            )
        if np.ndim(mean) > len(self.axis):
            raise ValueError(
                explain(
                    type(self).__name__,
                    f"expected a mean of at most {len(self.axis)} axes, as many as `axis` names",
                    f"one of shape {np.shape(mean)} for axis={axis}",
                    "axis=None takes a number; axis=-1 one number for each feature",
                )
            )

    def build(self, input_shape: Any) -> None:
        where = self._where()
        kept = {positive_axis(where, a, input_shape): known_size(where, input_shape, a)
                for a in self.axis}  # fmt: skip
        self._kept = dict(sorted(kept.items()))
        self._broadcast = tuple(self._kept.get(i, 1) for i in range(len(input_shape)))
        self._check_given(input_shape)
        counted = {a: input_shape[a] for a in self.axis}
        # Axes counted from the end are the same whatever comes before them, the batch included.
        from_the_end = all(a < 0 for a in self.axis)
        self.input_spec = InputSpec(
            ndim=None if from_the_end else len(input_shape),
            min_ndim=max((-a for a in self.axis), default=0) if from_the_end else None,
            axes=counted,
        )
        if self.input_mean is not None:
            return
        shape = tuple(self._kept.values())
        self.adapt_mean = self.add_weight(
            name="mean", shape=shape, initializer="zeros", trainable=False
        )
        self.adapt_variance = self.add_weight(
            name="variance", shape=shape, initializer="ones", trainable=False
        )
        # Unused; it keeps its place in files.
        self.count = self.add_weight(
            name="count", shape=(), dtype="int32", initializer="zeros", trainable=False
        )

    def _check_given(self, input_shape: Any) -> None:
        given = np.shape(self.input_mean)
        sizes = zip(reversed(self._kept.values()), reversed(given), strict=False)
        if any(m not in (1, size) for size, m in sizes):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected inputs for a mean of shape {given} over axis={self.axis}",
                    f"inputs of shape {tuple(input_shape)}",
                    "give a mean and a variance for each feature, or one number for all",
                )
            )

    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts to inputs; None before the layer is built."""
        return self._statistic("mean") if self.built else None

    @property
    def variance(self) -> Any:
        """The variance, in a shape that broadcasts to inputs; None before the layer is built."""
        return self._statistic("variance") if self.built else None

    def _statistic(self, name: str) -> Any:
        given = getattr(self, f"input_{name}")
        if given is None:
            value = getattr(self, f"adapt_{name}").value
            return value.reshape(self._broadcast).astype(self.compute_dtype)
        value, shape = np.asarray(given), [1] * len(self._broadcast)
        for axis, size in zip(reversed(self._kept), reversed(value.shape), strict=False):
            shape[axis] = size
        return jnp.broadcast_to(
            jnp.asarray(value.reshape(shape), self.compute_dtype), self._broadcast
        )

    def adapt(self, data: Any) -> None:
        """Measure mean and variance.

        Args:
            data: an array, or an iterable of batches: arrays, or tuples that begin with one.

        Raises:
            ValueError: no data, data of another shape than the layer was built for, or a layer
                that was given its mean and variance.
        """
        if self.input_mean is not None:
            raise ValueError(
                explain(
                    f"{self.name}.adapt",
                    "expected a layer without `mean` and `variance`",
                    "one that was given both",
                    "leave them out, and adapt(data) measures them",
                )
            )
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for batch in batches(f"{self.name}.adapt", data):
            if not self.built:
                self.build(batch.shape)
            if len(batch.shape) != len(self._broadcast) or any(
                batch.shape[a] != n for a, n in self._kept.items()
            ):
                raise ValueError(
                    explain(
                        f"{self.name}.adapt",
                        f"expected batches of {len(self._broadcast)} axes with sizes {self._kept} "
                        "(by axis), as at build",
                        f"shape {batch.shape}",
                        "make a new layer for data of another shape",
                    )
                )
            axes = tuple(i for i in range(batch.ndim) if i not in self._kept)
            values = batch.astype("float64")
            added = values.size // max(1, int(np.prod(list(self._kept.values()))))
            # Chan et al., 1979: means and squared distances of two parts give those of both.
            change = values.mean(axis=axes) - mean
            total = count + added
            squares = squares + values.var(axis=axes) * added + change**2 * (count * added / total)
            mean, count = mean + change * (added / total), total
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(squares / count)

    def finalize_state(self) -> None:
        """Accepted for Keras' sake: mean and variance are always up to date."""

    def call(self, inputs: Any) -> Any:
        x = inputs.astype(self.compute_dtype)
        deviation = jnp.maximum(jnp.sqrt(self.variance), config.epsilon())
        return x * deviation + self.mean if self.invert else (x - self.mean) / deviation

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        numbers = {k: None if v is None else np.asarray(v).tolist() for k, v in given.items()}
        return {**super().get_config(), **numbers}


def batches(where: str, data: Any) -> Iterator[np.ndarray]:
    """Yield the arrays in `data`: itself, or the batches it gives, the first of each if tuples.

    Raises:
        ValueError: there are none, or they are not arrays.
    """
    data = as_numbers(data)
    if isinstance(data, (np.ndarray, jax.Array)):
        data = [data]
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ValueError(
            explain(
                where,
                "expected an array or an iterable of them",
                describe(data),
                "give numpy arrays, or a list or generator of batches",
            )
        )
    items = data if hasattr(data, "__iter__") else (data[i] for i in range(len(data)))
    empty = True
    for item in items:
        batch = item[0] if isinstance(item, tuple) else item
        if not hasattr(batch, "shape"):
            raise ValueError(
                explain(
                    where,
                    "expected batches that are arrays",
                    describe(batch),
                    "np.asarray(...) makes arrays of lists of numbers",
                )
            )
        if np.size(batch):
            empty = False
            yield np.asarray(batch)
    if empty:
        raise ValueError(
            explain(where, "expected data to measure", "none", "give at least one row")
        )

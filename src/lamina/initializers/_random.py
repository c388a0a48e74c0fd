"""Random initializers: normal, uniform, orthogonal, and those scaled by the size of the layer."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from lamina._core.configurable import Check, is_integer, is_real
from lamina._core.errors import describe, explain
from lamina._core.random import SeedGenerator, draw_key, make_seed
from lamina._core.serialize import deserialize_keras_object
from lamina.initializers._initializer import Initializer, as_dtype

# Standard deviation of a standard normal cut at two: drawing with std / this gives std.
_TRUNCATED_STD = 0.87962566103423978

Positive = Annotated[float, Check("a number above 0", lambda x: is_real(x) and x > 0)]


class RandomInitializer(Initializer):
    """Base of random initializers: one instance with a seed always gives the same numbers.

    Args:
        seed: a whole number, a SeedGenerator (then every call gives other numbers), or None for a
            seed of its own, drawn from Python's `random` (see `utils.set_random_seed`).
    """

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        if seed is not None and not isinstance(seed, SeedGenerator) and not is_integer(seed):
            expected = "expected a whole number, a SeedGenerator or None as `seed`"
            raise ValueError(explain(type(self).__name__, expected, describe(seed)))
        self._configured_seed = seed
        self.seed = make_seed() if seed is None else seed

    def generator(self) -> np.random.Generator:
        """Return the source of the numbers of one call."""
        key = draw_key(self.seed) if isinstance(self.seed, SeedGenerator) else self.seed % 2**64
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(np.ravel(key).tolist())))

    def _argument(self, name: str) -> Any:
        return self._configured_seed if name == "seed" else super()._argument(name)


class RandomNormal(RandomInitializer):
    """Normal: mean `mean`, standard deviation `stddev`.

    Args:
        mean: mean of the values.
        stddev: standard deviation of the values.
        seed: see `RandomInitializer`.

    Example:
        >>> w = RandomNormal(stddev=0.1, seed=1)((1000, 10))
        >>> w.shape, bool(abs(w.std() - 0.1) < 0.005)
        ((1000, 10), True)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return as_dtype(self.generator().normal(self.mean, self.stddev, shape), dtype)


class TruncatedNormal(RandomInitializer):
    """Normal, with values beyond two standard deviations drawn again.

    Args:
        mean: mean of the values.
        stddev: standard deviation before the cut.
        seed: see `RandomInitializer`.

    Example:
        >>> float(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max()) <= 2.0
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return as_dtype(self.mean + self.stddev * truncated(self.generator(), shape), dtype)


def truncated(generator: np.random.Generator, shape: Any) -> np.ndarray:
    """Return standard normal values between -2 and 2."""
    values = generator.standard_normal(math.prod(shape))
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(values[outside]) > 2]
    return values.reshape(shape)


class RandomUniform(RandomInitializer):
    """Uniform between `minval` and `maxval`.

    Args:
        minval: lower end.
        maxval: upper end.
        seed: see `RandomInitializer`.

    Example:
        >>> w = RandomUniform(-1.0, 1.0, seed=1)((100,))
        >>> bool((abs(w) <= 1).all())
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return as_dtype(self.generator().uniform(self.minval, self.maxval, shape), dtype)


class VarianceScaling(RandomInitializer):
    """Variance `scale / n`, with n from the number of inputs and outputs of the weights.

    Args:
        scale: positive factor.
        mode: n is 'fan_in' (inputs of a unit), 'fan_out' (outputs), or 'fan_avg' (their mean).
        distribution: 'truncated_normal' (or 'normal'), 'untruncated_normal', 'uniform'.
        seed: see `RandomInitializer`.
        input_axes, output_axes: axes of the weights over which inputs and outputs are counted; by
            default the last is the outputs', the one before the inputs', and those before both's.

    Example:
        >>> w = VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=1)((200, 300))
        >>> bool(abs(w.var() - 2 / 200) < 5e-4)
        True
    """

    def __init__(
        self,
        scale: Positive = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        distribution = str(distribution).lower()
        distribution = {"normal": "truncated_normal"}.get(distribution, distribution)
        _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _one_of("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance, generator = self.scale / max(1.0, n), self.generator()
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return as_dtype(generator.uniform(-limit, limit, shape), dtype)
        if self.distribution == "untruncated_normal":
            return as_dtype(generator.normal(0.0, math.sqrt(variance), shape), dtype)
        stddev = math.sqrt(variance) / _TRUNCATED_STD
        return as_dtype(stddev * truncated(generator, shape), dtype)


def compute_fans(
    shape: Any, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return how many inputs and outputs a unit with weights of `shape` has."""
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    if len(shape) == 2:
        return shape[0], shape[1]
    field = math.prod(shape[:-2])  # convolution kernels: (...space, in, out)
    return shape[-2] * field, shape[-1] * field


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            explain(
                "VarianceScaling",
                f"expected one of {', '.join(allowed)} as `{name}`",
                describe(value),
            )
        )


class _Scaled(VarianceScaling):
    """VarianceScaling with scale, mode and distribution fixed."""

    _fixed: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._fixed, seed, input_axes, output_axes)


class GlorotUniform(_Scaled):
    """Uniform in [-a, a] with a = sqrt(6 / (fan_in + fan_out)): the default of `Dense`.

    Reference:
        Glorot and Bengio, 2010.

    Example:
        >>> bool((abs(GlorotUniform(seed=1)((2, 4))) <= 1).all())
        True
    """

    _fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (fan_in + fan_out).

    Reference:
        Glorot and Bengio, 2010.
    """

    _fixed = (1.0, "fan_avg", "truncated_normal")


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / fan_in, for relu.

    Reference:
        He et al., 2015, arXiv 1502.01852.
    """

    _fixed = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform of variance 2 / fan_in, for relu.

    Reference:
        He et al., 2015, arXiv 1502.01852.
    """

    _fixed = (2.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / fan_in, for selu.

    Reference:
        Klambauer et al., 2017, arXiv 1706.02515.
    """

    _fixed = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform of variance 1 / fan_in.

    Reference:
        LeCun et al., Efficient BackProp, 1998.
    """

    _fixed = (1.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A random orthogonal matrix times `gain`: keeps lengths through many layers.

    Args:
        gain: factor.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: the shape asked for has fewer than two axes.

    Reference:
        Saxe et al., 2013, arXiv 1312.6120.

    Example:
        >>> q = Orthogonal(seed=1)((3, 3))
        >>> bool(np.allclose(q @ q.T, np.eye(3), atol=1e-5))
        True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(
                explain(
                    "Orthogonal initializer",
                    "expected a shape of two or more axes",
                    describe(shape),
                )
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        draw = self.generator().standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(draw)
        q = q * np.sign(np.diag(r))  # makes the distribution uniform over orthogonal matrices
        q = q.T if rows < columns else q
        return as_dtype(self.gain * q.reshape(shape), dtype)

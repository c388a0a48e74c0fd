"""Layers that make one array of several: sums, products, joins."""

from collections.abc import Sequence
from functools import reduce
from itertools import zip_longest
from typing import Annotated, Any

import jax.numpy as jnp
from jax import lax

from lamina._core import config
from lamina._core.configurable import Check, is_integer
from lamina._core.errors import explain
from lamina._core.layer import Layer
from lamina.layers._checks import Axis, check_mask, positive_axis
from lamina.layers._normalization import unit_length

DotAxes = Annotated[
    Any,
    Check(
        "the number of an axis, or two such numbers",
        lambda a: (
            is_integer(a)
            or (isinstance(a, (list, tuple)) and len(a) == 2 and all(map(is_integer, a)))
        ),
        "as 1, or (1, 2) for axis 1 of the first input and axis 2 of the second",
    ),
]


class Merge(Layer):
    """Base of layers that combine a list of arrays element by element.

    Arrays of fewer axes get axes of size 1 after the batch; then sizes of 1 stretch. The mask of
    the output is true where any input's is, and there is none if an input has none.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        shapes = self._shapes(inputs)
        for sizes in zip_longest(*(reversed(s[1:]) for s in shapes), fillvalue=1):
            self._check_equal(sizes, shapes, besides=1)
        self._check_equal([s[0] for s in shapes if s], shapes)
        rank = max(map(len, shapes))
        masks = self._masks(mask, inputs)
        spread = [None if m is None else _at_rank(m, rank - 1) for m in masks]
        return self.merge([_at_rank(x, rank) for x in inputs], spread)

    def _masks(self, mask: Any, inputs: Any) -> list[Any]:
        """Return a mask, or None, for each of the inputs."""
        masks = list(mask) if isinstance(mask, (list, tuple)) else [mask] * len(inputs)
        if len(masks) != len(inputs):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected a mask, or None, for each of {len(inputs)} inputs",
                    f"{len(masks)} of them",
                    "give them in the order of the inputs",
                )
            )
        for one, x in zip(masks, inputs, strict=True):
            if one is not None:
                check_mask(self._where(), one, x.shape)
        return masks

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        """Combine arrays of one rank; `masks` (None where there is none) have one axis less."""
        raise NotImplementedError(explain(type(self).__name__, "expected a `merge` method"))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None or any(m is None for m in previous_mask):
            return None
        rank = max(m.ndim for m in previous_mask)
        return reduce(jnp.logical_or, [_at_rank(m, rank) for m in previous_mask])

    def _shapes(self, inputs: Any, count: int | None = None) -> list[tuple]:
        """Return the shapes of the inputs, after a look at how many there are."""
        is_list = isinstance(inputs, (list, tuple))
        if is_list and len(inputs) == (count or max(1, len(inputs))):
            return [tuple(x.shape) for x in inputs]
        got = f"{len(inputs)} of them" if is_list else f"one array of shape {tuple(inputs.shape)}"
        number = f"{count} arrays" if count else "arrays"
        raise ValueError(
            explain(self._where(), f"expected a list of {number}", got, "call it as layer([a, b])")
        )

    def _check_equal(self, sizes: Sequence[Any], shapes: list[tuple], besides: int = 0) -> None:
        """Raise a ValueError unless the known sizes are equal; those of `besides` fit all."""
        if len({s for s in sizes if isinstance(s, int) and s != besides}) > 1:
            raise ValueError(
                explain(
                    self._where(),
                    "expected inputs of equal sizes"
                    + (", or of size 1 where they differ" if besides else " of the batch"),
                    f"shapes {', '.join(map(str, shapes))}",
                    "a Dense, Reshape or Permute layer before brings them to one shape",
                )
            )


def _at_rank(x: Any, rank: int) -> Any:
    """Return `x` with axes of size 1 after the batch: (N, C) -> (N, 1, C)."""
    missing = rank - x.ndim
    return jnp.expand_dims(x, tuple(range(1, 1 + missing))) if missing > 0 else x


class Add(Merge):
    """a + b + ...

    Shapes:
        list of (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).tolist()
        [[11.0, 22.0]]
    """

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        return reduce(jnp.add, inputs)


class Subtract(Merge):
    """a - b, of two arrays.

    Shapes:
        list of two (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Subtract()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).tolist()
        [[-9.0, -18.0]]
    """

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        self._shapes(inputs, count=2)
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """a * b * ...; where an input is masked it counts as 1, and where all are the output is 0.

    Shapes:
        list of (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).tolist()
        [[10.0, 40.0]]
    """

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        factors = [
            x if m is None else jnp.where(m[..., None], x, jnp.ones((), x.dtype))
            for x, m in zip(inputs, masks, strict=True)
        ]
        product = reduce(jnp.multiply, factors)
        if any(m is None for m in masks):
            return product
        kept = reduce(jnp.logical_or, masks)[..., None]
        return jnp.where(kept, product, jnp.zeros((), product.dtype))


class Average(Merge):
    """(a + b + ...) / number of inputs.

    Shapes:
        list of (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 6.0]])]).tolist()
        [[2.0, 4.0]]
    """

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        return reduce(jnp.add, inputs) / len(inputs)


class _Extreme(Merge):
    """The largest or smallest; a masked input gives way to the others."""

    _choose: Any

    def merge(self, inputs: list[Any], masks: list[Any]) -> Any:
        best, known = inputs[0], _spread(masks[0], inputs[0])
        for x, m in zip(inputs[1:], masks[1:], strict=True):
            kept = _spread(m, x)
            if kept is not None:
                x = jnp.where(kept, x, best)
            if known is not None:
                best = jnp.where(known, best, x)
            known = None if known is None or kept is None else known | kept
            best = type(self)._choose(best, x)
        return best


def _spread(mask: Any, x: Any) -> Any:
    """Return a mask (N, T) as (N, T, C), for x (N, T, C)."""
    return None if mask is None else jnp.broadcast_to(mask[..., None], x.shape)


class Maximum(_Extreme):
    """The largest of the inputs, element by element.

    Shapes:
        list of (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Maximum()([np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[3.0, 5.0]]
    """

    _choose = staticmethod(jnp.maximum)


class Minimum(_Extreme):
    """The smallest of the inputs, element by element.

    Shapes:
        list of (N, ...) -> (N, ...).

    Example:
        >>> import numpy as np
        >>> Minimum()([np.array([[1.0, 5.0]]), np.array([[3.0, 2.0]])]).tolist()
        [[1.0, 2.0]]
    """

    _choose = staticmethod(jnp.minimum)


class Concatenate(Merge):
    """The inputs one after another along an axis.

    Args:
        axis: the axis along which their sizes add up; the others must be equal.

    Shapes:
        list of (N, ..., C_i) -> (N, ..., sum of C_i), for the last axis.

    Example:
        >>> import numpy as np
        >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).tolist()
        [[1.0, 2.0, 3.0]]
    """

    def __init__(self, axis: Axis = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        shapes = self._shapes(inputs)
        axis = positive_axis(self._where(), self.axis, shapes[0])
        rest = [s[:axis] + s[axis + 1 :] for s in shapes]
        if len({len(s) for s in rest}) > 1 or any(
            len({size for size in sizes if isinstance(size, int)}) > 1
            for sizes in zip(*rest)  # noqa: B905
        ):
            raise ValueError(
                explain(
                    self._where(),
                    f"expected inputs of equal sizes but for axis {self.axis}",
                    f"shapes {', '.join(map(str, shapes))}",
                    "a Reshape or Permute layer before brings them to one form",
                )
            )
        self._masks(mask, inputs)
        return jnp.concatenate(inputs, axis=axis)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None or all(m is None for m in previous_mask):
            return None
        axis = self.axis % inputs[0].ndim
        masks = [_fitting(m, x) for m, x in zip(previous_mask, inputs, strict=True)]
        if axis == inputs[0].ndim - 1:  # features of one time step: any of them counts
            return reduce(jnp.logical_or, masks)
        return jnp.concatenate(masks, axis=axis)


def _fitting(mask: Any, x: Any) -> Any:
    """Return the mask of `x` (N, T, ..., C) as (N, T, ...): all true if there is none."""
    shape = x.shape[:-1]
    if mask is None:
        return jnp.ones(shape, bool)
    if mask.ndim == x.ndim:
        return jnp.any(mask, axis=-1)
    return jnp.broadcast_to(jnp.expand_dims(mask, tuple(range(mask.ndim, len(shape)))), shape)


class Dot(Merge):
    """Sum of products of two arrays over one axis of each, for each member of the batch.

    Args:
        axes: the axis of both, or one of each; not the batch's.
        normalize: whether the arrays are first scaled to length 1 along that axis, which gives
            the cosine of the angle between them.

    Shapes:
        (N, ..., K), (N, ..., K) -> (N, first's other axes, second's other axes), (N, 1) if none.

    Example:
        >>> import numpy as np
        >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).tolist()
        [[11.0]]
    """

    def __init__(self, axes: DotAxes, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = axes
        self.normalize = normalize

    def call(self, inputs: Any, mask: Any = None) -> Any:
        shapes = self._shapes(inputs, count=2)
        pair = (self.axes, self.axes) if is_integer(self.axes) else self.axes
        axes = [positive_axis(self._where(), a, s) for a, s in zip(pair, shapes, strict=True)]
        sizes = [s[a] for s, a in zip(shapes, axes, strict=True)]
        if 0 in axes or len({s for s in sizes if isinstance(s, int)}) > 1:
            raise ValueError(
                explain(
                    self._where(),
                    "expected one size of the two axes to sum over, which may not be the batch's",
                    f"shapes {shapes[0]} and {shapes[1]}, axes {tuple(axes)}",
                    "pass other axes=, one number for each input",
                )
            )
        self._check_equal([s[0] for s in shapes], shapes)
        x, y = inputs
        if self.normalize:
            x, y = (unit_length(z, a, config.epsilon()) for z, a in ((x, axes[0]), (y, axes[1])))
        # (N, ..., K), (N, ..., K) -> (N, ...x, ...y)
        out = lax.dot_general(x, y, (((axes[0],), (axes[1],)), ((0,), (0,))))
        return out[:, None] if out.ndim == 1 else out

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        return None


def add(inputs: Any, **kwargs: Any) -> Any:
    """Return a + b + ...; see `Add`.

    Example:
        >>> import numpy as np
        >>> add([np.ones((1, 2)), np.ones((1, 2))]).tolist()
        [[2.0, 2.0]]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Return a - b; see `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Return a * b * ...; see `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Return the mean of the inputs; see `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Return the largest of the inputs; see `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Return the smallest of the inputs; see `Minimum`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return the inputs one after another along `axis`; see `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Return the sum of products over `axes`; see `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)

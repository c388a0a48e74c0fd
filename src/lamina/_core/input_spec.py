"""InputSpec: what a layer accepts, checked before it computes."""

from typing import Any

from lamina._core import tree
from lamina._core.errors import describe, explain


class InputSpec:
    """The rank, shape and axes that an input must have.

    Args:
        dtype: expected dtype, None for any.
        shape: expected shape, None for sizes that may be anything.
        ndim, max_ndim, min_ndim: expected rank, exactly, at most, at least.
        axes: {axis: size} for axes of fixed size.
        allow_last_axis_squeeze: whether a last axis of 1 may be missing or extra.
        name: expected key when inputs come as a dictionary.
        optional: whether None may come instead.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 3})
        InputSpec(min_ndim=2, axes={-1: 3})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputSpec":
        return cls(**config)

    def __repr__(self) -> str:
        parts = [f"{k}={v}" for k, v in vars(self).items() if v not in (None, {}, False)]
        return f"InputSpec({', '.join(parts)})"


def check_input(where: str, spec: Any, inputs: Any) -> None:
    """Raise a ValueError if `inputs` (arrays or symbolic tensors) do not fit `spec`."""
    specs, arrays = tree.flatten(spec), tree.flatten(inputs)
    if isinstance(inputs, dict) and all(s is not None and s.name in inputs for s in specs):
        arrays = [inputs[s.name] for s in specs]
    if len(specs) != len(arrays):
        raise ValueError(
            explain(
                where,
                f"expected {len(specs)} input(s)",
                f"{len(arrays)}: " + ", ".join(describe(a) for a in arrays),
            )
        )
    for one, array in zip(specs, arrays, strict=True):
        if one is not None and not (array is None and one.optional):
            _check_one(where, one, array)


def _check_one(where: str, spec: InputSpec, x: Any) -> None:
    shape = tuple(s if isinstance(s, int) else None for s in x.shape)
    if spec.shape is not None and spec.allow_last_axis_squeeze:
        spec, shape = _squeezed(spec, shape)
    rank = len(shape)

    def fail(expected: str, help: str | None = None) -> None:
        got = f"x of shape {shape}, {x.dtype}"
        raise ValueError(explain(where, f"expected {expected}", got, help))

    if spec.ndim is not None and rank != spec.ndim:
        fail(
            f"an input of {spec.ndim} axes (the first is the batch)",
            f"it has {rank}; {_rank_help(rank, spec.ndim)}",
        )
    if spec.max_ndim is not None and rank > spec.max_ndim:
        fail(f"an input of at most {spec.max_ndim} axes")
    if spec.min_ndim is not None and rank < spec.min_ndim:
        fail(
            f"an input of at least {spec.min_ndim} axes (the first is the batch)",
            _rank_help(rank, spec.min_ndim),
        )
    if spec.dtype is not None and str(x.dtype) != str(spec.dtype):
        fail(f"an input of dtype {spec.dtype}")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            name = "last axis" if axis == -1 else f"axis {axis}"
            fail(
                f"{name} of size {size}, as at build",
                f"give it data with {size} there, or make a new layer for other sizes",
            )
    for axis, size in enumerate(spec.shape or ()):
        if size is not None and shape[axis] not in (size, None):
            fail(f"an input of shape {spec.shape}", f"axis {axis} must be {size}")


def _rank_help(rank: int, expected: int) -> str:
    if rank < expected:
        return "add an axis with x[None] (the batch, for one sample) or x[:, None] (one feature)"
    return "drop an axis, or put a Flatten or Reshape layer before"


def _squeezed(spec: InputSpec, shape: tuple) -> tuple[InputSpec, tuple]:
    """Drop a last axis of 1 from both sides."""
    wanted = spec.shape or ()
    if shape and shape[-1] == 1:
        shape = shape[:-1]
    if wanted and wanted[-1] == 1:
        spec = InputSpec(shape=wanted[:-1], dtype=spec.dtype, name=spec.name)
    return spec, shape

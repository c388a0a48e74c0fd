"""What constructor parameters of several layers must be, and the shapes they are built for."""

from typing import Annotated, Any

from lamina._core.configurable import Check, is_integer, is_real
from lamina._core.errors import describe, explain, nearest

NonNegative = Annotated[
    float, Check("a number of 0 or more", lambda x: is_real(x) and x >= 0, "use 0.0 or more")
]
BelowOne = Annotated[
    float,
    Check(
        "a fraction from 0 up to, not including, 1",
        lambda x: is_real(x) and 0 <= x < 1,
        "0.2 stands for 20 %",
    ),
]
Number = Annotated[float, Check("a number", is_real, "use a number, as 1.0")]
Axis = Annotated[int, Check("the number of an axis", is_integer, "-1 is the last axis")]
Axes = Annotated[
    Any,
    Check(
        "the number of an axis, or a list of such numbers",
        lambda x: is_integer(x) or (isinstance(x, (list, tuple)) and all(map(is_integer, x))),
        "-1 is the last axis",
    ),
]
Seed = Annotated[
    int,
    Check("a whole number of 0 or more", lambda x: is_integer(x) and x >= 0, "None draws one"),
]
Unquantized = Annotated[
    Any,
    Check(
        "None",
        lambda x: x is None,
        "quantized weights are not supported; for small models use dtype='bfloat16'",
    ),
]


def integers(where: str, name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return `value`, one integer or `count` of them, as a tuple of `count`.

    Raises:
        ValueError: it is something else, or an integer is below `least`.

    Example:
        >>> integers("UpSampling2D", "size", 2, 2)
        (2, 2)
    """
    given = (value,) * count if is_integer(value) else value
    if (
        isinstance(given, (list, tuple))
        and len(given) == count
        and all(is_integer(v) and v >= least for v in given)
    ):
        return tuple(int(v) for v in given)
    form = f"an integer or {count} integers" if count > 1 else "an integer"
    raise ValueError(
        explain(
            where,
            f"expected {form} of {least} or more as `{name}`",
            describe(value),
            f"as {name}={max(least, 2)}" + (f", or {(max(least, 2),) * count}" * (count > 1)),
        )
    )


def pairs(where: str, name: str, value: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Return what is to be taken or added before and after each of `count` axes.

    Args:
        value: one integer for everything, one for each axis, or a pair for each axis; for one
            axis, an integer or a pair.

    Example:
        >>> pairs("Cropping2D", "cropping", (1, (2, 3)), 2)
        ((1, 1), (2, 3))
    """
    if count == 1:
        value = (value,)
    elif is_integer(value):
        value = (value,) * count
    try:
        if len(value) == count:
            return tuple(integers(where, name, v, 2, least=0) for v in value)  # type: ignore[misc]
    except (TypeError, ValueError):
        pass
    given = value[0] if count == 1 else value
    forms = "an integer or 2 integers"
    if count > 1:
        forms = f"an integer, {count} integers, or {count} pairs of integers"
    raise ValueError(
        explain(
            where,
            f"expected {forms}, of 0 or more, as `{name}`",
            describe(given),
            f"as {name}=1, or {(1, 2)} for " + ("the two ends" if count == 1 else "two axes"),
        )
    )


def positive_axis(where: str, axis: int, shape: Any) -> int:
    """Return the number, counted from 0, of an axis of arrays of `shape`."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(
            explain(
                where,
                f"expected an input that has axis {axis}",
                f"shape {tuple(shape)}, {len(shape)} axes",
                "the batch is axis 0; pass another axis=",
            )
        )
    return axis % len(shape)


def known_size(where: str, shape: Any, axis: int) -> int:
    """Return the size of an axis that weights depend on.

    Raises:
        ValueError: the axis does not exist, or its size is None.
    """
    size = shape[positive_axis(where, axis, shape)]
    if size is None:
        raise ValueError(
            explain(
                where,
                f"expected an input whose axis {axis} has a fixed size: the weights depend on it",
                f"shape {tuple(shape)}",
                "give the size in Input(shape=...), None only where sizes may vary",
            )
        )
    return int(size)


def check_choice(where: str, name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise a ValueError unless `value` is one of the words `allowed`."""
    if value not in allowed:
        raise ValueError(
            explain(
                where,
                f"expected one of {', '.join(allowed)} as `{name}`",
                describe(value),
                f"as {name}='{nearest(str(value), allowed) or allowed[0]}'",
            )
        )


def check_mask(where: str, mask: Any, shape: Any) -> None:
    """Raise a ValueError unless the axes of `mask` are the first of an input of `shape`.

    Sizes must be equal, or 1 in the mask.
    """
    sizes = list(zip(mask.shape, shape, strict=False))
    if mask.ndim > len(shape) or any(
        isinstance(m, int) and isinstance(n, int) and m not in (1, n) for m, n in sizes
    ):
        raise ValueError(
            explain(
                where,
                f"expected a mask whose axes are the first of the input's, {tuple(shape)}",
                f"a mask of shape {mask.shape}",
                "for (N, T, C) it is (N, T): true where a time step counts",
            )
        )

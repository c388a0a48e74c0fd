"""x, y and sample weights, as what a data source yields and a step is given."""

from typing import Any

from lamina._core.errors import explain


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return what a step is given: x, (x,) if x is a list itself, (x, y) or all three."""
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) from what a data source yields: x, (x,), (x, y) or all three."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            explain(
                "data",
                "expected x, (x, y) or (x, y, sample_weight)",
                f"{len(data)} parts",
                "several inputs are one part: ([x1, x2], y)",
            )
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight

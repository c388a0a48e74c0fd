"""Curves: `plot_activation` and `plot_history`, by matplotlib without pyplot's global state."""

import io
import math
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from lamina import activations
from lamina._core.errors import describe, explain
from lamina.visualization._picture import file_format
from lamina.visualization._text import clean, default_face, runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIRST, _SECOND, _INK, _GREY = "#1f5fa8", "#d9772b", "#1d2733", "#6a7583"
_POINTS = 601
_PANEL = (4.2, 3.0)  # inches
_MARGINS = (0.62, 0.5, 0.18, 0.36)  # inches: left, below, right, above
_DPI = 160


def plot_activation(
    *functions: Any,
    derivative: bool = True,
    to_file: str | os.PathLike[str] | None = None,
    x_range: tuple[float, float] = (-6, 6),
) -> "Figure":
    """Draw activation functions and their derivatives, one panel each.

    Args:
        functions: names of activations, or functions of an array.
        derivative: draw f'(x) too, computed by `jax.grad`.
        to_file: the file's name (.png, .jpg, .svg or .pdf), whose folder is made.
        x_range: the least and the largest x.

    Returns:
        a matplotlib figure, which notebooks display.

    Raises:
        ValueError: an unknown name, or a function of more than one number, as softmax.

    Example:
        >>> figure = plot_activation("sigmoid", "tanh")
        >>> [axes.get_title() for axes in figure.axes]
        ['sigmoid', 'tanh']
    """
    where = "plot_activation"
    if not functions:
        raise ValueError(
            explain(
                where,
                "expected at least one activation",
                "none",
                'for example plot_activation("sigmoid", "tanh")',
            )
        )
    low, high = _check_range(x_range)
    format = None if to_file is None else file_format(to_file, where)
    x = np.linspace(low, high, _POINTS, dtype=np.float32)
    curves = [_curves_of(function, x, derivative) for function in functions]
    figure, panels = _make_figure(len(curves))
    for axes, (name, y, slope) in zip(panels, curves, strict=True):
        axes.axhline(0, color="#c3cad3", linewidth=0.9, zorder=1)
        axes.axvline(0, color="#c3cad3", linewidth=0.9, zorder=1)
        axes.plot(x, y, color=_FIRST, linewidth=2.2, label="f(x)")
        if slope is not None:
            axes.plot(
                x, slope, color=_SECOND, linewidth=1.6, linestyle=(0, (5, 2)), label="f\u2032(x)"
            )
        axes.set_xlim(low, high)
        axes.set_xlabel("x", color=_GREY, fontsize=9)
        _title(axes, name)
        _legend(axes)
    return _finish(figure, to_file, format)


def _check_range(x_range: Any) -> tuple[float, float]:
    try:
        low, high = (float(x) for x in x_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            explain(
                "plot_activation",
                "expected `x_range` as two finite numbers, the lower first",
                describe(x_range),
                "(-6, 6) is the default",
            )
        )
    return low, high


def _curves_of(function: Any, x: np.ndarray, derivative: bool) -> tuple[str, Any, Any]:
    """Return name, values and slopes of an activation."""
    f = activations.get(function)
    name = function if isinstance(function, str) else getattr(f, "__name__", type(f).__name__)
    failure = None
    try:
        (y, slope), together = jax.jit(lambda x: (jax.vmap(jax.value_and_grad(f))(x), f(x)))(x)
        fits = y.shape == together.shape == x.shape and np.allclose(
            y, together, rtol=1e-3, atol=1e-5, equal_nan=True
        )
    except Exception as error:  # the user's function may fail in any way
        fits, failure = False, error
    if not fits:
        raise ValueError(
            explain(
                "plot_activation",
                "expected functions of one number, which can be drawn as a curve",
                f"'{clean(name)}', which is none: it turns whole vectors into vectors",
                "draw sigmoid, which is what softmax gives for the two numbers (x, 0)",
            )
        ) from failure
    return clean(name), np.asarray(y), np.asarray(slope) if derivative else None


def plot_history(history: Any, to_file: str | os.PathLike[str] | None = None) -> "Figure":
    """Draw loss and metrics over the epochs, those of the validation data beside those of training.

    Args:
        history: what `fit` returned, or a dictionary with a list of numbers per metric.
        to_file: the file's name (.png, .jpg, .svg or .pdf), whose folder is made.

    Returns:
        a matplotlib figure, which notebooks display.

    Raises:
        ValueError: there are no epochs, or the values are not numbers.

    Example:
        >>> logs = {"loss": [0.7, 0.5], "val_loss": [0.8, 0.6], "accuracy": [0.6, 0.7]}
        >>> figure = plot_history(logs)
        >>> [axes.get_title() for axes in figure.axes]
        ['loss', 'accuracy']
    """
    from matplotlib.ticker import MaxNLocator

    format = None if to_file is None else file_format(to_file, "plot_history")
    values, epochs = _read_history(history)
    names = [name for name in values if not (name.startswith("val_") and name[4:] in values)]
    names.sort(key=lambda name: name != "loss")  # the loss first, the others as they come
    figure, panels = _make_figure(len(names))
    for axes, name in zip(panels, names, strict=True):
        _draw_metric(axes, epochs, values[name], _FIRST, "solid", "training")
        if f"val_{name}" in values:
            _draw_metric(axes, epochs, values[f"val_{name}"], _SECOND, (0, (5, 2)), "validation")
            _legend(axes)
        axes.set_xlabel("epoch", color=_GREY, fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _title(axes, clean(name))
    return _finish(figure, to_file, format)


def _read_history(history: Any) -> tuple[dict[str, list[float]], list[int]]:
    """Return the numbers of each metric, and the epochs as they are counted for people, from 1."""
    logs = history if isinstance(history, Mapping) else getattr(history, "history", None)
    example = "pass what `model.fit(...)` returned"
    if not isinstance(logs, Mapping):
        raise TypeError(
            explain(
                "plot_history", "expected a History or a dictionary", describe(history), example
            )
        )
    try:
        values = {str(name): [float(v) for v in numbers] for name, numbers in logs.items()}
    except (TypeError, ValueError):
        raise ValueError(
            explain(
                "plot_history",
                "expected a list of numbers for each metric",
                describe(dict(logs)),
                example,
            )
        ) from None
    longest = max((len(numbers) for numbers in values.values()), default=0)
    if not longest:
        raise ValueError(
            explain(
                "plot_history",
                "expected at least one finished epoch",
                "an empty history",
                "train with `fit` first",
            )
        )
    epochs = list(getattr(history, "epoch", ()))
    if len(epochs) != longest:
        epochs = list(range(longest))
    return {name: numbers for name, numbers in values.items() if numbers}, [e + 1 for e in epochs]


def _draw_metric(
    axes: "Axes",
    epochs: Sequence[int],
    numbers: Sequence[float],
    colour: str,
    style: Any,
    label: str,
) -> None:
    # Validation may run in some epochs only: then its values belong to evenly spread epochs.
    step = max(1, len(epochs) // len(numbers))
    at = epochs[step - 1 :: step][: len(numbers)]
    marker = "o" if len(numbers) <= 20 else None
    axes.plot(
        at,
        numbers[: len(at)],
        color=colour,
        linewidth=1.8,
        linestyle=style,
        marker=marker,
        markersize=3.5,
        label=label,
    )


# Figures --------------------------------------------------------------------------------------


def _make_figure(count: int) -> tuple["Figure", list["Axes"]]:
    from matplotlib.figure import Figure

    columns = count if count <= 3 else 2 if count == 4 else 3
    rows = math.ceil(count / columns)
    width, height = _PANEL[0] * columns, _PANEL[1] * rows
    figure = Figure(figsize=(width, height))
    # Placed by hand: matplotlib's own layout draws everything twice.
    panels = []
    for number in range(count):
        row, column = divmod(number, columns)
        left = (column * _PANEL[0] + _MARGINS[0]) / width
        bottom = ((rows - 1 - row) * _PANEL[1] + _MARGINS[1]) / height
        size = (_PANEL[0] - _MARGINS[0] - _MARGINS[2], _PANEL[1] - _MARGINS[1] - _MARGINS[3])
        panels.append(figure.add_axes((left, bottom, size[0] / width, size[1] / height)))
    for axes in panels:
        axes.grid(True, color="#e6eaef", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color("#9aa4af")
        axes.tick_params(colors=_GREY, labelsize=8.5)
    return figure, panels


def _title(axes: "Axes", text: str) -> None:
    from matplotlib.font_manager import FontProperties

    other = next((face for face, _ in runs(text, True) if face != default_face(True)), None)
    font = {"font": FontProperties(fname=other[0])} if other else {"fontweight": "bold"}
    axes.set_title(text, fontsize=11, color=_INK, parse_math=False, **font)


def _legend(axes: "Axes") -> None:
    axes.legend(fontsize=8.5, frameon=True, framealpha=0.9, edgecolor="none", labelcolor=_INK)


def _finish(
    figure: "Figure", to_file: str | os.PathLike[str] | None, format: str | None
) -> "Figure":
    """Save the figure if asked to, and let notebooks show it, which know only pyplot's."""
    if to_file is not None:
        folder = os.path.dirname(os.fspath(to_file))
        if folder:
            os.makedirs(folder, exist_ok=True)
        figure.savefig(to_file, format=format, dpi=_DPI)
    setattr(figure, "_repr_png_", partial(_png_of, figure))  # noqa: B010
    return figure


def _png_of(figure: "Figure") -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()

"""The finished picture: saves itself to a file and shows itself in a notebook."""

import os
from typing import Any

from lamina._core.errors import describe, explain, nearest
from lamina.visualization._paint import FORMATS, paint
from lamina.visualization._scene import Scene


class Picture:
    """A picture that a notebook displays by itself.

    Args:
        scene: what is to be seen.
        dpi: dots per inch of its pixels.
        format: how a notebook shows it: 'svg', or as pixels.
    """

    def __init__(self, scene: Scene, dpi: float = 200, format: str = "png") -> None:
        self.scene = scene
        self.dpi = dpi
        self.format = format
        self._painted: dict[str, bytes] = {}

    def to_bytes(self, format: str = "png") -> bytes:
        """Return the picture as a file of that format: png, jpg, svg or pdf."""
        if format not in self._painted:
            self._painted[format] = paint(self.scene, format, self.dpi)
        return self._painted[format]

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the picture to `path`, and make its folder; the file's name says the format."""
        format = format or file_format(path)
        content = self.to_bytes(format)
        folder = os.path.dirname(os.fspath(path))
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    @property
    def data(self) -> bytes:
        """The picture as a notebook shows it."""
        return self.to_bytes("svg" if self.format == "svg" else "png")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if self.format == "svg":
            return {"image/svg+xml": self.data.decode()}
        # On the screen as large as on paper, whatever the resolution: 96 dots to the inch.
        size = {
            "width": round(self.scene.width * 4 / 3),
            "height": round(self.scene.height * 4 / 3),
        }
        return {"image/png": self.data}, {"image/png": size}

    def __repr__(self) -> str:
        return f"<Picture of {self.scene.width:.0f} x {self.scene.height:.0f} points>"


def file_format(
    path: str | os.PathLike[str], where: str = "plot_model", more: tuple[str, ...] = ()
) -> str:
    """Return the format that the ending of a file's name asks for; png if it has none."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            explain(
                where,
                "expected the name of a file as `to_file`",
                describe(path),
                "for example 'model.png'",
            )
        )
    extension = os.path.splitext(os.fspath(path))[1].lower().lstrip(".") or "png"
    known = (*FORMATS, *more)
    if extension not in known:
        near = nearest(extension, known)
        raise ValueError(
            explain(
                where,
                f"expected `to_file` to end in one of {', '.join('.' + f for f in known)}",
                repr(os.fspath(path)),
                f"use .{near or 'png'}",
            )
        )
    return extension


def check_dpi(dpi: Any, where: str) -> float:
    """Return `dpi` as a number; None is 96, as in Graphviz."""
    if dpi is None:
        return 96.0
    try:
        number = float(dpi)
    except (TypeError, ValueError):
        number = 0.0
    if not 1 <= number <= 10_000:  # false for NaN too
        raise ValueError(
            explain(
                where,
                "expected `dpi` as a number from 1 to 10000",
                describe(dpi),
                "200 looks sharp on screens",
            )
        )
    return number


def check_choice(value: Any, known: tuple[str, ...], argument: str, where: str) -> str:
    """Return `value` if it is one of `known`."""
    if value in known:
        return str(value)
    near = nearest(str(value), known)
    raise ValueError(
        explain(
            where,
            f"expected `{argument}` to be one of {', '.join(map(repr, known))}",
            describe(value),
            f"did you mean {near!r}?" if near else f"{known[0]!r} is the default",
        )
    )

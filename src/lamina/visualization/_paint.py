"""Painters: a Scene becomes the bytes of a PNG, JPEG, SVG or PDF file."""

import io
import math
import warnings
from html import escape
from itertools import pairwise
from typing import Any

from lamina._core.errors import explain, nearest
from lamina.visualization._scene import Point, Scene, Shape, Text
from lamina.visualization._text import load_font, runs

FORMATS = ("png", "jpg", "jpeg", "svg", "pdf")

_SMOOTHING = 3  # shapes are drawn this many times larger in each direction, then averaged
_BAND_PIXELS = 2_000_000  # at most so many enlarged pixels at a time
_MOST_PIXELS = 100_000_000  # larger pictures are drawn with a lower resolution
_LONGEST_SIDE = 32_000  # what common viewers open

_FONT_FAMILY = (
    "'DejaVu Sans', Verdana, 'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', "
    "'Microsoft YaHei', 'WenQuanYi Micro Hei', sans-serif"
)


def paint(scene: Scene, format: str, dpi: float) -> bytes:
    """Return the file that shows `scene`; `dpi` counts for pixels only."""
    if format == "svg":
        return paint_svg(scene).encode()
    if format == "pdf":
        return paint_pdf(scene)
    if format in ("png", "jpg", "jpeg"):
        return _paint_pixels(scene, "png" if format == "png" else "jpeg", dpi)
    known = ", ".join(FORMATS)
    near = nearest(format, FORMATS)
    raise ValueError(
        explain(
            "lamina.visualization",
            "expected a picture format that can be written",
            repr(format),
            (f"did you mean '{near}'? " if near else "") + f"Known: {known}",
        )
    )


# Pixels ---------------------------------------------------------------------------------------


def _paint_pixels(scene: Scene, format: str, dpi: float) -> bytes:
    from PIL import Image, ImageDraw

    dpi = _possible_dpi(scene, dpi)
    scale = dpi / 72
    width, height = max(1, math.ceil(scene.width * scale)), max(1, math.ceil(scene.height * scale))
    image = Image.new("RGB", (width, height), "white")
    big = scale * _SMOOTHING
    # In whole numbers, which bands shift without a seam.
    outlines: list[list[Point]] = [
        [(round(x * big), round(y * big)) for x, y in flatten(shape)] for shape in scene.shapes
    ]
    # In bands, because the enlarged picture of a deep model would fill the memory.
    rows = max(8, _BAND_PIXELS // (width * _SMOOTHING**2))
    for top in range(0, height, rows):
        size = (width * _SMOOTHING, min(rows, height - top) * _SMOOTHING)
        band = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(band)
        for shape, outline in zip(scene.shapes, outlines, strict=True):
            _draw_shape(draw, shape, outline, top * _SMOOTHING, size[1], big)
        image.paste(band.reduce(_SMOOTHING), (0, top))
    draw = ImageDraw.Draw(image)
    for text in scene.texts:
        _draw_text(draw, text, scale)
    file = _InMemory(format)
    image.save(file, dpi=(dpi, dpi), quality=95, compress_level=1)
    return file.getvalue()


class _InMemory(io.BytesIO):
    """A file by whose name Pillow knows the format, and loads that alone instead of all."""

    def __init__(self, format: str) -> None:
        super().__init__()
        self.name = f"picture.{format}"


def _possible_dpi(scene: Scene, dpi: float) -> float:
    """Return `dpi`, or less where the picture would have too many pixels to be opened."""
    area, side = scene.width * scene.height / 72**2, max(scene.width, scene.height) / 72
    most = min((_MOST_PIXELS / area) ** 0.5, _LONGEST_SIDE / side)
    if dpi <= most:
        return dpi
    warnings.warn(
        f"the picture is {scene.width / 72:.0f} by {scene.height / 72:.0f} inches: "
        f"it is drawn at {most:.0f} dots per inch instead of {dpi:g}. "
        "As .svg or .pdf it has no such limit.",
        stacklevel=2,
    )
    return most


def _draw_shape(
    draw: Any, shape: Shape, outline: list[Point], top: float, rows: int, scale: float
) -> None:
    margin = shape.width * scale
    heights = [y for _, y in outline]
    if max(heights) + margin < top or min(heights) - margin > top + rows:
        return
    points = [(x, y - top) for x, y in outline]
    if shape.fill:
        draw.polygon(points, fill=shape.fill)
    if shape.stroke:
        width = max(1, round(margin))
        if shape.closed:
            # The second corner again, so that the first one is joined too.
            points = [*points, points[0]] if shape.dash else [*points, *points[:2]]
        parts = _dashes(points, [d * scale for d in shape.dash]) if shape.dash else [points]
        for part in parts:
            draw.line(part, fill=shape.stroke, width=width, joint="curve")


def _draw_text(draw: Any, text: Text, scale: float) -> None:
    pixels = text.size * scale
    parts = [
        (load_font(face, pixels), part, load_font(face, pixels).getlength(part))
        for face, part in runs(text.text, text.bold)
    ]
    x = text.x * scale
    x -= sum(width for *_, width in parts) * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    for font, part, width in parts:
        draw.text((x, text.y * scale), part, text.colour, font, anchor="ls")
        x += width


def flatten(shape: Shape) -> list[Point]:
    """Return the corners of `shape`, its curves replaced by short lines."""
    points = [shape.start]
    for segment in shape.segments:
        if len(segment) == 1:
            points.append(segment[0])
            continue
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[-1], *segment
        steps = min(40, 4 + int((abs(x3 - x0) + abs(y3 - y0)) / 3))
        for i in range(1, steps + 1):
            t = i / steps
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return points


def _dashes(points: list[Point], lengths: list[float]) -> list[list[Point]]:
    """Return the parts of a line that a dash pattern (drawn, left out, ...) leaves."""
    parts: list[list[Point]] = [[points[0]]]
    which, left = 0, lengths[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        done = 0.0
        while length - done > left:
            done += left
            point = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if which == 0:
                parts[-1].append(point)
            else:
                parts.append([point])
            which = 1 - which
            left = lengths[which]
        left -= length - done
        if which == 0:
            parts[-1].append((x1, y1))
    return [part for part in parts if len(part) > 1]


# SVG ------------------------------------------------------------------------------------------


def paint_svg(scene: Scene) -> str:
    """Return `scene` as the text of an SVG file; names stay text that can be searched."""
    width, height = _number(scene.width), _number(scene.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" font-family="{_FONT_FAMILY}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    lines += [_svg_shape(shape) for shape in scene.shapes]
    lines += [_svg_text(text) for text in scene.texts]
    return "\n".join([*lines, "</svg>", ""])


def _svg_shape(shape: Shape) -> str:
    steps = [f"M{_pair(shape.start)}"]
    steps += [("L" if len(s) == 1 else "C") + " ".join(map(_pair, s)) for s in shape.segments]
    if shape.closed:
        steps.append("Z")
    style = f'fill="{shape.fill or "none"}"'
    if shape.stroke:
        style += f' stroke="{shape.stroke}" stroke-width="{_number(shape.width)}"'
        style += ' stroke-linejoin="round"'
    if shape.dash:
        style += f' stroke-dasharray="{" ".join(map(_number, shape.dash))}"'
    return f'<path d="{"".join(steps)}" {style}/>'


def _svg_text(text: Text) -> str:
    style = f'font-size="{_number(text.size)}" fill="{text.colour}"'
    if text.bold:
        style += ' font-weight="bold"'
    if text.anchor != "start":
        style += f' text-anchor="{text.anchor}"'
    place = f'x="{_number(text.x)}" y="{_number(text.y)}"'
    return f"<text {place} {style}>{escape(text.text)}</text>"


def _pair(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


# PDF ------------------------------------------------------------------------------------------


def paint_pdf(scene: Scene) -> bytes:
    """Return `scene` as a PDF of one page, all lines and letters kept as such."""
    import matplotlib
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

    figure = Figure(figsize=(scene.width / 72, scene.height / 72), dpi=72)
    FigureCanvasPdf(figure)
    upside_down = Affine2D().scale(1, -1).translate(0, scene.height)
    for shape in scene.shapes:
        corners, codes = [shape.start], [Path.MOVETO]
        for segment in shape.segments:
            corners += segment
            codes += [Path.LINETO] if len(segment) == 1 else [Path.CURVE4] * 3
        if shape.closed:
            corners.append(shape.start)
            codes.append(Path.CLOSEPOLY)
        patch = PathPatch(
            Path(corners, codes),
            facecolor=shape.fill or "none",
            edgecolor=shape.stroke or "none",
            linewidth=shape.width if shape.stroke else 0,
            linestyle=(0, [d / shape.width for d in shape.dash]) if shape.dash else "solid",
            capstyle="butt",
            joinstyle="round",
            transform=upside_down,
        )
        figure.add_artist(patch)
    for text in scene.texts:
        _add_pdf_text(figure, text, scene)
    file = io.BytesIO()
    # Text stays text; of characters that no font has, `runs` has warned already.
    with matplotlib.rc_context({"pdf.fonttype": 42}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(file, format="pdf", metadata={"CreationDate": None})
    return file.getvalue()


def _add_pdf_text(figure: Any, text: Text, scene: Scene) -> None:
    from matplotlib.font_manager import FontProperties

    parts = [
        (face, part, load_font(face, 64).getlength(part) * text.size / 64)
        for face, part in runs(text.text, text.bold)
    ]
    x = text.x - sum(w for *_, w in parts) * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    for face, part, width in parts:
        figure.text(
            x / scene.width,
            1 - text.y / scene.height,
            part,
            size=text.size,
            color=text.colour,
            font=FontProperties(fname=face[0]),
            va="baseline",
            parse_math=False,
        )
        x += width

"""Text of pictures: made harmless, measured, shortened, and given fonts with its characters."""

import importlib.util
import os
import sys
import unicodedata
import warnings
from functools import cache
from itertools import groupby
from typing import Any

from lamina._core.errors import explain

# Any name is cut to this many characters before anything else looks at it.
_LONGEST = 300
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
# Widths are measured at this size in pixels, then scaled.
_MEASURED_AT = 64
# Characters that DejaVu Sans lacks are mostly Chinese, Japanese and Korean. The fonts that usual
# systems have for them, by how their files' names begin, the best looking first.
_WIDE_FONTS = (
    *("notosanscjk", "notosanssc", "sourcehansans", "pingfang", "hiraginosansgb", "msyh"),
    *("wqy-microhei", "wqymicrohei", "wqy-zenhei", "droidsansfallback", "stheiti", "deng"),
    *("simhei", "notosanstc", "notosansjp", "notosanskr", "yugoth", "meiryo", "malgun"),
    *("applesdgothicneo", "arialunicode", "unifont", "notoserifcjk", "simsun", "uming", "msgothic"),
)


def clean(text: object) -> str:
    """Return `text` as one line without control characters or heaps of accents.

    Example:
        >>> clean("a\\nb<b>")
        'a b<b>'
    """
    kept: list[str] = []
    marks = 0
    for char in str(text)[:_LONGEST]:
        category = unicodedata.category(char)
        marks = marks + 1 if category == "Mn" else 0
        if category in ("Zl", "Zp", "Zs") or char in "\t\n\r\v\f":
            kept.append(" ")
        elif category in ("Cc", "Cs", "Co") or char in "\ufffe\uffff":
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif (
            category != "Cf" and marks <= 2
        ):  # Cf: characters that turn or join what is beside them
            kept.append(char)
    return "".join(kept).strip() + (_ELLIPSIS if len(str(text)) > _LONGEST else "")


def measure(text: str, size: float, bold: bool = False) -> float:
    """Return the width of `text` in points."""
    width = 0.0
    for face, part in runs(text, bold):
        font = load_font(face, _MEASURED_AT)
        width += font.getlength(part)
        # Chinese where this machine has no font for it: whoever opens the .svg may have one.
        wide = [char for char in part if unicodedata.east_asian_width(char) in "WF"]
        width += sum(max(0, _MEASURED_AT - font.getlength(char)) for char in wide)
    return width * size / _MEASURED_AT


def shorten(text: str, size: float, width: float, bold: bool = False) -> str:
    """Return `text` with its middle left out where it is wider than `width` points."""
    if measure(text, size, bold) <= width:
        return text
    low, high = 1, len(text) - 1
    while low < high:
        middle = (low + high + 1) // 2
        fits = measure(_keep(text, middle), size, bold) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return _keep(text, low)


def _keep(text: str, count: int) -> str:
    head = (count + 1) // 2
    return text[:head].rstrip() + _ELLIPSIS + text[len(text) - (count - head) :].lstrip()


Face = tuple[str, int]  # a font's file and its index in that file


def runs(text: str, bold: bool = False) -> list[tuple[Face, str]]:
    """Return `text` in parts, each with the font that has its characters."""
    if text.isascii():
        return [(default_face(bold), text)] if text else []
    return [
        (face, "".join(part)) for face, part in groupby(text, lambda char: _face_of(char, bold))
    ]


@cache
def load_font(face: Face, pixels: float) -> Any:
    """Return Pillow's font."""
    from PIL import ImageFont

    return ImageFont.truetype(face[0], pixels, index=face[1])


@cache
def default_face(bold: bool = False) -> Face:
    """Return DejaVu Sans, which comes with matplotlib."""
    # Found without importing matplotlib, which takes several times as long as a whole picture.
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            explain(
                "lamina.visualization",
                "expected matplotlib, whose font the pictures use",
                "a Python environment without it",
                "pip install matplotlib",
            )
        )
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    folder = os.path.dirname(spec.origin)
    return (os.path.join(folder, "mpl-data", "fonts", "ttf", name), 0)


@cache
def _face_of(char: str, bold: bool) -> Face:
    face = default_face(bold)
    if char.isascii() or _has(face, char):
        return face
    for other in _wide_faces(bold):
        if _has(other, char):
            return other
    _warn_of_missing_font()
    return face


def _has(face: Face, char: str) -> bool:
    # Fonts draw one and the same sign for all that they lack; U+10FFFF is never a character.
    font = load_font(face, 24)
    mask, missing = font.getmask(char), font.getmask("\U0010ffff")
    return mask.size != missing.size or bytes(mask) != bytes(missing)


@cache
def _warn_of_missing_font() -> None:
    warnings.warn(
        explain(
            "lamina.visualization",
            "expected a font on this machine for every character of the picture",
            "characters that none has; they are drawn as boxes",
            "install one (for Chinese, Japanese and Korean: Noto Sans CJK), or save as .svg",
        ),
        stacklevel=2,
    )


@cache
def _wide_faces(bold: bool) -> list[Face]:
    """Return the fonts for wide characters that the machine has, the best first."""
    found: list[tuple[int, bool, str]] = []
    for folder in _font_folders():
        for path, _, names in os.walk(folder):
            for name in names:
                stem, extension = os.path.splitext(name.lower().replace(" ", ""))
                rank = next((i for i, w in enumerate(_WIDE_FONTS) if stem.startswith(w)), None)
                if rank is None or extension not in (".ttf", ".ttc", ".otf"):
                    continue
                heavy = "bold" in stem or stem.endswith("bd")
                light = any(word in stem for word in ("thin", "light", "black", "medium"))
                found.append((rank + 100 * light, heavy != bold, os.path.join(path, name)))
    return [(path, _chinese_index(path)) for _, _, path in sorted(found)]


def _chinese_index(path: str) -> int:
    """Return which font of a collection has the Chinese forms of characters; else the first."""
    if path.lower().endswith(".ttc"):
        for index in range(5):
            try:
                family = load_font((path, index), 24).getname()[0] or ""
            except OSError:
                break
            if family.endswith((" SC", " GB")):
                return index
    return 0


def _font_folders() -> list[str]:
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", home)
        windows = os.environ.get("WINDIR", "C:\\Windows")
        return [
            os.path.join(windows, "Fonts"),
            os.path.join(local, "Microsoft", "Windows", "Fonts"),
        ]
    if sys.platform == "darwin":
        return ["/System/Library/Fonts", "/Library/Fonts", os.path.join(home, "Library", "Fonts")]
    return [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        os.path.join(home, ".local", "share", "fonts"),
        os.path.join(home, ".fonts"),
    ]

"""Painters: the same scene as pixels, as SVG text and as PDF."""

import io
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops

from lamina.visualization import _paint
from lamina.visualization._paint import paint, paint_svg
from lamina.visualization._picture import Picture
from lamina.visualization._scene import Scene, round_corners

HOSTILE = '<script>alert(1)</script> & "quotes" ]]> $x_1$ \''


@pytest.fixture
def scene():
    scene = Scene(144, 72)
    scene.rect(10, 10, 60, 40, fill="#ff0000", stroke="#0000ff", radius=5, dash=(4, 3))
    scene.circle(110, 30, 12, fill="#00ff00")
    scene.outline(*round_corners([(70, 30), (90, 30), (90, 60)], 6), colour="#000000")
    scene.arrow_head((90, 66), (0, 1), "#000000")
    scene.text(72, 68, HOSTILE, 4, anchor="middle")
    return scene


def pixels(scene, dpi=72):
    return Image.open(io.BytesIO(paint(scene, "png", dpi)))


@pytest.mark.parametrize("dpi", [72, 100, 200])
def test_png_has_the_size_and_resolution_asked_for(scene, dpi):
    image = pixels(scene, dpi)
    assert image.size == (2 * dpi, dpi)
    assert image.info["dpi"][0] == pytest.approx(dpi, abs=0.1)


def test_png_shows_the_shapes(scene):
    image = pixels(scene)
    assert image.getpixel((40, 30)) == (255, 0, 0)
    assert image.getpixel((110, 30)) == (0, 255, 0)
    assert image.getpixel((140, 5)) == (255, 255, 255)


def test_text_is_drawn_dark_and_sharp():
    scene = Scene(60, 30)
    scene.text(30, 22, "I I I", 20, bold=True, anchor="middle")
    histogram = pixels(scene, 200).convert("L").histogram()
    assert sum(histogram[:30]) > 300  # full black strokes
    assert sum(histogram[30:225]) < sum(histogram[:30])  # with thin grey edges


def test_bands_do_not_show(scene, monkeypatch):
    whole = pixels(scene, 150)
    monkeypatch.setattr(_paint, "_BAND_PIXELS", 20_000)
    # Pillow rounds the corners of wide lines otherwise above its sheet: by parts of a pixel.
    differences = ImageChops.difference(whole, pixels(scene, 150)).convert("L").histogram()
    assert sum(differences[129:]) == 0
    assert sum(differences[1:]) < 100


def test_a_picture_too_large_to_open_is_drawn_smaller():
    with pytest.warns(UserWarning, match="dots per inch instead of 200"):
        image = pixels(Scene(100, 72 * 200), 200)
    assert image.height <= 32_000


def test_svg_is_well_formed_and_text_stays_text(scene):
    root = ElementTree.fromstring(paint_svg(scene))
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [HOSTILE]
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_pdf_has_vectors_and_fonts(scene):
    scene.text(10, 8, "Dense", 6, bold=True)
    pdf = paint(scene, "pdf", 200)
    assert pdf.startswith(b"%PDF")
    assert b"DejaVuSans-Bold" in pdf
    assert b"/Subtype /Image" not in pdf


@pytest.mark.parametrize("format", ["jpg", "jpeg"])
def test_jpeg(scene, format):
    assert Image.open(io.BytesIO(paint(scene, format, 72))).format == "JPEG"


def test_an_unknown_format_is_refused_with_those_known(scene):
    with pytest.raises(ValueError, match=r"did you mean 'png'.*jpg, jpeg, svg, pdf"):
        paint(scene, "pmg", 72)


def test_a_notebook_gets_one_form_at_the_size_of_paper(scene):
    data, size = Picture(scene, dpi=300)._repr_mimebundle_()
    assert list(data) == ["image/png"]
    assert size["image/png"] == {"width": 192, "height": 96}
    assert list(Picture(scene, format="svg")._repr_mimebundle_()) == ["image/svg+xml"]

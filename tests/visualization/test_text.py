"""Text: harmless whatever it is, short enough, and in fonts that have it."""

import pytest

from lamina.visualization import _text
from lamina.visualization._text import clean, default_face, measure, runs, shorten


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\nb\tc", "a b c"),
        ("<b>&amp;", "<b>&amp;"),
        ("null\0bell\x07", "null\ufffdbell\ufffd"),
        ("right\u202eto left", "rightto left"),
        ("lone \ud800", "lone \ufffd"),
        ("e" + 50 * "\u0301", "e" + 2 * "\u0301"),
        ("隐藏层", "隐藏层"),
        (42, "42"),
    ],
)
def test_clean(text, kept):
    assert clean(text) == kept


def test_very_long_text_is_cut():
    assert len(clean("x" * 10_000)) < 400


def test_shorten_keeps_both_ends_and_fits():
    name = "stage_4_" + "x" * 200 + "_conv_17"
    short = shorten(name, 10, 120)
    assert short.startswith("stage_4")
    assert short.endswith("_17")
    assert "\u2026" in short
    assert measure(short, 10) <= 120 < measure(short + "xx", 10)
    assert shorten("Dense", 10, 120) == "Dense"


def test_bold_is_wider_and_width_grows_with_size():
    assert measure("Dense", 10, bold=True) > measure("Dense", 10)
    assert measure("Dense", 20) == pytest.approx(2 * measure("Dense", 10))


def test_the_font_comes_with_matplotlib_which_is_not_imported(fresh_python):
    program = (
        "import sys; from lamina.visualization._text import default_face; import os\n"
        "print(os.path.exists(default_face()[0]), 'matplotlib' in sys.modules)"
    )
    assert fresh_python(program) == "True False\n"


@pytest.fixture
def no_other_fonts(monkeypatch):
    for cached in (_text._face_of, _text._warn_of_missing_font):
        cached.cache_clear()
    monkeypatch.setattr(_text, "_wide_faces", lambda bold: [])
    yield
    for cached in (_text._face_of, _text._warn_of_missing_font):
        cached.cache_clear()


def test_without_a_font_for_them_characters_become_boxes_and_one_warning(no_other_fonts):
    with pytest.warns(UserWarning, match="expected a font") as warned:
        parts = runs("层 layer 层")
    assert parts == [(default_face(), "层 layer 层")]
    assert len(warned) == 1
    assert measure("层", 10) > 0


def test_wide_characters_have_an_em_each_for_readers_that_have_the_font(no_other_fonts):
    with pytest.warns(UserWarning, match="expected a font"):
        width = measure("隐藏层", 10)
    assert width == pytest.approx(30)
    assert measure("隐藏层 a", 10) == pytest.approx(30 + measure(" a", 10))


def test_accents_and_greek_need_no_other_font(no_other_fonts):
    assert runs("Größe α_1 слой") == [(default_face(), "Größe α_1 слой")]


def test_other_fonts_are_found_in_the_usual_folders(monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("wqy-zenhei.ttc", "NotoSansCJK-Regular.ttc", "NotoSansCJK-Bold.ttc", "other.ttf"):
        (tmp_path / "sub" / name).touch()
    monkeypatch.setattr(_text, "_font_folders", lambda: [str(tmp_path)])
    monkeypatch.setattr(_text, "_chinese_index", lambda path: 0)
    found = [face[0].rpartition("/")[2] for face in _text._wide_faces.__wrapped__(bold=True)]
    assert found == ["NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc"]

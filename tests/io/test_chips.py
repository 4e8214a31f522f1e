"""Pictures of a case: size, outline, caption, the same bytes, bad input refused."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from changedetect.errors import InputError
from changedetect.io import chips
from changedetect.io.chips import (
    Chip,
    Outline,
    case_chips,
    draw_chips,
    render_chip,
    thumbnail,
    write_chip,
)

GROUND = np.full((40, 40, 3), 90, dtype=np.uint8)
SQUARE = np.array([(10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)])
HOLE = np.array([(18.0, 18.0), (22.0, 18.0), (22.0, 22.0), (18.0, 22.0)])


def opened(data):
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def chip(*outlines):
    return Chip(GROUND, outlines, "前时相 2025-04-28", "BEFORE 2025-04-28", 2.0)


def test_picture__has_the_asked_size_and_a_caption_bar():
    picture = opened(render_chip(chip(), 400))
    assert picture.shape == (442, 400, 3)
    assert picture[200, 200].tolist() == pytest.approx([90, 90, 90], abs=3)
    assert picture[405:].mean() < 90


def test_outline__is_drawn_where_it_lies():
    picture = opened(render_chip(chip(Outline((SQUARE,), (255, 0, 0), 4)), 400))
    assert picture[100, 200, 0] > 200
    assert picture[100, 200, 2] < 80
    assert picture[200, 200].tolist() == pytest.approx([90, 90, 90], abs=4)
    assert picture[50, 50].tolist() == pytest.approx([90, 90, 90], abs=4)


def test_fill__leaves_holes_open():
    picture = opened(render_chip(chip(Outline((SQUARE, HOLE), (255, 0, 0), 2, 128)), 400))
    assert picture[140, 140, 0] > 150
    assert picture[200, 200].tolist() == pytest.approx([90, 90, 90], abs=6)


def test_legend__names_what_is_labelled():
    plain = opened(render_chip(chip(Outline((SQUARE,), (255, 0, 0), 0, 128)), 400))
    named = opened(render_chip(chip(Outline((SQUARE,), (255, 0, 0), 0, 128, "图斑")), 400))
    if chips.chinese_font() is None:
        pytest.skip("no font with Chinese on this machine")
    assert np.abs(plain[:40, :90] - named[:40, :90]).max() > 100
    assert np.array_equal(plain[100:400], named[100:400])


def test_bytes__are_the_same(tmp_path):
    outline = Outline((SQUARE,))
    data = write_chip(tmp_path / "chips" / "a.jpg", chip(outline), 200)
    assert (tmp_path / "chips" / "a.jpg").read_bytes() == data == render_chip(chip(outline), 200)


def test_case__before_after_and_overlay():
    bright = np.full((40, 40, 3), 200, dtype=np.uint8)
    outline = Outline((SQUARE,), fill_alpha=60)
    before, after, overlay = case_chips(
        (GROUND, "2025-04-28", "GF1"), (bright, "2025-06-14", "GF1"), [outline], 2.0
    )
    assert before.image is GROUND
    assert after.image is bright
    assert overlay.image is bright
    assert "2025-04-28" in before.caption
    assert before.caption_ascii.isascii()
    assert before.outlines[0].fill_alpha == 0
    assert overlay.outlines[-1].fill_alpha == 60


def test_without_a_chinese_font__captions_are_ascii_not_boxes(monkeypatch):
    monkeypatch.setattr(chips, "_FONTS", ())
    assert chips.chinese_font() is None
    assert opened(render_chip(chip(), 300)).shape == (342, 300, 3)


def test_noise__of_a_large_picture_fits():
    """Speckle hardly shrinks: the encoder's memory must not be sized for calm ground."""
    noise = np.random.default_rng(5).integers(0, 256, (512, 512, 3), np.uint8)
    assert opened(render_chip(Chip(noise, (), "", "", 2.0), 512)).shape == (554, 512, 3)


@pytest.mark.parametrize("side", [3, 40, 120, 700])
def test_ground__is_the_image_as_pillow_resizes_it(side):
    image = np.random.default_rng(side).integers(60, 200, (side, side, 3), np.uint8)
    way = Image.Resampling.LANCZOS if side > 512 else Image.Resampling.BICUBIC
    expected = np.asarray(Image.fromarray(image).resize((512, 512), way))
    drawn = np.asarray(draw_chips([Chip(image, (), "", "", 2.0)], 512)[0])
    np.testing.assert_array_equal(drawn[60:512], expected[60:])


def test_drawing__of_one_picture_leaves_the_others_alone():
    marked = Chip(GROUND, (Outline((SQUARE,), fill_alpha=90, label="图斑"),), "后", "AFTER", 2.0)
    alone = [np.asarray(draw_chips([one], 300)[0]) for one in (chip(), marked, chip())]
    together = [np.asarray(one) for one in draw_chips([chip(), marked, chip()], 300)]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])


def test_thumbnail__is_small_and_without_the_bar():
    small = opened(thumbnail(render_chip(chip(), 400), 100))
    assert small.shape == (100, 100, 3)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((4, 4, 3), dtype=np.float32),
        np.zeros((0, 4, 3), dtype=np.uint8),
    ],
)
def test_bad_image__is_refused(image):
    with pytest.raises(InputError, match="uint8"):
        render_chip(Chip(image, (), "", "", 2.0), 100)


def test_small_picture__is_the_mean_where_the_sides_fit():
    grey = np.random.default_rng(3).integers(0, 256, (426, 384, 1), np.uint8).repeat(3, axis=2)
    found = opened(chips.shrunk(Image.fromarray(grey), 96))
    mean = grey[:384].reshape(96, 4, 96, 4, 3).mean(axis=(1, 3))
    assert found.shape == (96, 96, 3)
    assert np.abs(found - mean).mean() < 6  # of JPEG; of another place it would be 20

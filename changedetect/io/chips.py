"""Write the pictures of a case: before, after, and the overlay, each with scale, north and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from changedetect.casepackage import NOTICE_SHORT
from changedetect.errors import InputError

_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
    "/System/Library/Fonts/PingFang.ttc",
)
"""Fonts with Chinese, the first that is there is used; without any, captions are ASCII."""

_SIMPLIFIED_FACE = 2
"""Face of simplified Chinese inside NotoSansCJK collections."""

_BANDS, _KILO, _QUALITY = 3, 1000, 88
_BAR_PX, _LINE_PX = 42, 10
_SCALE_STEPS_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class Outline:
    """Rings to draw: arrays ``(n, 2)`` of column and row in the image; colour, line, fill.

    A line of 0 px is not drawn; a label appears in the picture's legend.
    """

    rings: tuple[np.ndarray, ...]
    colour: tuple[int, int, int] = (255, 64, 48)
    width_px: int = 3
    fill_alpha: int = 0
    label: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One picture: image ``(y, x, 3)`` uint8, what is drawn on it, and its caption.

    ``caption`` is Chinese and needs a font; ``caption_ascii`` stands in where none is found.
    """

    image: np.ndarray
    outlines: tuple[Outline, ...]
    caption: str
    caption_ascii: str
    pixel_m: float


def render_chip(chip: Chip, side_px: int) -> bytes:
    """Draw one picture.

    Parameters
    ----------
    chip
        Image and what is drawn on it.
    side_px
        Longer side of the image part; a caption bar of 42 px stands under it. [px]

    Returns
    -------
    bytes
        JPEG without metadata; the same chip, font and libraries give the same bytes.

    Raises
    ------
    InputError
        The image is not uint8 with three bands, or empty.
    """
    image = chip.image
    if image.dtype != np.uint8 or image.shape[2:] != (_BANDS,) or image.size == 0:
        msg = f"picture of shape {image.shape}, {image.dtype}; uint8 (y, x, 3) expected"
        raise InputError(msg)
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    way = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    picture = Image.fromarray(image).resize(size, way)
    for outline in chip.outlines:
        picture = _draw_outline(picture, outline, scale)
    board = Image.new("RGB", (size[0], size[1] + _BAR_PX), (24, 30, 40))
    board.paste(picture, (0, 0))
    _draw_north(board, size[0])
    _draw_legend(board, chip.outlines)
    _draw_scale(board, size, chip.pixel_m / scale)
    _draw_caption(board, chip, size[1])
    buffer = BytesIO()
    board.save(buffer, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return buffer.getvalue()


def write_chip(path: Path, chip: Chip, side_px: int) -> bytes:
    """Write one picture and return its bytes (for thumbnails)."""
    data = render_chip(chip, side_px)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def thumbnail(data: bytes, side_px: int) -> bytes:
    """Shrink a picture for a sheet; its caption bar is cut off.

    Parameters
    ----------
    data
        JPEG from `render_chip`.
    side_px
        Longer side. [px]
    """
    with Image.open(BytesIO(data)) as image:
        inner = image.crop((0, 0, image.width, image.height - _BAR_PX))
        inner.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
        buffer = BytesIO()
        inner.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def chinese_font() -> str | None:
    """Return the path of the first font with Chinese on this machine; None = there is none."""
    return next((path for path in _FONTS if Path(path).is_file()), None)


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return _loaded(chinese_font(), size_px)


@cache
def _loaded(path: str | None, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load a font once: a collection with Chinese takes longer to open than a caption to draw."""
    if path is None:
        return ImageFont.load_default(size_px)
    face = _SIMPLIFIED_FACE if "NotoSansCJK" in path else 0
    return ImageFont.truetype(path, size_px, index=face)


def _draw_outline(picture: Image.Image, outline: Outline, scale: float) -> Image.Image:
    rings = [[(float(x * scale), float(y * scale)) for x, y in ring] for ring in outline.rings]
    if outline.fill_alpha:
        mask = Image.new("L", picture.size, 0)
        for ring in rings:  # even-odd: what lies in two rings is a hole
            inside = Image.new("L", picture.size, 0)
            ImageDraw.Draw(inside).polygon(ring, fill=outline.fill_alpha)
            mask = Image.fromarray(np.bitwise_xor(np.asarray(mask), np.asarray(inside)))
        picture = Image.composite(Image.new("RGB", picture.size, outline.colour), picture, mask)
    if not outline.width_px:
        return picture
    pen = ImageDraw.Draw(picture)
    for ring in rings:
        pen.line([*ring, ring[0]], fill=(20, 20, 20), width=outline.width_px + 2, joint="curve")
    for ring in rings:
        pen.line([*ring, ring[0]], fill=outline.colour, width=outline.width_px, joint="curve")
    return picture


def _draw_north(board: Image.Image, width: int) -> None:
    pen = ImageDraw.Draw(board)
    x, y = width - 24, 12
    pen.polygon(
        [(x, y), (x - 9, y + 26), (x, y + 20), (x + 9, y + 26)],
        fill=(255, 255, 255),
        outline=(20, 20, 20),
    )
    pen.text(
        (x, y + 36), "N", font=_font(15), anchor="mm", fill=(255, 255, 255),
        stroke_width=2, stroke_fill=(20, 20, 20),
    )  # fmt: skip


def _draw_legend(board: Image.Image, outlines: Sequence[Outline]) -> None:
    """Name the labelled surfaces in the upper left corner; without a Chinese font, leave it out."""
    labelled = [outline for outline in outlines if outline.label]
    if not labelled or chinese_font() is None:
        return
    pen, font = ImageDraw.Draw(board), _font(14)
    width = max(pen.textlength(outline.label, font=font) for outline in labelled)
    pen.rectangle([6, 6, 6 + width + 34, 12 + 20 * len(labelled)], fill=(24, 30, 40))
    for number, outline in enumerate(labelled):
        top = 12 + 20 * number
        pen.rectangle([12, top, 24, top + 11], fill=outline.colour, outline=(255, 255, 255))
        pen.text((30, top + 5), outline.label, font=font, anchor="lm", fill=(255, 255, 255))


def _draw_scale(board: Image.Image, size: tuple[int, int], metre_per_px: float) -> None:
    """Draw a bar of a round length, at most a third of the picture."""
    fitting = [step for step in _SCALE_STEPS_M if step / metre_per_px <= size[0] / 3]
    length_m = fitting[-1] if fitting else _SCALE_STEPS_M[0]
    length = length_m / metre_per_px
    pen = ImageDraw.Draw(board)
    right, middle = size[0] - 12, size[1] + _BAR_PX // 2
    pen.line([(right - length, middle + 9), (right, middle + 9)], fill=(255, 255, 255), width=3)
    text = f"{length_m} m" if length_m < _KILO else f"{length_m // _KILO} km"
    pen.text((right - length / 2, middle - 4), text, font=_font(13), anchor="mm", fill="white")


def _draw_caption(board: Image.Image, chip: Chip, top: int) -> None:
    text = chip.caption if chinese_font() else chip.caption_ascii
    pen = ImageDraw.Draw(board)
    notice = NOTICE_SHORT if chinese_font() else "CLUE, NOT EVIDENCE"
    upper, lower = top + _BAR_PX // 2 - _LINE_PX, top + _BAR_PX // 2 + _LINE_PX
    pen.text((10, upper), text, font=_font(15), anchor="lm", fill=(255, 255, 255))
    pen.text((10, lower), notice, font=_font(13), anchor="lm", fill=(255, 190, 110))


def case_chips(
    before: tuple[np.ndarray, str, str],
    after: tuple[np.ndarray, str, str],
    outlines: Sequence[Outline],
    pixel_m: float,
) -> tuple[Chip, Chip, Chip]:
    """Put the three pictures of a case together: before, after, overlay.

    Parameters
    ----------
    before, after
        Picture ``(y, x, 3)`` uint8, date ``YYYY-MM-DD``, sensor.
    outlines
        The patch first; what follows (unapproved ground, red line …) shows on the overlay only.
    pixel_m
        Pixel size of the pictures. [m]
    """
    patch = Outline(outlines[0].rings, (255, 214, 10), 2)

    def chip(
        side: tuple[np.ndarray, str, str], word: str, ascii_word: str, *drawn: Outline
    ) -> Chip:
        image, day, sensor = side
        return Chip(image, drawn, f"{word} {day} {sensor}", f"{ascii_word} {day} {sensor}", pixel_m)

    return (
        chip(before, "前时相", "BEFORE", patch),
        chip(after, "后时相", "AFTER", patch),
        chip(after, "套合图", "OVERLAY", *outlines[1:], outlines[0]),
    )

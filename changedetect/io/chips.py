"""Write the pictures of a case: before, after, and the overlay, each with scale, north and date."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from changedetect.casepackage import NOTICE_SHORT
from changedetect.errors import InputError
from changedetect.kernels.enlarge import TAPS, enlarge

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
_NORTH_PX = 16
"""The letter of the arrow fits in twice this square. [px]"""

_RIM = (20, 20, 20)
"""Colour of the rim of a line."""

_LEGEND_PX = (6, 6)
_GAP = 1.25
"""A thumbnail is averaged down to this many times its size before it is filtered."""

_KEPT = 64
"""Bars and legends that are kept: most pictures of a month share a few."""

_SCALE_STEPS_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


Rings = Sequence[Sequence[tuple[float, float]]]
"""Corners of rings in a picture, x and y. [pixel]"""


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


@dataclass(frozen=True, slots=True)
class _Layer:
    """A colour that is laid on a picture where a mask says so; ``place`` is the mask's corner."""

    colour: tuple[int, int, int]
    place: tuple[int, int]
    mask: Image.Image


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
    return jpeg(draw_chips([chip], side_px)[0])


def draw_chips(chips: Sequence[Chip], side_px: int) -> list[Image.Image]:
    """Draw several pictures; an image or an outline that several of them show is drawn once.

    Parameters, errors
        As `render_chip`.

    Returns
    -------
    list of Image
        One a chip, with its caption bar.
    """
    grounds: dict[int, np.ndarray] = {}
    layers: dict[tuple[int, float], list[_Layer]] = {}
    drawn = []
    for chip in chips:
        if id(chip.image) not in grounds:
            grounds[id(chip.image)] = _ground(chip.image, side_px)
        scale = side_px / max(chip.image.shape[:2])
        for one in chip.outlines:
            if (id(one), scale) not in layers:
                layers[id(one), scale] = _layers(one, scale)
        over = [layer for one in chip.outlines for layer in layers[id(one), scale]]
        drawn.append(_drawn(chip, grounds[id(chip.image)], over, scale))
    return drawn


def jpeg(picture: Image.Image) -> bytes:
    """Encode a picture. Codes of Huffman are the standard ones: its own spare 3% and take as long again."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def _ground(image: np.ndarray, side_px: int) -> np.ndarray:
    """Return an image in the size of its picture, with room for the bar, ``(y, x, 3)`` uint8."""
    if image.dtype != np.uint8 or image.shape[2:] != (_BANDS,) or image.size == 0:
        msg = f"picture of shape {image.shape}, {image.dtype}; uint8 (y, x, 3) expected"
        raise InputError(msg)
    scale = side_px / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    ground = np.empty((height + _BAR_PX, width, _BANDS), np.uint8)
    inner = ground[:height]
    if scale >= 1 and min(image.shape[:2]) >= TAPS:
        enlarge(image, inner)
    else:
        way = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
        inner[:] = np.asarray(Image.fromarray(image).resize((width, height), way))
    ground[height:] = 0
    return ground


def _drawn(chip: Chip, ground: np.ndarray, layers: Sequence[_Layer], scale: float) -> Image.Image:
    board = Image.fromarray(ground)
    for layer in layers:
        board.paste(layer.colour, layer.place, layer.mask)
    _draw_north(board, board.width)
    names = tuple((one.label, one.colour) for one in chip.outlines if one.label)
    if names and (font := chinese_font()) is not None:
        board.paste(_legend(names, font), _LEGEND_PX)
    bar = _bar(board.width, chip.pixel_m / scale, chip.caption, chip.caption_ascii, chinese_font())
    board.paste(bar, (0, board.height - _BAR_PX))
    return board


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
        return shrunk(image, side_px)


def shrunk(picture: Image.Image, side_px: int) -> bytes:
    """Shrink a drawn picture for a sheet, as `thumbnail` does."""
    box = 0, 0, picture.width, picture.height - _BAR_PX
    times, over = divmod(max(box), side_px)
    if times > 1 and not over:
        inner = picture.reduce(times, box)  # the mean of whole pixels: nothing is left to filter
    else:
        inner = picture.crop(box)
        inner.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=_GAP)
    buffer = BytesIO()
    inner.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def chinese_font() -> str | None:
    """Return the path of the first font with Chinese on this machine; None = there is none."""
    return _first_of(_FONTS)


@cache
def _first_of(paths: tuple[str, ...]) -> str | None:
    return next((path for path in paths if Path(path).is_file()), None)


@cache
def _font(path: str | None, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Load a font once: a collection with Chinese takes longer to open than a caption to draw."""
    if path is None:
        return ImageFont.load_default(size_px)
    face = _SIMPLIFIED_FACE if "NotoSansCJK" in path else 0
    return ImageFont.truetype(path, size_px, index=face)


def _layers(outline: Outline, scale: float) -> list[_Layer]:
    """Draw an outline apart from any picture: its fill, the dark rim of its line, its line."""
    rings = [(ring * scale).tolist() for ring in outline.rings]
    if not rings:
        return []
    corners = np.concatenate(outline.rings) * scale
    reach = outline.width_px + 2
    # Corners are cut off to whole pixels: a shift by whole pixels changes nothing while all stay positive.
    left, top = (max(int(low) - reach, 0) for low in corners.min(axis=0).tolist())
    right, bottom = (int(high) + reach + 1 for high in corners.max(axis=0).tolist())
    if right <= left or bottom <= top:
        return []
    size = right - left, bottom - top
    near = [[(x - left, y - top) for x, y in ring] for ring in rings]
    found = []
    if outline.fill_alpha:
        found.append(_Layer(outline.colour, (left, top), _filled(near, size, outline.fill_alpha)))
    if outline.width_px:
        for colour, wider in ((_RIM, 2), (outline.colour, 0)):
            mask = _lined(near, size, outline.width_px + wider)
            found.append(_Layer(colour, (left, top), mask))
    return found


def _filled(rings: Rings, size: tuple[int, int], alpha: int) -> Image.Image:
    """Fill rings by the even-odd rule: what lies in two of them is a hole."""
    mask = np.zeros(size[::-1], np.uint8)
    for ring in rings:
        inside = Image.new("L", size, 0)
        ImageDraw.Draw(inside).polygon(ring, fill=alpha)
        mask ^= np.asarray(inside)
    return Image.fromarray(mask)


def _lined(rings: Rings, size: tuple[int, int], width_px: int) -> Image.Image:
    mask = Image.new("1", size, 0)
    pen = ImageDraw.Draw(mask)
    for ring in rings:
        pen.line([*ring, ring[0]], fill=1, width=width_px, joint="curve")
    return mask


def _draw_north(board: Image.Image, width: int) -> None:
    pen = ImageDraw.Draw(board)
    x, y = width - 24, 12
    pen.polygon(
        [(x, y), (x - 9, y + 26), (x, y + 20), (x + 9, y + 26)],
        fill=(255, 255, 255),
        outline=(20, 20, 20),
    )
    rim, letter = _north_letter(chinese_font())
    board.paste((20, 20, 20), (x - _NORTH_PX, y + 36 - _NORTH_PX), rim)
    board.paste((255, 255, 255), (x - _NORTH_PX, y + 36 - _NORTH_PX), letter)


@cache
def _north_letter(font: str | None) -> tuple[Image.Image, Image.Image]:
    """Draw the N once: how much its rim covers of each pixel, and how much itself."""

    def mask(rim_px: int) -> Image.Image:
        drawn = Image.new("L", (2 * _NORTH_PX, 2 * _NORTH_PX))
        ImageDraw.Draw(drawn).text(
            (_NORTH_PX, _NORTH_PX), "N", font=_font(font, 15), anchor="mm", fill=255, stroke_width=rim_px
        )  # fmt: skip
        return drawn

    return mask(2), mask(0)


@lru_cache(maxsize=_KEPT)
def _legend(names: tuple[tuple[str, tuple[int, int, int]], ...], path: str) -> Image.Image:
    """Draw the names of surfaces for the upper left corner; it needs a font with Chinese."""
    font, lines = _font(path, 14), 20 * len(names)
    width = int(
        max(ImageDraw.Draw(Image.new("L", (1, 1))).textlength(name, font=font) for name, _ in names)
    )
    left, top = _LEGEND_PX
    panel = Image.new("RGB", (width + 35, 7 + lines), (24, 30, 40))
    pen = ImageDraw.Draw(panel)
    for number, (name, colour) in enumerate(names):
        line = 12 - top + 20 * number
        pen.rectangle([12 - left, line, 24 - left, line + 11], fill=colour, outline=(255, 255, 255))
        pen.text((30 - left, line + 5), name, font=font, anchor="lm", fill=(255, 255, 255))
    return panel


@lru_cache(maxsize=_KEPT)
def _bar(
    width: int, metre_per_px: float, caption: str, caption_ascii: str, font: str | None
) -> Image.Image:
    """Draw the bar under a picture: scale, caption, notice."""
    bar = Image.new("RGB", (width, _BAR_PX), (24, 30, 40))
    pen = ImageDraw.Draw(bar)
    _draw_scale(pen, width, metre_per_px, font)
    text, notice = (caption, NOTICE_SHORT) if font else (caption_ascii, "CLUE, NOT EVIDENCE")
    upper, lower = _BAR_PX // 2 - _LINE_PX, _BAR_PX // 2 + _LINE_PX
    pen.text((10, upper), text, font=_font(font, 15), anchor="lm", fill=(255, 255, 255))
    pen.text((10, lower), notice, font=_font(font, 13), anchor="lm", fill=(255, 190, 110))
    return bar


def _draw_scale(
    pen: ImageDraw.ImageDraw, width: int, metre_per_px: float, font: str | None
) -> None:
    """Draw a line of a round length, at most a third of the picture."""
    fitting = [step for step in _SCALE_STEPS_M if step / metre_per_px <= width / 3]
    length_m = fitting[-1] if fitting else _SCALE_STEPS_M[0]
    length = length_m / metre_per_px
    right, middle = width - 12, _BAR_PX // 2
    pen.line([(right - length, middle + 9), (right, middle + 9)], fill=(255, 255, 255), width=3)
    text = f"{length_m} m" if length_m < _KILO else f"{length_m // _KILO} km"
    place = (right - length / 2, middle - 4)
    pen.text(place, text, font=_font(font, 13), anchor="mm", fill="white")


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

"""Stored numbers become physical quantities: one pass, no temporaries."""

from typing import NamedTuple

import numpy as np

from changedetect.kernels._jit import kernel


class Stored(NamedTuple):
    """An image as it is stored, and what its numbers stand for.

    Attributes
    ----------
    numbers
        ``(band, y, x)`` of any number type.
    scale, offset
        ``(band,)`` float64.
    nodata
        Stored value that means no data; NaN = none (NaN is no data anyhow).
    black
        A pixel that is 0 in all bands is no data.
    """

    numbers: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    nodata: float
    black: bool


@kernel
def to_quantity(
    stored: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    nodata: float,
    black: bool,
    out: np.ndarray,
) -> None:
    """Turn stored numbers into quantities: ``stored * scale + offset``, rounded once to float32.

    Parameters
    ----------
    stored
        ``(band, y, x)`` of any number type.
    scale, offset
        ``(band,)`` float64.
    nodata
        Stored value that means no data; NaN = none (NaN is no data anyhow).
    black
        A pixel that is 0 in all bands is no data.
    out
        ``(band, y, x)`` float32, may be a view; every pixel is set, NaN is no data or not finite.
    """
    height, width = stored.shape[1], stored.shape[2]
    form = scale, offset, nodata
    part_to_quantity(stored, form, black, (0, 0, height, width), out, (0, 0))


@kernel
def part_to_quantity(
    stored: np.ndarray,
    form: tuple[np.ndarray, np.ndarray, float],
    black: bool,
    part: tuple[int, int, int, int],
    out: np.ndarray,
    place: tuple[int, int],
) -> None:
    """Do as `to_quantity` for a part of a block, laid into a part of an image.

    Both as wholes, not as views: of a row of a view the compiler does not know that its pixels lie side by
    side, and takes nearly three times as long.

    Parameters
    ----------
    stored, out
        ``(band, y, x)``, the block and the image.
    form
        Scale, offset and no-data value.
    black
        As in `to_quantity`.
    part
        First row and column in the block, height and width.
    place
        First row and column in the image.
    """
    scale, offset, nodata = form
    row, col, height, width = part
    nothing = np.float32(np.nan)
    for band in range(len(scale)):
        factor, level = scale[band], offset[band]
        for y in range(height):
            source = stored[band, row + y][col : col + width]
            target = out[band, place[0] + y][place[1] : place[1] + width]
            for x in range(width):
                value = np.float64(source[x])
                quantity = np.float32(value * factor + level)
                # Infinite and NaN, times 0, are NaN; all else is 0.
                known = (quantity * np.float32(0.0) == np.float32(0.0)) & (value != nodata)
                target[x] = quantity if known else nothing
    if black:
        _hide_black(stored, part, out, place)


@kernel
def _hide_black(
    stored: np.ndarray, part: tuple[int, int, int, int], out: np.ndarray, place: tuple[int, int]
) -> None:
    row, col, height, width = part
    nothing = np.float32(np.nan)
    light = np.empty(width, np.bool_)
    for y in range(height):
        light[:] = False
        for band in range(len(stored)):
            source = stored[band, row + y][col : col + width]
            for x in range(width):
                light[x] |= source[x] != 0
        dark = 0
        for x in range(width):
            dark += not light[x]
        if dark:
            for band in range(len(stored)):
                target = out[band, place[0] + y][place[1] : place[1] + width]
                for x in range(width):
                    target[x] = target[x] if light[x] else nothing


@kernel
def whole_pixels(image: np.ndarray, out: np.ndarray) -> None:
    """Copy an image; a pixel of which a band is not known is not known in any.

    Parameters
    ----------
    image
        ``(band, y, x)`` float32; NaN or infinite is not known.
    out
        ``(band, y, x)`` float32, is set, may be the image itself; NaN is not known.
    """
    bands, height, width = image.shape
    nothing = np.float32(0.0)
    spoilt = np.empty(width, np.float32)
    for y in range(height):
        spoilt[:] = nothing
        for band in range(bands):
            source = image[band, y]
            for x in range(width):
                spoilt[x] += source[x] * nothing  # NaN and infinite times 0 are NaN, all else is 0
        for band in range(bands):
            source, target = image[band, y], out[band, y]
            for x in range(width):
                target[x] = source[x] if spoilt[x] == nothing else np.float32(np.nan)

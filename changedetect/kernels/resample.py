"""Sub-pixel shift of an image, and growth of a mask."""

import math

import numpy as np

from changedetect.kernels._jit import kernel, uncounted
from changedetect.kernels.stored import Stored, part_to_quantity

_TAPS, _STRIP_PX = 4, 16
"""Rows of cubic convolution; rows that are made comparable together: they stay in the cache. [px]"""


@kernel
def cubic_weights(fraction: float) -> np.ndarray:
    """Return the four weights of cubic convolution.

    Keys (1981), doi:10.1109/TASSP.1981.1163711, equation 15 (a = -1/2).

    Parameters
    ----------
    fraction
        Where between the second and the third tap, 0 to 1. [px]

    Returns
    -------
    ndarray
        ``(4,)`` float64; adds up to 1.

    Examples
    --------
    >>> cubic_weights(0.5).tolist()
    [-0.0625, 0.5625, 0.5625, -0.0625]
    """
    weights = np.empty(4)
    for tap in range(4):
        d = abs(fraction + 1.0 - tap)
        if d <= 1.0:
            weights[tap] = (1.5 * d - 2.5) * d * d + 1.0
        else:
            weights[tap] = ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return weights


@kernel
def shifted(image: np.ndarray, dy: float, dx: float) -> np.ndarray:
    """Read an image at places moved by a shift: ``out[y, x] = image[y + dy, x + dx]``.

    Parameters
    ----------
    image
        ``(band, y, x)`` float32; NaN is no data and spreads to every pixel that it would weigh in.
    dy, dx
        Shift. [px]

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32; NaN also where the image does not reach.
    """
    bands, height, width = image.shape
    out = np.full(image.shape, np.float32(np.nan), np.float32)
    row0, col0 = math.floor(dy), math.floor(dx)
    wy, wx = cubic_weights(dy - row0), cubic_weights(dx - col0)
    line = np.empty(width)
    for band in range(bands):
        for y in range(height):
            line[:] = 0.0
            for tap in range(4):
                if wy[tap] == 0.0:
                    continue
                row = y + row0 + tap - 1
                if row < 0 or row >= height:
                    line[:] = np.nan
                    break
                for x in range(width):
                    line[x] += wy[tap] * image[band, row, x]
            for x in range(width):
                value = 0.0
                for tap in range(4):
                    if wx[tap] == 0.0:
                        continue
                    col = x + col0 + tap - 1
                    if col < 0 or col >= width:
                        value = np.nan
                        break
                    value += wx[tap] * line[col]
                out[band, y, x] = np.float32(value)
    return out


@kernel
def box_count(mask: np.ndarray, radius: int) -> np.ndarray:
    """Count the set pixels of the square window around every pixel, clipped at the edge.

    Parameters
    ----------
    mask
        ``(y, x)`` bool.
    radius
        Half side of the window. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` int32.
    """
    height, width = mask.shape
    columns = np.zeros(width, np.int32)
    out = np.zeros((height, width), np.int32)
    for y in range(min(radius, height)):
        for x in range(width):
            columns[x] += mask[y, x]
    for y in range(height):
        if y + radius < height:
            for x in range(width):
                columns[x] += mask[y + radius, x]
        if y - radius > 0:
            for x in range(width):
                columns[x] -= mask[y - radius - 1, x]
        total = np.int32(0)
        for x in range(min(radius, width)):
            total += columns[x]
        for x in range(width):
            if x + radius < width:
                total += columns[x + radius]
            if x - radius > 0:
                total -= columns[x - radius - 1]
            out[y, x] = total
    return out


@uncounted
def _tap_rows(image: np.ndarray, y: int, row0: int, weights: np.ndarray, line: np.ndarray) -> None:
    """Add up the weighted rows of one band under row ``y``; NaN where there is no such row."""
    height, width = image.shape
    line[:] = np.float32(0.0)
    for tap in range(4):
        w = np.float32(weights[tap])
        if w == 0.0:
            continue
        row = y + row0 + tap - 1
        if row < 0 or row >= height:
            line[:] = np.float32(np.nan)
            break
        source = image[row]
        for x in range(width):
            line[x] += w * source[x]


@uncounted
def _tap_columns(line: np.ndarray, col0: int, weights: np.ndarray, out: np.ndarray) -> None:
    """Add up the weighted columns of a row; NaN where there is no such column."""
    width = len(line)
    out[:] = np.float32(0.0)
    for tap in range(4):
        w = np.float32(weights[tap])
        if w == 0.0:
            continue
        step = col0 + tap - 1
        first, last = min(max(0, -step), width), max(min(width, width - step), 0)
        out[:first] = np.float32(np.nan)
        out[last:] = np.float32(np.nan)
        source = line[first + step : last + step]
        target = out[first:last]
        for x in range(len(target)):
            target[x] += w * source[x]


@uncounted
def _tap_both(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    col0: int,
    line: np.ndarray,
    out: np.ndarray,
) -> None:
    """Do as `_tap_rows` and `_tap_columns` where no weight is 0 and all rows are there."""
    a, b, c, d = rows
    none = np.float32(0.0)
    w = weights[0]
    w0, w1, w2, w3 = np.float32(w[0]), np.float32(w[1]), np.float32(w[2]), np.float32(w[3])
    for x in range(len(line)):
        line[x] = none + w0 * a[x] + w1 * b[x] + w2 * c[x] + w3 * d[x]
    w, width = weights[1], len(line)
    w0, w1, w2, w3 = np.float32(w[0]), np.float32(w[1]), np.float32(w[2]), np.float32(w[3])
    first, last = min(max(0, 1 - col0), width), max(min(width, width - col0 - 2), 0)
    out[:first] = np.float32(np.nan)
    out[max(first, last) :] = np.float32(np.nan)
    if last > first:
        a, b = line[first + col0 - 1 : last + col0 - 1], line[first + col0 : last + col0]
        c, d = line[first + col0 + 1 : last + col0 + 1], line[first + col0 + 2 : last + col0 + 2]
        target = out[first:last]
        for x in range(len(target)):
            target[x] = none + w0 * a[x] + w1 * b[x] + w2 * c[x] + w3 * d[x]


@uncounted
def _shift_row(
    image: np.ndarray,
    y: int,
    place: tuple[int, int],
    weights: tuple[np.ndarray, np.ndarray],
    line: np.ndarray,
    out: np.ndarray,
) -> None:
    """Read a row of one band by cubic convolution; ``place``: whole pixels of the shift."""
    row0, col0 = place
    inside = y + row0 - 1 >= 0 and y + row0 + 2 < len(image)
    if inside and weights[0].all() and weights[1].all():
        first = y + row0 - 1
        rows = image[first], image[first + 1], image[first + 2], image[first + 3]
        _tap_both(rows, weights, col0, line, out)
    else:
        _tap_rows(image, y, row0, weights[0], line)
        _tap_columns(line, col0, weights[1], out)


@uncounted
def _match_row(
    first: np.ndarray, second: np.ndarray, gain: float, offset: float, spoilt: np.ndarray
) -> None:
    """Bring a row of the image after into the units of the one before; spoilt: NaN where one is."""
    scale, level, nothing = np.float32(gain), np.float32(offset), np.float32(0.0)
    for x in range(len(second)):
        second[x] = second[x] * scale + level
        # NaN and infinite times 0 are NaN, all else is 0: no branch.
        spoilt[x] += first[x] * nothing + second[x] * nothing


@uncounted
def _spoil_row(out: np.ndarray, y: int, spoilt: np.ndarray) -> None:
    for date in range(2):
        for band in range(out.shape[1]):
            target = out[date, band, y]
            for x in range(len(spoilt)):
                target[x] += spoilt[x]


@kernel
def laid_over(
    before: np.ndarray,
    after: np.ndarray,
    shift: tuple[float, float],
    gain: np.ndarray,
    offset: np.ndarray,
    out: np.ndarray,
) -> None:
    """Lay the image after on the image before, in its units; one pass, no temporaries.

    Cubic convolution as `shifted`, in float32: ``gain * after[y + dy, x + dx] + offset``.

    Parameters
    ----------
    before, after
        ``(band, y, x)`` float32; NaN is no data.
    shift
        ``(dy, dx)`` of the image after. [px]
    gain, offset
        ``(band,)`` float64.
    out
        ``(2, band, y, x)`` float32, whatever it holds is replaced; a pixel is NaN in both dates and all bands, or in none: where
        a band of either date is NaN or infinite, or the image after does not reach.
    """
    bands, height, width = before.shape
    place = math.floor(shift[0]), math.floor(shift[1])
    weights = cubic_weights(shift[0] - place[0]), cubic_weights(shift[1] - place[1])
    line, spoilt = np.empty(width, np.float32), np.empty(width, np.float32)
    for y in range(height):
        spoilt[:] = np.float32(0.0)
        for band in range(bands):
            first, second = out[0, band, y], out[1, band, y]
            first[:] = before[band, y]
            _shift_row(after[band], y, place, weights, line, second)
            _match_row(first, second, gain[band], offset[band], spoilt)
        _spoil_row(out, y, spoilt)


@kernel
def stored_laid_over(
    before: Stored,
    after: Stored,
    shift: tuple[float, float],
    gain: np.ndarray,
    offset: np.ndarray,
    out: np.ndarray,
) -> None:
    """Do as `laid_over` with images as they are stored: neither is made, only the rows at hand.

    Parameters
    ----------
    before, after
        Of one size.
    shift, gain, offset, out
        As in `laid_over`; the same bytes as of the images' quantities.
    """
    bands, height, width = before.numbers.shape
    place = math.floor(shift[0]), math.floor(shift[1])
    weights = cubic_weights(shift[0] - place[0]), cubic_weights(shift[1] - place[1])
    line, spoilt = np.empty(width, np.float32), np.empty(width, np.float32)
    deep = min(_STRIP_PX, height) + _TAPS - 1
    strip = np.empty((bands, deep, width), np.float32)
    form_before = before.scale, before.offset, before.nodata
    form_after = after.scale, after.offset, after.nodata
    for top in range(0, height, _STRIP_PX):
        last = min(top + _STRIP_PX, height)
        begin, end = max(top + place[0] - 1, 0), min(last + place[0] + 2, height)
        part = begin, 0, max(end - begin, 0), width
        part_to_quantity(after.numbers, form_after, after.black, part, strip, (0, 0))
        part = top, 0, last - top, width
        part_to_quantity(before.numbers, form_before, before.black, part, out[0], (top, 0))
        for y in range(top, last):
            spoilt[:] = np.float32(0.0)
            for band in range(bands):
                first, second = out[0, band, y], out[1, band, y]
                rows = strip[band, : max(end - begin, 0)]
                _shift_row(rows, y - begin, place, weights, line, second)
                _match_row(first, second, gain[band], offset[band], spoilt)
            _spoil_row(out, y, spoilt)

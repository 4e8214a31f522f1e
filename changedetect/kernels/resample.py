"""Sub-pixel shift of an image, and growth of a mask."""

import math

import numpy as np

from changedetect.kernels._jit import kernel


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


@kernel
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


@kernel
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
    row0, col0 = math.floor(shift[0]), math.floor(shift[1])
    wy, wx = cubic_weights(shift[0] - row0), cubic_weights(shift[1] - col0)
    line = np.empty(width, np.float32)
    spoilt = np.empty(width, np.float32)
    nothing = np.float32(0.0)
    for y in range(height):
        spoilt[:] = nothing
        for band in range(bands):
            first, second = out[0, band, y], out[1, band, y]
            _tap_rows(after[band], y, row0, wy, line)
            _tap_columns(line, col0, wx, second)
            source = before[band, y]
            scale, level = np.float32(gain[band]), np.float32(offset[band])
            for x in range(width):
                first[x] = source[x]
                second[x] = second[x] * scale + level
                # NaN and infinite times 0 are NaN, all else is 0: no branch.
                spoilt[x] += first[x] * nothing + second[x] * nothing
        for date in range(2):
            for band in range(bands):
                target = out[date, band, y]
                for x in range(width):
                    target[x] += spoilt[x]

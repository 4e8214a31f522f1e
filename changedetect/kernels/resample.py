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

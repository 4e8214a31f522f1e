"""Texture and surroundings at chosen pixels, exact in integers, so that tiling changes nothing.

NaN is not observed and is left out of every window; values are quantised before anything is summed.
Quantising is one pass over the image; windows are looked at around the pixels asked for only.
"""

import numpy as np

from changedetect.kernels._jit import kernel

NOT_KNOWN = -2147483648
"""Result where nothing was observed (int32's minimum)."""

_TOP = 2147483647.0
"""Sums of quantised values are cut here."""


@kernel
def quantised(bands: np.ndarray, chosen: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Add up the quantised values of some bands, pixel by pixel.

    Parameters
    ----------
    bands
        ``(band, y, x)`` float32; NaN is not observed.
    chosen
        ``(c,)`` int64, the bands that are added up.
    scale
        Quantum: values are multiplied by it and rounded half to even.
    out
        ``(y, x)`` int32, is set; `NOT_KNOWN` where a chosen band is NaN.
    """
    height, width = out.shape
    total = np.empty(width)
    for y in range(height):
        total[:] = 0.0
        for c in chosen:
            line = bands[c, y]
            for x in range(width):
                total[x] += np.rint(np.float64(line[x]) * scale)
        target = out[y]
        for x in range(width):
            value = min(max(total[x], -_TOP), _TOP)
            target[x] = NOT_KNOWN if np.isnan(total[x]) else np.int32(value)


@kernel
def window_moments(
    values: np.ndarray, rows: np.ndarray, cols: np.ndarray, window: tuple[int, int]
) -> np.ndarray:
    """Count, sum and sum of squares of the values around each pixel.

    Parameters
    ----------
    values
        ``(y, x)`` int32 of `quantised`; what is `NOT_KNOWN` is left out.
    rows, cols
        ``(n,)`` int64, the pixels. [px]
    window
        Radius and step: the window reaches the radius to each side, clipped at the image's edge;
        every step-th row and column of it is used, counted from its corner. [px]

    Returns
    -------
    ndarray
        ``(n, 3)`` int64.
    """
    height, width = values.shape
    radius, step = window
    moments = np.zeros((rows.shape[0], 3), dtype=np.int64)
    for k in range(rows.shape[0]):
        n, total, squares = 0, np.int64(0), np.int64(0)
        left, right = cols[k] - radius, min(cols[k] + radius + 1, width)
        while left < 0:
            left += step
        for y in range(rows[k] - radius, min(rows[k] + radius + 1, height), step):
            if y < 0:
                continue
            line = values[y]
            for x in range(left, right, step):
                value = np.int64(line[x])
                if value != NOT_KNOWN:
                    n += 1
                    total += value
                    squares += value * value
        moments[k, 0], moments[k, 1], moments[k, 2] = n, total, squares
    return moments


@kernel
def window_means(moments: np.ndarray, bands: int) -> np.ndarray:
    """Return the mean of each window, rounded.

    Parameters
    ----------
    moments
        ``(n, 3)`` int64 from `window_moments`.
    bands
        How many bands were added up; the mean is divided by it.

    Returns
    -------
    ndarray
        ``(n,)`` int32; `NOT_KNOWN` if the window is empty.
    """
    means = np.empty(moments.shape[0], dtype=np.int32)
    for k in range(moments.shape[0]):
        n = moments[k, 0]
        means[k] = np.int32(np.rint(moments[k, 1] / (n * bands))) if n > 0 else NOT_KNOWN
    return means


@kernel
def window_deviations(moments: np.ndarray, bands: int) -> np.ndarray:
    """Return the standard deviation of each window, rounded; as `window_means`."""
    deviations = np.empty(moments.shape[0], dtype=np.int32)
    for k in range(moments.shape[0]):
        n = moments[k, 0]
        if n == 0:
            deviations[k] = NOT_KNOWN
            continue
        spread = n * moments[k, 2] - moments[k, 1] * moments[k, 1]
        deviations[k] = np.int32(np.rint(np.sqrt(np.float64(spread)) / (n * bands)))
    return deviations


@kernel
def gradients(values: np.ndarray, rows: np.ndarray, cols: np.ndarray, bands: int) -> np.ndarray:
    """Length and doubled direction of the central difference at each pixel, quantised.

    Parameters
    ----------
    values, rows, cols
        As in `window_moments`. At the image's edge the edge pixel stands for its neighbour.
    bands
        How many bands were added up; the length is divided by it.

    Returns
    -------
    ndarray
        ``(3, n)`` int32, change over two pixels: length, and length times cosine and sine of twice
        the direction (so that opposite sides of a stripe add up); `NOT_KNOWN` where a neighbour was
        not observed.
    """
    height, width = values.shape
    out = np.full((3, rows.shape[0]), NOT_KNOWN, dtype=np.int32)
    for k in range(rows.shape[0]):
        y, x = rows[k], cols[k]
        east, west = values[y, min(x + 1, width - 1)], values[y, max(x - 1, 0)]
        south, north = values[min(y + 1, height - 1), x], values[max(y - 1, 0), x]
        if min(east, west, south, north) == NOT_KNOWN:
            continue
        across, along = np.float64(east) - west, np.float64(south) - north
        length = np.sqrt(across * across + along * along)
        per_band = 1.0 / (max(length, 1.0) * bands)
        out[0, k] = np.int32(np.rint(length / bands))
        out[1, k] = np.int32(np.rint((across * across - along * along) * per_band))
        out[2, k] = np.int32(np.rint(2.0 * across * along * per_band))
    return out

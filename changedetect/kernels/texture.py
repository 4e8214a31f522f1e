"""Texture and surroundings at chosen pixels, exact in integers, so that tiling changes nothing.

NaN is not observed and is left out of every window; values are quantised before anything is summed.
Only the pixels asked for are looked at: where nothing changed, nothing is computed.
"""

import numpy as np

from changedetect.kernels._jit import kernel

NOT_KNOWN = -2147483648
"""Result where nothing was observed (int32's minimum)."""


@kernel
def window_moments(
    bands: np.ndarray,
    chosen: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    window: tuple[int, int],
    scale: float,
) -> np.ndarray:
    """Count, sum and sum of squares of the quantised values around each pixel.

    Parameters
    ----------
    bands
        ``(band, y, x)`` float32; NaN is not observed.
    chosen
        ``(c,)`` int64, the bands whose quantised values are added up to a pixel's value; a pixel
        with a NaN in one of them is left out.
    rows, cols
        ``(n,)`` int64, the pixels. [px]
    window
        Radius and step: the window reaches the radius to each side, clipped at the image's edge;
        every step-th row and column of it is used, counted from its corner. [px]
    scale
        Quantum: values are multiplied by it and rounded half to even.

    Returns
    -------
    ndarray
        ``(n, 3)`` int64.
    """
    _, height, width = bands.shape
    radius, step = window
    moments = np.zeros((rows.shape[0], 3), dtype=np.int64)
    for k in range(rows.shape[0]):
        for y in range(rows[k] - radius, rows[k] + radius + 1, step):
            if y < 0 or y >= height:
                continue
            for x in range(cols[k] - radius, cols[k] + radius + 1, step):
                if x < 0 or x >= width:
                    continue
                value = 0.0
                for c in chosen:
                    value += np.rint(np.float64(bands[c, y, x]) * scale)
                if np.isnan(value):
                    continue
                whole = np.int64(value)
                moments[k, 0] += 1
                moments[k, 1] += whole
                moments[k, 2] += whole * whole
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
def gradients(
    bands: np.ndarray, chosen: np.ndarray, rows: np.ndarray, cols: np.ndarray, scale: float
) -> np.ndarray:
    """Length and doubled direction of the central difference at each pixel, quantised.

    Parameters
    ----------
    bands, chosen, rows, cols, scale
        As in `window_moments`; the mean of the chosen bands counts. At the image's edge the edge
        pixel stands for its neighbour.

    Returns
    -------
    ndarray
        ``(3, n)`` int32, change over two pixels: length, and length times cosine and sine of twice
        the direction (so that opposite sides of a stripe add up); `NOT_KNOWN` where a neighbour was
        not observed.
    """
    _, height, width = bands.shape
    out = np.full((3, rows.shape[0]), NOT_KNOWN, dtype=np.int32)
    for k in range(rows.shape[0]):
        y, x = rows[k], cols[k]
        across, along = 0.0, 0.0
        for c in chosen:
            band = bands[c]
            across += np.rint(np.float64(band[y, min(x + 1, width - 1)]) * scale)
            across -= np.rint(np.float64(band[y, max(x - 1, 0)]) * scale)
            along += np.rint(np.float64(band[min(y + 1, height - 1), x]) * scale)
            along -= np.rint(np.float64(band[max(y - 1, 0), x]) * scale)
        length = np.sqrt(across * across + along * along)
        if np.isnan(length):
            continue
        per_band = 1.0 / (max(length, 1.0) * chosen.shape[0])
        out[0, k] = np.int32(np.rint(length / chosen.shape[0]))
        out[1, k] = np.int32(np.rint((across * across - along * along) * per_band))
        out[2, k] = np.int32(np.rint(2.0 * across * along * per_band))
    return out

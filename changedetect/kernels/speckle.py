"""Window sums and the guided filter in whole numbers, for radar.

Every sum runs over integers, so it is exact in any order: the result of a pixel does not depend
on how the area was tiled, as long as its windows are complete.
"""

import numpy as np

from changedetect.kernels._jit import kernel

UNIT = 4096.0
"""Steps in a neper: logarithms are rounded to this."""

COEFFICIENT_UNIT = 65536.0
"""Steps in one: coefficients of the guided filter are rounded to this."""


@kernel
def box_sum(values: np.ndarray, radius: int) -> np.ndarray:
    """Sum whole numbers over a square window, cut off at the edge of the array.

    Parameters
    ----------
    values
        ``(y, x)`` int64; no-data must be 0.
    radius
        The window is ``2 radius + 1`` wide. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` int64.
    """
    height, width = values.shape
    rows = np.zeros((height, width), np.int64)
    for row in range(height):
        total = np.int64(0)
        for col in range(min(radius, width)):
            total += values[row, col]
        for col in range(width):
            if col + radius < width:
                total += values[row, col + radius]
            if col - radius - 1 >= 0:
                total -= values[row, col - radius - 1]
            rows[row, col] = total
    out = np.zeros((height, width), np.int64)
    totals = np.zeros(width, np.int64)
    for row in range(min(radius, height)):
        for col in range(width):
            totals[col] += rows[row, col]
    for row in range(height):
        for col in range(width):
            if row + radius < height:
                totals[col] += rows[row + radius, col]
            if row - radius - 1 >= 0:
                totals[col] -= rows[row - radius - 1, col]
            out[row, col] = totals[col]
    return out


@kernel
def guided(
    values: np.ndarray,
    guide1: np.ndarray,
    guide2: np.ndarray,
    valid: np.ndarray,
    radius: int,
    epsilon: float,
) -> np.ndarray:
    """Filter an image under two guides: edges of the guides stay, speckle goes.

    He, Sun, Tang 2013, DOI 10.1109/TPAMI.2012.213, eq. 19 to 21 with two guide channels; windows
    count valid pixels only.

    Parameters
    ----------
    values, guide1, guide2
        ``(y, x)`` int64 in steps of 1 / `UNIT`; 0 where not valid. [neper × UNIT]
    valid
        ``(y, x)`` int64; 1 = observed, 0 = no data.
    radius
        Of the window. [px]
    epsilon
        Regularisation. [neper²]

    Returns
    -------
    ndarray
        ``(y, x)`` int64 in the same steps; 0 where not valid.
    """
    height, width = values.shape
    n = box_sum(valid, radius)
    s1 = box_sum(guide1, radius)
    s2 = box_sum(guide2, radius)
    sp = box_sum(values, radius)
    s11 = box_sum(guide1 * guide1, radius)
    s12 = box_sum(guide1 * guide2, radius)
    s22 = box_sum(guide2 * guide2, radius)
    s1p = box_sum(guide1 * values, radius)
    s2p = box_sum(guide2 * values, radius)
    slope1 = np.zeros((height, width), np.int64)
    slope2 = np.zeros((height, width), np.int64)
    offset = np.zeros((height, width), np.int64)
    scale = UNIT * UNIT
    for row in range(height):
        for col in range(width):
            if valid[row, col] == 0:
                continue
            count = float(n[row, col])
            m1 = s1[row, col] / count
            m2 = s2[row, col] / count
            mp = sp[row, col] / count
            v11 = (s11[row, col] / count - m1 * m1) / scale + epsilon
            v12 = (s12[row, col] / count - m1 * m2) / scale
            v22 = (s22[row, col] / count - m2 * m2) / scale + epsilon
            c1 = (s1p[row, col] / count - m1 * mp) / scale
            c2 = (s2p[row, col] / count - m2 * mp) / scale
            determinant = v11 * v22 - v12 * v12
            a1 = (v22 * c1 - v12 * c2) / determinant
            a2 = (v11 * c2 - v12 * c1) / determinant
            slope1[row, col] = np.int64(np.rint(a1 * COEFFICIENT_UNIT))
            slope2[row, col] = np.int64(np.rint(a2 * COEFFICIENT_UNIT))
            offset[row, col] = np.int64(np.rint(mp - a1 * m1 - a2 * m2))
    sum1, sum2 = box_sum(slope1, radius), box_sum(slope2, radius)
    offsets = box_sum(offset, radius)
    out = np.zeros((height, width), np.int64)
    for row in range(height):
        for col in range(width):
            if valid[row, col] == 0:
                continue
            tilt = (
                float(sum1[row, col]) * guide1[row, col] + float(sum2[row, col]) * guide2[row, col]
            )
            out[row, col] = np.int64(
                np.rint((tilt / COEFFICIENT_UNIT + offsets[row, col]) / n[row, col])
            )
    return out

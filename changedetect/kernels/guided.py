"""Edge-keeping smoothing: the guided filter with a guide of several channels, in exact integers.

He, Sun and Tang (2013), doi:10.1109/TPAMI.2012.213, equations 19 to 21 (colour guide). All window
sums are sums of integers, so a pixel's value depends on its window alone, never on where a tile
began; memory grows with the width of the tile only.
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

SLOPE_QUANTUM = 1 << 20
"""Slopes are rounded to 2**-20 before they are averaged."""

LEVEL_QUANTUM = 1 << 12
"""Intercepts are rounded to 2**-12 of a score unit."""


@kernel
def _add_row(
    columns: np.ndarray, score: np.ndarray, guide: np.ndarray, row: int, sign: int
) -> None:
    """Add (or take away) one row of moments: count, score, guide, score·guide, guide·guide."""
    width = score.shape[1]
    m = guide.shape[2]
    for x in range(width):
        value = np.int64(score[row, x])
        if value < 0:
            continue
        value *= sign
        columns[x, 0] += sign
        columns[x, 1] += value
        place = 2 + 2 * m
        for i in range(m):
            part = np.int64(guide[row, x, i])
            columns[x, 2 + i] += sign * part
            columns[x, 2 + m + i] += value * part
            part *= sign
            for j in range(i + 1):
                columns[x, place] += part * guide[row, x, j]
                place += 1


@kernel
def _solve(window: np.ndarray, m: int, ridge: float, factor: np.ndarray, line: np.ndarray) -> None:
    """Fit score = slope · guide + level in one window (Cholesky); ``line`` takes the result."""
    n = float(window[0])
    place = 2 + 2 * m
    for i in range(m):
        line[i] = (window[2 + m + i] * n - float(window[1]) * float(window[2 + i])) / (n * n)
        for j in range(i + 1):
            cov = (window[place] * n - float(window[2 + i]) * float(window[2 + j])) / (n * n)
            place += 1
            if i == j:
                cov += ridge
            for k in range(j):
                cov -= factor[i, k] * factor[j, k]
            factor[i, j] = math.sqrt(cov) if i == j else cov / factor[j, j]
    for i in range(m):
        for k in range(i):
            line[i] -= factor[i, k] * line[k]
        line[i] /= factor[i, i]
    for i in range(m - 1, -1, -1):
        for k in range(i + 1, m):
            line[i] -= factor[k, i] * line[k]
        line[i] /= factor[i, i]
    level = window[1] / n
    for i in range(m):
        level -= line[i] * window[2 + i] / n
    line[m] = level


@kernel
def _line_row(
    columns: np.ndarray, score: np.ndarray, row: int, radius: int, ridge: float, lines: np.ndarray
) -> None:
    """Slide along a row of column sums and write the quantised line of every observed centre."""
    width, size = columns.shape
    m = lines.shape[1] - 2
    window = np.zeros(size, np.int64)
    factor = np.zeros((m, m))
    line = np.zeros(m + 1)
    lines[:, :] = 0
    for x in range(min(radius, width)):
        for i in range(size):
            window[i] += columns[x, i]
    for x in range(width):
        if x + radius < width:
            for i in range(size):
                window[i] += columns[x + radius, i]
        if x - radius > 0:
            for i in range(size):
                window[i] -= columns[x - radius - 1, i]
        if score[row, x] < 0:
            continue
        _solve(window, m, ridge, factor, line)
        for i in range(m):
            lines[x, i] = np.int64(round(line[i] * SLOPE_QUANTUM))
        lines[x, m] = np.int64(round(line[m] * LEVEL_QUANTUM))
        lines[x, m + 1] = 1


@kernel
def _smooth_row(
    sums: np.ndarray, score: np.ndarray, guide: np.ndarray, row: int, radius: int, out: np.ndarray
) -> None:
    """Average the lines around each pixel of a row and read them at its own guide."""
    width, size = sums.shape
    m = size - 2
    window = np.zeros(size, np.int64)
    for x in range(min(radius, width)):
        for i in range(size):
            window[i] += sums[x, i]
    for x in range(width):
        if x + radius < width:
            for i in range(size):
                window[i] += sums[x + radius, i]
        if x - radius > 0:
            for i in range(size):
                window[i] -= sums[x - radius - 1, i]
        if score[row, x] < 0:
            continue
        slope = 0.0
        for i in range(m):
            slope += float(window[i]) * guide[row, x, i]
        n = float(window[m + 1])
        out[row, x] = (slope / SLOPE_QUANTUM + float(window[m]) / LEVEL_QUANTUM) / n


@kernel
def guided_mean(score: np.ndarray, guide: np.ndarray, radius: int, ridge: float) -> np.ndarray:
    """Smooth a score inside the edges that a guide shows.

    Parameters
    ----------
    score
        ``(y, x)`` int32, below 2**15; negative is not observed and takes no part.
    guide
        ``(y, x, channel)`` int16, magnitude below 2**11.
    radius
        Half side of the square window, which is clipped at the edge. [px]
    ridge
        Epsilon of the filter in squared guide units.

    Returns
    -------
    ndarray
        ``(y, x)`` float32 in score units; NaN where not observed.
    """
    height, width = score.shape
    m = guide.shape[2]
    out = np.full((height, width), np.float32(np.nan), np.float32)
    columns = np.zeros((width, 2 + 2 * m + m * (m + 1) // 2), np.int64)
    ring = np.zeros((2 * radius + 1, width, m + 2), np.int64)
    sums = np.zeros((width, m + 2), np.int64)
    for y in range(min(radius, height)):
        _add_row(columns, score, guide, y, 1)
    for y in range(height + radius):
        lines = ring[y % (2 * radius + 1)]
        for x in range(width):
            for i in range(m + 2):
                sums[x, i] -= lines[x, i]
        lines[:, :] = 0
        if y < height:
            if y + radius < height:
                _add_row(columns, score, guide, y + radius, 1)
            if y - radius > 0:
                _add_row(columns, score, guide, y - radius - 1, -1)
            _line_row(columns, score, y, radius, ridge, lines)
            for x in range(width):
                for i in range(m + 2):
                    sums[x, i] += lines[x, i]
        if y >= radius:
            _smooth_row(sums, score, guide, y - radius, radius, out)
    return out

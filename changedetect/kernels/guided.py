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

LANES = 128
"""Windows that are solved side by side."""


@kernel
def _add_row(
    columns: np.ndarray,
    score: np.ndarray,
    guide: np.ndarray,
    row: int,
    sign: int,
    pad: int,
    g: np.ndarray,
    s: np.ndarray,
) -> None:
    """Add (or take away) one row of moments: count, score, guide, score·guide, guide·guide.

    Moment by moment along the row, so that each inner loop runs over neighbours in memory.
    """
    width = score.shape[1]
    m = guide.shape[2]
    for x in range(width):
        seen = score[row, x] >= 0
        s[0, x] = np.int32(seen)
        s[1, x] = np.int32(score[row, x] if seen else 0)
    for i in range(m):
        gi = g[i]
        for x in range(width):
            gi[x] = np.int32(guide[row, x, i]) * s[0, x]
    ones, value = s[0], s[1]
    c0, c1 = columns[0], columns[1]
    for x in range(width):
        c0[x + pad] += sign * np.int64(ones[x])
        c1[x + pad] += sign * np.int64(value[x])
    place = 2 + 2 * m
    for i in range(m):
        gi = g[i]
        ca, cb = columns[2 + i], columns[2 + m + i]
        for x in range(width):
            ca[x + pad] += sign * np.int64(gi[x])
            cb[x + pad] += sign * np.int64(np.int32(value[x] * gi[x]))
        for j in range(i + 1):
            gj = g[j]
            cc = columns[place]
            for x in range(width):
                cc[x + pad] += sign * np.int64(np.int32(gi[x] * gj[x]))
            place += 1


@kernel
def _solve_block(w: np.ndarray, m: int, ridge: float, factor: np.ndarray, line: np.ndarray) -> None:
    """Fit score = slope · guide + level (Cholesky) in a block of windows side by side.

    The steps of each window are those of one window alone, in the same order: the same bytes.
    """
    lanes = w.shape[1]
    n = w[0]
    place = 2 + 2 * m
    for i in range(m):
        a, b, li = w[2 + m + i], w[2 + i], line[i]
        w1 = w[1]
        for x in range(lanes):
            li[x] = (a[x] * n[x] - w1[x] * b[x]) / (n[x] * n[x])
        for j in range(i + 1):
            p, c = w[place], w[2 + j]
            f = factor[i, j]
            for x in range(lanes):
                f[x] = (p[x] * n[x] - b[x] * c[x]) / (n[x] * n[x])
            place += 1
            if i == j:
                for x in range(lanes):
                    f[x] += ridge
            for k in range(j):
                fi, fj = factor[i, k], factor[j, k]
                for x in range(lanes):
                    f[x] -= fi[x] * fj[x]
            if i == j:
                for x in range(lanes):
                    f[x] = math.sqrt(f[x])
            else:
                d = factor[j, j]
                for x in range(lanes):
                    f[x] = f[x] / d[x]
    for i in range(m):
        li = line[i]
        for k in range(i):
            f, lk = factor[i, k], line[k]
            for x in range(lanes):
                li[x] -= f[x] * lk[x]
        d = factor[i, i]
        for x in range(lanes):
            li[x] /= d[x]
    for i in range(m - 1, -1, -1):
        li = line[i]
        for k in range(i + 1, m):
            f, lk = factor[k, i], line[k]
            for x in range(lanes):
                li[x] -= f[x] * lk[x]
        d = factor[i, i]
        for x in range(lanes):
            li[x] /= d[x]
    lm = line[m]
    w1 = w[1]
    for x in range(lanes):
        lm[x] = w1[x] / n[x]
    for i in range(m):
        li, b = line[i], w[2 + i]
        for x in range(lanes):
            lm[x] -= li[x] * b[x] / n[x]


@kernel
def _line_row(
    columns: np.ndarray,
    score: np.ndarray,
    row: int,
    radius: int,
    ridge: float,
    lines: np.ndarray,
    run: np.ndarray,
    w: np.ndarray,
    factor: np.ndarray,
    line: np.ndarray,
) -> None:
    """Slide along a row of column sums and write the quantised line of every observed centre."""
    size = columns.shape[0]
    width = score.shape[1]
    m = lines.shape[1] - 2
    for p in range(size):
        total = np.int64(0)
        for x in range(radius + 1, 2 * radius + 1):
            total += columns[p, x]
        run[p] = total
    for begin in range(0, width, LANES):
        lanes = min(LANES, width - begin)
        for p in range(size):
            total = run[p]
            c = columns[p]
            wp = w[p]
            for x in range(lanes):
                total += c[begin + x + 2 * radius + 1] - c[begin + x]
                wp[x] = np.float64(total)
            run[p] = total
        _solve_block(w, m, ridge, factor, line)
        for x in range(lanes):
            if score[row, begin + x] < 0:
                for i in range(m + 2):
                    lines[begin + x, i] = 0
                continue
            for i in range(m):
                lines[begin + x, i] = np.int64(round(line[i, x] * SLOPE_QUANTUM))
            lines[begin + x, m] = np.int64(round(line[m, x] * LEVEL_QUANTUM))
            lines[begin + x, m + 1] = 1


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
    size = 2 + 2 * m + m * (m + 1) // 2
    pad = radius + 1
    out = np.full((height, width), np.float32(np.nan), np.float32)
    columns = np.zeros((size, width + 2 * radius + 1), np.int64)
    ring = np.zeros((2 * radius + 1, width, m + 2), np.int64)
    sums = np.zeros((width, m + 2), np.int64)
    g = np.zeros((m, width), np.int32)
    s = np.zeros((2, width), np.int32)
    run = np.zeros(size, np.int64)
    w = np.zeros((size, LANES))
    factor = np.zeros((m, m, LANES))
    line = np.zeros((m + 1, LANES))
    for y in range(min(radius, height)):
        _add_row(columns, score, guide, y, 1, pad, g, s)
    for y in range(height + radius):
        lines = ring[y % (2 * radius + 1)]
        for x in range(width):
            for i in range(m + 2):
                sums[x, i] -= lines[x, i]
        if y < height:
            if y + radius < height:
                _add_row(columns, score, guide, y + radius, 1, pad, g, s)
            if y - radius > 0:
                _add_row(columns, score, guide, y - radius - 1, -1, pad, g, s)
            _line_row(columns, score, y, radius, ridge, lines, run, w, factor, line)
            for x in range(width):
                for i in range(m + 2):
                    sums[x, i] += lines[x, i]
        else:
            lines[:, :] = 0
        if y >= radius:
            _smooth_row(sums, score, guide, y - radius, radius, out)
    return out

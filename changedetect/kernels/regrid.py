"""Resampling at given source coordinates: cubic, footprint mean, nearest.

Coordinates are absolute pixel positions in the source (pixel centres at whole numbers), so the
value of an output pixel does not depend on which window of the source was read or of the output
is asked for. NaN is not observed.
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def _keys(distance: float) -> float:
    """Cubic convolution with a = -1/2 (Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 15)."""
    d = abs(distance)
    if d < 1.0:
        return 1.5 * d * d * d - 2.5 * d * d + 1.0
    if d < 2.0:
        return -0.5 * d * d * d + 2.5 * d * d - 4.0 * d + 2.0
    return 0.0


@kernel
def _bilinear_at(source: np.ndarray, band: int, r: float, c: float) -> float:
    """Bilinear over observed neighbours; NaN if they hold less than half of the weight."""
    height, width = source.shape[1], source.shape[2]
    top = math.floor(r)
    left = math.floor(c)
    total = 0.0
    weight = 0.0
    for y in range(top, top + 2):
        for x in range(left, left + 2):
            w = (1.0 - abs(r - y)) * (1.0 - abs(c - x))
            if w <= 0.0 or y < 0 or x < 0 or y >= height or x >= width:
                continue
            value = source[band, y, x]
            if math.isnan(value):
                continue
            total += w * value
            weight += w
    if weight < 0.5:
        return math.nan
    return total / weight


@kernel
def cubic(
    source: np.ndarray, top_row: int, left_col: int, rows: np.ndarray, cols: np.ndarray
) -> np.ndarray:
    """Interpolate; beside unobserved pixels and edges bilinear over what was observed.

    Parameters
    ----------
    source
        ``(band, y, x)`` float32, a window of the source; NaN is not observed.
    top_row, left_col
        Position of the window in the source. [px]
    rows, cols
        ``(y, x)`` float64, where to interpolate, counted in the whole source. [px]

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32; NaN is not observed.
    """
    bands, height, width = source.shape
    out_height, out_width = rows.shape
    out = np.empty((bands, out_height, out_width), np.float32)
    weights_y = np.empty(4, np.float64)
    weights_x = np.empty(4, np.float64)
    for y in range(out_height):
        for x in range(out_width):
            r, c = rows[y, x], cols[y, x]
            if math.isnan(r) or math.isnan(c):
                out[:, y, x] = np.nan
                continue
            base_r, base_c = math.floor(r) - 1, math.floor(c) - 1
            for k in range(4):
                weights_y[k] = _keys(r - (base_r + k))
                weights_x[k] = _keys(c - (base_c + k))
            r0, c0 = base_r - top_row, base_c - left_col
            inside = r0 >= 0 and c0 >= 0 and r0 + 4 <= height and c0 + 4 <= width
            fr, fc = r - top_row, c - left_col
            for b in range(bands):
                value = math.nan
                if inside:
                    value = 0.0
                    for i in range(4):
                        line = 0.0
                        for j in range(4):
                            line += weights_x[j] * source[b, r0 + i, c0 + j]
                        value += weights_y[i] * line
                if math.isnan(value):
                    value = _bilinear_at(source, b, fr, fc)
                out[b, y, x] = value
    return out


@kernel
def footprint_mean(
    source: np.ndarray,
    top_row: int,
    left_col: int,
    rows: np.ndarray,
    cols: np.ndarray,
    span: tuple[float, float],
) -> np.ndarray:
    """Average the source under each output pixel, weighted by covered area.

    Parameters
    ----------
    source, top_row, left_col, rows, cols
        As for `cubic`.
    span
        Height and width of an output pixel in the source. [px]

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32; NaN where less than half of the footprint was observed.
    """
    bands, height, width = source.shape
    out_height, out_width = rows.shape
    out = np.empty((bands, out_height, out_width), np.float32)
    span_rows, span_cols = span
    full = span_rows * span_cols
    for y in range(out_height):
        for x in range(out_width):
            low_r = rows[y, x] - span_rows / 2.0 + 0.5
            low_c = cols[y, x] - span_cols / 2.0 + 0.5
            if math.isnan(low_r) or math.isnan(low_c):
                out[:, y, x] = np.nan
                continue
            high_r, high_c = low_r + span_rows, low_c + span_cols
            for b in range(bands):
                total = 0.0
                weight = 0.0
                for i in range(math.floor(low_r), math.ceil(high_r)):
                    p = i - top_row
                    if p < 0 or p >= height:
                        continue
                    w_row = min(high_r, i + 1.0) - max(low_r, float(i))
                    for j in range(math.floor(low_c), math.ceil(high_c)):
                        q = j - left_col
                        if q < 0 or q >= width:
                            continue
                        value = source[b, p, q]
                        if math.isnan(value):
                            continue
                        w = w_row * (min(high_c, j + 1.0) - max(low_c, float(j)))
                        total += w * value
                        weight += w
                out[b, y, x] = total / weight if weight >= 0.5 * full else math.nan
    return out


@kernel
def nearest(
    source: np.ndarray,
    top_row: int,
    left_col: int,
    rows: np.ndarray,
    cols: np.ndarray,
    outside: int,
) -> np.ndarray:
    """Take the pixel under each position.

    Parameters
    ----------
    source
        ``(y, x)`` uint8.
    top_row, left_col, rows, cols
        As for `cubic`.
    outside
        Value where there is no source pixel.

    Returns
    -------
    ndarray
        ``(y, x)`` uint8.
    """
    height, width = source.shape
    out = np.empty(rows.shape, np.uint8)
    for y in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            r, c = rows[y, x], cols[y, x]
            out[y, x] = outside
            if math.isnan(r) or math.isnan(c):
                continue
            p = math.floor(r + 0.5) - top_row
            q = math.floor(c + 0.5) - left_col
            if p >= 0 and q >= 0 and p < height and q < width:
                out[y, x] = source[p, q]
    return out

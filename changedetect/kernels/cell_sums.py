"""Means of square cells straight from stored whole numbers: sums of columns first, no image.

Numbers of 16 bits add up exactly in whole numbers, in any order, so that blocks of a file can be added
as they come; only the mean of a cell becomes a quantity. Rows lie side by side in the innermost loops,
which the compiler turns into vector instructions.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted

NEVER = -1 << 40
"""No stored number: no value stands for no data."""


@uncounted
def _row_seen(
    stored: np.ndarray, place: tuple[int, int], nodata: int, black: bool, seen: np.ndarray
) -> bool:
    """Tell which pixels of a row are seen, 1 or 0, and whether all are; ``place``: row, first column."""
    y, col = place
    width = len(seen)
    if nodata == NEVER and not black:
        seen[:] = 1
        return True
    seen[:] = 0 if black else 1
    if black:
        for band in range(len(stored)):
            source = stored[band, y, col : col + width]
            for x in range(width):
                seen[x] |= np.int32(source[x] != 0)
    if nodata != NEVER:
        for band in range(len(stored)):
            source = stored[band, y, col : col + width]
            for x in range(width):
                seen[x] &= np.int32(np.int64(source[x]) != nodata)
    total = 0
    for x in range(width):
        total += seen[x]
    return bool(total == width)


@kernel
def add_columns(
    stored: np.ndarray,
    part: tuple[int, int, int, int],
    place: tuple[int, int],
    rules: tuple[int, int, bool],
    sums: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add a part of a block to the column sums of the rows of cells of a window.

    Parameters
    ----------
    stored
        ``(band, y, x)`` whole numbers of at most 16 bits.
    part
        First row and column in the block, height and width. [px]
    place
        First row and column in the window. [px]
    rules
        Side of a cell [px]; the stored number that is no data, or `NEVER`; and whether a pixel that is
        0 in all bands is no data. A pixel that lacks a band lacks all.
    sums
        ``(band, row of cells, x)`` and ``(row of cells, x)`` int32: sums of stored numbers, and pixels
        seen; changed in place.
    """
    row, col, height, width = part
    cell_px, nodata, black = rules
    totals, counts = sums
    seen = np.empty(width, np.int32)
    for y in range(height):
        cells = (place[0] + y) // cell_px
        whole = _row_seen(stored, (row + y, col), nodata, black, seen)
        count = counts[cells, place[1] : place[1] + width]
        for x in range(width):
            count[x] += seen[x]
        for band in range(len(stored)):
            source = stored[band, row + y, col : col + width]
            total = totals[band, cells, place[1] : place[1] + width]
            if whole:
                for x in range(width):
                    total[x] += np.int32(source[x])
            else:
                for x in range(width):
                    total[x] += np.int32(source[x]) * seen[x]


@uncounted
def _across(columns: np.ndarray, cell_px: int, out: np.ndarray) -> None:
    """Add up the columns of each cell of a row, place by place."""
    out[:] = 0
    for place in range(min(cell_px, len(columns))):
        own = columns[place:]
        for c in range((len(own) + cell_px - 1) // cell_px):
            out[c] += own[c * cell_px]


@kernel
def means_of_columns(
    sums: tuple[np.ndarray, np.ndarray],
    form: tuple[np.ndarray, np.ndarray],
    height: int,
    cell_px: int,
    min_share: float,
) -> np.ndarray:
    """Take the means of cells from the sums of their columns.

    Parameters
    ----------
    sums
        From `add_columns`, of a whole window.
    form
        Scale and offset of the stored numbers, ``(band,)`` float64.
    height
        Of the window. [px]
    cell_px, min_share
        As in `cells.cell_means`.

    Returns
    -------
    ndarray
        ``(band, rows, cols)`` float32, ``scale * mean + offset``, rounded once; NaN where too little is
        seen. `cells.cell_means` of the quantities, each of which is rounded, differs in the last digit.
    """
    totals, counts = sums
    scale, offset = form
    bands, rows, width = totals.shape
    cols = -(-width // cell_px)
    out = np.empty((bands, rows, cols), np.float32)
    count, total = np.empty(cols, np.int64), np.empty(cols, np.int64)
    for row in range(rows):
        deep = min((row + 1) * cell_px, height) - row * cell_px
        _across(counts[row], cell_px, count)
        for c in range(cols):
            size = deep * (min((c + 1) * cell_px, width) - c * cell_px)
            count[c] = count[c] if count[c] >= min_share * size else 0
        for band in range(bands):
            factor, level, target = scale[band], offset[band], out[band, row]
            _across(totals[band, row], cell_px, total)
            for c in range(cols):
                mean = np.float64(total[c]) / np.float64(count[c])
                found = np.float32(mean * factor + level)
                target[c] = found if count[c] > 0 else np.float32(np.nan)
    return out

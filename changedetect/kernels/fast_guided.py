"""Fast guided filter: lines are fitted to square cells, not to every pixel, and interpolated.

He and Sun (2015), arXiv:1505.00996, algorithm 2, with two differences: the moments of a window are
those of all its pixels (the paper takes every s-th), and cells lie at multiples of their side on the
grid of the whole image, so that a pixel's value does not depend on where a window began. A window is
three by three cells; where pixels are missing, a cell counts by the pixels that it has.

Columns of a row are taken apart by their place in a cell (first, second, … of each), so that every
innermost loop runs over cells that lie side by side and is vectorised. Sums are added in a fixed
order around each cell: the same bytes for every window with its reach.
"""

import numpy as np

from changedetect.kernels._jit import kernel

REACH_CELLS = 3
"""A pixel depends on pixels of its own cell and of so many cells to each side."""


@kernel
def _take_apart(
    score: np.ndarray, guide: np.ndarray, row: int, left: int, cell: int, parts: np.ndarray
) -> None:
    """Lay out a row by place in the cell: ``parts`` ``(2 + guide, cell, cells)``; seen, score, guide."""
    width = score.shape[1]
    parts[0] = np.float32(0.0)
    parts[1] = np.float32(0.0)
    for place in range(cell):
        start = (place - left) % cell
        skip = (start + left) // cell
        line, seen, value = score[row], parts[0, place], parts[1, place]
        for c in range((width - start + cell - 1) // cell):
            number = line[start + c * cell]
            seen[skip + c] = np.float32(1.0) if number >= 0 else np.float32(0.0)
            value[skip + c] = np.float32(number) if number >= 0 else np.float32(0.0)
        for k in range(guide.shape[0]):
            source, target = guide[k, row], parts[2 + k, place]
            for c in range((width - start + cell - 1) // cell):
                target[skip + c] = np.float32(source[start + c * cell])


@kernel
def _add_moments(parts: np.ndarray, moments: np.ndarray) -> None:
    """Add a row to its cells: count, score, guide, score·guide, guide·guide."""
    m = parts.shape[0] - 2
    for place in range(parts.shape[1]):
        seen, value = parts[0, place], parts[1, place]
        count, total = moments[0], moments[1]
        for c in range(len(seen)):
            count[c] += seen[c]
            total[c] += value[c]
        at = 2 + 2 * m
        for i in range(m):
            gi, first, cross = parts[2 + i, place], moments[2 + i], moments[2 + m + i]
            for c in range(len(seen)):
                first[c] += seen[c] * gi[c]
                cross[c] += value[c] * gi[c]
            for j in range(i + 1):
                gj, square = parts[2 + j, place], moments[at]
                for c in range(len(seen)):
                    square[c] += seen[c] * gi[c] * gj[c]
                at += 1


@kernel
def _window_sums(ring: np.ndarray, middle: int, rows: int, out: np.ndarray) -> None:
    """Add up the three by three cells around every cell of a row of cells."""
    depth, sizes, cells = ring.shape
    for k in range(sizes):
        line, here = out[k], ring[middle % depth, k]
        before, after = ring[(middle - 1) % depth, k], ring[(middle + 1) % depth, k]
        if middle > 0 and middle + 1 < rows:
            for c in range(cells):
                line[c] = here[c] + (before[c] + after[c])
        elif middle > 0:
            for c in range(cells):
                line[c] = here[c] + before[c]
        elif rows > 1:
            for c in range(cells):
                line[c] = here[c] + after[c]
        else:
            line[:] = here
        last = np.float32(0.0)
        for c in range(cells):
            own = line[c]
            coming = line[c + 1] if c + 1 < cells else np.float32(0.0)
            line[c] = own + (last + coming)
            last = own


@kernel
def _fit_lines(
    w: np.ndarray, counts: np.ndarray, ridge: float, factor: np.ndarray, line: np.ndarray
) -> None:
    """Fit score = slope · guide + level (equations 5 and 6 of the paper; Cholesky), times the count.

    ``line`` ``(m + 2, cells)``: slopes, level and count of each cell, all times the pixels observed.
    """
    m = factor.shape[0]
    cells = w.shape[1]
    share, mean = line[m], line[m + 1]
    for c in range(cells):
        share[c] = np.float32(1.0) / max(w[0, c], np.float32(1.0))
    for k in range(1, w.shape[0]):
        wk = w[k]
        for c in range(cells):
            wk[c] *= share[c]
    w1 = w[1]
    at = 2 + 2 * m
    for i in range(m):
        b, cross, li = w[2 + i], w[2 + m + i], line[i]
        for c in range(cells):
            li[c] = cross[c] - w1[c] * b[c]
        for j in range(i + 1):
            product, other, f = w[at], w[2 + j], factor[i, j]
            at += 1
            spare = np.float32(ridge) if i == j else np.float32(0.0)
            for c in range(cells):
                f[c] = product[c] - b[c] * other[c] + spare
            for k in range(j):
                fi, fj = factor[i, k], factor[j, k]
                for c in range(cells):
                    f[c] -= fi[c] * fj[c]
            if i == j:
                for c in range(cells):
                    f[c] = np.float32(1.0) / np.sqrt(f[c])
            else:
                d = factor[j, j]
                for c in range(cells):
                    f[c] *= d[c]
        for k in range(i):
            f, lk = factor[i, k], line[k]
            for c in range(cells):
                li[c] -= f[c] * lk[c]
        d = factor[i, i]
        for c in range(cells):
            li[c] *= d[c]
    for i in range(m - 1, -1, -1):
        li, d = line[i], factor[i, i]
        for k in range(i + 1, m):
            f, lk = factor[k, i], line[k]
            for c in range(cells):
                li[c] -= f[c] * lk[c]
        for c in range(cells):
            li[c] *= d[c]
    level = line[m]
    level[:] = w1
    for i in range(m):
        li, b = line[i], w[2 + i]
        for c in range(cells):
            level[c] -= li[c] * b[c]
    for i in range(m + 1):
        li = line[i]
        for c in range(cells):
            li[c] *= counts[c]
    mean[:] = counts


@kernel
def _between(ring: np.ndarray, row: int, rows: int, share: float, out: np.ndarray) -> None:
    """Interpolate lines between rows of cells: ``share`` of the way from the middle of a row."""
    depth, sizes, cells = ring.shape
    other = row + 1 if share > 0 else row - 1
    far = np.float32(abs(share))
    if share == 0 or other < 0 or other >= rows:
        far, other = np.float32(0.0), row
    near = np.float32(1.0) - far
    for k in range(sizes):
        a, b, line = ring[row % depth, k], ring[other % depth, k], out[k]
        for c in range(cells):
            line[c] = near * a[c] + far * b[c]


@kernel
def _read_row(
    lines: np.ndarray,
    parts: np.ndarray,
    left: int,
    space: tuple[np.ndarray, np.ndarray],
    out: np.ndarray,
) -> None:
    """Interpolate lines along a row of cells and read them at each pixel's own guide."""
    m, cell, cells = parts.shape[0] - 2, parts.shape[1], parts.shape[2]
    total, weight = space
    width = len(out)
    for place in range(cell):
        share = (np.float32(place) + np.float32(0.5)) / np.float32(cell) - np.float32(0.5)
        far, step = np.float32(abs(share)), 1 if share > 0 else -1
        near = np.float32(1.0) - far
        first, last = (0, cells - 1) if step > 0 else (1, cells)
        for k in range(m + 1, -1, -1):
            line, target = lines[k], weight if k == m + 1 else total
            gk = parts[2 + k, place] if k < m else parts[0, place]
            inner, beside = line[first:last], line[first + step : last + step]
            guide, goal = gk[first:last], target[first:last]
            if k >= m:  # the count, then the level, begin the sums
                for c in range(len(goal)):
                    goal[c] = near * inner[c] + far * beside[c]
            else:
                for c in range(len(goal)):
                    goal[c] += (near * inner[c] + far * beside[c]) * guide[c]
            edge = cells - 1 if step > 0 else 0  # the outermost cell has no neighbour there
            if k >= m:
                target[edge] = line[edge]
            else:
                target[edge] += line[edge] * gk[edge]
        seen = parts[0, place]
        start = (place - left) % cell
        skip = (start + left) // cell
        for c in range(cells):
            total[c] = total[c] / weight[c] if seen[c] > 0 else np.float32(np.nan)
        for c in range((width - start + cell - 1) // cell):
            out[start + c * cell] = total[skip + c]


@kernel
def fast_guided_mean(
    score: np.ndarray,
    guide: np.ndarray,
    origin: tuple[int, int],
    cell: int,
    ridge: float,
    out: np.ndarray,
) -> None:
    """Smooth a score inside the edges that a guide shows.

    Parameters
    ----------
    score
        ``(y, x)`` int16; negative is not observed and takes no part.
    guide
        ``(channel, y, x)`` int16, magnitude below 2**11.
    origin
        Row and column of the window's first pixel in the image: cells lie at multiples of their
        side there. [px]
    cell
        Side of a cell; a window is three cells wide. [px]
    ridge
        Epsilon of the filter in squared guide units.
    out
        ``(y, x)`` float32 in score units, is set; NaN where not observed. Pixels nearer to the
        window's edge than ``(REACH_CELLS + 1) * cell - 1`` depend on where it lies.
    """
    height, width = score.shape
    m = guide.shape[0]
    top, left = origin[0] % cell, origin[1] % cell
    rows, cells = (height - 1 + top) // cell + 1, (width - 1 + left) // cell + 1
    size = 2 + 2 * m + m * (m + 1) // 2
    moments = np.zeros((3, size, cells), np.float32)
    counts = np.zeros((3, cells), np.float32)
    lines = np.zeros((3, m + 2, cells), np.float32)
    boxes = np.zeros((3, m + 2, cells), np.float32)
    w = np.zeros((size, cells), np.float32)
    factor = np.zeros((m, m, cells), np.float32)
    along = np.zeros((m + 2, cells), np.float32)
    space = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    depth = (REACH_CELLS + 2) * cell
    parts = np.zeros((depth, 2 + m, cell, cells), np.float32)
    for step in range(rows + REACH_CELLS):
        if step < rows:
            slot = moments[step % 3]
            slot[:] = np.float32(0.0)
            for y in range(max(step * cell - top, 0), min((step + 1) * cell - top, height)):
                row = parts[(y + top) % depth]
                _take_apart(score, guide, y, left, cell, row)
                _add_moments(row, slot)
            counts[step % 3] = slot[0]
        solved = step - 1
        if 0 <= solved < rows:
            _window_sums(moments, solved, rows, w)
            _fit_lines(w, counts[solved % 3], ridge, factor, lines[solved % 3])
        summed = step - 2
        if 0 <= summed < rows:
            _window_sums(lines, summed, rows, boxes[summed % 3])
        done = step - 3
        if 0 <= done < rows:
            for y in range(max(done * cell - top, 0), min((done + 1) * cell - top, height)):
                place = (y + top) % cell
                share = (place + 0.5) / cell - 0.5
                _between(boxes, done, rows, share, along)
                _read_row(along, parts[(y + top) % depth], left, space, out[y])

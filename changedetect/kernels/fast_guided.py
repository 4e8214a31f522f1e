"""Fast guided filter: lines are fitted to square cells, not to every pixel, and interpolated.

He and Sun (2015), arXiv:1505.00996, algorithm 2, with two differences: the moments of a window are
those of all its pixels (the paper takes every s-th), and cells lie at multiples of their side on the
grid of the whole image, so that a pixel's value does not depend on where a window began. A window is
three by three cells; where pixels are missing, a cell counts by the pixels that it has.

Columns of a row are taken apart by their place in a cell (first, second, … of each), so that every
innermost loop runs over cells that lie side by side and is vectorised. Cells of three pixels, the usual
ones, are taken apart by loops of their own, in which the compiler knows how far apart pixels of a place
lie. Sums are added in a fixed order around each cell: the same bytes for every window with its reach.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted

REACH_CELLS = 3
"""A pixel depends on pixels of its own cell and of so many cells to each side."""

_THREE = 3
"""Cells of so many pixels to a side have loops of their own; the values are the same."""


@uncounted
def _take_thirds(
    source: np.ndarray, parts: np.ndarray, skip: int, count: int, seen: np.ndarray
) -> None:
    """Lay out so many whole cells of three pixels of a row; 0 where nothing was seen."""
    last = skip + count
    one, two, three = parts[0, skip:last], parts[1, skip:last], parts[2, skip:last]
    s1, s2, s3 = seen[0, skip:last], seen[1, skip:last], seen[2, skip:last]
    for c in range(len(one)):
        one[c] = np.float32(source[3 * c]) * s1[c]
        two[c] = np.float32(source[3 * c + 1]) * s2[c]
        three[c] = np.float32(source[3 * c + 2]) * s3[c]


@uncounted
def _see_thirds(source: np.ndarray, seen: np.ndarray, skip: int, count: int) -> None:
    """Tell what was seen in whole cells of three pixels of a row, 1 or 0."""
    last, yes, no = skip + count, np.float32(1.0), np.float32(0.0)
    one, two, three = seen[0, skip:last], seen[1, skip:last], seen[2, skip:last]
    for c in range(len(one)):
        one[c] = yes if source[3 * c] >= 0 else no
        two[c] = yes if source[3 * c + 1] >= 0 else no
        three[c] = yes if source[3 * c + 2] >= 0 else no


@uncounted
def _take_apart(
    score: np.ndarray, guide: np.ndarray, row: int, left: int, parts: np.ndarray
) -> None:
    """Lay out a row by place in the cell: ``parts`` ``(2 + guide, cell, cells)``; seen, score, guide.

    Where nothing was seen all of them are 0.
    """
    line, cell, last = score[row], parts.shape[1], parts.shape[2] - 1
    seen, value = parts[0], parts[1]
    begin = (-left) % cell  # the first pixel of a cell that is whole
    skip = (begin + left) // cell
    whole = max(len(line) - begin, 0) // cell if cell == _THREE else 0
    _see_thirds(line[begin:], seen, skip, whole)
    _take_thirds(line[begin:], value, skip, whole, seen)
    for k in range(len(guide)):
        _take_thirds(guide[k, row, begin:], parts[2 + k], skip, whole, seen)
    for c in range(last + 1):
        if skip <= c < skip + whole:
            continue
        for place in range(cell):
            x = c * cell + place - left
            known = 0 <= x < len(line) and line[x] >= 0
            seen[place, c] = np.float32(1.0 if known else 0.0)
            value[place, c] = np.float32(line[x] if known else 0.0)
            for k in range(len(guide)):
                parts[2 + k, place, c] = np.float32(guide[k, row, x] if known else 0.0)


@uncounted
def _add_values(values: np.ndarray, total: np.ndarray) -> None:
    """Add the pixels of a row, ``(cell, cells)``, to the sums of its cells."""
    if len(values) == _THREE:
        one, two, three = values[0], values[1], values[2]
        for c in range(len(total)):
            total[c] = total[c] + one[c] + two[c] + three[c]
        return
    for place in range(len(values)):
        own = values[place]
        for c in range(len(total)):
            total[c] += own[c]


@uncounted
def _add_products(first: np.ndarray, second: np.ndarray, total: np.ndarray) -> None:
    """Add the products of two values of the pixels of a row to the sums of its cells."""
    if len(first) == _THREE:
        a1, a2, a3 = first[0], first[1], first[2]
        b1, b2, b3 = second[0], second[1], second[2]
        for c in range(len(total)):
            total[c] = total[c] + a1[c] * b1[c] + a2[c] * b2[c] + a3[c] * b3[c]
        return
    for place in range(len(first)):
        a, b = first[place], second[place]
        for c in range(len(total)):
            total[c] += a[c] * b[c]


@uncounted
def _add_moments(parts: np.ndarray, moments: np.ndarray) -> None:
    """Add a row to its cells: count, score, guide, score·guide, guide·guide."""
    m, value = parts.shape[0] - 2, parts[1]
    _add_values(parts[0], moments[0])
    _add_values(value, moments[1])
    at = 2 + 2 * m
    for i in range(m):
        own = parts[2 + i]
        _add_values(own, moments[2 + i])
        _add_products(value, own, moments[2 + m + i])
        for j in range(i + 1):
            _add_products(own, parts[2 + j], moments[at])
            at += 1


@uncounted
def _window_sums(
    ring: np.ndarray, middle: int, rows: int, column: np.ndarray, out: np.ndarray
) -> None:
    """Add up the three by three cells around every cell of a row of cells.

    ``column`` ``(cells + 2,)``: sums of three cells, one above the other; its ends are 0 and stay so.
    """
    depth, sizes, cells = ring.shape
    left, own, right = column[:cells], column[1 : cells + 1], column[2:]
    for k in range(sizes):
        line, here = out[k], ring[middle % depth, k]
        before, after = ring[(middle - 1) % depth, k], ring[(middle + 1) % depth, k]
        if middle > 0 and middle + 1 < rows:
            for c in range(cells):
                own[c] = here[c] + (before[c] + after[c])
        elif middle > 0:
            for c in range(cells):
                own[c] = here[c] + before[c]
        elif rows > 1:
            for c in range(cells):
                own[c] = here[c] + after[c]
        else:
            for c in range(cells):
                own[c] = here[c]
        for c in range(cells):
            line[c] = own[c] + (left[c] + right[c])


@uncounted
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
    for c in range(cells):
        level[c] = w1[c]
    for i in range(m):
        li, b = line[i], w[2 + i]
        for c in range(cells):
            level[c] -= li[c] * b[c]
    for i in range(m + 1):
        li = line[i]
        for c in range(cells):
            li[c] *= counts[c]
    for c in range(cells):
        mean[c] = counts[c]


@uncounted
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


@uncounted
def _read_place(
    lines: np.ndarray, guides: np.ndarray, place: int, weight: np.ndarray, total: np.ndarray
) -> None:
    """Interpolate lines along a row of cells and read them at the guide of one place of each cell."""
    m, cell, cells = guides.shape
    share = (np.float32(place) + np.float32(0.5)) / np.float32(cell) - np.float32(0.5)
    far, step = np.float32(abs(share)), 1 if share > 0 else -1
    near = np.float32(1.0) - far
    first, last = (0, cells - 1) if step > 0 else (1, cells)
    edge = cells - 1 if step > 0 else 0  # the outermost cell has no neighbour there
    for k in range(m + 1, -1, -1):
        line, target = lines[k], weight if k == m + 1 else total
        inner, beside, goal = line[first:last], line[first + step : last + step], target[first:last]
        if k >= m:  # the count, then the level, begin the sums
            for c in range(len(goal)):
                goal[c] = near * inner[c] + far * beside[c]
            target[edge] = line[edge]
        else:
            guide = guides[k, place, first:last]
            for c in range(len(goal)):
                goal[c] += (near * inner[c] + far * beside[c]) * guide[c]
            target[edge] += line[edge] * guides[k, place, edge]


@uncounted
def _put_together(found: np.ndarray, left: int, out: np.ndarray) -> None:
    """Lay the places of the cells of a row ``(cell, cells)`` side by side again."""
    cell = len(found)
    begin = (-left) % cell
    skip = (begin + left) // cell
    whole = max(len(out) - begin, 0) // cell if cell == _THREE else 0
    if whole:
        one, two = found[0, skip : skip + whole], found[1, skip : skip + whole]
        three, target = found[2, skip : skip + whole], out[begin:]
        for c in range(len(one)):
            target[3 * c], target[3 * c + 1], target[3 * c + 2] = one[c], two[c], three[c]
    for x in range(min(begin, len(out))):
        out[x] = found[(x + left) % cell, (x + left) // cell]
    for x in range(begin + cell * whole, len(out)):
        out[x] = found[(x + left) % cell, (x + left) // cell]


@uncounted
def _read_row(
    lines: np.ndarray,
    parts: np.ndarray,
    left: int,
    space: tuple[np.ndarray, np.ndarray],
    out: np.ndarray,
) -> None:
    """Interpolate lines along a row of cells and read them at each pixel's own guide.

    ``space`` ``(cell, cells)`` and ``(cells,)``: room for what is read.
    """
    found, weight = space
    for place in range(parts.shape[1]):
        total, seen = found[place], parts[0, place]
        _read_place(lines, parts[2:], place, weight, total)
        for c in range(len(total)):
            mean = total[c] / weight[c]
            total[c] = mean if seen[c] > 0 else np.float32(np.nan)
    _put_together(found, left, out)


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
    column = np.zeros(cells + 2, np.float32)
    space = np.zeros((cell, cells), np.float32), np.zeros(cells, np.float32)
    depth = (REACH_CELLS + 1) * cell
    parts = np.zeros((depth, 2 + m, cell, cells), np.float32)
    for step in range(rows + REACH_CELLS):
        if step < rows:
            slot = moments[step % 3]
            slot[:] = np.float32(0.0)
            for y in range(max(step * cell - top, 0), min((step + 1) * cell - top, height)):
                row = parts[(y + top) % depth]
                _take_apart(score, guide, y, left, row)
                _add_moments(row, slot)
            counts[step % 3] = slot[0]
        solved = step - 1
        if 0 <= solved < rows:
            _window_sums(moments, solved, rows, column, w)
            _fit_lines(w, counts[solved % 3], ridge, factor, lines[solved % 3])
        summed = step - 2
        if 0 <= summed < rows:
            _window_sums(lines, summed, rows, column, boxes[summed % 3])
        done = step - 3
        if 0 <= done < rows:
            for y in range(max(done * cell - top, 0), min((done + 1) * cell - top, height)):
                place = (y + top) % cell
                share = (place + 0.5) / cell - 0.5
                _between(boxes, done, rows, share, along)
                _read_row(along, parts[(y + top) % depth], left, space, out[y])

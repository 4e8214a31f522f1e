"""Runs: stretches of changed pixels in one row, and how they form groups.

A run is ``(row, first column, column after the last)``, int32. Masks are uint8, 0 or 1; there is no
no-data value here: whoever makes the mask decides what is not changed.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted


@kernel
def close_gaps(mask: np.ndarray, gap_px: int) -> np.ndarray:
    """Close gaps up to a width: a morphological closing with a square of gap + 1 pixels.

    A pixel stays empty exactly if a square of ``(gap + 1)²`` pixels around it holds no changed
    pixel; what lies outside the array counts as empty. A pixel depends on its neighbours up to
    ``gap_px`` away and on nothing else.

    Parameters
    ----------
    mask
        ``(y, x)`` uint8, 0 or 1.
    gap_px
        Widest gap that is closed. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` uint8, 0 or 1, at least the mask.
    """
    height, width = mask.shape
    if gap_px == 0:
        return mask.copy()
    # Whole rows in the innermost loops: the compiler turns them into vector instructions.
    hit = np.zeros((height + gap_px, width + gap_px), dtype=np.uint8)
    for y in range(height):
        source = mask[y]
        for down in range(gap_px + 1):
            for right in range(gap_px + 1):
                target = hit[y + down, right : right + width]
                for x in range(width):
                    target[x] |= source[x]
    closed = np.ones((height, width), dtype=np.uint8)
    for y in range(height):
        target = closed[y]
        for down in range(gap_px + 1):
            for right in range(gap_px + 1):
                source = hit[y + down, right : right + width]
                for x in range(width):
                    target[x] &= source[x]
    return closed


@kernel
def find_runs(mask: np.ndarray, row: int, col: int) -> np.ndarray:
    """List the runs of a mask in reading order.

    Parameters
    ----------
    mask
        ``(y, x)`` uint8; anything but 0 belongs to a run.
    row, col
        Where the mask's first pixel lies in the grid. [px]

    Returns
    -------
    ndarray
        ``(n, 3)`` int32, in grid coordinates.
    """
    height, width = mask.shape
    count = 0
    for y in range(height):
        line = mask[y]
        count += line[0] != 0 if width else 0
        for x in range(1, width):
            count += (line[x] != 0) & (line[x - 1] == 0)
    runs = np.empty((count, 3), dtype=np.int32)
    k = 0
    for y in range(height):
        x = 0
        while x < width:
            if mask[y, x]:
                runs[k, 0] = y + row
                runs[k, 1] = x + col
                while x < width and mask[y, x]:
                    x += 1
                runs[k, 2] = x + col
                k += 1
            x += 1
    return runs


@kernel
def join_runs(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join runs that a tile seam cut.

    Parameters
    ----------
    runs
        ``(n, 3)`` int32, sorted by row and first column, without overlaps.

    Returns
    -------
    tuple of ndarray
        ``(m, 3)`` int32 runs with at least one empty pixel between two of a row; and ``(n,)``
        int64, the joined run in which each given run ended up.
    """
    count = runs.shape[0]
    joined = np.empty((count, 3), dtype=np.int32)
    place = np.empty(count, dtype=np.int64)
    last = -1
    for i in range(count):
        if last >= 0 and joined[last, 0] == runs[i, 0] and joined[last, 2] == runs[i, 1]:
            joined[last, 2] = runs[i, 2]
        else:
            last += 1
            joined[last] = runs[i]
        place[i] = last
    return joined[: last + 1].copy(), place


@uncounted
def _root(parent: np.ndarray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@kernel
def label_runs(runs: np.ndarray, reach: int) -> np.ndarray:
    """Label the groups of connected runs in the order of their first pixels (union-find).

    Parameters
    ----------
    runs
        ``(n, 3)`` int32, sorted by row and first column; runs of one row do not touch.
    reach
        1 = pixels that share an edge or a corner are connected; 0 = an edge is needed.

    Returns
    -------
    ndarray
        ``(n,)`` int64, group of each run, from 0.
    """
    count = runs.shape[0]
    parent = np.arange(count)
    above = 0
    for i in range(count):
        row, start, end = runs[i, 0], runs[i, 1], runs[i, 2]
        while above < i and (
            runs[above, 0] < row - 1
            or (runs[above, 0] == row - 1 and runs[above, 2] + reach <= start)
        ):
            above += 1
        j = above
        while j < i and runs[j, 0] == row - 1 and runs[j, 1] < end + reach:
            one, two = _root(parent, j), _root(parent, i)
            if one < two:
                parent[two] = one
            else:
                parent[one] = two
            j += 1
    labels = np.empty(count, dtype=np.int64)
    groups = 0
    for i in range(count):
        root = _root(parent, i)
        if root == i:
            labels[i] = groups
            groups += 1
        else:
            labels[i] = labels[root]
    return labels


@kernel
def run_pixels(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the pixels of runs.

    Parameters
    ----------
    runs
        ``(n, 3)`` int32.

    Returns
    -------
    tuple of ndarray
        Row and column of each pixel and the number of its run, each ``(pixels,)`` int64.
    """
    total = 0
    for i in range(runs.shape[0]):
        total += runs[i, 2] - runs[i, 1]
    rows = np.empty(total, dtype=np.int64)
    cols = np.empty(total, dtype=np.int64)
    owner = np.empty(total, dtype=np.int64)
    k = 0
    for i in range(runs.shape[0]):
        for x in range(runs[i, 1], runs[i, 2]):
            rows[k] = runs[i, 0]
            cols[k] = x
            owner[k] = i
            k += 1
    return rows, cols, owner


@uncounted
def add_moments(
    values: np.ndarray, group: np.ndarray, missing: int, moments: np.ndarray, begin: int = 0
) -> None:
    """Add pixels to the count, sum and sum of squares of their groups; missing ones are passed by.

    Parameters
    ----------
    values
        ``(channel, pixel)`` int32.
    group
        ``(pixel,)`` int64.
    missing
        Value that means "not known".
    moments
        ``(group, channel, 3)`` int64: count, sum, sum of squares; changed in place.
    begin
        Channel of the moments that is the first of the values.
    """
    first, pixels = 0, values.shape[1]
    while first < pixels:  # pixels of one group follow one another
        g, last = group[first], first + 1
        while last < pixels and group[last] == g:
            last += 1
        for c in range(values.shape[0]):
            line, own = values[c, first:last], moments[g, begin + c]
            count, total, squares = np.int64(0), np.int64(0), np.int64(0)
            for k in range(len(line)):
                known = line[k] != missing
                value = np.int64(line[k]) if known else np.int64(0)
                count += known
                total += value
                squares += value * value
            own[0] += count
            own[1] += total
            own[2] += squares
        first = last


@uncounted
def add_groups(
    target: np.ndarray,
    part: tuple[np.ndarray, np.ndarray, np.ndarray],
    total: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Add sums of the groups of a tile to the groups of which they are a part.

    Parameters
    ----------
    target
        ``(group,)`` int64, the whole that each belongs to; negative = none.
    part, total
        Sums and maxima ``(group,)`` int64 and moments ``(group, channel, 3)`` int64, of the tile and of
        the whole; the latter are changed in place.
    """
    sums, maxima, moments = part
    for g in range(len(target)):
        whole = target[g]
        if whole < 0:
            continue
        total[0][whole] += sums[g]
        total[1][whole] = max(total[1][whole], maxima[g])
        for c in range(moments.shape[1]):
            for k in range(moments.shape[2]):
                total[2][whole, c, k] += moments[g, c, k]


@kernel
def group_sizes(runs: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Count the pixels of groups of runs.

    Parameters
    ----------
    runs
        ``(n, 3)`` int32.
    group
        ``(n,)`` int64, group of each run, from 0.

    Returns
    -------
    ndarray
        ``(group,)`` int64.
    """
    groups = 0
    for i in range(len(group)):
        groups = max(groups, group[i] + 1)
    pixels = np.zeros(groups, np.int64)
    for i in range(len(group)):
        pixels[group[i]] += runs[i, 2] - runs[i, 1]
    return pixels


@uncounted
def run_sums(
    values: np.ndarray,
    runs: np.ndarray,
    group: np.ndarray,
    place: tuple[int, int],
    sums: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Count the pixels of groups of runs, add up their values, and find the largest.

    Parameters
    ----------
    values
        ``(y, x)`` int16, all known where there are runs.
    runs
        ``(n, 3)`` int32, in grid coordinates.
    group
        ``(n,)`` int64, group of each run.
    place
        Row and column of the first value in the grid. [px]
    sums
        Pixels, sum and maximum, ``(group,)`` int64 each; changed in place.
    """
    row, col = place
    pixels, total, largest = sums
    for i in range(len(runs)):
        g = group[i]
        line = values[runs[i, 0] - row, runs[i, 1] - col : runs[i, 2] - col]
        pixels[g] += len(line)
        for x in range(len(line)):
            total[g] += line[x]
            largest[g] = max(largest[g], np.int64(line[x]))

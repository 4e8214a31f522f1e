"""Square cells of an image: their means, and how steep the edge of a group of them is."""

import numpy as np

from changedetect.kernels._jit import kernel
from changedetect.kernels.resample import box_count


@kernel
def cell_means(image: np.ndarray, cell_px: int, min_share: float) -> np.ndarray:
    """Average an image over square cells.

    Parameters
    ----------
    image
        ``(band, y, x)`` float32; NaN is no data. Cells are counted from its first row and column;
        those at the far edges may be cut.
    cell_px
        Side of a cell. [px]
    min_share
        A cell of which less is seen has no mean. [0-1]

    Returns
    -------
    ndarray
        ``(band, rows, cols)`` float32, mean of the pixels seen; NaN where too few are.

    Examples
    --------
    >>> image = np.array([[[1, 3, 5], [np.nan, np.nan, np.nan]]], np.float32)
    >>> cell_means(image, 2, 0.5).tolist()
    [[[2.0, 5.0]]]
    """
    bands, height, width = image.shape
    rows, cols = -(-height // cell_px), -(-width // cell_px)
    out = np.full((bands, rows, cols), np.float32(np.nan), np.float32)
    total = np.empty(cols)
    count = np.empty(cols, np.int64)
    for band in range(bands):
        for row in range(rows):
            total[:] = 0.0
            count[:] = 0
            last = min((row + 1) * cell_px, height)
            for y in range(row * cell_px, last):
                line = image[band, y]
                for col in range(cols):
                    value, seen = total[col], count[col]
                    for x in range(col * cell_px, min((col + 1) * cell_px, width)):
                        known = not np.isnan(line[x])
                        value += np.float64(line[x]) if known else 0.0
                        seen += known
                    total[col], count[col] = value, seen
            for col in range(cols):
                size = (last - row * cell_px) * (min((col + 1) * cell_px, width) - col * cell_px)
                if count[col] > 0 and count[col] >= min_share * size:
                    out[band, row, col] = np.float32(total[col] / count[col])
    return out


@kernel
def _beside(mask: np.ndarray, y: int, x: int) -> bool:
    """Tell whether a neighbour edge to edge, inside the image, is not of the mask."""
    height, width = mask.shape
    return bool(
        (y > 0 and not mask[y - 1, x])
        or (y + 1 < height and not mask[y + 1, x])
        or (x > 0 and not mask[y, x - 1])
        or (x + 1 < width and not mask[y, x + 1])
    )


@kernel
def edge_spans(
    values: np.ndarray, body: np.ndarray, unseen: np.ndarray, level: float, reach: int
) -> np.ndarray:
    """List how much values change within one cell to each side along the edge of an object.

    Parameters
    ----------
    values
        ``(y, x)`` float32, finite.
    body
        ``(y, x)`` bool, the object; what is above the level within the reach belongs to it too.
    unseen
        ``(y, x)`` bool; edge cells that touch one, corners included, are left out.
    level
        In the unit of the values.
    reach
        Half side of a square. [cell]

    Returns
    -------
    ndarray
        ``(n,)`` float32, largest less smallest value of 3 x 3 cells around each edge cell.
    """
    height, width = values.shape
    around = box_count(body, reach)
    whole = np.empty((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            near = around[y, x] > 0 and values[y, x] > np.float32(level)
            whole[y, x] = body[y, x] or near
    spans = np.empty(height * width, np.float32)
    count = 0
    for y in range(height):
        for x in range(width):
            if not whole[y, x] or not _beside(whole, y, x):
                continue
            rows, cols = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
            if not unseen[rows, cols].any():
                spans[count] = values[rows, cols].max() - values[rows, cols].min()
                count += 1
    return spans[:count].copy()


@kernel
def standing_out(values: np.ndarray, level: float, out: np.ndarray) -> None:
    """Tell which cells lie in a square of 3 x 3 cells above a level (a morphological opening).

    Parameters
    ----------
    values
        ``(y, x)`` float32, finite.
    level
        In the unit of the values.
    out
        ``(y, x)`` uint8, is set: 1 or 0. A cell depends on cells up to two away.
    """
    height, width = values.shape
    least = np.float32(level)
    out[:] = 0
    across = np.zeros((3, width), np.uint8)
    middle = np.zeros(width + 2, np.uint8)
    for y in range(height):
        line, target = values[y], across[y % 3]
        for x in range(1, width - 1):
            target[x] = (line[x - 1] > least) & (line[x] > least) & (line[x + 1] > least)
        if y < 2:
            continue
        one, two = across[(y - 2) % 3], across[(y - 1) % 3]
        for x in range(width):
            middle[x + 1] = one[x] & two[x] & target[x]
        for row in range(y - 2, y + 1):
            own = out[row]
            for x in range(width):
                own[x] |= middle[x] | middle[x + 1] | middle[x + 2]


@kernel
def run_boxes(runs: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Measure groups of runs.

    Parameters
    ----------
    runs
        ``(n, 3)`` int32: row, first column, column after the last.
    group
        ``(n,)`` int64, group of each run, from 0.
    count
        Number of groups; each has a run.

    Returns
    -------
    ndarray
        ``(count, 5)`` int64: cells of each group, first row, row after the last, first column and column
        after the last.
    """
    boxes = np.zeros((count, 5), np.int64)
    boxes[:, 1], boxes[:, 3] = 2147483647, 2147483647
    for i in range(len(runs)):
        own = boxes[group[i]]
        row, start, end = np.int64(runs[i, 0]), np.int64(runs[i, 1]), np.int64(runs[i, 2])
        own[0] += end - start
        own[1], own[2] = min(own[1], row), max(own[2], row + 1)
        own[3], own[4] = min(own[3], start), max(own[4], end)
    return boxes


@kernel
def paint_runs(runs: np.ndarray, out: np.ndarray) -> None:
    """Set the cells of runs ``(n, 3)`` int32 in a plane ``(y, x)`` bool."""
    for i in range(len(runs)):
        out[runs[i, 0], runs[i, 1] : runs[i, 2]] = True


@kernel
def _median(values: np.ndarray) -> float:
    """Median of float32 values, which are sorted in place; as numpy's, in float32."""
    values.sort()
    half = len(values) // 2
    if len(values) % 2 == 1:
        return float(values[half])
    return float((values[half - 1] + values[half]) / np.float32(2.0))


@kernel
def soft_objects(
    bright: np.ndarray,
    unseen: np.ndarray,
    runs: np.ndarray,
    boxes: np.ndarray,
    limits: tuple[float, float, int],
    out: np.ndarray,
) -> None:
    """Tell which objects are bright enough and end softly.

    Parameters
    ----------
    bright
        ``(y, x)`` float32, finite.
    unseen
        ``(y, x)`` bool.
    runs
        ``(r, 3)`` int32, those of an object side by side.
    boxes
        ``(n, 6)`` int64: first run of an object, run after its last, and its box as in `run_boxes`.
    limits
        Least median brightness of an object; largest share of it that may lie within three cells of
        the edge, in the median along the edge; and how far beyond its box an object is
        looked at. The edge runs at half of the brightness. Cells beside unseen ones tell nothing; without any
        other the object is not known to be soft.
    out
        ``(n,)`` bool, is set.
    """
    least, share, reach = limits
    height, width = bright.shape
    for k in range(len(boxes)):
        out[k] = False
        top, bottom = max(boxes[k, 2] - reach, 0), min(boxes[k, 3] + reach, height)
        left, right = max(boxes[k, 4] - reach, 0), min(boxes[k, 5] + reach, width)
        part = bright[top:bottom, left:right]
        body = np.zeros(part.shape, np.bool_)
        inside = np.empty(part.size, np.float32)
        count = 0
        for i in range(boxes[k, 0], boxes[k, 1]):
            y = runs[i, 0] - top
            for x in range(runs[i, 1] - left, runs[i, 2] - left):
                body[y, x] = True
                inside[count] = part[y, x]
                count += 1
        contrast = _median(inside[:count])
        if contrast < least:
            continue
        spans = edge_spans(part, body, unseen[top:bottom, left:right], contrast / 2, reach)
        out[k] = len(spans) > 0 and _median(spans) / contrast <= share

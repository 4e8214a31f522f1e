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

"""Means of square cells of an image."""

import numpy as np

from changedetect.kernels._jit import kernel


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
                for x in range(width):
                    value = image[band, y, x]
                    if not np.isnan(value):
                        total[x // cell_px] += value
                        count[x // cell_px] += 1
            for col in range(cols):
                size = (last - row * cell_px) * (min((col + 1) * cell_px, width) - col * cell_px)
                if count[col] > 0 and count[col] >= min_share * size:
                    out[band, row, col] = np.float32(total[col] / count[col])
    return out

"""Grey opening: what is narrower than a square does not stand out.

Serra (1982), "Image analysis and mathematical morphology": opening of a function by a flat set.
"""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def _lowest(values: np.ndarray, seen: np.ndarray, radius: int) -> np.ndarray:
    """Lowest observed value of each square window; where none is, the largest integer."""
    height, width = values.shape
    top = np.int32(2147483647)
    rows = np.full((height, width), top, np.int32)
    out = np.full((height, width), top, np.int32)
    for y in range(height):
        for x in range(width):
            for i in range(max(0, x - radius), min(width, x + radius + 1)):
                if seen[y, i] and values[y, i] < rows[y, x]:
                    rows[y, x] = values[y, i]
    for y in range(height):
        for i in range(max(0, y - radius), min(height, y + radius + 1)):
            for x in range(width):
                out[y, x] = min(out[y, x], rows[i, x])
    return out


@kernel
def opened(values: np.ndarray, seen: np.ndarray, radius: int) -> np.ndarray:
    """Lower each value to the highest floor of the squares that hold it.

    Parameters
    ----------
    values
        ``(y, x)`` int32, above -2**31.
    seen
        ``(y, x)`` bool; what is not observed neither lowers nor raises anything.
    radius
        Half side of the square, which is clipped at the edge of the image. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` int32, nowhere above ``values`` where observed; unchanged where not observed.
    """
    floors = _lowest(values, seen, radius)
    tops = -_lowest(-floors, np.ones(seen.shape, np.bool_), radius)
    out = values.copy()
    height, width = values.shape
    for y in range(height):
        for x in range(width):
            if seen[y, x]:
                out[y, x] = tops[y, x]
    return out

"""Where changed ground ends: does a border show after that did not show before?

A field that the season changed ends where it always ended; what was built or dug ends where no
border was. So the contrast across the border of changed ground is compared between the two dates.
The measure is ours; recall and false patches on simulated counties chose it.
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

NEAR_PX = 3
"""The mask within this tells in which direction its outside lies. [px]"""

INSIDE_PX, OUTSIDE_PX = 1.0, 3.0
"""How far from a border pixel the two sides are looked at. [px]"""

REACH_PX = 5
"""What a border pixel depends on lies within this. [px]"""

UNKNOWN, OLD, NEW = -1, 0, 1


@kernel
def _is_border(mask: np.ndarray, y: int, x: int) -> bool:
    """Tell whether a pixel of the mask has a neighbour, edge to edge, outside of it."""
    height, width = mask.shape
    if mask[y, x] == 0:
        return False
    return bool(
        (y > 0 and mask[y - 1, x] == 0)
        or (y + 1 < height and mask[y + 1, x] == 0)
        or (x > 0 and mask[y, x - 1] == 0)
        or (x + 1 < width and mask[y, x + 1] == 0)
    )


@kernel
def _outwards(mask: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """Point from a border pixel to the ground outside the mask: a unit vector, or 0, 0."""
    height, width = mask.shape
    down, right = 0, 0
    for i in range(max(0, y - NEAR_PX), min(height, y + NEAR_PX + 1)):
        for j in range(max(0, x - NEAR_PX), min(width, x + NEAR_PX + 1)):
            if mask[i, j] == 0:
                down += i - y
                right += j - x
    length = math.sqrt(float(down * down + right * right))
    if length == 0.0:
        return 0.0, 0.0
    return down / length, right / length


@kernel
def _mean(values: np.ndarray, y: int, x: int) -> float:
    """Mean of 3 x 3 pixels; those beyond the image are the nearest ones in it."""
    height, width = values.shape
    total = 0.0
    for i in range(y - 1, y + 2):
        for j in range(x - 1, x + 2):
            row, col = min(max(i, 0), height - 1), min(max(j, 0), width - 1)
            total += float(values[row, col])
    return total / 9.0


@kernel
def _contrast(
    values: np.ndarray, scale: np.ndarray, inside: tuple[int, int], outside: tuple[int, int]
) -> float:
    """Sum over bands of the squared, scaled difference of the two sides."""
    total = 0.0
    for band in range(values.shape[0]):
        step = _mean(values[band], inside[0], inside[1])
        step -= _mean(values[band], outside[0], outside[1])
        total += (step / scale[band]) ** 2
    return total


@kernel
def new_borders(
    values: np.ndarray, scale: np.ndarray, mask: np.ndarray, ratio: float
) -> np.ndarray:
    """Tell along the border of a mask whether it shows only in the second image.

    Parameters
    ----------
    values
        ``(date=2, band, y, x)`` float32; NaN is not observed.
    scale
        ``(date=2, band)`` float64, positive: what contrast is usual in each band of each date.
    mask
        ``(y, x)`` uint8.
    ratio
        A border is new where its contrast after is more than this many times that before.

    Returns
    -------
    ndarray
        ``(y, x)`` int8: `NEW` or `OLD` on pixels of the mask beside ground outside of it;
        `UNKNOWN` elsewhere, and where a side was not observed.
    """
    height, width = mask.shape
    out = np.full((height, width), UNKNOWN, np.int8)
    for y in range(height):
        for x in range(width):
            if not _is_border(mask, y, x):
                continue
            down, right = _outwards(mask, y, x)
            if down == 0.0 and right == 0.0:
                continue
            inside = (
                int(math.floor(y - INSIDE_PX * down + 0.5)),
                int(math.floor(x - INSIDE_PX * right + 0.5)),
            )
            outside = (
                int(math.floor(y + OUTSIDE_PX * down + 0.5)),
                int(math.floor(x + OUTSIDE_PX * right + 0.5)),
            )
            before = _contrast(values[0], scale[0], inside, outside)
            after = _contrast(values[1], scale[1], inside, outside)
            if math.isnan(before) or math.isnan(after):
                continue
            out[y, x] = NEW if after > ratio * ratio * before else OLD
    return out

"""Where changed ground ends: does a border show after that did not show before?

A field that the season changed ends where it always ended; what was built or dug ends where no
border was. So the contrast across the border of changed ground is compared between the two dates.
Mulch film or a harvest makes an old border of two fields far stronger; so a border that showed
before, as contrasts of that image go, is old however strong it became.
The measure is ours; recall and false patches on simulated counties chose it.
"""

import math

import numpy as np

from changedetect.kernels._jit import uncounted

NEAR_PX = 3
"""The mask within this tells in which direction its outside lies. [px]"""

INSIDE_PX, OUTSIDE_PX = 1.0, 3.0
"""How far from a border pixel the two sides are looked at. [px]"""

REACH_PX = 5
"""What a border pixel depends on lies within this. [px]"""

UNKNOWN, OLD, NEW = -1, 0, 1


@uncounted
def _beside(levels: np.ndarray, y: int, x: int) -> int:
    """Return the least level of a pixel and of its neighbours edge to edge."""
    height, width = levels.shape
    least = levels[y, x]
    if y > 0:
        least = min(least, levels[y - 1, x])
    if y + 1 < height:
        least = min(least, levels[y + 1, x])
    if x > 0:
        least = min(least, levels[y, x - 1])
    if x + 1 < width:
        least = min(least, levels[y, x + 1])
    return int(least)


@uncounted
def _outwards(levels: np.ndarray, value: int, y: int, x: int) -> tuple[float, float]:
    """Point from a border pixel to the ground below a level: a unit vector, or 0, 0."""
    height, width = levels.shape
    down, right = 0, 0
    left, last = max(0, x - NEAR_PX), min(width, x + NEAR_PX + 1)
    for i in range(max(0, y - NEAR_PX), min(height, y + NEAR_PX + 1)):
        line = levels[i, left:last]
        count, along = 0, 0
        for j in range(len(line)):
            outside = 1 if line[j] < value else 0
            count += outside
            along += outside * j
        down += count * (i - y)
        right += along + count * (left - x)
    length = math.sqrt(float(down * down + right * right))
    if length == 0.0:
        return 0.0, 0.0
    return down / length, right / length


@uncounted
def _mean(values: np.ndarray, y: int, x: int) -> float:
    """Mean of 3 x 3 pixels; those beyond the image are the nearest ones in it."""
    height, width = values.shape
    total = 0.0
    for i in range(y - 1, y + 2):
        for j in range(x - 1, x + 2):
            row, col = min(max(i, 0), height - 1), min(max(j, 0), width - 1)
            total += float(values[row, col])
    return total / 9.0


@uncounted
def _inner_mean(flat: np.ndarray, corner: int, width: int) -> float:
    """Mean of 3 x 3 pixels that all lie in the image, by the place of the first of them."""
    # Unsigned places can not be negative: no check for it stands before each of the nine.
    first = np.uint64(corner)
    second = np.uint64(corner + width)
    third = np.uint64(corner + 2 * width)
    one, two = np.uint64(1), np.uint64(2)
    total = 0.0 + float(flat[first]) + float(flat[first + one]) + float(flat[first + two])
    total = total + float(flat[second]) + float(flat[second + one]) + float(flat[second + two])
    total = total + float(flat[third]) + float(flat[third + one]) + float(flat[third + two])
    return total / 9.0


@uncounted
def _contrast(
    values: np.ndarray, scale: np.ndarray, inside: tuple[int, int], outside: tuple[int, int]
) -> float:
    """Sum over bands of the squared, scaled difference of the two sides."""
    bands, height, width = values.shape
    total = 0.0
    top, bottom = min(inside[0], outside[0]), max(inside[0], outside[0])
    left, right = min(inside[1], outside[1]), max(inside[1], outside[1])
    if top > 0 and left > 0 and bottom < height - 1 and right < width - 1:
        flat = values.reshape(-1)
        first = (inside[0] - 1) * width + inside[1] - 1
        second = (outside[0] - 1) * width + outside[1] - 1
        for band in range(bands):
            step = _inner_mean(flat, first, width) - _inner_mean(flat, second, width)
            total += (step / scale[band]) ** 2
            first += height * width
            second += height * width
        return total
    for band in range(bands):
        step = _mean(values[band], inside[0], inside[1])
        step -= _mean(values[band], outside[0], outside[1])
        total += (step / scale[band]) ** 2
    return total


@uncounted
def _told(
    values: np.ndarray,
    scale: np.ndarray,
    rules: tuple[float, float],
    place: tuple[int, int],
    way: tuple[float, float],
) -> int:
    """Tell of one border pixel, given the direction of its outside."""
    y, x = place
    down, right = way
    if down == 0.0 and right == 0.0:
        return UNKNOWN
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
        return UNKNOWN
    ratio, quiet = rules
    if before > quiet * quiet * values.shape[1]:
        return OLD
    return NEW if after > ratio * ratio * before else OLD


@uncounted
def new_borders(
    values: np.ndarray,
    scale: np.ndarray,
    levels: np.ndarray,
    rules: tuple[float, float],
    rows: np.ndarray,
    cols: np.ndarray,
    out: np.ndarray,
) -> None:
    """Tell along the borders of nested masks whether they show only in the second image.

    Parameters
    ----------
    values
        ``(date=2, band, y, x)`` float32; NaN is not observed.
    scale
        ``(date=2, band)`` float64, positive: what contrast is usual in each band of each date.
    levels
        ``(y, x)`` uint8: in how many of the masks a pixel lies; the first holds all others.
    rules
        A border is new where its contrast after is more than so many times that before; and that
        before was no more than so many times what is usual (root mean square over the bands).
    rows, cols
        ``(n,)`` int64, pixels that are asked about. [px]
    out
        ``(mask, n)`` int8, is set: `NEW` or `OLD` on pixels of a mask beside ground outside of it;
        `UNKNOWN` elsewhere, and where a side was not observed.
    """
    for k in range(len(rows)):
        y, x = rows[k], cols[k]
        out[:, k] = UNKNOWN
        for value in range(_beside(levels, y, x) + 1, min(int(levels[y, x]), len(out)) + 1):
            way = _outwards(levels, value, y, x)
            out[value - 1, k] = _told(values, scale, rules, (y, x), way)

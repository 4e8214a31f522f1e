"""Borders that show only after, pixel by pixel, as `kernels.borders` describes them."""

import math


def told(values, scale, mask, rules):
    """Return {(row, col): new?} of the border pixels of a mask whose sides are both observed."""
    height, width = mask.shape
    found = {}
    for row in range(height):
        for col in range(width):
            if not mask[row, col] or not _beside_outside(mask, row, col):
                continue
            way = _outwards(mask, row, col)
            if way is None:
                continue
            inside = _place(row, col, way, -1.0)
            outside = _place(row, col, way, 3.0)
            before, after = (
                sum(
                    ((_mean(band, inside) - _mean(band, outside)) / s) ** 2
                    for band, s in zip(values[date], scale[date], strict=True)
                )
                for date in (0, 1)
            )
            if not (math.isnan(before) or math.isnan(after)):
                quiet = before <= rules[1] ** 2 * values.shape[1]
                found[row, col] = quiet and after > rules[0] ** 2 * before
    return found


def _beside_outside(mask, row, col):
    height, width = mask.shape
    beside = [(row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)]
    return any(0 <= r < height and 0 <= c < width and not mask[r, c] for r, c in beside)


def _outwards(mask, row, col):
    height, width = mask.shape
    away = [
        (r - row, c - col)
        for r in range(max(0, row - 3), min(height, row + 4))
        for c in range(max(0, col - 3), min(width, col + 4))
        if not mask[r, c]
    ]
    down, right = sum(a for a, _ in away), sum(b for _, b in away)
    length = math.sqrt(down * down + right * right)
    return (down / length, right / length) if length else None


def _place(row, col, way, px):
    return math.floor(row + px * way[0] + 0.5), math.floor(col + px * way[1] + 0.5)


def _mean(band, place):
    height, width = band.shape
    values = [
        float(band[min(max(r, 0), height - 1), min(max(c, 0), width - 1)])
        for r in range(place[0] - 1, place[0] + 2)
        for c in range(place[1] - 1, place[1] + 2)
    ]
    return sum(values) / 9.0

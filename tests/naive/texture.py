"""Windows around a pixel, written from their definitions."""

import math

NOT_KNOWN = -2147483648


def value(bands, chosen, row, col, scale):
    """Sum of the quantised chosen bands, or None."""
    found = [float(bands[c, row, col]) for c in chosen]
    return None if any(map(math.isnan, found)) else sum(round(v * scale) for v in found)


def window_values(bands, chosen, row, col, window, scale):
    radius, step = window
    found = [
        value(bands, chosen, y, x, scale)
        for y in range(row - radius, row + radius + 1, step)
        for x in range(col - radius, col + radius + 1, step)
        if 0 <= y < bands.shape[1] and 0 <= x < bands.shape[2]
    ]
    return [v for v in found if v is not None]


def mean(values, bands):
    return round(sum(values) / (len(values) * bands)) if values else NOT_KNOWN


def deviation(values, bands):
    if not values:
        return NOT_KNOWN
    n = len(values)
    spread = n * sum(v * v for v in values) - sum(values) ** 2
    return round(math.sqrt(spread) / (n * bands))


def gradient(bands, chosen, row, col, scale):
    """Length, and length times cosine and sine of twice the direction."""
    height, width = bands.shape[1:]
    east = value(bands, chosen, row, min(col + 1, width - 1), scale)
    west = value(bands, chosen, row, max(col - 1, 0), scale)
    south = value(bands, chosen, min(row + 1, height - 1), col, scale)
    north = value(bands, chosen, max(row - 1, 0), col, scale)
    if None in (east, west, south, north):
        return [NOT_KNOWN] * 3
    length = math.hypot(east - west, south - north) / len(chosen)
    turn = 2 * math.atan2(south - north, east - west)
    return [round(length), round(length * math.cos(turn)), round(length * math.sin(turn))]

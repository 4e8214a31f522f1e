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


def ratio(one, other, scale):
    """Return (a - b) / (a + b), negative values counting as 0."""
    if NOT_KNOWN in (one, other):
        return NOT_KNOWN
    a, b = max(one, 0), max(other, 0)
    return round(scale * (a - b) / (a + b)) if a + b else NOT_KNOWN


def description(bands, light, row, col, scale):
    """Describe a pixel of three bands, of which the first two make a ratio; the fourth is absent."""
    own = [value(bands, [c], row, col, scale) for c in range(3)]
    found = [NOT_KNOWN if v is None else v for v in own] + [NOT_KNOWN]
    here = window_values(bands, light, row, col, (0, 1), scale)
    near = window_values(bands, light, row, col, (2, 1), scale)
    far = window_values(bands, light, row, col, (12, 6), scale)
    one, other = (mean(window_values(bands, [c], row, col, (12, 6), scale), 1) for c in (0, 1))
    return {
        "bands": found,
        "ratios": [ratio(found[0], found[1], scale), NOT_KNOWN],
        "light": [mean(here, len(light)), deviation(near, len(light))],
        "gradient": gradient(bands, light, row, col, scale),
        "around": [mean(far, len(light)), ratio(one, other, scale)],
    }

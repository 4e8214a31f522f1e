"""Resampling from the definitions, one pixel at a time."""

import math

import numpy as np


def keys_weight(d):
    d = abs(d)
    if d < 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def cubic_at(band, r, c):
    """16 neighbours; if one is missing or unobserved, bilinear over those that are observed."""
    total = 0.0
    for y in range(math.floor(r) - 1, math.floor(r) + 3):
        for x in range(math.floor(c) - 1, math.floor(c) + 3):
            inside = 0 <= y < band.shape[0] and 0 <= x < band.shape[1]
            value = float(band[y, x]) if inside else math.nan
            total += keys_weight(r - y) * keys_weight(c - x) * value
    return bilinear_at(band, r, c) if math.isnan(total) else total


def bilinear_at(band, r, c):
    parts = []
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            weight = max(0.0, 1 - abs(r - y)) * max(0.0, 1 - abs(c - x))
            if weight > 0 and not math.isnan(band[y, x]):
                parts.append((weight, float(band[y, x])))
    known = sum(weight for weight, _ in parts)
    if known < 0.5:
        return math.nan
    return sum(weight * value for weight, value in parts) / known


def mean_under(band, r, c, height, width):
    """Average over the footprint by splitting each source pixel into the part that is covered."""
    parts = []
    for y in range(band.shape[0]):
        for x in range(band.shape[1]):
            tall = min(r + height / 2, y + 0.5) - max(r - height / 2, y - 0.5)
            wide = min(c + width / 2, x + 0.5) - max(c - width / 2, x - 0.5)
            if tall > 0 and wide > 0 and not math.isnan(band[y, x]):
                parts.append((tall * wide, float(band[y, x])))
    known = sum(weight for weight, _ in parts)
    if known < height * width / 2:
        return math.nan
    return sum(weight * value for weight, value in parts) / known


def nearest_at(mask, r, c, outside):
    y, x = math.floor(r + 0.5), math.floor(c + 0.5)
    inside = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]
    return int(mask[y, x]) if inside else outside


def apply(function, rows, cols):
    return np.array(
        [
            [function(rows[y, x], cols[y, x]) for x in range(rows.shape[1])]
            for y in range(rows.shape[0])
        ]
    )

"""Cubic shift and box count, pixel by pixel."""

import numpy as np


def cubic(distance):
    d = abs(distance)
    if d <= 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0


def shifted(image, dy, dx):
    bands, height, width = image.shape
    out = np.full(image.shape, np.nan)
    for y in range(height):
        for x in range(width):
            total = np.zeros(bands)
            for row in range(int(np.floor(y + dy)) - 1, int(np.floor(y + dy)) + 3):
                for col in range(int(np.floor(x + dx)) - 1, int(np.floor(x + dx)) + 3):
                    weight = cubic(y + dy - row) * cubic(x + dx - col)
                    if weight == 0:
                        continue
                    if not (0 <= row < height and 0 <= col < width):
                        total[:] = np.nan
                    else:
                        total += weight * image[:, row, col]
            out[:, y, x] = total
    return out


def box_count(mask, radius):
    height, width = mask.shape
    out = np.zeros(mask.shape, int)
    for y in range(height):
        for x in range(width):
            rows = slice(max(y - radius, 0), y + radius + 1)
            out[y, x] = mask[rows, max(x - radius, 0) : x + radius + 1].sum()
    return out

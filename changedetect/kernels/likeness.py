"""How alike the edges of two pictures are around each pixel, exact in integers.

Edges are gradients of light whose length is compressed to its root, so that one strong edge does not
speak for a whole window. Their correlation, taken at the best of a few small shifts, is blind to
brightness and contrast and forgives what leans. After Scharstein (1994), "Matching images by
comparing their gradient fields", and the normalised gradients of Haber and Modersitzki (2007),
doi:10.1160/ME9046; the root is ours. All window sums are sums of integers: a pixel's value depends on
its window alone, never on where a tile began.
"""

import numpy as np

from changedetect.kernels._jit import kernel

EDGE_QUANTUM = 16.0
"""An edge of length g is stored with the length 16 · sqrt(g)."""


@kernel
def box_sums(values: np.ndarray, radius: int) -> np.ndarray:
    """Sum over the square window of each pixel, clipped at the edge of the image.

    Parameters
    ----------
    values
        ``(y, x)`` int64; what is not observed is 0.
    radius
        Half side of the window. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` int64.
    """
    height, width = values.shape
    sums = np.empty((height, width), np.int64)
    columns = np.zeros(width, np.int64)
    for y in range(min(radius, height)):
        for x in range(width):
            columns[x] += values[y, x]
    for y in range(height):
        if y + radius < height:
            for x in range(width):
                columns[x] += values[y + radius, x]
        if y - radius > 0:
            for x in range(width):
                columns[x] -= values[y - radius - 1, x]
        window = np.int64(0)
        for x in range(min(radius, width)):
            window += columns[x]
        for x in range(width):
            if x + radius < width:
                window += columns[x + radius]
            if x - radius > 0:
                window -= columns[x - radius - 1]
            sums[y, x] = window
    return sums


@kernel
def edge_field(light: np.ndarray) -> np.ndarray:
    """Smoothed gradient of each pixel with its length compressed to the root.

    Parameters
    ----------
    light
        ``(y, x)`` int32, 0 to 4095; negative is not observed.

    Returns
    -------
    ndarray
        ``(2, y, x)`` int32: rate of change along rows (downwards) and along columns; the smoothing
        weights are 1 2 1 both ways. 0 where a neighbour within 2 px is not observed or outside.
    """
    height, width = light.shape
    out = np.zeros((2, height, width), np.int32)
    slope = (-1, -2, 0, 2, 1)
    across = (0, 1, 2, 1, 0)
    for y in range(2, height - 2):
        for x in range(2, width - 2):
            down, right, seen = 0, 0, True
            for i in range(5):
                for j in range(5):
                    value = light[y + i - 2, x + j - 2]
                    seen = seen and value >= 0
                    down += slope[i] * across[j] * value
                    right += across[i] * slope[j] * value
            length = np.sqrt(float(down * down + right * right))
            if seen and length > 0:
                factor = EDGE_QUANTUM / np.sqrt(length)
                out[0, y, x] = np.int32(np.rint(down * factor))
                out[1, y, x] = np.int32(np.rint(right * factor))
    return out


@kernel
def _moved_product(first: np.ndarray, second: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Scalar products of a field with another one read at a shift; 0 outside."""
    _, height, width = first.shape
    out = np.zeros((height, width), np.int64)
    for y in range(max(0, -dy), min(height, height - dy)):
        for x in range(max(0, -dx), min(width, width - dx)):
            out[y, x] = (
                np.int64(first[0, y, x]) * second[0, y + dy, x + dx]
                + np.int64(first[1, y, x]) * second[1, y + dy, x + dx]
            )
    return out


@kernel
def _root_power(field: np.ndarray, radius: int, margin: int) -> np.ndarray:
    """Root of the summed squared lengths around each pixel, and around pixels of a margin."""
    _, height, width = field.shape
    power = np.zeros((height + 2 * margin, width + 2 * margin), np.int64)
    for y in range(height):
        for x in range(width):
            down, right = np.int64(field[0, y, x]), np.int64(field[1, y, x])
            power[y + margin, x + margin] = down * down + right * right
    root: np.ndarray = np.sqrt(box_sums(power, radius).astype(np.float64))
    return root


@kernel
def edge_likeness(first: np.ndarray, second: np.ndarray, radius: int, search: int) -> np.ndarray:
    """Correlate the edges of two pictures around each pixel, at the best of the small shifts.

    Parameters
    ----------
    first, second
        ``(2, y, x)`` int32 from `edge_field`.
    radius
        Half side of the window, which is clipped at the edge of the image. [px]
    search
        Largest shift of the second field, both ways. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` float32, -1 to 1; NaN where one of the windows shows no edge at any shift.
    """
    _, height, width = first.shape
    best = np.full((height, width), np.float32(np.nan), np.float32)
    mine = _root_power(first, radius, 0)
    other = _root_power(second, radius, search)
    for dy in range(-search, search + 1):
        for dx in range(-search, search + 1):
            product = box_sums(_moved_product(first, second, dy, dx), radius)
            for y in range(height):
                for x in range(width):
                    both = mine[y, x] * other[y + dy + search, x + dx + search]
                    if both == 0.0:
                        continue
                    value = np.float32(product[y, x] / both)
                    if not best[y, x] >= value:
                        best[y, x] = value
    return best


@kernel
def right_angles(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean edge length around each pixel that agrees on one pair of perpendicular directions.

    Gradients enter with four times their angle, so that the four sides of a rectangle add up and
    the edges of a tree crown cancel.

    Parameters
    ----------
    field
        ``(2, y, x)`` int32 from `edge_field`.
    radius
        Half side of the window. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` float32: length of the sum, per pixel of a whole window. [light per pixel × 32]
    """
    _, height, width = field.shape
    real = np.zeros((height, width), np.int64)
    imaginary = np.zeros((height, width), np.int64)
    for y in range(height):
        for x in range(width):
            down, right = float(field[0, y, x]), float(field[1, y, x])
            power = down * down + right * right
            if power > 0:
                even, odd = right * right - down * down, 2.0 * right * down
                real[y, x] = np.int64(np.rint((even * even - odd * odd) / power))
                imaginary[y, x] = np.int64(np.rint(2.0 * even * odd / power))
    real, imaginary = box_sums(real, radius), box_sums(imaginary, radius)
    whole = EDGE_QUANTUM * EDGE_QUANTUM * (2 * radius + 1) ** 2
    out = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            a, b = float(real[y, x]), float(imaginary[y, x])
            out[y, x] = np.float32(np.sqrt(a * a + b * b) / whole)
    return out

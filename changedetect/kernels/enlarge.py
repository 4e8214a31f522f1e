"""Pictures made larger, byte for byte as Pillow makes them, several times as fast."""

import math
from functools import lru_cache

import numpy as np

from changedetect.kernels._jit import kernel

TAPS = 4
"""Pixels on which one of a larger picture rests, along each axis."""

_BITS = 22
_HALF = np.int32(1 << (_BITS - 1))
_BROADEST = 255


@lru_cache(maxsize=64)
def taps(size: int, larger: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the pixels of a larger line come from, and how much each of four weighs.

    Parameters
    ----------
    size, larger
        Pixels of the line as it is, at least four, and as it becomes, at least as many. [px]

    Returns
    -------
    tuple of ndarray
        ``(larger,)`` int64, the first of four pixels; ``(larger, 4)`` int32, weights × 2²², 0 where the
        line ends.

    References
    ----------
    Pillow 13, ``src/libImaging/Resample.c``: ``precompute_coeffs`` and ``normalize_coeffs_8bpc``,
    with the cubic of Keys (1981), doi:10.1109/TASSP.1981.1163711, equation 15 (a = -1/2).
    """
    first = np.empty(larger, np.int64)
    weights = np.zeros((larger, TAPS), np.int32)
    scale = size / larger
    for place in range(larger):
        centre = (place + 0.5) * scale
        low, high = max(int(centre - 2 + 0.5), 0), min(int(centre + 2 + 0.5), size)
        raw = [_cubic(k - centre + 0.5) for k in range(low, high)]
        whole = 0.0
        for weight in raw:  # in order, as Pillow adds them
            whole += weight
        first[place] = min(low, size - TAPS)
        # Rounding may give a fifth, on the rim of the cubic: its weight is 0.
        for k, weight in enumerate(raw[:TAPS], low - int(first[place])):
            share = weight / whole * (1 << _BITS)
            weights[place, k] = int(share - 0.5) if weight < 0 else int(share + 0.5)
    first.setflags(write=False)
    weights.setflags(write=False)
    return first, weights


def _cubic(x: float) -> float:
    x = math.fabs(x)
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    return (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5 if x < 2.0 else 0.0


def enlarge(image: np.ndarray, out: np.ndarray) -> None:
    """Make a picture larger, by cubic convolution of 8-bit numbers along rows, then along columns.

    Parameters
    ----------
    image
        ``(y, x, 3)`` uint8, at least 4 × 4. [0-255]
    out
        ``(Y, X, 3)`` uint8, C order, no smaller than the picture; filled.
    """
    height, width = out.shape[:2]
    rows, cols = image.shape[:2]
    # Along rows the same way as along columns, where neighbours in memory are treated alike.
    turned = np.empty((width, rows * 3), np.uint8)
    _heighten(_turned(image).reshape(cols, rows * 3), *taps(cols, width), turned)
    broad = _turned(turned.reshape(width, rows, 3)).reshape(rows, width * 3)
    _heighten(broad, *taps(rows, height), out.reshape(height, width * 3))


@kernel
def _turned(image: np.ndarray) -> np.ndarray:
    """Exchange rows and columns of ``(y, x, 3)``."""
    out = np.empty((image.shape[1], image.shape[0], 3), np.uint8)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            for band in range(3):
                out[x, y, band] = image[y, x, band]
    return out


@kernel
def _heighten(broad: np.ndarray, first: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    """Enlarge every column of ``(y, n)``; ``out`` is ``(Y, n)``."""
    for y in range(first.size):
        start = first[y]
        a, b, c, d = broad[start], broad[start + 1], broad[start + 2], broad[start + 3]
        row = out[y]
        wa, wb, wc, wd = weights[y, 0], weights[y, 1], weights[y, 2], weights[y, 3]
        for n in range(broad.shape[1]):
            total = np.int32(_HALF + np.int32(wa * np.int32(a[n])))
            total = np.int32(total + np.int32(wb * np.int32(b[n])))
            total = np.int32(total + np.int32(wc * np.int32(c[n])))
            total = np.int32(total + np.int32(wd * np.int32(d[n])))
            row[n] = np.uint8(min(max(total >> _BITS, 0), _BROADEST))

"""Rings of many polygons out of their well-known binary, without making an object a ring."""

import numpy as np

from changedetect.kernels._jit import kernel

_POLYGON = 3
_HEAD, _COUNT, _POINT = 5, 4, 16
"""Bytes of byte order and code, of a number, and of a point."""


@kernel
def _whole(data: np.ndarray, at: int) -> int:
    """Read an unsigned number of four bytes, the lowest first."""
    total = 0
    for k in range(_COUNT):
        total += int(data[at + k]) << (8 * k)
    return total


@kernel
def _walk(data: np.ndarray, shapes: np.ndarray, points: np.ndarray, starts: np.ndarray) -> int:
    """Lay rings into ``points``, or only count the rows where it has none; see `rings_of_wkb`."""
    row = 0
    for k in range(shapes.size - 1):
        starts[k] = row
        at = shapes[k]
        parts = 1
        if _whole(data, at + 1) != _POLYGON:
            parts = _whole(data, at + _HEAD)
            at += _HEAD + _COUNT
        for _ in range(parts):
            rings = _whole(data, at + _HEAD)
            at += _HEAD + _COUNT
            for ring in range(rings):
                count = _whole(data, at)
                at += _COUNT
                if points.shape[0]:
                    values = data[at : at + _POINT * count].view(np.float64)
                    _lay(values, count, points[row : row + count + 1], 1.0 if ring == 0 else -1.0)
                at += _POINT * count
                row += count + 1
    starts[shapes.size - 1] = row
    return row


@kernel
def _lay(values: np.ndarray, count: int, points: np.ndarray, wanted: float) -> None:
    """Copy one ring, its sign of turning beside each point, and a row of NaN behind it."""
    twice = 0.0
    for k in range(count):
        points[k, 0], points[k, 1] = values[2 * k], values[2 * k + 1]
        if k:
            x, y = points[k, 0] - points[0, 0], points[k, 1] - points[0, 1]
            twice += (points[k - 1, 0] - points[0, 0]) * y - x * (points[k - 1, 1] - points[0, 1])
    sign = wanted if twice > 0.0 else -wanted
    for k in range(count):
        points[k, 2] = sign
    points[count] = np.nan


@kernel
def rings_of_wkb(data: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay the rings of polygons one after the other, each followed by a row of NaN.

    Parameters
    ----------
    data
        ``(b,)`` uint8; Polygons and MultiPolygons in the plane as little-endian well-known binary
        (OGC 06-103r4, 8.2), one after the other.
    shapes
        ``(n + 1,)`` int64; where each begins, and the end.

    Returns
    -------
    tuple of ndarray
        ``(k, 3)`` float64: east, north, and the sign of the ring, 1 for an outer ring that runs
        counter-clockwise or a hole that runs clockwise, -1 for one that runs the other way;
        ``(n + 1,)`` int64 rows at which each polygon begins.
    """
    starts = np.zeros(shapes.size, np.int64)
    rows = _walk(data, shapes, np.empty((0, 3)), starts)
    points = np.empty((rows, 3))
    _walk(data, shapes, points, starts)
    return points, starts

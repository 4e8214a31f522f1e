"""Area that two polygons share, without ever making the shape that they share.

A polygon is the signed sum of the ground under its edges: above a level floor, an edge that walks
west adds what lies between it and the floor, one that walks east takes it away (Green's theorem;
outer rings run counter-clockwise, holes clockwise). The product of two such sums is the ground under
both: the shared area is the sum, over all pairs of an edge of one and an edge of the other, of the
ground under the lower of the two. Each term is a polygon of at most five corners in closed form, so
nothing is approximated; holes, dents and parts need no case of their own, only the sign of a ring.
"""

import numpy as np

from changedetect.kernels._jit import kernel


@kernel
def _above(width: float, left: float, right: float) -> float:
    """Area under a straight line over an interval, where it is positive."""
    if left >= 0.0 and right >= 0.0:
        return 0.5 * width * (left + right)
    if left <= 0.0 and right <= 0.0:
        return 0.0
    if left > 0.0:
        return 0.5 * width * left * left / (left - right)
    return 0.5 * width * right * right / (right - left)


@kernel
def _under_lower(edge: np.ndarray, other: np.ndarray) -> float:
    """Area above the floor, 0, under the lower of two edges, both from west to east; 0 where apart."""
    west = max(edge[0], other[0])
    east = min(edge[2], other[2])
    if east <= west:
        return 0.0
    slope = (edge[3] - edge[1]) / (edge[2] - edge[0])
    tilt = (other[3] - other[1]) / (other[2] - other[0])
    a = edge[1] + slope * (west - edge[0])
    b = edge[1] + slope * (east - edge[0])
    c = other[1] + tilt * (west - other[0])
    d = other[1] + tilt * (east - other[0])
    width = east - west
    if a <= c and b <= d:
        return _above(width, a, b)
    if a >= c and b >= d:
        return _above(width, c, d)
    share = (c - a) / ((c - a) - (d - b))
    meet = a + share * (b - a)
    if a < c:
        return _above(share * width, a, meet) + _above((1.0 - share) * width, meet, d)
    return _above(share * width, c, meet) + _above((1.0 - share) * width, meet, b)


@kernel
def _edges_near(
    points: np.ndarray, box: np.ndarray, floor: float, edges: np.ndarray, signs: np.ndarray
) -> int:
    """Collect the edges that can count inside a box: over its width, not wholly below the floor.

    ``points`` holds rings, each followed by a row of NaN. Written to ``edges`` ``(n, 4)`` from west
    to east, relative to the west of the box and to the floor, and to ``signs``.
    """
    count = 0
    for k in range(points.shape[0] - 1):
        x, y, next_x, next_y = points[k, 0], points[k, 1], points[k + 1, 0], points[k + 1, 1]
        if not (x < next_x or x > next_x):
            continue
        if max(x, next_x) <= box[0] or min(x, next_x) >= box[2] or max(y, next_y) <= floor:
            continue
        east_first = x > next_x
        signs[count] = points[k, 2] if east_first else -points[k, 2]
        edges[count, 0] = (next_x if east_first else x) - box[0]
        edges[count, 1] = (next_y if east_first else y) - floor
        edges[count, 2] = (x if east_first else next_x) - box[0]
        edges[count, 3] = (y if east_first else next_y) - floor
        count += 1
    return count


@kernel
def shared_areas(
    points: np.ndarray,
    starts: np.ndarray,
    other_points: np.ndarray,
    other_starts: np.ndarray,
    pairs: np.ndarray,
) -> np.ndarray:
    """Measure the ground that pairs of polygons share.

    Parameters
    ----------
    points, other_points
        ``(k, 3)`` float64; rings of all polygons, closed, each followed by a row of NaN: east,
        north [m], and 1 for an outer ring that runs counter-clockwise or a hole that runs
        clockwise, -1 for one that runs the other way.
    starts, other_starts
        ``(n + 1,)`` int64; the rows of polygon ``i`` are ``starts[i]`` to ``starts[i + 1]``.
    pairs
        ``(p, 2)`` int64; numbers of the polygons.

    Returns
    -------
    ndarray
        ``(p,)`` float64, not below 0. [m²]
    """
    areas = np.zeros(pairs.shape[0])
    longest, longest_other = 1, 1
    for k in range(starts.size - 1):
        longest = max(longest, starts[k + 1] - starts[k])
    for k in range(other_starts.size - 1):
        longest_other = max(longest_other, other_starts[k + 1] - other_starts[k])
    edges, signs = np.empty((longest, 4)), np.empty(longest)
    others, other_signs = np.empty((longest_other, 4)), np.empty(longest_other)
    for p in range(pairs.shape[0]):
        mine = points[starts[pairs[p, 0]] : starts[pairs[p, 0] + 1]]
        its = other_points[other_starts[pairs[p, 1]] : other_starts[pairs[p, 1] + 1]]
        box, other_box = _box(mine), _box(its)
        box[0], box[2] = max(box[0], other_box[0]), min(box[2], other_box[2])
        floor = max(box[1], other_box[1])
        if box[2] <= box[0] or min(box[3], other_box[3]) <= floor:
            continue
        count = _edges_near(mine, box, floor, edges, signs)
        other_count = _edges_near(its, box, floor, others, other_signs)
        total = 0.0
        for i in range(count):
            for j in range(other_count):
                total += signs[i] * other_signs[j] * _under_lower(edges[i], others[j])
        areas[p] = max(total, 0.0)
    return areas


@kernel
def _box(points: np.ndarray) -> np.ndarray:
    """West, south, east, north of rings; rows of NaN are passed over."""
    box = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for k in range(points.shape[0]):
        if points[k, 0] == points[k, 0]:
            box[0], box[2] = min(box[0], points[k, 0]), max(box[2], points[k, 0])
            box[1], box[3] = min(box[1], points[k, 1]), max(box[3], points[k, 1])
    return box

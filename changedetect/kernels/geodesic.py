"""Areas and lengths of rings on an ellipsoid, edge by edge, where edges are short.

The ground between a geodesic and the parallel on which a ring begins is its width times the mean height
of the strip under it, as an area of the ellipsoid. Between two near points the geodesic is a parabola over
longitude: what it rises above the chord follows from the equation of the geodesic on a surface of
revolution, y'' = r r' + 2 (r'/r) y'^2 with r(y) the radius of the parallel (do Carmo 1976, Differential
geometry of curves and surfaces, section 4-4, example 5), and the mean over the chord from the trapezoidal rule and its
first error term. The height is that of the strip up to a latitude, in closed form (Snyder 1987,
doi:10.3133/pp1395, equation 3-12, times a^2 / 2). The next terms are of the fifth order in the length of an edge: below a
ten-thousandth of a square metre for the 3 km that are allowed.

Lengths follow Delambre's analogies for half a spherical triangle, with the ellipsoid's two radii of
curvature at the middle latitude (the mid-latitude formulas of Gauss).
"""

import math

import numpy as np

from changedetect.kernels._jit import kernel

LONGEST_RAD = 3_000.0 / 6_371_000.0
"""Length of an edge, along or across the meridian, up to which the short formulas are used. [rad]"""

FARTHEST_RAD = 1.3
"""Latitude up to which they are: nearer to a pole an edge turns too much. [rad]"""


@kernel
def _strip(latitude: float, a: float, e2: float) -> float:
    """Area of the ellipsoid from the equator to a latitude, for a radian of longitude. [m²]"""
    e = math.sqrt(e2)
    sine = math.sin(latitude)
    inner = sine / (1.0 - e2 * sine * sine) + math.atanh(e * sine) / e
    return 0.5 * a * a * (1.0 - e2) * inner


@kernel
def _edge(
    start: float, end: float, east: float, strips: float, shape: tuple[float, float]
) -> tuple[float, float]:
    """Area above a parallel under an edge [m²], positive to the east, and its length [m].

    ``start`` and ``end`` are latitudes, ``east`` the difference of longitudes [rad]; ``strips`` the sum of the
    areas of both ends above the parallel, for a radian of longitude; ``shape`` half axis [m] and squared eccentricity.
    """
    a, e2 = shape
    middle, north = 0.5 * (start + end), end - start
    sine, cosine = math.sin(middle), math.cos(middle)
    flat = 1.0 - e2 * sine * sine
    normal = a / math.sqrt(flat)
    meridian = a * (1.0 - e2) / (flat * math.sqrt(flat))
    radius = normal * cosine
    growth = 3.0 * meridian * e2 * sine * cosine / flat
    bend = a * a * (1.0 - e2) / (flat * flat) * (4.0 * e2 * sine * cosine * cosine / flat - sine)
    rise = radius * radius * sine * east * east
    rise += (2.0 * sine * meridian * meridian + radius * growth - bend) * north * north
    area = east * (0.5 * strips + rise / 12.0)
    x = radius * east * (1.0 - east * east / 24.0)
    y = meridian * north * (1.0 - north * north / 24.0 - east * east / 8.0)
    squared = x * x + y * y
    return area, math.sqrt(squared) * (1.0 + squared / (24.0 * meridian * normal))


@kernel
def ring_sizes(
    points: np.ndarray, rings: np.ndarray, a: float, e2: float, sizes: np.ndarray
) -> None:
    """Measure rings on an ellipsoid.

    Parameters
    ----------
    points
        ``(p, 2)`` float64, longitude and latitude. [degree]
    rings
        ``(n + 1,)`` int64, where each ring begins; its last point repeats its first.
    a
        Half the long axis. [m]
    e2
        Squared eccentricity, above 0.
    sizes
        ``(n, 2)`` float64, written: area, positive where the ring runs counter-clockwise [m²], and
        length [m]; NaN where an edge is longer than `LONGEST_RAD`, a point nearer to a pole than
        `FARTHEST_RAD`, or not finite.
    """
    degree = np.pi / 180.0
    shape = a, e2
    for ring in range(len(rings) - 1):
        begin, end = rings[ring], rings[ring + 1]
        area, length, bad = 0.0, 0.0, False
        last = points[begin, 1] * degree
        level = _strip(last, a, e2)
        height = 0.0
        for place in range(begin + 1, end):
            latitude = points[place, 1] * degree
            east = (points[place, 0] - points[place - 1, 0]) * degree
            north = latitude - last
            fits = abs(east) <= LONGEST_RAD and abs(north) <= LONGEST_RAD
            bad = bad or not (fits and abs(latitude) <= FARTHEST_RAD)
            above = _strip(latitude, a, e2) - level
            under, step = _edge(last, latitude, east, height + above, shape)
            area -= under
            length += step
            last, height = latitude, above
        sizes[ring, 0] = np.nan if bad else area
        sizes[ring, 1] = np.nan if bad else length

"""Ellipsoidal areas and lengths; m², ha, mu; area uncertainty. The only home of 2000/3."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import shapely
from pyproj import CRS, Geod, Transformer
from shapely.geometry.base import BaseGeometry

from changedetect.errors import GridError
from changedetect.kernels.geodesic import ring_sizes

M2_PER_MU = 2000.0 / 3.0
"""Square metres in a mu (market mu, exactly 2000/3)."""

CGCS2000 = Geod(a=6378137.0, rf=298.257222101)
"""The CGCS2000 ellipsoid (GB 22021-2008)."""

GEOGRAPHIC = "EPSG:4490"
"""CGCS2000 geographic: the coordinate system of every delivered layer."""


def to_mu(area_m2: float) -> float:
    """Turn square metres into mu.

    Examples
    --------
    >>> to_mu(2000.0)
    3.0
    """
    return area_m2 / M2_PER_MU


@lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(
        CRS.from_user_input(source), CRS.from_user_input(target), always_xy=True
    )


def reproject(geometry: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """Carry a geometry to another coordinate system, x = east, y = north in both.

    Raises
    ------
    GridError
        A coordinate does not exist in the target system.
    """
    if source == target or geometry.is_empty:
        return geometry
    transformer = _transformer(source, target)

    def move(points: np.ndarray) -> np.ndarray:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    moved = shapely.transform(geometry, move)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        msg = (
            f"coordinates {geometry.bounds} of {source} do not exist in {target}; "
            "the declared coordinate system is probably wrong (zone or zone prefix)"
        )
        raise GridError(msg)
    return moved


def reproject_many(geometries: np.ndarray, source: str, target: str) -> np.ndarray:
    """Do `reproject` for ``(n,)`` geometries in one call; the same numbers come out.

    Raises
    ------
    GridError
        As `reproject`, for the first of them that it concerns.
    """
    if source == target or len(geometries) == 0:
        return geometries
    transformer = _transformer(source, target)

    def move(points: np.ndarray) -> np.ndarray:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    moved: np.ndarray = shapely.transform(geometries, move)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        for geometry in geometries:
            reproject(geometry, source, target)  # names it
    return moved


def area_m2(geometry: BaseGeometry, crs: str) -> float:
    """Measure a polygon on the CGCS2000 ellipsoid, holes taken off.

    Parameters
    ----------
    geometry
        Polygon or MultiPolygon; other parts count nothing.
    crs
        Its coordinate system. WGS 84 and CGCS2000 are treated as equal (they differ by centimetres).

    Returns
    -------
    float
        Area; 0 for an empty geometry. [m²]
    """
    return _measure_one(geometry, crs)[0]


def areas_m2(geometries: np.ndarray, crs: str) -> list[float]:
    """Do `area_m2` for ``(n,)`` geometries in one call; the same numbers come out, to the last digit.

    Raises
    ------
    GridError
        As `reproject`.
    """
    some = np.flatnonzero(~shapely.is_empty(geometries))
    parts, whole = shapely.get_parts(
        reproject_many(geometries[some], crs, GEOGRAPHIC), return_index=True
    )
    areas, _, kept = _measure_polygons(parts)
    totals: list[list[float]] = [[] for _ in range(len(geometries))]
    for place, area in zip(some[whole[kept]].tolist(), areas.tolist(), strict=True):
        totals[place].append(area)
    return [math.fsum(one) for one in totals]


def perimeter_m(geometry: BaseGeometry, crs: str) -> float:
    """Measure the length of all rings of a polygon on the ellipsoid. [m]"""
    return _measure_one(geometry, crs)[1]


def _measure_one(geometry: BaseGeometry, crs: str) -> tuple[float, float]:
    """Area and length of all rings of the polygons of a geometry."""
    parts = shapely.get_parts(reproject(geometry, crs, GEOGRAPHIC))
    areas, lengths, _ = _measure_polygons(parts)
    return math.fsum(areas), math.fsum(lengths)


def _measure_polygons(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Area and length of rings of those parts, in degrees, that are polygons; and which these are."""
    is_polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    kept = np.flatnonzero(is_polygon & ~shapely.is_empty(parts))
    if not len(kept):
        return np.zeros(0), np.zeros(0), kept
    _, points, (rings, polygons) = shapely.to_ragged_array(parts[kept])
    sizes = _measure_rings(points, rings, polygons, np.arange(len(kept) + 1))
    return *sizes, kept


_BATCH = 2048
"""Polygons whose coordinates are in memory at once, 0.3 MB for each thousand corners."""


def measure_many(geometries: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Measure many polygons at once: `area_m2` and `perimeter_m` of each, 20 times as fast.

    The coordinates of a batch are carried over in one call, so that memory does not grow with the
    number of polygons; holes are told by their place in the polygon, as in `area_m2`, so the direction
    of the rings does not matter.

    Parameters
    ----------
    geometries
        ``(n,)`` MultiPolygons only (``shapely.multipolygons`` makes them); none is empty.
    crs
        Their coordinate system.

    Returns
    -------
    tuple of ndarray
        Areas [m²] and lengths of all rings [m], each ``(n,)`` float64.

    Raises
    ------
    GridError
        A coordinate does not exist on the ellipsoid.
    """
    areas, lengths = np.zeros(len(geometries)), np.zeros(len(geometries))
    for first in range(0, len(geometries), _BATCH):
        batch = slice(first, first + _BATCH)
        areas[batch], lengths[batch] = _measure_batch(geometries[batch], crs)
    return areas, lengths


def _measure_batch(geometries: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    _, points, (rings, polygons, wholes) = shapely.to_ragged_array(geometries)
    return measure_ragged(points, rings, polygons, wholes, crs)


def measure_ragged(
    points: np.ndarray, rings: np.ndarray, polygons: np.ndarray, wholes: np.ndarray, crs: str
) -> tuple[np.ndarray, np.ndarray]:
    """Measure polygons given as arrays: the same numbers as `measure_many`, without taking shapes apart.

    Parameters
    ----------
    points
        ``(p, 2)`` float64, x and y; the last point of a ring repeats its first.
    rings, polygons, wholes
        ``(n + 1,)`` int64 each: where each ring begins in the points, each polygon in the rings (its
        outer ring first), each MultiPolygon in the polygons; none is empty.
    crs
        Their coordinate system.

    Returns
    -------
    tuple of ndarray
        Areas [m²] and lengths of all rings [m], each ``(whole,)`` float64.

    Raises
    ------
    GridError
        A coordinate does not exist on the ellipsoid.
    """
    if len(wholes) == 1:
        return np.zeros(0), np.zeros(0)
    if crs != GEOGRAPHIC:
        moved = np.column_stack(_transformer(crs, GEOGRAPHIC).transform(points[:, 0], points[:, 1]))
        if not np.isfinite(moved).all():
            reproject(shapely.linestrings(points), crs, GEOGRAPHIC)  # names it
        points = moved
    return _measure_rings(points, rings, polygons, wholes)


def _measure_rings(
    points: np.ndarray, rings: np.ndarray, polygons: np.ndarray, wholes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measure rings of degrees, and add them up by polygon."""
    measured = _ring_sizes(points, rings)
    sign = np.full(len(measured), -1.0)
    sign[polygons[:-1]] = 1.0
    first_ring = polygons[wholes[:-1]]
    areas = np.add.reduceat(sign * np.abs(measured[:, 0]), first_ring)
    return areas, np.add.reduceat(measured[:, 1], first_ring)


def _ring_sizes(points: np.ndarray, rings: np.ndarray) -> np.ndarray:
    """Area and length of rings of degrees, ``(ring, 2)``: in a kernel, or by PROJ where edges are long."""
    points = np.ascontiguousarray(points[:, :2], np.float64)
    sizes = np.empty((len(rings) - 1, 2))
    ring_sizes(points, rings.astype(np.int64), CGCS2000.a, CGCS2000.es, sizes)
    for ring in np.flatnonzero(np.isnan(sizes[:, 0])).tolist():
        lon, lat = points[rings[ring] : rings[ring + 1]].T.copy()
        sizes[ring] = CGCS2000.polygon_area_perimeter(lon, lat)
    return sizes


def distance_m(lon: float, lat: float, geometry: BaseGeometry, crs: str) -> float:
    """Measure from a place to the nearest point of a geometry on the ellipsoid.

    The nearest point is found on a plane that touches at the place: right for what lies within
    some kilometres, which is all that is asked.

    Parameters
    ----------
    lon, lat
        The place. [degree]
    geometry, crs
        Not empty, and its coordinate system.

    Returns
    -------
    float
        0 inside. [m]

    Examples
    --------
    >>> import shapely
    >>> round(distance_m(113.0, 28.0, shapely.Point(113.0, 28.001), "EPSG:4490"), 1)
    110.8
    """
    scale = np.array([math.cos(math.radians(lat)), 1.0])
    flat = shapely.transform(reproject(geometry, crs, GEOGRAPHIC), lambda points: points * scale)
    place = shapely.Point(lon * scale[0], lat)
    if shapely.distance(place, flat) == 0.0:
        return 0.0
    nearest = shapely.shortest_line(place, flat).coords[-1]
    return float(CGCS2000.line_length([lon, nearest[0] / scale[0]], [lat, nearest[1]]))


def direction_gap_deg(first: float, second: float) -> float:
    """Return the angle between two directions, 0 to 180. [degree]"""
    return abs((first - second + 180.0) % 360.0 - 180.0)


def area_sd_m2(perimeter: float, pixel_m: float) -> float:
    """Return the uncertainty of an outlined area: perimeter × half a pixel.

    The bound of the policy frame (its section 5: 0.3 mu at 2 m is 28%, 10 mu at 10 m is 24%);
    a bound rather than a standard deviation, since edge errors of one patch go together.

    Parameters
    ----------
    perimeter
        Length of all rings. [m]
    pixel_m
        Pixel size. [m]

    Returns
    -------
    float
        Uncertainty. [m²]
    """
    return perimeter * pixel_m / 2.0


def round_closing(parts: Sequence[float], total: float, decimals: int = 4) -> tuple[float, ...]:
    """Round parts so that they add up to the rounded total exactly (largest remainder).

    Parameters
    ----------
    parts
        Non-negative numbers whose sum is the total up to floating-point dust.
    total
        What they shall add up to after rounding.
    decimals
        Decimals kept.

    Returns
    -------
    tuple of float
        One rounded number a part, in the same order.

    Examples
    --------
    >>> round_closing([1.00004, 1.00004, 1.00004], 3.00012)
    (1.0, 1.0, 1.0001)
    """
    unit = 10**decimals
    target = round(total * unit)
    scaled = [part * unit for part in parts]
    floors = [math.floor(value) for value in scaled]
    missing = target - sum(floors)
    order = sorted(range(len(parts)), key=lambda i: (-(scaled[i] - floors[i]), -i))
    while missing != 0 and order:
        step = 1 if missing > 0 else -1
        for index in order if step > 0 else order[::-1]:
            if missing == 0:
                break
            if floors[index] + step < 0:
                continue
            floors[index] += step
            missing -= step
    return tuple(value / unit for value in floors)

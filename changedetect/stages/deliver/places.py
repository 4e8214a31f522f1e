"""Where a case is: a point inside its surface, in degrees and on the three-degree Gauss grid."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.measure import GEOGRAPHIC, reproject_many
from changedetect.stages.deliver.tables import Row

_ZONE_WIDTH_DEG = 3
_FIRST_ZONE, _LAST_ZONE, _EPSG_BEFORE_FIRST = 25, 45, 4488
"""CGCS2000 three-degree zones 25-45 with the zone in the easting are EPSG:4513-4533."""


def places(surfaces: Sequence[BaseGeometry], crs: str) -> list[Row]:
    """Say where surfaces are.

    Parameters
    ----------
    surfaces
        Polygons, in the CRS given.
    crs
        Their coordinate system.

    Returns
    -------
    list of dict
        One a surface: longitude and latitude of a point inside it (ZXJD, ZXWD) [degree], and the
        columns of `gauss`.
    """
    inside = shapely.point_on_surface(np.array(surfaces, dtype=object))
    degrees = shapely.get_coordinates(reproject_many(inside, crs, GEOGRAPHIC))
    return [
        {"ZXJD": longitude, "ZXWD": latitude, **zoned}
        for (longitude, latitude), zoned in zip(degrees.tolist(), gauss(degrees), strict=True)
    ]


def gauss(degrees: np.ndarray) -> list[Row]:
    """Return north (ZXX), east with zone (ZXY) and zone (DH) of the three-degree Gauss grid.

    Outside zones 25 to 45 (not China) all three are None.

    Parameters
    ----------
    degrees
        ``(n, 2)`` longitude and latitude. [degree]

    Examples
    --------
    >>> row = gauss(np.array([[114.0, 30.0]]))[0]
    >>> row["DH"], round(row["ZXX"]), round(row["ZXY"])
    (38, 3320113, 38500000)
    """
    rows: list[Row] = [{"ZXX": None, "ZXY": None, "DH": None} for _ in degrees]
    zones = [math.floor(place / _ZONE_WIDTH_DEG + 1 / 2) for place in degrees[:, 0].tolist()]
    for zone in sorted({zone for zone in zones if _FIRST_ZONE <= zone <= _LAST_ZONE}):
        mine = [number for number, other in enumerate(zones) if other == zone]
        target = f"EPSG:{zone + _EPSG_BEFORE_FIRST}"
        points = reproject_many(shapely.points(degrees[mine]), GEOGRAPHIC, target)
        for number, (east, north) in zip(
            mine, shapely.get_coordinates(points).tolist(), strict=True
        ):
            rows[number] = {"ZXX": north, "ZXY": east, "DH": zone}
    return rows

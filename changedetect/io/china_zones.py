"""EPSG codes of the Gauss grids of China, by datum, width of zone, zone and form of the easting.

Ranges are those of the EPSG registry: CGCS2000 4491-4554, Xian 80 2327-2390, Beijing 54 2401-2442
(3 degrees) and 21413-21463 (6 degrees).
"""

import math
import unicodedata

from changedetect.errors import GridError

_FIRST_ZONE = {3: 25, 6: 13}
_LAST_ZONE = {3: 45, 6: 23}

_WITH_ZONE = {
    ("CGCS2000", 3): 4513, ("CGCS2000", 6): 4491, ("Xian 80", 3): 2349, ("Xian 80", 6): 2327,
    ("Beijing 54", 3): 2401, ("Beijing 54", 6): 21413,
}  # fmt: skip
_WITHOUT_ZONE = {
    ("CGCS2000", 3): 4534, ("CGCS2000", 6): 4502, ("Xian 80", 3): 2370, ("Xian 80", 6): 2338,
    ("Beijing 54", 3): 2422, ("Beijing 54", 6): 21453,
}  # fmt: skip
"""Code of the first zone, with the zone before the easting and without."""

_GEOGRAPHIC = {"CGCS2000": 4490, "Xian 80": 4610, "Beijing 54": 4214}

_NAMES = {
    "2000国家大地坐标系": "CGCS2000", "国家2000大地坐标系": "CGCS2000", "cgcs2000": "CGCS2000",
    "2000坐标系": "CGCS2000", "国家2000": "CGCS2000", "80国家大地坐标系": "Xian 80",
    "1980西安坐标系": "Xian 80", "1980年西安坐标系": "Xian 80", "西安80坐标系": "Xian 80", "西安80": "Xian 80",
    "80西安坐标系": "Xian 80", "80坐标系": "Xian 80", "54北京坐标系": "Beijing 54", "北京54坐标系": "Beijing 54",
    "1954年北京坐标系": "Beijing 54", "1954北京坐标系": "Beijing 54", "北京54": "Beijing 54",
}  # fmt: skip

ZONE_M = 1_000_000.0
"""The zone stands before the easting in millions. [m]"""

NORTHINGS_M = (1_500_000.0, 6_200_000.0)
"""Northings of China: 14 to 56 degrees. [m]"""

EASTINGS_M = (50_000.0, 950_000.0)
"""Eastings without zone, 450 km around the meridian: neighbours' zones included. [m]"""


def datum_named(text: str) -> str:
    """Return the datum that an office names.

    Raises
    ------
    GridError
        A name outside the list.

    Examples
    --------
    >>> datum_named("２０００国家大地坐标系"), datum_named("80国家大地坐标系")
    ('CGCS2000', 'Xian 80')
    """
    plain = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    if plain not in _NAMES:
        msg = (
            f"coordinate system {text!r} is not known; 2000国家大地坐标系, 80国家大地坐标系 or "
            "54北京坐标系 was expected"
        )
        raise GridError(msg)
    return _NAMES[plain]


def zone_code(datum: str, width_deg: int, zone: int, *, prefixed: bool) -> str:
    """Return the EPSG code of a Gauss grid.

    Parameters
    ----------
    datum
        From `datum_named`.
    width_deg
        3 or 6.
    zone
        25 to 45, or 13 to 23.
    prefixed
        Whether the zone stands before the easting.

    Raises
    ------
    GridError
        Another width or zone.

    Examples
    --------
    >>> zone_code("CGCS2000", 3, 38, prefixed=True), zone_code("CGCS2000", 3, 38, prefixed=False)
    ('EPSG:4526', 'EPSG:4547')
    """
    first, last = _FIRST_ZONE.get(width_deg, 0), _LAST_ZONE.get(width_deg, -1)
    if not first <= zone <= last:
        msg = (
            f"zone {zone} of {width_deg} degrees is not in China; 25 to 45 (3 degrees) or 13 to 23 "
            "(6 degrees) was expected"
        )
        raise GridError(msg)
    codes = _WITH_ZONE if prefixed else _WITHOUT_ZONE
    return f"EPSG:{codes[datum, width_deg] + zone - first}"


def geographic_code(datum: str) -> str:
    """Return the EPSG code of a datum's longitude and latitude."""
    return f"EPSG:{_GEOGRAPHIC[datum]}"


def zone_width(zone: int) -> int:
    """Return the width of a zone by its number, which no two widths share. [degree]"""
    return 3 if zone >= _FIRST_ZONE[3] else 6


def zone_of(easting: float) -> int | None:
    """Return the zone before an easting; None where there is none.

    Examples
    --------
    >>> zone_of(38500123.0), zone_of(500123.0)
    (38, None)
    """
    zone = math.floor(easting / ZONE_M)
    known = any(_FIRST_ZONE[width] <= zone <= _LAST_ZONE[width] for width in _FIRST_ZONE)
    return zone if known else None


def is_northing(value: float) -> bool:
    """Tell whether a number can be a northing of China."""
    return NORTHINGS_M[0] <= value <= NORTHINGS_M[1]


def is_easting(value: float) -> bool:
    """Tell whether a number can be an easting of China, with its zone or without."""
    rest = value if zone_of(value) is None else value % ZONE_M
    return EASTINGS_M[0] <= rest <= EASTINGS_M[1]

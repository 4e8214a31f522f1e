"""Coordinate systems by their codes: recognised, compared, and refused where a shift is unknown.

WGS 84 and CGCS2000 are treated as equal (they differ by centimetres). Between any other datums
PROJ may return coordinates unchanged without saying so, so those are refused.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from changedetect.config.record_forms import DatumShift
from changedetect.errors import GridError
from changedetect.io.china_zones import is_easting, is_northing
from changedetect.io.datum_shift import shifter

_EQUAL_DATUMS = frozenset({4326, 4979, 4490, 4480})
_CGCS2000 = "EPSG:4490"
_CRS84 = "OGC:CRS84"
"""WGS 84, longitude first: the same as EPSG:4326 here, where x is east everywhere."""

_MAX_OFF_MERIDIAN_M = 700_000.0
"""Farther than this from its central meridian, an easting is of another system. [m] Our choice: a
6-degree zone reaches 334 km, and with the prefix of the next zone an easting is at least 666 km off."""

_MAX_DEGREES = 360.0
_LATITUDES, _LONGITUDES = (3.0, 54.0), (73.0, 136.0)
"""Of China and its sea. [degree]"""

_ZONE_STEP_M = 1_000_000.0
_CHINESE_ZONES = range(13, 46)
"""6-degree zones 13 to 23 and 3-degree zones 25 to 45 stand before the easting, in millions."""


@lru_cache(maxsize=256)
def epsg_code(text: str) -> str:
    """Return ``EPSG:n`` of a coordinate system given as WKT, code or PROJ text.

    The horizontal part of a compound system counts. ESRI's WKT of CGCS2000 zones is recognised.

    Raises
    ------
    GridError
        The text is no coordinate system, or none that EPSG knows.
    """
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        msg = f"coordinate system {text[:120]!r} is not understood: {error}"
        raise GridError(msg) from error
    if crs == CRS.from_user_input(_CRS84):
        return "EPSG:4326"
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    code = crs.to_epsg()
    if code is None:
        msg = (
            f"coordinate system {crs.name!r} has no EPSG code; "
            "declare it as EPSG:n (warp or assign the code first)"
        )
        raise GridError(msg)
    return f"EPSG:{code}"


@lru_cache(maxsize=256)
def _datum(code: str) -> int | None:
    geodetic = CRS.from_user_input(code).geodetic_crs
    found = geodetic.to_epsg() if geodetic is not None else None
    return int(found) if found is not None else None


def check_same_datum(source: str, target: str) -> None:
    """Refuse two coordinate systems between which no shift is known.

    Raises
    ------
    GridError
        Their datums differ and are not both WGS 84 or CGCS2000 (Xian 80, Beijing 54 …).
    """
    if source == target:
        return
    first, second = _datum(source), _datum(target)
    if first is not None and (first == second or {first, second} <= _EQUAL_DATUMS):
        return
    names = [CRS.from_user_input(code).name for code in (source, target)]
    msg = (
        f"{source} ({names[0]}) can not be carried to {target} ({names[1]}): their datums differ "
        "and no shift is known (PROJ would leave the coordinates unchanged, up to 100 m wrong); "
        "give the province's seven parameters as datum_shift: of the layer in the job file, or "
        "transform the file first"
    )
    raise GridError(msg)


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Return the transformer between two codes, x = east, y = north on both sides.

    Raises
    ------
    GridError
        See `check_same_datum`.
    """
    check_same_datum(source, target)
    return Transformer.from_crs(
        CRS.from_user_input(source), CRS.from_user_input(target), always_xy=True
    )


Mover = Callable[[np.ndarray], np.ndarray]


def mover(source: str, target: str, shift: DatumShift | None = None) -> Mover:
    """Return what carries points ``(n, 2)``, x = east, y = north, from one system to another.

    Parameters
    ----------
    source, target
        ``EPSG:n``.
    shift
        Seven parameters from the source's datum to CGCS2000.

    Raises
    ------
    GridError
        Datums without known shift, or a shift where none belongs.
    """
    steps: list[Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]]
    if shift is None:
        steps = [transformer(source, target).transform]
    else:
        datum = _datum(source)
        if datum in _EQUAL_DATUMS:
            msg = f"datum_shift is given, but {source} is in CGCS2000 or WGS 84 already; remove it"
            raise GridError(msg)
        steps = [
            to_degrees(source).transform,
            shifter(CRS.from_user_input(source), shift),
            transformer(_CGCS2000, target).transform,
        ]

    def move(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        for step in steps:
            x, y = step(x, y)
        return np.column_stack([x, y])

    return move


@lru_cache(maxsize=64)
def to_degrees(code: str) -> Transformer:
    """Return the transformer to longitude and latitude of the system's own datum."""
    crs = CRS.from_user_input(code)
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)


def check_places(code: str, bounds: tuple[float, float, float, float]) -> None:
    """Refuse coordinates that can not belong to their declared system, axes swapped among them.

    Parameters
    ----------
    code
        Declared system.
    bounds
        West, south, east, north. [CRS unit]

    Raises
    ------
    GridError
        See `check_eastings`; or the northings stand in x and the eastings in y.
    """
    west, south, east, north = bounds
    crs = CRS.from_user_input(code)
    if crs.is_geographic:
        swapped = _LATITUDES[0] <= west <= east <= _LATITUDES[1] < _LONGITUDES[0] <= south
        swapped = swapped and north <= _LONGITUDES[1]
    elif _false_easting(code) is None:
        swapped = False
    else:
        north_in_x = is_northing(west) and is_northing(east)
        swapped = north_in_x and is_easting(south) and is_easting(north)
        swapped = swapped and not (is_northing(south) and is_northing(north))
    if swapped:
        msg = (
            f"x from {west:.6g} to {east:.6g} and y from {south:.6g} to {north:.6g}: north stands in x and "
            f"east in y; {code} is read x = east, y = north: swap them in the file (坐标轴疑似颠倒)"
        )
        raise GridError(msg)
    check_eastings(code, west, east)


@lru_cache(maxsize=64)
def _false_easting(code: str) -> float | None:
    operation = CRS.from_user_input(code).coordinate_operation
    if operation is None or operation.method_name != "Transverse Mercator":
        return None
    for parameter in operation.params:
        if parameter.name == "False easting":
            return float(parameter.value)
    return None


def check_eastings(code: str, west: float, east: float) -> None:
    """Refuse coordinates that can not belong to their declared system.

    Parameters
    ----------
    code
        Declared system.
    west, east
        Smallest and largest x. [CRS unit]

    Raises
    ------
    GridError
        A zone-prefixed easting in a system without prefix or the other way round, another zone's
        prefix, degrees in a metric system, metres in a geographic one, or not a number.
    """
    if not (np.isfinite(west) and np.isfinite(east)):
        msg = f"x from {west} to {east} are not numbers; the coordinates are damaged"
        raise GridError(msg)
    crs = CRS.from_user_input(code)
    span = (
        f"x from {west:.6g} to {east:.6g}"
        if crs.is_geographic
        else f"x from {west:.1f} to {east:.1f}"
    )
    false = _false_easting(code)
    degrees = max(abs(west), abs(east)) <= _MAX_DEGREES
    if crs.is_geographic and not degrees:
        msg = (
            f"{span} are not degrees, but {code} ({crs.name}) is geographic; "
            "declare the projected system of the data"
        )
        raise GridError(msg)
    if false is None:
        return
    if degrees:
        msg = (
            f"{span} look like degrees, but {code} ({crs.name}) is projected; "
            "declare EPSG:4490 or EPSG:4326 if they are"
        )
        raise GridError(msg)
    if max(abs(west - false), abs(east - false)) > _MAX_OFF_MERIDIAN_M:
        msg = f"{span} do not fit {code} ({crs.name}, false easting {false:.0f})"
        raise GridError(msg + _zone_hint(west, false))


def _zone_hint(west: float, false: float) -> str:
    found, declared = int(west // _ZONE_STEP_M), int(false // _ZONE_STEP_M)
    if declared == 0 and found in _CHINESE_ZONES:
        return (
            f"; they carry the zone prefix {found}, the declared system has none: "
            "declare the system of the zone (坐标带带号, 声明的坐标系不带带号)"
        )
    if found == 0 and declared in _CHINESE_ZONES:
        return (
            f"; they carry no zone prefix, the declared system expects {declared}: "
            "declare the system by its central meridian (坐标不带带号, 声明的坐标系带带号)"
        )
    if found in _CHINESE_ZONES:
        return f"; they carry the zone prefix {found}, the declared system {declared}: another zone"
    return "; the declared coordinate system is probably wrong"


def is_code(text: str) -> bool:
    """Tell whether a text has the form ``EPSG:n``."""
    return re.fullmatch(r"EPSG:\d{4,6}", text) is not None

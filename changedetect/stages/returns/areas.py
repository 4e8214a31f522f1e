"""Areas that a county claims, beside the case: outlines drawn on site, and what was put right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.errors import GridError
from changedetect.measure import area_m2, reproject, to_mu

_HANDLED = ("CCMJ", "BBMJ", "FGMJ")
"""Taken down, approved afterwards, tilled again. [mu]"""
_CROPLAND = {"CCGDMJ": "CCMJ", "BBGDMJ": "BBMJ", "FGGDMJ": "FGMJ"}


@dataclass(frozen=True, slots=True)
class Outline:
    """An outline drawn on site: its area, and what it and the case do not share. [m²]

    ``wkb`` is in the case's own coordinate system.
    """

    wkb: bytes
    area_m2: float
    difference_m2: float


def outline_of(
    shapes: Iterable[bytes], crs: str, case: BaseGeometry, case_crs: str
) -> Outline | None:
    """Measure the outline that a county drew against the case's.

    Parameters
    ----------
    shapes
        Polygons as WKB; several are one outline.
    crs, case_crs
        Coordinate systems of the drawn outline and of the case.
    case
        Outline of record; it is never changed.

    Returns
    -------
    Outline or None
        None where no area was drawn.

    Raises
    ------
    ValueError
        No coordinate system is told, or a coordinate does not exist in it.
    """
    parts = [shape for shape in map(shapely.from_wkb, shapes) if shape.area > 0]
    if not parts:
        return None
    if not crs:
        msg = "the outline has no coordinate system; save the layer with EPSG:4490 (缺少坐标系)"
        raise ValueError(msg)
    try:
        drawn = reproject(
            shapely.union_all([shapely.make_valid(part) for part in parts]), crs, case_crs
        )
    except GridError as error:
        msg = f"the outline does not lie in {crs} ({error})"
        raise ValueError(msg) from error
    surfaces = [part for part in shapely.get_parts(drawn) if part.geom_type == "Polygon"]
    whole = shapely.multipolygons(surfaces)
    apart = shapely.symmetric_difference(shapely.make_valid(whole), case)
    return Outline(
        shapely.to_wkb(shapely.normalize(whole)),
        area_m2(whole, case_crs),
        area_m2(_surfaces(apart), case_crs),
    )


def _surfaces(shape: BaseGeometry) -> BaseGeometry:
    return shapely.multipolygons(
        [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    )


@dataclass(frozen=True, slots=True)
class Handled:
    """What was put right so far, and what is left. [mu]"""

    sums: Mapping[str, float]
    remaining_mu: float


def handled(rows: Iterable[Mapping[str, str]], case_m2: float, tolerance_mu: float) -> Handled:
    """Add up the rectification of a case: taken down + approved + tilled = handled, and what remains.

    Parameters
    ----------
    rows
        All its rows of ZG_JL.
    case_m2
        Area of the case. [m²]
    tolerance_mu
        Areas agree within this. [mu]

    Raises
    ------
    ValueError
        A cropland part larger than its whole, or more handled than there is.

    Examples
    --------
    >>> handled([{"CCMJ": "1"}, {"FGMJ": "0.5"}], 1000.0, 0.01).remaining_mu
    0.0
    """
    sums = {
        name: round(sum(float(row.get(name) or 0) for row in rows), 4)
        for rows in (list(rows),)
        for name in (*_HANDLED, *_CROPLAND)
    }
    for part, whole in _CROPLAND.items():
        if sums[part] > sums[whole] + tolerance_mu:
            msg = f"{part} {sums[part]:g} mu is more than {whole} {sums[whole]:g} mu (其中耕地面积大于总面积)"
            raise ValueError(msg)
    total = round(to_mu(case_m2), 4)
    left = round(total - sum(sums[name] for name in _HANDLED), 4)
    if left < -tolerance_mu:
        msg = f"{' + '.join(f'{name} {sums[name]:g}' for name in _HANDLED)} mu is more than the case's {total:g} mu (整改面积大于图斑面积)"
        raise ValueError(msg)
    return Handled(sums, left if left > tolerance_mu else 0.0)

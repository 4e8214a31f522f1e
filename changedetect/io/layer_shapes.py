"""Geometries of a layer: polygons only, two dimensions, valid, and in the target system."""

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.record_forms import DatumShift
from changedetect.errors import GridError, LayerError
from changedetect.io import crs as systems

_POLYGONAL = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_NAMED_ROWS = 5


def present_rows(shapes: np.ndarray, rows: np.ndarray, notes: list[str]) -> np.ndarray:
    """Tell which rows have a geometry; those without are named in the notes.

    Parameters
    ----------
    shapes, rows
        ``(row,)`` geometries or None, and where they stand in the file, from 1.

    Returns
    -------
    ndarray
        ``(row,)`` bool.
    """
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if absent.any():
        notes.append(f"{int(absent.sum())} 行无图形, 未参与套合: 第 {_listed(rows[absent])} 行")
    return np.asarray(~absent)


def clean(shapes: np.ndarray, rows: np.ndarray, place: str, notes: list[str]) -> np.ndarray:
    """Drop heights and repair invalid polygons with ``make_valid``; both are stated in the notes.

    Parameters
    ----------
    shapes
        ``(row,)`` geometries, none missing.
    rows
        ``(row,)`` their rows in the file, from 1, for messages.

    Raises
    ------
    LayerError
        A point or line in a polygon layer, coordinates that are not numbers, or a geometry of
        which no polygon is left; the row (from 1) is named.
    """
    other = ~np.isin(shapely.get_type_id(shapes), _POLYGONAL)
    if other.any():
        first = int(np.flatnonzero(other)[0])
        msg = f"{place}: row {rows[first]}: {shapes[first].geom_type} found, a polygon was expected"
        raise LayerError(msg)
    if shapely.has_z(shapes).any():
        notes.append("图形含 Z 值, 已去除")
    flat = shapely.force_2d(shapes)
    finite = are_finite(flat)
    if not finite.all():
        row = rows[np.flatnonzero(~finite)[0]]
        msg = f"{place}: row {row}: coordinates that are not numbers; the geometry is damaged"
        raise LayerError(msg)
    invalid = ~shapely.is_valid(flat)
    if not invalid.any():
        return np.asarray(flat)
    repaired = np.array(flat, dtype=object)
    for index in np.flatnonzero(invalid):
        repaired[index] = polygons_of(shapely.make_valid(flat[index]))
        if repaired[index].is_empty:
            msg = (
                f"{place}: row {rows[index]}: {shapely.is_valid_reason(flat[index])}; no polygon is "
                "left of it after repair: correct the geometry"
            )
            raise LayerError(msg)
    notes.append(
        f"{int(invalid.sum())} 个图形拓扑无效, 已用 make_valid 修复: 第 {_listed(rows[invalid])} 行"
    )
    return repaired


def are_finite(shapes: np.ndarray) -> np.ndarray:
    """Tell which geometries have numbers only, ``(row,)``; bounds would pass over a NaN."""
    points, where = shapely.get_coordinates(shapes, return_index=True)
    bad = np.zeros(len(shapes), bool)
    bad[where[~np.isfinite(points).all(axis=1)]] = True
    return ~bad


def carry(
    shapes: np.ndarray,
    rows: np.ndarray,
    source: str,
    target: str,
    place: str,
    shift: DatumShift | None = None,
) -> np.ndarray:
    """Carry geometries to the target system, x = east, y = north in both.

    Parameters
    ----------
    shapes, rows
        ``(row,)`` geometries, and where they stand in the file.
    source, target
        Coordinate systems, ``EPSG:n``.
    place
        File and layer, for messages.
    shift
        Seven parameters, where the source is in an older datum.

    Raises
    ------
    LayerError
        Coordinates that do not fit the declared system (zone prefix), datums without known
        shift, or positions that do not exist in the target; the row (from 1) is named.
    """
    bounds = shapely.bounds(shapes)
    _check_places(bounds, rows, source, place)
    if (source == target and shift is None) or len(shapes) == 0:
        return shapes
    try:
        move = systems.mover(source, target, shift)
    except GridError as error:
        msg = f"{place}: {error}"
        raise LayerError(msg) from error

    moved = shapely.transform(shapes, move)
    lost = ~np.isfinite(shapely.bounds(moved)).all(axis=1)
    if lost.any():
        first = int(np.flatnonzero(lost)[0])
        msg = (
            f"{place}: row {rows[first]}: {tuple(bounds[first])} of {source} does not exist in "
            f"{target}; the declared coordinate system is probably wrong"
        )
        raise LayerError(msg)
    return np.asarray(moved)


def _check_places(bounds: np.ndarray, rows: np.ndarray, source: str, place: str) -> None:
    """Hold all coordinates against their declared system, row by row only where that fails."""
    if not len(bounds):
        return
    low, high = bounds.min(axis=0), bounds.max(axis=0)
    try:
        systems.check_places(source, (low[0], low[1], high[2], high[3]))
    except GridError:
        for row, one in zip(rows, bounds, strict=True):
            try:
                systems.check_places(source, tuple(one.tolist()))
            except GridError as error:
                msg = f"{place}: row {row}: {error}"
                raise LayerError(msg) from error


def polygons_of(shape: BaseGeometry) -> BaseGeometry:
    """Keep the surfaces of a geometry; lines and points that a repair leaves over are dropped."""
    parts = [
        polygon
        for part in shapely.get_parts(shape)
        for polygon in shapely.get_parts(part)
        if polygon.geom_type == "Polygon"
    ]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _listed(rows: np.ndarray) -> str:
    named = "、".join(str(row) for row in rows[:_NAMED_ROWS])
    return named + (" …" if len(rows) > _NAMED_ROWS else "")

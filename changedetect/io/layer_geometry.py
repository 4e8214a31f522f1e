"""Checks of a layer's geometry: present, in its system, sound, apart, neither sliver nor giant."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.record_forms import RecordChecksSection
from changedetect.errors import GridError
from changedetect.io import crs as systems
from changedetect.io.formats.gdal_files import CURVED
from changedetect.io.layer_report import Check, State
from changedetect.io.layer_shapes import are_finite, polygons_of

_MM = 1e-3
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Sound:
    """Geometries that can be worked with.

    Attributes
    ----------
    keep
        ``(row,)`` bool; rows of the layer that are left.
    shapes
        ``(kept,)`` valid surfaces in the layer's own system.
    checks
        What was found.
    originals
        Index of each repaired row, and its geometry as delivered.
    """

    keep: np.ndarray
    shapes: np.ndarray
    checks: tuple[Check, ...]
    originals: tuple[tuple[int, BaseGeometry], ...]


def found(
    name: str, title: str, bad: np.ndarray, rows: np.ndarray, text: str, state: State = "fail"
) -> Check:
    """Make a check of a mask of rows at fault; the first five are named."""
    places = rows[bad]
    if not len(places):
        return Check(name, title, "pass")
    return Check(name, title, state, len(places), tuple(int(row) for row in places[:_NAMED]), text)


def sound(
    shapes: np.ndarray, rows: np.ndarray, code: str, notes: list[str], cfg: RecordChecksSection
) -> Sound:
    """Check geometries as delivered, and repair what is invalid.

    Parameters
    ----------
    shapes
        ``(row,)`` geometries or None.
    rows
        ``(row,)`` where they stand in the file.
    code
        Their declared system.
    notes
        What the reader said.
    cfg
        Limits.
    """
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    kinds = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    other = ~absent & ~np.isin(shapely.get_type_id(shapes), kinds)
    damaged = ~absent & ~are_finite(shapes)
    misplaced = ~absent & ~damaged & _misplaced(shapes, ~absent & ~damaged, code)
    large = shapely.get_num_coordinates(shapes) > cfg.max_vertices
    checks = [
        found("absent", "有图形", absent, rows, f"{int(absent.sum())} 行无图形", "warn"),
        found("surface", "均为面", other, rows, f"{int(other.sum())} 行不是面"),
        found("finite", "坐标为数", damaged, rows, f"{int(damaged.sum())} 行坐标不是数"),
        found(
            "system", "坐标与坐标系相符", misplaced, rows,
            f"{int(misplaced.sum())} 行坐标与声明的 {code} 不符（带号、经纬度或坐标轴）",
        ),
        found("vertices", "顶点数", large, rows, f"{int(large.sum())} 行顶点超过 {cfg.max_vertices}"),
        _curves(notes),
    ]  # fmt: skip
    keep = ~(absent | other | damaged | misplaced | large)
    flat = shapely.force_2d(shapes[keep])
    invalid = ~shapely.is_valid(flat)
    repaired, originals, changed = flat.copy(), [], np.zeros(len(flat), bool)
    for index in np.flatnonzero(invalid):
        repaired[index] = polygons_of(shapely.make_valid(flat[index]))
        originals.append((int(np.flatnonzero(keep)[index]), flat[index]))
        before, after = flat[index].area, repaired[index].area
        changed[index] = abs(after - before) > cfg.repair_share * max(after, before)
    text = f"{int(invalid.sum())} 行拓扑无效, 已修复(make_valid), 原图形另存"
    if changed.any():
        first = int(np.flatnonzero(changed)[0])
        text += (
            f"; {int(changed.sum())} 行修复后面积变化超过 {cfg.repair_share:.1%}, 如第 "
            f"{rows[keep][first]} 行 {flat[first].area:.2f} → {repaired[first].area:.2f}"
        )
    state: State = "fail" if changed.any() else "warn"
    checks.append(found("valid", "拓扑有效", invalid, rows[keep], text, state))
    left = ~shapely.is_empty(repaired)
    keep[np.flatnonzero(keep)[~left]] = False
    return Sound(keep, repaired[left], tuple(checks), tuple(originals))


def _misplaced(shapes: np.ndarray, usable: np.ndarray, code: str) -> np.ndarray:
    bad = np.zeros(len(shapes), bool)
    bounds = shapely.bounds(shapes[usable])
    if not len(bounds) or _fits(code, np.hstack([bounds[:, :2].min(0), bounds[:, 2:].max(0)])):
        return bad
    bad[np.flatnonzero(usable)] = [not _fits(code, one) for one in bounds]
    return bad


def _fits(code: str, bounds: np.ndarray) -> bool:
    west, south, east, north = (float(value) for value in bounds)
    try:
        systems.check_places(code, (west, south, east, north))
    except GridError:
        return False
    return True


def _curves(notes: list[str]) -> Check:
    if CURVED in notes:
        return Check("curves", "无曲线", "warn", 0, (), CURVED)
    return Check("curves", "无曲线", "pass")


def duplicates(shapes: np.ndarray, rows: np.ndarray, identifiers: list[object]) -> list[Check]:
    """Find rows that repeat an identifier or a geometry; the later ones are named.

    Parameters
    ----------
    shapes
        ``(row,)`` in metres.
    rows, identifiers
        Where they stand in the file, and their names.
    """
    grounds = _same_ground(shapes)
    names = _repeated([None if one is None else str(one) for one in identifiers])
    return [
        found("same_id", "标识不重复", names, rows, f"{int(names.sum())} 行标识重复", "warn"),
        found(
            "same_ground", "图形不重复", grounds, rows, f"{int(grounds.sum())} 行图形重复", "warn"
        ),
    ]


def _same_ground(shapes: np.ndarray) -> np.ndarray:
    """Tell which geometries repeat an earlier one to the millimetre; boxes first, for speed."""
    again = np.zeros(len(shapes), bool)
    if not len(shapes):
        return again
    boxes = np.round(shapely.bounds(shapes) / _MM).astype(np.int64)
    _, where, counts = np.unique(boxes, axis=0, return_inverse=True, return_counts=True)
    alike = np.flatnonzero(counts[where.ravel()] > 1)
    rounded = shapely.normalize(shapely.set_precision(shapes[alike], _MM))
    again[alike] = _repeated(shapely.to_wkb(rounded).tolist())
    return again


def _repeated(keys: list[object]) -> np.ndarray:
    seen: dict[object, int] = defaultdict(int)
    again = np.zeros(len(keys), bool)
    for index, key in enumerate(keys):
        again[index] = key is not None and seen[key] > 0
        seen[key] += 1
    return again


def overlaps(
    shapes: np.ndarray, cfg: RecordChecksSection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find pairs of rows that overlap by more than drawing error.

    Parameters
    ----------
    shapes
        ``(row,)`` valid surfaces in metres.

    Returns
    -------
    tuple of ndarray
        First and second row of each pair ``(pair,)``, first < second, and what they share.
    """
    pairs = shapely.STRtree(shapes).query(shapes)
    first, second = pairs[:, pairs[0] < pairs[1]]
    order = np.lexsort((second, first))
    first, second = first[order], second[order]
    boxes = shapely.bounds(shapes)
    low = np.maximum(boxes[first, :2], boxes[second, :2])
    high = np.minimum(boxes[first, 2:], boxes[second, 2:])
    near = np.prod(np.maximum(high - low, 0), axis=1) > cfg.overlap_m2
    first, second = first[near], second[near]
    shared = shapely.intersection(shapes[first], shapes[second])
    areas = shapely.area(shared)
    lengths = np.maximum(shapely.length(shared), _MM)
    real = (areas > cfg.overlap_m2) & (2 * areas / lengths > cfg.overlap_width_m)
    return first[real], second[real], shared[real]


def slivers(shapes: np.ndarray, rows: np.ndarray, cfg: RecordChecksSection) -> Check:
    """Find polygons that are thinner on average than a limit: twice the area over the outline."""
    widths = 2 * shapely.area(shapes) / np.maximum(shapely.length(shapes), _MM)
    thin = widths < cfg.sliver_width_m
    text = f"{int(thin.sum())} 行为狭长碎面(平均宽不足 {cfg.sliver_width_m:g} 米)"
    return found("sliver", "无碎面", thin, rows, text, "warn")

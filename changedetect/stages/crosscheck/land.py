"""Pieces of a unit: parcels × zones, which tile it exactly and whose areas close."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import LandGroup, land_group
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.measure import area_m2, measure_many
from changedetect.records import LandPiece, UnitAreas, Verdict

from .overlay import beyond, pairs, shared, surfaces
from .references import (
    CORE_MARK,
    FARMLAND_LAYER,
    PARCEL_LAYER,
    RED_LINE_LAYER,
    TOWN_BOUNDARY_LAYER,
    References,
)
from .slivers import EMPTY, sliver_width_m, without_slivers
from .units import Part

PADDY = "0101"
VILLAGE = "203"

ZONE_FIELDS = {
    FARMLAND_LAYER: "basic_farmland",
    RED_LINE_LAYER: "red_line",
    TOWN_BOUNDARY_LAYER: "in_town_boundary",
}


@dataclass(frozen=True, slots=True)
class Indexed:
    """A table with a search tree over its shapes."""

    table: gpd.GeoDataFrame
    shapes: np.ndarray
    tree: shapely.STRtree


@dataclass(frozen=True, slots=True)
class Land:
    """What lies under a unit.

    Attributes
    ----------
    pieces
        Tile the unit; areas add up to its area.
    core
        Core reserve of the red line inside the unit; None = the layer does not cover.
    raw
        Zone areas before slivers were taken off. [m²]
    zones
        Further zones inside the unit, without slivers, by layer; None = it does not cover.
    width_m
        Width below which an overlap with the unit is registration error. [m]
    """

    pieces: tuple[LandPiece, ...]
    core: BaseGeometry | None
    raw: dict[str, float]
    zones: dict[str, BaseGeometry | None]
    width_m: float


def index(table: gpd.GeoDataFrame) -> Indexed:
    """Build the search tree of a table."""
    shapes = table.geometry.to_numpy()
    return Indexed(table, shapes, shapely.STRtree(shapes))


def lay(
    parts: Sequence[Part],
    layers: dict[str, Indexed],
    refs: References,
    crs: str,
    cfg: CrosscheckSection,
) -> list[Land]:
    """Lay parcels and zones under the units of one county.

    Parameters
    ----------
    parts
        Units of one county.
    layers
        Parcels and zones by short layer name.
    refs
        Tells which layers cover the county.
    crs
        Of everything.
    cfg
        Tolerances.

    Returns
    -------
    list of Land
        One a unit, in the same order.
    """
    shapes = np.array([part.geometry for part in parts], dtype=object)
    mosaics = _mosaics(shapes, layers[PARCEL_LAYER], cfg)
    district = parts[0].district
    zones = {
        name: _zone_parts(shapes, layers[name]) if refs.covers(name, district) else None
        for name in ZONE_FIELDS
    }
    cores = _zone_parts(shapes, layers[CORE_MARK])
    further = {
        name: _zone_parts(shapes, layers[name]) if refs.covers(name, district) else None
        for name in refs.zones
    }
    drawn = [
        _land(
            part,
            mosaic,
            (
                {name: known and known[k] for name, known in zones.items()},
                {name: known and known[k] for name, known in further.items()},
            ),
            cores[k],
            crs=crs,
            cfg=cfg,
        )
        for k, (part, mosaic) in enumerate(zip(parts, mosaics, strict=True))
    ]
    return _measured(drawn, parts, crs)


def _mosaics(
    shapes: np.ndarray, parcels: Indexed, cfg: CrosscheckSection
) -> list[dict[tuple[str, str], BaseGeometry]]:
    left, right, parts = pairs(parcels.tree, shapes, parcels.shapes)
    classes = parcels.table["land_class"].astype(str).str.strip().to_numpy()
    settlements = parcels.table["settlement"].fillna("").astype(str).str.strip().to_numpy()
    found: list[list[tuple[tuple[str, str], BaseGeometry]]] = [[] for _ in shapes]
    for shape, row, part in zip(left.tolist(), right.tolist(), parts, strict=True):
        found[shape].append(((str(classes[row]), str(settlements[row])), part))
    return [_mosaic(shape, tiles, cfg) for shape, tiles in zip(shapes, found, strict=True)]


def _mosaic(
    shape: BaseGeometry,
    found: list[tuple[tuple[str, str], BaseGeometry]],
    cfg: CrosscheckSection,
) -> dict[tuple[str, str], BaseGeometry]:
    total = sum(part.area for _, part in found)
    if total > shape.area + cfg.dust_m2:
        found = _without_overlaps(found)
        total = sum(part.area for _, part in found)
    merged: dict[tuple[str, str], list[BaseGeometry]] = {}
    for key, part in found:
        merged.setdefault(key, []).append(part)
    tiles = {
        key: parts[0] if len(parts) == 1 else shapely.union_all(parts)
        for key, parts in sorted(merged.items(), key=lambda item: item[0])
    }
    if shape.area - total > cfg.dust_m2:
        bare = beyond(shape, shapely.union_all(list(tiles.values()))) if tiles else shape
        tiles["", ""] = shapely.union_all([bare, tiles["", ""]]) if ("", "") in tiles else bare
    return tiles


def _without_overlaps(
    found: list[tuple[tuple[str, str], BaseGeometry]],
) -> list[tuple[tuple[str, str], BaseGeometry]]:
    taken: BaseGeometry = EMPTY
    kept = []
    for key, part in found:
        fresh = beyond(part, taken)
        taken = taken.union(part)
        if fresh.area > 0:
            kept.append((key, fresh))
    return kept


def _zone_parts(shapes: np.ndarray, zone: Indexed) -> list[BaseGeometry]:
    left, _, parts = pairs(zone.tree, shapes, zone.shapes)
    found: list[list[BaseGeometry]] = [[] for _ in shapes]
    for shape, part in zip(left.tolist(), parts, strict=True):
        found[shape].append(part)
    return [shapely.union_all(met) if met else EMPTY for met in found]


def _land(
    part: Part,
    mosaic: dict[tuple[str, str], BaseGeometry],
    found: tuple[dict[str, BaseGeometry | None], dict[str, BaseGeometry | None]],
    core: BaseGeometry,
    *,
    crs: str,
    cfg: CrosscheckSection,
) -> Land:
    width_m = sliver_width_m(part.geometry, part.gsd_m, cfg)
    whole_m2 = part.geometry.area
    effective, others = (
        {
            name: None if zone is None else without_slivers(zone, whole_m2, width_m, cfg)
            for name, zone in kind.items()
        }
        for kind in found
    )
    pieces = [
        LandPiece(
            part.unit_id, land_class, settlement, land_group(land_class),
            Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN, 0.0, tile,
        )
        for (land_class, settlement), tile in mosaic.items()
    ]  # fmt: skip
    for name, zone in effective.items():
        if zone is not None:
            pieces = [cut for piece in pieces for cut in _cut(piece, name, zone, cfg)]
    red_line = effective[RED_LINE_LAYER]
    return Land(
        pieces=tuple(pieces),
        core=None if red_line is None else shared(core, red_line),
        raw={
            ZONE_FIELDS[name]: area_m2(zone, crs)
            for name, zone in found[0].items()
            if zone is not None and name != TOWN_BOUNDARY_LAYER
        },
        zones=others,
        width_m=width_m,
    )


def _cut(
    piece: LandPiece, name: str, zone: BaseGeometry, cfg: CrosscheckSection
) -> list[LandPiece]:
    field = ZONE_FIELDS[name]
    if zone.is_empty or not piece.geometry.intersects(zone):
        return [_marked(piece, field, Verdict.NO, piece.geometry)]
    if zone.covers(piece.geometry):  # most pieces are; an overlay would take five times as long
        return [_marked(piece, field, Verdict.YES, piece.geometry)]
    inside, outside = shared(piece.geometry, zone), beyond(piece.geometry, zone)
    if outside.area <= cfg.dust_m2:
        return [_marked(piece, field, Verdict.YES, piece.geometry)]
    if inside.area <= cfg.dust_m2:
        return [_marked(piece, field, Verdict.NO, piece.geometry)]
    return [
        _marked(piece, field, Verdict.YES, inside),
        _marked(piece, field, Verdict.NO, outside),
    ]


def _marked(piece: LandPiece, field: str, fact: Verdict, shape: BaseGeometry) -> LandPiece:
    changed: dict[str, Any] = {field: fact, "geometry": shape}
    return replace(piece, **changed)


def _measured(drawn: Sequence[Land], parts: Sequence[Part], crs: str) -> list[Land]:
    """Measure the pieces of all units in one call; the largest piece of each takes the dust."""
    shapes = surfaces([piece.geometry for land in drawn for piece in land.pieces])
    sizes = iter(measure_many(shapes, crs)[0].tolist())
    found = []
    for land, part in zip(drawn, parts, strict=True):
        areas = [next(sizes) for _ in land.pieces]
        largest = areas.index(max(areas))
        areas[largest] += part.area_m2 - sum(areas)
        pieces = zip(land.pieces, areas, strict=True)
        found.append(replace(land, pieces=tuple(replace(p, area_m2=m2) for p, m2 in pieces)))
    return found


def unit_areas(part: Part, land: Land, crs: str) -> UnitAreas:
    """Add the pieces up by group and zone; None where a zone's layer does not cover."""

    def group(wanted: LandGroup) -> float:
        return sum(piece.area_m2 for piece in land.pieces if piece.group is wanted)

    outside = _zone_sum(land.pieces, "in_town_boundary", Verdict.NO)
    return UnitAreas(
        total=part.area_m2,
        cropland=group(LandGroup.CROPLAND),
        paddy=sum(p.area_m2 for p in land.pieces if p.land_class.startswith(PADDY)),
        other_agricultural=group(LandGroup.OTHER_AGRICULTURAL),
        construction=group(LandGroup.CONSTRUCTION),
        unused=group(LandGroup.UNUSED),
        unknown=group(LandGroup.UNKNOWN),
        basic_farmland=_zone_sum(land.pieces, "basic_farmland", Verdict.YES),
        red_line=_zone_sum(land.pieces, "red_line", Verdict.YES),
        outside_town=outside,
        village=sum(p.area_m2 for p in land.pieces if p.settlement == VILLAGE),
        red_line_core=None if land.core is None else area_m2(land.core, crs),
        raw=dict(land.raw),
        zones={
            name: None if zone is None else min(area_m2(zone, crs), part.area_m2)
            for name, zone in land.zones.items()
        },
    )


def _zone_sum(pieces: Sequence[LandPiece], field: str, wanted: Verdict) -> float | None:
    facts = [(getattr(piece, field), piece.area_m2) for piece in pieces]
    if any(fact is Verdict.UNKNOWN for fact, _ in facts):
        return None
    return sum((area for fact, area in facts if fact is wanted), 0.0)

"""Pieces of a unit: parcels × zones, which tile it exactly and whose areas close."""

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.codes import LandGroup, land_group
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.measure import area_m2, areas_m2, measure_many
from changedetect.records import LandPiece, UnitAreas, Verdict

from .overlay import beyond, pairs, polygonal, surfaces
from .references import (
    CORE_MARK,
    FARMLAND_LAYER,
    PARCEL_LAYER,
    RED_LINE_LAYER,
    TOWN_BOUNDARY_LAYER,
    References,
)
from .slivers import EMPTY, sliver_widths_m, without_slivers_many
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
    district = parts[0].district
    widths = sliver_widths_m(shapes, [part.gsd_m for part in parts], cfg)
    found = {
        name: _zone_parts(shapes, layers[name]) if refs.covers(name, district) else None
        for name in (*ZONE_FIELDS, *refs.zones)
    }
    whole_m2, width_m = shapely.area(shapes), np.array(widths)
    effective = {
        name: None if zone is None else without_slivers_many(zone, whole_m2, width_m, cfg)
        for name, zone in found.items()
    }
    pieces = _tiles(_mosaics(shapes, layers[PARCEL_LAYER], cfg))
    for name in ZONE_FIELDS:
        pieces = _cut(pieces, name, effective[name], cfg)
    red_line = effective[RED_LINE_LAYER]
    cores = _zone_parts(shapes, layers[CORE_MARK])
    inner = None if red_line is None else polygonal(shapely.intersection(cores, red_line))
    raw = {
        ZONE_FIELDS[name]: areas_m2(zone, crs)
        for name in ZONE_FIELDS
        if (zone := found[name]) is not None and name != TOWN_BOUNDARY_LAYER
    }
    return [
        Land(
            pieces=made,
            core=None if inner is None else inner[k],
            raw={field: areas[k] for field, areas in raw.items()},
            zones={name: _at(effective[name], k) for name in refs.zones},
            width_m=widths[k],
        )
        for k, made in enumerate(_measured(pieces, parts, crs))
    ]


def _at(zone: np.ndarray | None, place: int) -> BaseGeometry | None:
    return None if zone is None else zone[place]


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


def _zone_parts(shapes: np.ndarray, zone: Indexed) -> np.ndarray:
    left, _, parts = pairs(zone.tree, shapes, zone.shapes)
    met: dict[int, list[BaseGeometry]] = {}
    for shape, part in zip(left.tolist(), parts, strict=True):
        met.setdefault(shape, []).append(part)
    found = np.full(len(shapes), EMPTY, dtype=object)
    for shape, some in met.items():
        found[shape] = shapely.union_all(some)
    return found


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Pieces of many units, one after the other, before they are measured.

    Attributes
    ----------
    unit
        ``(n,)`` place of the unit of each.
    shapes
        ``(n,)`` polygons.
    names
        Land class and settlement of each.
    facts
        Field of a zone -> ``(n,)`` verdicts, what each is in it; fields that are not there are unknown.
    """

    unit: np.ndarray
    shapes: np.ndarray
    names: list[tuple[str, str]]
    facts: dict[str, np.ndarray]


def _tiles(mosaics: Sequence[dict[tuple[str, str], BaseGeometry]]) -> _Pieces:
    unit = np.repeat(np.arange(len(mosaics)), [len(mosaic) for mosaic in mosaics])
    shapes = np.empty(len(unit), dtype=object)
    shapes[:] = [tile for mosaic in mosaics for tile in mosaic.values()]
    return _Pieces(unit, shapes, [name for mosaic in mosaics for name in mosaic], {})


def _cut(pieces: _Pieces, name: str, zones: np.ndarray | None, cfg: CrosscheckSection) -> _Pieces:
    """Cut pieces along a zone of their units, all at once; what lies inside comes before the rest."""
    if zones is None:
        return pieces
    shapes, zone = pieces.shapes, zones[pieces.unit]
    meets = np.flatnonzero(shapely.intersects(shapes, zone))
    facts = np.full(len(shapes), Verdict.NO, dtype=object)
    # Most pieces are covered; an overlay would take five times as long.
    covered = shapely.covers(zone[meets], shapes[meets])
    facts[meets[covered]] = Verdict.YES
    crossed = meets[~covered]
    inside = polygonal(shapely.intersection(shapes[crossed], zone[crossed]))
    outside = polygonal(shapely.difference(shapes[crossed], zone[crossed]))
    is_all = shapely.area(outside) <= cfg.dust_m2
    is_both = ~is_all & (shapely.area(inside) > cfg.dust_m2)
    facts[crossed[is_all | is_both]] = Verdict.YES
    split = crossed[is_both]
    order = np.insert(np.arange(len(shapes)), split + 1, split)
    rest = split + 1 + np.arange(len(split))
    cut, here = shapes[order], facts[order]
    cut[rest - 1], cut[rest] = inside[is_both], outside[is_both]
    here[rest] = Verdict.NO
    return _Pieces(
        pieces.unit[order],
        cut,
        [pieces.names[k] for k in order.tolist()],
        {**{field: told[order] for field, told in pieces.facts.items()}, ZONE_FIELDS[name]: here},
    )


def _measured(pieces: _Pieces, parts: Sequence[Part], crs: str) -> list[tuple[LandPiece, ...]]:
    """Measure the pieces of all units in one call; the largest piece of each takes the dust."""
    sizes = measure_many(surfaces(pieces.shapes), crs)[0].tolist()
    ends = np.cumsum(np.bincount(pieces.unit, minlength=len(parts))).tolist()
    unknown = np.full(len(sizes), Verdict.UNKNOWN, dtype=object)
    farmland, red_line, in_town = (pieces.facts.get(name, unknown) for name in ZONE_FIELDS.values())
    found = []
    for part, begin, end in zip(parts, [0, *ends], ends, strict=False):
        areas = sizes[begin:end]
        largest = areas.index(max(areas))
        areas[largest] += part.area_m2 - sum(areas)
        made = []
        for k in range(begin, end):
            land_class, settlement = pieces.names[k]
            made.append(
                LandPiece(
                    part.unit_id, land_class, settlement, land_group(land_class),
                    farmland[k], red_line[k], in_town[k], areas[k - begin], pieces.shapes[k],
                )
            )  # fmt: skip
        found.append(tuple(made))
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

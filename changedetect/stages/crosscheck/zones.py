"""The side of a zone on which a theme asks: a zone layer, or the ground of a kind of record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.themes import Zone
from changedetect.measure import area_m2
from changedetect.records import LandPiece, TimeCode, Verdict

from .approvals import Meeting
from .land import ZONE_FIELDS, Land
from .overlay import beyond, shared
from .references import References
from .slivers import EMPTY

NOT_YET = frozenset({TimeCode.LATER, TimeCode.EXPIRED})
"""Records of these times are no zone at the change."""


def pieces_in(
    land: Land, meetings: Sequence[Meeting], zone: Literal["anywhere"] | Zone, crs: str
) -> tuple[LandPiece, ...]:
    """Return the pieces of a unit on the side of a zone that a theme means.

    Pieces are cut where the zone's border crosses them. Nothing where the layer does not cover.
    """
    if not isinstance(zone, Zone):
        return land.pieces
    if zone.layer in ZONE_FIELDS:
        wanted = Verdict.YES if zone.side == "inside" else Verdict.NO
        return tuple(p for p in land.pieces if getattr(p, ZONE_FIELDS[zone.layer]) is wanted)
    shape = _shape(land, meetings, zone)
    cut = [_cut(piece, shape, zone.side, crs) for piece in land.pieces]
    return tuple(piece for piece in cut if piece is not None)


def covers(refs: References, land: Land, zone: Zone, district: str) -> bool:
    """Tell whether a zone's layer is declared complete for a county."""
    if zone.layer in ZONE_FIELDS:
        return all(
            getattr(piece, ZONE_FIELDS[zone.layer]) is not Verdict.UNKNOWN for piece in land.pieces
        )
    return refs.covers(zone.layer, district)


def raw_m2(land: Land, zone: Zone) -> float:
    """Return what of a zone was left out as registration error; 0 outside of one. [m²]"""
    return land.raw.get(ZONE_FIELDS.get(zone.layer, ""), 0.0) if zone.side == "inside" else 0.0


def _shape(land: Land, meetings: Sequence[Meeting], zone: Zone) -> BaseGeometry:
    if zone.layer in land.zones:
        found = land.zones[zone.layer]
        return EMPTY if found is None else found
    grounds = [m.geometry for m in meetings if m.kind == zone.layer and m.time_code not in NOT_YET]
    return shapely.union_all(grounds) if grounds else EMPTY


def _cut(piece: LandPiece, shape: BaseGeometry, side: str, crs: str) -> LandPiece | None:
    if shape.is_empty or not shape.intersects(piece.geometry):
        return None if side == "inside" else piece
    part = (shared if side == "inside" else beyond)(piece.geometry, shape)
    if part.is_empty or part.area <= 0:
        return None
    if part.equals(piece.geometry):
        return piece
    return replace(piece, geometry=part, area_m2=min(area_m2(part, crs), piece.area_m2))

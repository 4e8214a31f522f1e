"""Cross-check: patch × counties × parcels × zones × approvals × themes -> units with findings.

Every patch comes back, whatever is missing: as one unit, or one a county. Findings are three-
valued; UNKNOWN names the evidence that is missing. No step looks at a county other than its own,
so memory is bounded by the county.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from itertools import groupby

import geopandas as gpd

from changedetect.codes import CASE_LISTS
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Theme
from changedetect.errors import LayerError
from changedetect.records import Unit
from changedetect.schema import PATCHES, check_table

from .approvals import meet
from .children import children
from .clusters import clusters, group_sizes, links
from .ground import Facts, Ground, grounds_of
from .grounds import ClosedCase, Watched, grounds
from .land import Indexed, index, lay, unit_areas
from .overlaps import overlap, unit_code, unit_remainder, used_meetings, with_approvals
from .rechecks import recheck
from .references import (
    CORE_MARK,
    FARMLAND_LAYER,
    PARCEL_LAYER,
    RED_LINE_LAYER,
    TOWN_BOUNDARY_LAYER,
    References,
    ordered,
    ordered_districts,
)
from .shares import Change, Greenness, Sight
from .stock import cropland_m2
from .themes import judge
from .units import Names, Part, limit_of, name_all, split
from .watching import watch

__all__ = [
    "Change",
    "ClosedCase",
    "Greenness",
    "References",
    "Sight",
    "Watched",
    "check",
    "check_parts",
    "cropland_m2",
    "due",
    "group_sizes",
    "limit_of",
    "links",
    "look",
    "parts_of",
    "recheck",
]

APPROVAL_LAYERS = "SP"

TOGETHER = 512
"""Units whose grounds are shaped at once: GEOS is asked for arrays, and their shapes are in memory."""

CLASSIFIED = (
    "family", "family_probability", "change_probability", "before_gsd_m", "after_gsd_m",
)  # fmt: skip
"""Columns that classification adds to the patches."""

_OF_PART = sorted({f.name for f in fields(Part)} & {f.name for f in fields(Unit)})
"""What a unit takes over from its part as it is."""


def check(
    patches: gpd.GeoDataFrame,
    refs: References,
    themes: Sequence[Theme],
    crs: str,
    cfg: CrosscheckSection,
) -> tuple[Unit, ...]:
    """Check patches against the land records, theme by theme.

    Parameters
    ----------
    patches
        schema.PATCHES and the columns of `CLASSIFIED`, in the grid's CRS.
    refs
        Land records in the same CRS, and what is known of each layer.
    themes
        What is asked of each unit.
    crs
        The grid's CRS; projected, metres.
    cfg
        Tolerances.

    Returns
    -------
    tuple of Unit
        Sorted by unit id, each with one finding a theme, in order of theme code. Every patch
        comes back; where valid approvals cover a part of it, the rest stands beside it once more
        as a unit of its own, with ``parent``.

    Raises
    ------
    LayerError
        A table lacks columns, or has empty cells where none may be.
    GridError
        A layer is in another coordinate system.
    """
    parts = parts_of(patches, refs.districts, crs, cfg)
    asking = [theme for theme in themes if theme.sees_patches]
    return check_parts(parts, refs, themes, crs, cfg, clusters(parts, asking, cfg))


def parts_of(
    patches: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, crs: str, cfg: CrosscheckSection
) -> list[Part]:
    """Split patches at county borders; see `changedetect.stages.crosscheck.units.split`.

    Raises
    ------
    LayerError
        Columns are missing.
    """
    check_table(patches, PATCHES, "cross-check")
    lacking = [name for name in CLASSIFIED if name not in patches.columns]
    if lacking:
        msg = f"patches: columns {lacking} are missing; run the classification first"
        raise LayerError(msg)
    if patches.empty:
        return []
    return split(patches, ordered_districts(districts, crs), crs, cfg)


def check_parts(
    parts: Sequence[Part],
    refs: References,
    themes: Sequence[Theme],
    crs: str,
    cfg: CrosscheckSection,
    together: Mapping[str, Mapping[str, int]],
) -> tuple[Unit, ...]:
    """Check parts of patches: those of one county, or of many.

    Parameters
    ----------
    parts
        From `parts_of`.
    refs, themes, crs, cfg
        As in `check`; of the records, those that meet a part are enough.
    together
        Patch id -> theme code -> patches in its cluster, over all counties.

    Returns
    -------
    tuple of Unit
        See `check`.
    """
    if not parts:
        return ()
    refs = ordered(refs, crs)
    layers = _index(refs)
    names = dict(zip((part.unit_id for part in parts), name_all(parts, refs), strict=True))
    asking = [theme for theme in themes if theme.sees_patches]
    in_order = sorted(asking, key=lambda theme: theme.code)
    units: list[Unit] = []
    for _, group in groupby(sorted(parts, key=_county), key=lambda part: part.district):
        county = list(group)
        lands = lay(county, layers, refs, crs, cfg)
        met = meet(county, layers[APPROVAL_LAYERS], crs, cfg)
        laid = list(zip(county, lands, met, strict=True))
        made: list[Unit] = []
        for first in range(0, len(laid), TOGETHER):
            known = [
                Facts(
                    part, land, unit_areas(part, land, crs), meetings, refs, crs, cfg,
                    together.get(part.patch_id, {}),
                )
                for part, land, meetings in laid[first : first + TOGETHER]
            ]  # fmt: skip
            about = grounds_of(known, in_order)
            made += [
                _unit(facts, names[facts.part.unit_id], in_order, ground)
                for facts, ground in zip(known, about, strict=True)
            ]
        by_id = {part.unit_id: part for part in county}
        units += [*made, *children(made, by_id, layers, refs, crs, cfg)]
    return tuple(sorted(units, key=lambda unit: unit.unit_id))


def due(
    refs: References, themes: Sequence[Theme], closed: Sequence[ClosedCase], day: date, crs: str
) -> tuple[Watched, ...]:
    """List the ground that themes watch without a patch and whose duty is due on a day.

    Parameters
    ----------
    refs
        Land records.
    themes
        With their watches.
    closed
        Cases that are rectified or closed.
    day
        Day of the later image.
    crs
        The grid's CRS.
    """
    watching = [theme for theme in themes if theme.watches]
    return grounds(ordered(refs, crs).approvals, watching, closed, day) if watching else ()


def look(
    watched: Sequence[Watched],
    refs: References,
    themes: Sequence[Theme],
    sight: Sight,
    crs: str,
    cfg: CrosscheckSection,
) -> tuple[Unit, ...]:
    """Judge watched ground by what images showed there: units like those of patches.

    Parameters
    ----------
    watched
        From `due`.
    refs, themes, crs, cfg
        As in `check`.
    sight
        What images showed.
    """
    if not watched:
        return ()
    refs = ordered(refs, crs)
    return watch(watched, refs, _index(refs), themes, sight, cfg)


def _county(part: Part) -> tuple[str, str]:
    return part.district, part.unit_id


def _index(refs: References) -> dict[str, Indexed]:
    red_line = refs.red_line
    is_core = red_line["name"].fillna("").astype(str).str.contains(CORE_MARK, regex=False)
    return {
        PARCEL_LAYER: index(refs.parcels),
        FARMLAND_LAYER: index(refs.basic_farmland),
        RED_LINE_LAYER: index(red_line),
        TOWN_BOUNDARY_LAYER: index(refs.town_boundary),
        CORE_MARK: index(red_line[is_core.to_numpy()]),
        APPROVAL_LAYERS: index(refs.approvals[~refs.approvals["kind"].isin(CASE_LISTS)]),
        **{name: index(table) for name, table in refs.zones.items()},
    }


def _unit(facts: Facts, names: Names, themes: Sequence[Theme], about: Mapping[str, Ground]) -> Unit:
    part = facts.part
    used = used_meetings(facts, themes)
    left = unit_remainder(facts, used)
    code = unit_code(facts, used, themes, about)
    areas = with_approvals(facts, left)
    facts = replace(facts, areas=areas)
    shared = {name: getattr(part, name) for name in _OF_PART}
    return Unit(
        **shared,
        district_name=names.district,
        town=names.town,
        town_name=names.town_name,
        village=names.village,
        village_name=names.village_name,
        areas=areas,
        pieces=facts.land.pieces,
        approvals=tuple(overlap(m, facts, used=m in used, code=code) for m in facts.meetings),
        remainder=left.geometry,
        time_code=code,
        findings=tuple(judge(theme, facts, about[theme.code]) for theme in themes),
    )

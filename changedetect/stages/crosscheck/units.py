"""Patches become units: split once at county borders, and named by county, town and village."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.measure import area_m2, measure_many, perimeter_m

from .areas import areas_of_pairs
from .overlay import beyond, shared, surfaces
from .references import References

_SAME_DIGITS = 6
"""Digits of a square metre in which two overlaps are the same: the first by code then counts."""

OUTSIDE = "000000"
"""Stands in the unit's id for ground outside every county."""


@dataclass(frozen=True, slots=True)
class Part:
    """A patch, or its part in one county, before it is checked.

    ``elsewhere_m2`` is the area of the patch in other counties; ``reject_below`` the limit of a
    promise of recall, None where none was made; ``is_unseen``: no optical pair saw most of it.
    """

    unit_id: str
    patch_id: str
    district: str
    siblings: tuple[str, ...]
    geometry: BaseGeometry
    area_m2: float
    perimeter_m: float
    area_sd_m2: float
    before_date: date
    after_date: date
    before_scene: str
    after_scene: str
    before_gsd_m: float
    after_gsd_m: float
    sources: tuple[str, ...]
    against: tuple[str, ...]
    family: str
    family_probability: float
    change_probability: float
    elsewhere_m2: float
    reject_below: float | None = None
    is_unseen: bool = False

    @property
    def gsd_m(self) -> float:
        """The coarser of the two images. [m]"""
        return max(self.before_gsd_m, self.after_gsd_m)


@dataclass(frozen=True, slots=True)
class Names:
    """Codes and names of county, town and village; empty where no layer tells."""

    district: str
    town: str
    town_name: str
    village: str
    village_name: str


def split(
    patches: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, crs: str, cfg: CrosscheckSection
) -> list[Part]:
    """Split patches at county borders, once; parts of a patch know one another.

    Parts smaller than a border sliver stay with the largest part. Ground outside every county
    makes a part of its own with an empty district, never dropped.

    Parameters
    ----------
    patches
        schema.PATCHES with family, probabilities and pixel sizes.
    districts
        Counties, sorted by code.
    crs
        Of both.
    cfg
        Border tolerance.

    Returns
    -------
    list of Part
        Sorted by unit id; areas of the parts of a patch add up to the area of the patch.
    """
    shapes = patches.geometry.to_numpy()
    borders = districts.geometry.to_numpy()
    codes = districts["code"].astype(str).to_numpy()
    left, right = shapely.STRtree(borders).query(shapes, predicate="intersects")
    met: dict[int, list[int]] = {}
    for patch, district in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        met.setdefault(patch, []).append(district)
    shapely.prepare(borders)
    inside = set(left[shapely.covers(borders[right], shapes[left])].tolist())
    sizes, lengths = _measures(patches, crs)
    parts: list[Part] = []
    for index, row in enumerate(patches.to_dict("records")):
        near = [(str(codes[k]), borders[k]) for k in met.get(index, [])]
        if len(near) == 1 and index in inside:
            cut = [(near[0][0], shapes[index])]
        else:
            cut = list(_cut(shapes[index], near, cfg, edge_m2=float(row["area_sd_m2"])))
        whole = (float(sizes[index]), float(lengths[index]))
        parts.extend(_parts(row, cut, whole, crs))
    return sorted(parts, key=lambda part: part.unit_id)


def _measures(patches: gpd.GeoDataFrame, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return areas [m²] and lengths of rings [m]: patches bring theirs along, watched ground does not."""
    if {"area_m2", "perimeter_m"} <= set(patches.columns):
        return patches["area_m2"].to_numpy(float), patches["perimeter_m"].to_numpy(float)
    return measure_many(surfaces(patches.geometry.to_numpy()), crs)


def _cut(
    shape: BaseGeometry,
    near: list[tuple[str, BaseGeometry]],
    cfg: CrosscheckSection,
    *,
    edge_m2: float,
) -> Iterator[tuple[str, BaseGeometry]]:
    """Cut a patch at county borders.

    Whole pixels stand out over the border of the land that is watched; what lies outside every
    county by no more than the outline's own uncertainty stays with the largest part.
    """
    pieces: dict[str, BaseGeometry] = {}
    rest = shape
    for code, border in near:
        if rest.is_empty:
            break
        inside = shared(rest, border)
        if inside.area > 0:
            known = pieces.get(code)
            pieces[code] = inside if known is None else known.union(inside)
            rest = beyond(rest, border)
    if rest.area > 0:
        pieces[""] = rest
    largest = max(sorted(pieces), key=lambda code: pieces[code].area)
    small = [
        code
        for code in sorted(pieces)
        if code != largest
        and pieces[code].area
        < (max(edge_m2, cfg.border_sliver_m2) if not code else cfg.border_sliver_m2)
    ]
    if len(small) + 1 == len(pieces):
        yield largest, shape
        return
    for code in sorted(set(pieces) - set(small)):
        joined = [pieces[code], *(pieces[k] for k in small)] if code == largest else [pieces[code]]
        yield code, shapely.union_all(joined)


def _parts(
    row: dict[str, Any], cut: list[tuple[str, BaseGeometry]], whole: tuple[float, float], crs: str
) -> list[Part]:
    """Make the parts of a patch; ``whole`` is its area [m²] and the length of its rings [m]."""
    patch = str(row["patch_id"])
    names = [patch if len(cut) == 1 else f"{patch}-{code or OUTSIDE}" for code, _ in cut]
    whole_m2, whole_m = whole
    if len(cut) == 1:
        areas, lengths = [whole_m2], [whole_m]
    else:
        areas = [area_m2(shape, crs) for _, shape in cut]
        areas[areas.index(max(areas))] += whole_m2 - sum(areas)
        lengths = [perimeter_m(shape, crs) for _, shape in cut]
    common = _common(row)
    return [
        Part(
            unit_id=name,
            district=code,
            siblings=tuple(sorted(set(names) - {name})),
            geometry=shape,
            area_m2=area,
            perimeter_m=length_m,
            area_sd_m2=float(row["area_sd_m2"]) * length_m / whole_m,
            elsewhere_m2=whole_m2 - area if len(cut) > 1 else 0.0,
            **common,
        )
        for name, (code, shape), area, length_m in zip(names, cut, areas, lengths, strict=True)
    ]


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "patch_id": str(row["patch_id"]),
        "before_date": _day(row["before_date"]),
        "after_date": _day(row["after_date"]),
        "before_scene": str(row["before_scene"]),
        "after_scene": str(row["after_scene"]),
        "before_gsd_m": float(row["before_gsd_m"]),
        "after_gsd_m": float(row["after_gsd_m"]),
        "sources": tuple(sorted(filter(None, _text(row["sources"]).split(";")))),
        "against": tuple(sorted(filter(None, _text(row["against"]).split(";")))),
        "family": _text(row["family"]),
        "family_probability": float(row["family_probability"]),
        "change_probability": float(row["change_probability"]),
        "reject_below": _promised(row),
        "is_unseen": bool(row.get("is_unseen", False)),
    }


def limit_of(row: dict[str, Any], cfg: CrosscheckSection) -> float:
    """Return the probability below which a classified patch, as a row, is pseudo-change."""
    return cfg.rejects_below(_promised(row), bool(row.get("is_unseen", False)))


def _promised(row: dict[str, Any]) -> float | None:
    limit = row.get("reject_below")
    return None if limit is None or pd.isna(limit) else float(limit)


@lru_cache(maxsize=64)
def _day(value: Any) -> date:  # noqa: ANN401 - date, datetime64 or text, as tables hold it
    day: date = pd.Timestamp(value).date()
    return day


def _text(value: Any) -> str:  # noqa: ANN401 - text, None or NaN, as tables hold it
    return "" if pd.isna(value) else str(value)


def name_all(parts: Sequence[Part], refs: References) -> list[Names]:
    """Find county, town and village of each part by the largest overlap."""
    shapes = np.array([part.geometry for part in parts], dtype=object)
    counties = dict(
        zip(refs.districts["code"].astype(str), refs.districts["name"].astype(str), strict=True)
    )
    towns = _largest_overlap(shapes, refs.towns)
    villages = _largest_overlap(shapes, refs.villages)
    return [
        Names(counties.get(part.district, ""), *town, *village)
        for part, town, village in zip(parts, towns, villages, strict=True)
    ]


def _largest_overlap(shapes: np.ndarray, table: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    found = [("", "")] * len(shapes)
    if not len(table) or not len(shapes):
        return found
    areas = table.geometry.to_numpy()
    left, right = shapely.STRtree(areas).query(shapes, predicate="intersects")
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    alone = np.bincount(left, minlength=len(shapes))[left] == 1
    size = np.full(len(left), np.inf)
    pairs = np.column_stack([left[~alone], right[~alone]])
    size[~alone] = np.round(areas_of_pairs(shapes, areas, pairs), _SAME_DIGITS)
    best = np.zeros(len(shapes))
    codes, names = (table[name].astype(str).to_numpy(object) for name in ("code", "name"))
    for shape, row, m2 in zip(left.tolist(), right.tolist(), size.tolist(), strict=True):
        if m2 > best[shape]:
            best[shape] = m2
            found[shape] = (codes[row], names[row])
    return found

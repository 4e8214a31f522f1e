"""Further records of a county: shores, reserves, plans; projects, permits and plantings on file.

Everything here has its own stream of chance, and keeps clear of changes that need an approval, so
that no legality hangs on it: only plantings, ponds and greenhouses get papers of their own.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.simulate.changes import Planned
from changedetect.simulate.legality import Draft
from changedetect.simulate.parcels import FreeParcels
from changedetect.simulate.zones import table

_SHORE_M = 60.0
_RESERVE_M = 80.0
_PLANNED_M = 20.0
_ON_FILE = {
    "planting": ("JC", "ZW"), "pond": ("JC", "ZZ", "ZZ"), "greenhouse": ("JC",), "mining": ("ZZ",),
}  # fmt: skip
"""Papers that change no legality: a land improvement project excuses neither pond nor pit."""

_ON_FILE_CHANCE = 0.4
_SIZES_M2 = 700.0, 15_000.0

_PARCELS: dict[str, tuple[tuple[tuple[str, ...], int], ...]] = {
    "ZB": ((("0101", "0103"), 5), (("0404", "1206"), 2)),
    "ZZ": ((("0101", "0103", "0301"), 6),),
    "XF": ((("0602",), 2), (("0404", "0305", "0301"), 3)),
    "HD": ((("1101", "1107", "0404"), 2),),
    "CS": ((("1101", "1106", "1206"), 1),),
    "ZR": ((("0601",), 1), (("0103",), 2)),
    "ZW": ((("0201", "0103"), 3),),
    "XA": ((("0301",), 1),),
    "GH": ((("0702", "0601"), 4),),
    "JC": ((("0101", "0103"), 3),),
}
"""Kind -> land classes on which its records lie, and how many of them a square kilometre has."""


def draw_zones(records: dict[str, gpd.GeoDataFrame], crs: str) -> dict[str, gpd.GeoDataFrame]:
    """Draw shores (HHAX), nature reserves (ZRBHD) and ground planned for building (GHFW).

    Parameters
    ----------
    records
        With DLTB, STBHHX and CZKFBJ.
    crs
        Of all of them.
    """
    land = records["DLTB"]
    shapes, classes = land.geometry.to_numpy(), land["DLBM"].astype(str).to_numpy()
    whole = shapely.box(*land.total_bounds)
    water = shapes[np.char.startswith(classes.astype(str), "1101")]
    shore = shapely.union_all(water).buffer(_SHORE_M).intersection(whole).simplify(1.0)
    named = records["STBHHX"]["HXMC"].astype(str).str.contains("核心", regex=False).to_numpy()
    core = records["STBHHX"].geometry.to_numpy()[named]
    reserve = shapely.union_all(core).buffer(_RESERVE_M).intersection(whole).simplify(1.0)
    village = shapes[np.asarray(land["CZCSXM"] == "203")]
    town = shapely.union_all(records["CZKFBJ"].geometry.to_numpy())
    planned = shapely.union_all([town, *village]).buffer(_PLANNED_M).intersection(whole)
    return {
        "HHAX": _zone("430991HHAX", "禾水岸线管理范围", shore, crs),
        "ZRBHD": _zone("430991ZRBHD", "青石岭自然保护地", reserve, crs),
        "GHFW": _zone("430991GHFW", "规划允许建设范围", planned.simplify(1.0), crs),
    }


def _zone(code: str, name: str, shape: BaseGeometry, crs: str) -> gpd.GeoDataFrame:
    parts = [part for part in shapely.get_parts(shape) if part.area > 1]
    parts.sort(key=lambda part: part.bounds)
    codes = [f"{code}{number:04d}" for number in range(1, len(parts) + 1)]
    return table({"BSM": codes, "MC": [name] * len(parts)}, parts, crs)


def draw_papers(
    rng: np.random.Generator,
    planned: Sequence[Planned],
    places: Sequence[BaseGeometry],
    land: gpd.GeoDataFrame,
    before: date,
) -> list[Draft]:
    """Draw records beyond the approvals of building.

    Parameters
    ----------
    rng
        Source of chance.
    planned, places
        Changes and their grounds, in the same order.
    land
        DLTB.
    before
        First monitored day; all these records are older.
    """
    drafts = []
    for plan, ground in zip(planned, places, strict=True):
        kinds = _ON_FILE.get(plan.family)
        if kinds is None or rng.random() >= _ON_FILE_CHANCE:
            continue
        kind = str(rng.choice(list(kinds)))
        approved = plan.days[0] - timedelta(days=int(rng.integers(90, 500)))
        wide = ground.buffer(4.0, join_style="mitre", mitre_limit=2.0).simplify(1.2)
        drafts.append(Draft(kind, approved, None, wide))
    return drafts + _on_parcels(rng, places, land, before)


def _on_parcels(
    rng: np.random.Generator, places: Sequence[BaseGeometry], land: gpd.GeoDataFrame, before: date
) -> list[Draft]:
    parcels = FreeParcels.of(land, places, _SIZES_M2)
    drafts = []
    for kind, rows in _PARCELS.items():
        for codes, each_km2 in rows:
            for shape in parcels.draw(rng, codes, each_km2):
                approved = before - timedelta(days=int(rng.integers(200, 1400)))
                drafts.append(Draft(kind, approved, None, shape))
    return drafts

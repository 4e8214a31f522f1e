"""Cases that others list as rectified or closed: what their ground looks like is not what they say.

A ministry's or city's list comes with numbers and days, and a part of it does not hold: ground is
built upon again, or was never restored. The list has its own stream of chance and changes neither
land nor truth.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
from shapely.geometry.base import BaseGeometry

from changedetect.simulate.changes import Planned
from changedetect.simulate.legality import Label
from changedetect.simulate.parcels import FreeParcels
from changedetect.simulate.zones import table

LAYER = "SP_ZG"

_REBUILT_SHARE = 0.3
_REBUILT = frozenset({"building", "hard_surface"})
_ROOM_M = 3.0
_SIZES_M2 = 500.0, 6_000.0
_PARCELS: tuple[tuple[tuple[str, ...], int], ...] = ((("0101", "0103"), 3), (("0601", "1206"), 1))
"""Restored fields, and ground that stayed bare or built; cases a square kilometre."""

_SOURCES = ("卫片执法图斑清单", "市级督办清单")
_NAMES = ("违法占地建设", "未批先建", "违法堆土硬化")
_PEOPLE = ("张某", "李某", "罗某", "某建材公司", "某合作社")


def draw_cleared(
    rng: np.random.Generator,
    planned: Sequence[Planned],
    places: Sequence[BaseGeometry],
    labels: Sequence[Label],
    records: dict[str, gpd.GeoDataFrame],
    before: date,
) -> gpd.GeoDataFrame:
    """Draw the list of cases that were rectified and closed before the first month.

    Parameters
    ----------
    rng
        Source of chance.
    planned, places, labels
        Changes, their grounds and their legality, in the same order.
    records
        With DLTB.
    before
        First monitored day; every case was closed by then.

    Returns
    -------
    GeoDataFrame
        WBBH, WBLY, LABH, LARQ, XHRQ, AJMC, DSR, sorted by day of closing.
    """
    drawn = [
        (ground.buffer(_ROOM_M, join_style="mitre").simplify(1.0), _closed(rng, before))
        for ground in _rebuilt(rng, planned, places, labels, before)
    ]
    drawn += [(shape, _closed(rng, before)) for shape in _on_parcels(rng, places, records["DLTB"])]
    drawn.sort(key=lambda one: (one[1], one[0].bounds))
    count = range(1, len(drawn) + 1)
    closed = [day for _, day in drawn]
    opened = [day - timedelta(days=int(rng.integers(60, 200))) for day in closed]
    columns = {
        "WBBH": [f"WP{day:%Y%m}{number:04d}" for number, day in zip(count, closed, strict=True)],
        "WBLY": [str(rng.choice(_SOURCES)) for _ in drawn],
        "LABH": [f"青自然资立〔{day.year}〕{int(rng.integers(3, 400))}号" for day in opened],
        "LARQ": opened,
        "XHRQ": closed,
        "AJMC": [str(rng.choice(_NAMES)) for _ in drawn],
        "DSR": [str(rng.choice(_PEOPLE)) for _ in drawn],
    }
    return table(columns, [shape for shape, _ in drawn], records["DLTB"].crs.to_string())


def _closed(rng: np.random.Generator, before: date) -> date:
    return before - timedelta(days=int(rng.integers(70, 400)))


def _rebuilt(
    rng: np.random.Generator,
    planned: Sequence[Planned],
    places: Sequence[BaseGeometry],
    labels: Sequence[Label],
    before: date,
) -> list[BaseGeometry]:
    """Choose grounds that somebody builds on without approval although their case is closed."""
    able = [
        ground
        for plan, ground, label in zip(planned, places, labels, strict=True)
        if plan.days[0] >= before
        and plan.family in _REBUILT
        and not plan.chain
        and (label.legality, label.situation) == ("illegal", "none")
    ]
    count = min(len(able), max(2, round(_REBUILT_SHARE * len(able))))
    return [able[k] for k in sorted(rng.permutation(len(able))[:count].tolist())]


def _on_parcels(
    rng: np.random.Generator, places: Sequence[BaseGeometry], land: gpd.GeoDataFrame
) -> list[BaseGeometry]:
    parcels = FreeParcels.of(land, places, _SIZES_M2)
    chosen: list[BaseGeometry] = []
    for codes, each_km2 in _PARCELS:
        chosen += parcels.draw(rng, codes, each_km2)
    return chosen

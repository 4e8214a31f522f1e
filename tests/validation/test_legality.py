"""The cross-check alone, against the truth of simulated counties: true patches and classes go in.

What is judged is the answer of themes 02 and 06, by which truth is drawn, so that neither detection
nor classification has a part in it. With layers taken away nothing may be suspected or excused
that rests on them.
"""

import os
from datetime import date, timedelta
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from changedetect.codes import CONSTRUCTION_FAMILIES
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.records import LayerManifest, Verdict
from changedetect.simulate import land as world_of
from changedetect.simulate.layers import APPROVAL_LAYERS
from changedetect.stages.crosscheck import References, check
from tests.stages import crosscheck_land as hand

SEEDS = (911, 912)
MORE = os.environ.get("CHANGEDETECT_SEEDS", "")
"""First and last seed of further counties, e.g. 961-984, for the figure in docs/accuracy.md."""

START = date(2025, 6, 1)
CFG = CrosscheckSection()
ZONE_COLUMNS = {"YJJBNTBHTB": ("YJJBNTTBBH", "YJJBNTTBBH"), "STBHHX": ("HXBM", "HXMC")}
EXPECTED = {"legal": Verdict.NO, "illegal": Verdict.YES}


@lru_cache(maxsize=2)
def world(seed):
    return world_of.build_world(seed, months=2, start=START, size_km=1.0)


def zones(table, code="BSM", name="MC"):
    return gpd.GeoDataFrame(
        {"zone_id": table[code], "name": table[name]}, geometry=table.geometry, crs=table.crs
    )


def districts(table, code, name):
    return gpd.GeoDataFrame(
        {"code": table[code], "name": table[name]}, geometry=table.geometry, crs=table.crs
    )


def approvals(records):
    parts = []
    for layer in sorted(set(APPROVAL_LAYERS) & set(records)):
        table = records[layer]
        columns = {
            "record_id": table["BSM"], "kind": layer[3:], "doc_no": table["PZWH"],
            "agency": table["PZJG"], "approved_on": table["PZRQ"], "valid_to": table["YXQZ"],
            "project": table["XMMC"], "land_user": table["YDDW"], "area_m2": table["SPMJ"],
        }  # fmt: skip
        parts.append(gpd.GeoDataFrame(columns, geometry=table.geometry, crs=table.crs))
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)


def references(made, without=()):
    records = made.records
    dltb = records["DLTB"]
    parcels = gpd.GeoDataFrame(
        {"parcel_id": dltb["BSM"], "land_class": dltb["DLBM"], "settlement": dltb["CZCSXM"]},
        geometry=dltb.geometry, crs=dltb.crs,
    )  # fmt: skip
    counties = tuple(records["XZQ"]["XZQDM"])
    names = [name.removeprefix("SP_") for name in records]
    papers = approvals(records)
    return References(
        parcels=parcels.iloc[: 0 if "DLTB" in without else None],
        basic_farmland=zones(records["YJJBNTBHTB"], *ZONE_COLUMNS["YJJBNTBHTB"]),
        red_line=zones(records["STBHHX"], *ZONE_COLUMNS["STBHHX"]),
        town_boundary=zones(records["CZKFBJ"]),
        districts=districts(records["XZQ"], "XZQDM", "XZQMC"),
        towns=districts(records["XZ"], "XZDM", "XZMC"),
        villages=districts(records["C"], "CDM", "CMC"),
        approvals=papers[~papers["kind"].isin(without)],
        manifests=tuple(
            LayerManifest(name, "v", date(2024, 12, 31) if name == "DLTB" else made.last_day, 1, counties, "0")
            for name in names
            if name not in without
        ),
        zones={name: zones(records[name]) for name in ("HHAX", "ZRBHD", "GHFW")},
    )  # fmt: skip


def patches(made):
    """True changes of the monitored months, between images of the month before and after."""
    truth = made.truth[[day >= START for day in made.truth["changed_on"]]].reset_index(drop=True)
    shapes = truth.geometry
    firsts = [day.replace(day=1) for day in truth["changed_on"]]
    frame = gpd.GeoDataFrame(
        {
            "patch_id": truth["truth_id"], "pixels": 100, "area_m2": truth["area_m2"],
            "area_sd_m2": shapes.length * 1.0, "perimeter_m": shapes.length, "llr_mean": 9.0,
            "llr_max": 12.0, "before_scene": "S1", "after_scene": "S2",
            "before_date": [first - timedelta(days=8) for first in firsts],
            "after_date": [first + timedelta(days=18) for first in firsts],
            "sources": "optical;series", "against": "", "disputed": False, "optical_llr": 5.0,
            "series_llr": 2.0, "radar_llr": None, "model_llr": None, "family": truth["family"], "family_probability": 0.95,
            "change_probability": 0.99, "before_gsd_m": 2.0, "after_gsd_m": 2.0,
        },
        geometry=shapes, crs=made.grid.crs,
    )  # fmt: skip
    return frame, truth


def found_of(unit, theme):
    return next(found for found in unit.findings if found.theme == theme)


def judged(repository, seed, without=()):
    """Return truth beside the finding of the theme by which it is drawn, largest part of a patch."""
    made = world(seed)
    frame, truth = patches(made)
    themes = [hand.theme(repository, code) for code in hand.CODES]
    units = check(frame, references(made, without), themes, made.grid.crs, CFG)
    by_patch = {}
    for unit in sorted(units, key=lambda unit: unit.area_m2):
        by_patch[unit.patch_id] = unit
    parts = {}
    for unit in units:
        if not unit.parent:
            parts.setdefault(unit.patch_id, []).append(unit)
    rows = []
    for row in truth.itertuples():
        unit = by_patch[row.truth_id]
        theme = "06" if row.family == "mining" else "02"
        finding = found_of(unit, theme)
        said = {found_of(part, theme).verdict for part in parts[row.truth_id]}
        gravest = next(v for v in (Verdict.YES, Verdict.UNKNOWN, Verdict.NO) if v in said)
        rows.append((row, unit, finding, gravest))
    return rows


def agreement(repository, seed):
    """Compare truth, which knows no counties, with the gravest answer among the parts of a patch."""
    return [
        (row, finding, verdict is EXPECTED[row.legality])
        for row, _, finding, verdict in judged(repository, seed)
        if row.legality in EXPECTED
    ]


def test_verdicts__agree_with_the_truth_where_records_are_complete(repository):
    first, _, last = MORE.partition("-")
    seeds = range(int(first), int(last) + 1) if MORE else SEEDS
    told = [one for seed in seeds for one in agreement(repository, seed)]
    wrong = [
        (row.truth_id, row.family, row.situation, row.legality, f.verdict.value, f.reasons[-1])
        for row, f, good in told
        if not good
    ]
    share = np.mean([good for *_, good in told])
    print(f"verdict agreement {share:.4f} (n = {len(told)})", *wrong, sep="\n")
    assert len(told) >= 50
    assert share >= 0.99, wrong


ASKS = {"mining": {"CK", "LS", "CS", "XF"}, "earthwork": {"NZY", "GY", "LS", "ZJG", "DJ", "DLTB"}}
OTHERS = {"NZY", "GY", "SS", "ZJD", "ZJG", "DJ", "DLTB"}


@pytest.mark.parametrize("gone", ["NZY", "GY", "DJ", "CK", "LS", "ZJG", "DLTB"])
def test_layer_removed__everything_that_rests_on_it_lacks_evidence(repository, gone):
    """What was suspected, or excused by the layer, becomes 证据不足; what others excuse stays."""
    affected = []
    for seed in SEEDS:
        full, less = judged(repository, seed), judged(repository, seed, (gone,))
        for (row, unit, before, _), (_, _, after, _) in zip(full, less, strict=True):
            asked = ASKS.get(row.family, OTHERS)
            if row.family not in CONSTRUCTION_FAMILIES or gone not in asked:
                assert gone == "DLTB" or after.verdict is before.verdict, row.truth_id
                continue
            decided = before.suggestion in {"31", "32"} and gone != "DLTB"
            rests = before.verdict is Verdict.YES or gone in {row.excuse, "DLTB"}
            if decided or not rests or (row.excuse == gone and others_cover(unit, gone)):
                assert after.verdict is not Verdict.YES, row.truth_id
                continue
            affected.append((row.truth_id, after.verdict, after.suggestion))
    assert affected
    assert {(verdict, code) for _, verdict, code in affected} == {(Verdict.UNKNOWN, "01")}, affected
    print(f"{gone}: {len(affected)} affected, all 证据不足")


def others_cover(unit, gone):
    rest = [o for o in unit.approvals if o.kind != gone and o.used]
    return sum(o.share for o in rest) >= 0.95

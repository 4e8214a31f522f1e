"""The land of a simulated county: tiles, distances, truth against records, chance."""

import hashlib
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import shapely

from changedetect import measure, schema
from changedetect.codes import CONSTRUCTION_FAMILIES, FAMILIES, LAND_CLASSES, TBLX
from changedetect.errors import ConfigError
from changedetect.simulate.land import build_world
from changedetect.simulate.layers import APPROVAL_LAYERS, LAYERS
from changedetect.simulate.world import COVERS, UNTOUCHED

START = date(2025, 6, 1)
MONTHS = 2

FIRST_LAYERS = APPROVAL_LAYERS[:8]
"""Approvals of building; further papers may be rare."""


@pytest.fixture(scope="module")
def world():
    return build_world(11, months=MONTHS, start=START, size_km=1.0)


def digest(world):
    found = hashlib.sha256()
    for array in (world.cover, world.height_m, world.terrain_m, world.parcel):
        found.update(np.ascontiguousarray(array).tobytes())
    for name in sorted(world.records):
        table = world.records[name]
        found.update(name.encode() + b"".join(shapely.to_wkb(table.geometry.to_numpy())))
        found.update(table.drop(columns="geometry").to_csv().encode())
    found.update(world.truth.drop(columns="geometry").to_csv().encode())
    found.update(b"".join(shapely.to_wkb(world.truth.geometry.to_numpy())))
    for change in world.changes:
        for stage in change.stages:
            found.update(f"{change.truth_id}{stage.day}{stage.window}".encode())
            found.update(stage.cover.tobytes() + stage.height_m.tobytes())
    return found.hexdigest()


def month_of(day):
    return (day.year - START.year) * 12 + day.month - START.month


def monitored(world):
    return world.truth[[day >= START for day in world.truth["changed_on"]]]


def test_build_world__same_seed_same_bytes_other_seed_other_world():
    def small(seed):
        return digest(build_world(seed, months=1, start=START, size_km=0.5))

    first = small(3)
    assert first == small(3)
    assert first != small(4)


def test_build_world__grid_nests_coarser_cells(world):
    west, south, east, north = world.grid.bounds
    assert world.grid.crs == "EPSG:4547"
    assert all(edge % 10 == 0 for edge in (west, south, east, north))
    assert world.cover.shape == world.parcel.shape == world.terrain_m.shape == (1000, 1000)
    assert world.first_day == date(2024, 3, 1)
    assert world.last_day == date(2025, 7, 31)


def test_build_world__rasters_hold_what_they_promise(world):
    assert world.cover.dtype == np.uint8
    assert world.cover.max() < len(COVERS)
    assert world.parcel.dtype == np.int32
    assert world.parcel.min() >= 1
    assert world.height_m.dtype == world.terrain_m.dtype == np.float32
    assert np.isfinite(world.height_m).all()
    assert np.isfinite(world.terrain_m).all()


def test_build_world__land_is_a_landscape(world):
    share = np.bincount(world.cover.ravel(), minlength=len(COVERS)) / world.cover.size
    of = dict(zip(COVERS, share, strict=True))
    assert of["paddy_single"] > 0.05
    assert of["paddy_double"] > 0.03
    assert sum(of[name] for name in ("broadleaf", "conifer", "bamboo", "shrub")) > 0.2
    for name in ("river", "pond", "dryland", "vegetables", "orchard", "tea", "asphalt", "concrete",
                 "greenhouse", "rock", "roof_red", "roof_grey", "roof_blue", "yard"):  # fmt: skip
        assert of[name] > 0, name
    neighbours = (world.cover[:, 1:] == world.cover[:, :-1]).mean()
    assert neighbours > 0.93, "cells next to each other are mostly alike: not noise"


def test_parcels__tile_the_area(world):
    shapes = world.records["DLTB"].geometry.to_numpy()
    area = shapely.box(*world.grid.bounds)
    assert shapely.is_valid(shapes).all()
    assert set(shapely.get_type_id(shapes)) == {3}
    assert shapely.coverage_is_valid(shapes)
    assert shapely.area(shapes).sum() == pytest.approx(area.area, rel=1e-9)
    assert shapely.coverage_union_all(shapes).symmetric_difference(area).area < 1e-6


def test_parcels__have_codes_and_villages(world):
    dltb = world.records["DLTB"]
    assert list(dltb.columns[:5]) == ["BSM", "DLBM", "DLMC", "CZCSXM", "TBMJ"]
    assert dltb["BSM"].is_unique
    assert set(dltb["DLBM"]) <= set(LAND_CLASSES)
    assert {"0101", "0103", "0301", "0702", "1003", "1006", "1101", "1104"} <= set(dltb["DLBM"])
    assert set(dltb.loc[dltb["CZCSXM"] == "203", "DLBM"]) >= {"0702"}
    assert dltb["CZCSXM"].isna().sum() > 100


def test_zones__lie_where_they_should(world):
    records = world.records
    crop = records["DLTB"][records["DLTB"]["DLBM"].str.startswith("01")]
    share = records["YJJBNTBHTB"].area.sum() / crop.area.sum()
    assert 0.6 < share < 0.95
    outside = records["YJJBNTBHTB"].union_all().difference(crop.union_all())
    assert outside.area < 1e-3
    assert records["STBHHX"]["HXMC"].str.contains("核心").any()
    assert records["STBHHX"].is_valid.all()
    assert len(records["CZKFBJ"]) == 1


def test_districts__tile_and_nest(world):
    box = shapely.box(*world.grid.bounds)
    for name, column, digits in (("XZQ", "XZQDM", 6), ("XZ", "XZDM", 9), ("C", "CDM", 12)):
        table = world.records[name]
        assert table[column].str.len().eq(digits).all()
        assert table[column].is_unique
        assert shapely.coverage_is_valid(table.geometry.to_numpy())
        assert table.union_all().symmetric_difference(box).area < 1e-6
    assert set(world.records["XZQ"]["XZQDM"]) == {"430991", "430992"}


def test_districts__a_change_crosses_the_county_border(world):
    counties = world.records["XZQ"].geometry
    parts = [monitored(world).intersection(county).area for county in counties]
    assert (np.minimum(*parts) > 1.0).any()


def test_layers__named_for_every_table(world):
    assert set(world.records) == set(LAYERS)
    for layer in APPROVAL_LAYERS:
        table = world.records[layer]
        assert list(table.columns) == [
            "BSM", "PZWH", "PZJG", "PZRQ", "YXQZ", "XMMC", "YDDW", "SPMJ", "geometry",
        ]  # fmt: skip
        assert len(table) >= (3 if layer in FIRST_LAYERS else 1), layer
        assert all(type(day) is date for day in table["PZRQ"])
        assert all(day is None or type(day) is date for day in table["YXQZ"])
        assert table.is_valid.all()
        for area, shape in zip(table["SPMJ"], table.geometry, strict=True):
            assert area == pytest.approx(measure.area_m2(shape, world.grid.crs), abs=0.006)


def test_changes__every_family_in_every_month(world):
    for month in range(MONTHS):
        rows = world.truth[[month_of(day) == month for day in world.truth["changed_on"]]]
        assert set(rows["family"]) == set(FAMILIES), month
        assert len(rows) >= 14
        assert rows["area_m2"].sum() < 0.07 * world.cover.size


def test_changes__are_seen_by_the_tenth_and_history_ends_before(world):
    for change in world.changes:
        days = [stage.day for stage in change.stages]
        assert days == sorted(days)
        if days[-1] >= START:
            assert days[0].month == days[-1].month
            assert days[-1].day <= 10
        else:
            assert world.first_day < days[0]
            assert days[-1] <= START - timedelta(days=20)
    assert any(change.stages[0].day < START for change in world.changes)


def test_changes__of_a_month_are_apart(world):
    months = np.array([month_of(day) for day in world.truth["changed_on"]])
    shapes = world.truth.geometry.to_numpy()
    for month in range(MONTHS):
        mine = shapes[months == month]
        for index, shape in enumerate(mine[:-1]):
            assert shapely.distance(shape, mine[index + 1 :]).min() >= 20.0


def test_changes__are_apart_or_follow_one_another_on_the_same_site(world):
    shapes = world.truth.geometry.to_numpy()
    families = world.truth["family"].to_numpy()
    distance = shapely.distance(shapes[:, None], shapes[None, :])
    for first, second in np.argwhere(np.triu(distance < 20.0, 1)):
        assert distance[first, second] == 0.0
        assert (families[first], families[second]) in {
            ("earthwork", "building"), ("mining", "mining"),
        }  # fmt: skip


def test_changes__sizes_span_the_range():
    areas = np.concatenate(
        [
            monitored(build_world(seed, months=2, start=START, size_km=1.6))["area_m2"]
            for seed in (1,)
        ]
    )
    assert areas.min() < 100
    assert 40_000 < areas.max() < 66_700
    assert 300 < np.median(areas) < 1500
    assert ((areas > 150) & (areas < 4000)).mean() > 0.75


def test_truth__has_its_form_and_area(world):
    truth = world.truth
    schema.check_table(truth, schema.TRUTH)
    assert tuple(truth.columns) == schema.TRUTH.names
    assert list(truth["truth_id"]) == [change.truth_id for change in world.changes]
    assert list(truth["family"]) == [change.family for change in world.changes]
    assert set(truth["tblx"]) <= set(TBLX)
    assert truth.crs.to_string() == world.grid.crs
    for row in truth.itertuples():
        assert row.geometry.geom_type == "MultiPolygon"
        assert row.geometry.is_valid
        assert row.area_m2 == pytest.approx(measure.area_m2(row.geometry, world.grid.crs), abs=1e-6)


def test_truth__ground_is_where_the_land_differs(world):
    end, height = world.state_on(world.last_day)
    differs = (end != world.cover) | (height != world.height_m)
    ground = np.zeros_like(differs)
    for change, row in zip(world.changes, world.truth.itertuples(), strict=True):
        stage = change.stages[-1]
        mask = stage.cover != UNTOUCHED
        ground[stage.window.slices] |= mask
        assert mask.sum() == pytest.approx(row.geometry.area, abs=1e-6)
        assert np.array_equal(np.isnan(stage.height_m), ~mask)
        for early in change.stages[:-1]:
            assert not ((early.cover != UNTOUCHED) & ~mask).any()
    assert not (differs & ~ground).any()
    assert (differs & ground).sum() > 0.97 * ground.sum()


def test_state_on__day_before_start_shows_only_history(world):
    before, _ = world.state_on(START - timedelta(days=1))
    first, _ = world.state_on(world.first_day)
    assert np.array_equal(first, world.cover)
    assert 0 < (before != first).sum() < 0.05 * first.size


USABLE = {
    "building": {"NZY", "GY", "ZJG", "DJ", "ZJD", "SS"},
    "hard_surface": {"NZY", "GY", "ZJG", "DJ", "SS"},
    "earthwork": {"NZY", "GY", "ZJG", "DJ", "LS"},
    "road": {"NZY", "GY", "ZJG", "DJ"},
    "photovoltaic": {"NZY", "GY", "ZJG", "DJ"},
    "mining": {"CK"},
}


def approvals_near(world, shape):
    rows = []
    for layer in FIRST_LAYERS:
        table = world.records[layer]
        hit = table[table.intersects(shape)]
        rows += [
            {
                "kind": layer[3:],
                "from": row.PZRQ,
                "to": row.YXQZ,
                "shape": row.geometry,
                "share": row.geometry.intersection(shape).area / shape.area,
            }
            for row in hit.itertuples()
        ]
    return pd.DataFrame(rows, columns=["kind", "from", "to", "shape", "share"])


def bracket(day):
    """Earliest image before and latest image after that a month's change can have."""
    first = day.replace(day=1)
    return (first - timedelta(days=1)).replace(day=15), first + timedelta(days=35)


def test_further_papers__excuse_no_construction(world):
    """Only land improvement lies over pits, which it does not excuse."""
    for row in world.truth.itertuples():
        if row.family not in CONSTRUCTION_FAMILIES:
            continue
        kinds = {
            layer[3:]
            for layer in APPROVAL_LAYERS[8:]
            if world.records[layer].intersects(row.geometry).any()
        }
        assert kinds <= ({"ZZ"} if row.family == "mining" else set()), row.truth_id


def share_of(shape, parts):
    return shapely.union_all([part.intersection(shape) for part in parts]).area / shape.area


def judge(row, near, village):
    """Theme 02 by hand: approvals valid over the whole bracket, usable kinds, village land."""
    if row.family not in CONSTRUCTION_FAMILIES:
        return "not_construction", near.iloc[:0]
    if row.situation == "rural_road":
        return "legal", near.iloc[:0]
    start, end = bracket(row.changed_on)
    in_time = [
        a <= start and (b is None or b >= end)
        for a, b in zip(near["from"], near["to"], strict=True)
    ]
    valid = near[np.array(in_time, bool) & near["kind"].isin(USABLE[row.family]).to_numpy()]
    parts = list(valid["shape"]) + ([] if row.family == "mining" else [village])
    return ("legal" if share_of(row.geometry, parts) >= 0.95 else "illegal"), valid


def test_truth__legality_follows_from_the_records(world):
    dltb = world.records["DLTB"]
    village = dltb[dltb["CZCSXM"] == "203"].union_all()
    for row in monitored(world).itertuples():
        near = approvals_near(world, row.geometry)
        legality, valid = judge(row, near, village)
        assert legality == row.legality, row
        CHECKS[row.situation](Facts(row, near, valid, village))


class Facts(NamedTuple):
    row: Any
    near: pd.DataFrame
    valid: pd.DataFrame
    village: Any


def _none(facts):
    assert facts.near.empty
    assert pd.isna(facts.row.excuse)


def _valid(facts):
    assert facts.valid.iloc[0]["kind"] == facts.row.excuse
    assert facts.valid["share"].max() >= 0.95


def _facility(facts):
    assert list(facts.near["kind"]) == ["SS"]
    assert facts.row.family in {"greenhouse", "building", "hard_surface"}
    assert facts.row.legality == (
        "not_construction" if facts.row.family == "greenhouse" else "legal"
    )


def _union(facts):
    assert len(facts.valid) == 2
    assert facts.valid["share"].max() < 0.9
    assert facts.valid.sort_values("share").iloc[-1]["kind"] == facts.row.excuse


def _sliver(facts):
    assert len(facts.valid) == 1
    assert 0 < facts.valid["share"].max() < 0.05
    assert pd.isna(facts.row.excuse)


def _expired(facts):
    assert (facts.near["share"] > 0.95).all()
    assert all(day < bracket(facts.row.changed_on)[0] for day in facts.near["to"])


def _later(facts):
    assert (facts.near["share"] > 0.95).all()
    assert all(day > bracket(facts.row.changed_on)[1] for day in facts.near["from"])


def _too_small(facts):
    assert 0.35 < facts.valid["share"].sum() < 0.8


def _temporary(facts):
    assert list(facts.near["kind"]) == ["LS"]
    assert facts.near.iloc[0]["to"] > bracket(facts.row.changed_on)[1]
    assert facts.row.family in {"building", "hard_surface"}


def _in_village(facts):
    assert facts.village.intersection(facts.row.geometry).area >= 0.95 * facts.row.geometry.area
    assert pd.isna(facts.row.excuse)


def _rural_road(facts):
    assert facts.row.family == "road"
    assert 2 * facts.row.geometry.area / facts.row.geometry.length < 8.0
    assert pd.isna(facts.row.excuse)


CHECKS = {
    "none": _none, "valid": _valid, "facility": _facility, "union": _union, "later": _later,
    "expired": _expired, "too_small": _too_small, "temporary": _temporary,
    "sliver": _sliver, "in_village": _in_village, "rural_road": _rural_road,
}  # fmt: skip


def test_truth__about_half_of_construction_is_illegal(world):
    rows = monitored(world)
    rows = rows[rows["family"].isin(CONSTRUCTION_FAMILIES)]
    assert 0.3 < (rows["legality"] == "illegal").mean() < 0.75
    assert rows["situation"].nunique() >= 6


@pytest.mark.parametrize(
    ("months", "start", "size_km", "history", "said"),
    [
        (1, date(2025, 6, 2), 1.0, 15, "first day"),
        (0, START, 1.0, 15, "at least 1"),
        (1, START, 0.2, 15, "0.5 km"),
        (1, START, 1.0, 2, "history"),
    ],
)
def test_build_world__refuses(months, start, size_km, history, said):
    with pytest.raises(ConfigError, match=said):
        build_world(1, months=months, start=start, size_km=size_km, history_months=history)

"""Cross-check: units, pieces, approvals; what must not change the answer, and what must close."""

from dataclasses import replace
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.errors import GridError, LayerError
from changedetect.measure import area_m2, reproject
from changedetect.records import TimeCode, Verdict
from changedetect.stages.crosscheck import check
from changedetect.stages.crosscheck.approvals import Record, time_code
from changedetect.stages.crosscheck.slivers import (
    strip_width_m,
    without_slivers,
    without_slivers_many,
)
from tests.stages import crosscheck_land as land

at = land.at
EARLY = date(2025, 3, 1)
CODES = land.CODES


def told(units):
    """Everything that is said of units, without geometry: what two runs must agree on."""
    return [
        (u.unit_id, u.district, u.town, u.time_code, u.findings,
         [(a.record_id, a.time_code, a.used, round(a.overlap_m2, 6)) for a in u.approvals])
        for u in units
    ]  # fmt: skip


def themes(repository):
    return [land.theme(repository, code) for code in CODES]


@st.composite
def boxes(draw):
    x, y = draw(st.integers(-40, 1040)), draw(st.integers(-40, 1000))
    return at(x, y, draw(st.integers(4, 90)), draw(st.integers(4, 90)))


@given(shape=boxes())
def test_areas__close_by_group_and_pieces_tile_the_unit(shape):
    units = check(
        land.patches(("P1", shape, "building")), land.references(), [], land.CRS, land.CFG
    )
    assert sum(unit.area_m2 for unit in units) == pytest.approx(area_m2(shape, land.CRS), abs=1e-6)
    for unit in units:
        a = unit.areas
        groups = a.cropland + a.other_agricultural + a.construction + a.unused + a.unknown
        assert groups == pytest.approx(a.total, abs=1e-6)
        assert sum(piece.area_m2 for piece in unit.pieces) == pytest.approx(a.total, abs=1e-6)
        shapes = [piece.geometry for piece in unit.pieces]
        assert shapely.union_all(shapes).symmetric_difference(unit.geometry).area < 1e-6
        assert sum(piece.area for piece in shapes) == pytest.approx(unit.geometry.area, abs=1e-6)


def test_areas__by_hand():
    (unit,) = check(
        land.patches(("P1", at(180, 380, 40, 40), "building")),
        land.references(), [], land.CRS, land.CFG,
    )  # fmt: skip
    assert unit.areas.cropland == pytest.approx(800, abs=1e-2)
    assert unit.areas.paddy == pytest.approx(800, abs=1e-2)
    assert unit.areas.construction == pytest.approx(800, abs=1e-2)
    assert unit.areas.basic_farmland == pytest.approx(400, abs=1e-2)
    assert unit.areas.outside_town == pytest.approx(800, abs=1e-2)
    assert unit.areas.red_line == 0.0
    assert (unit.town, unit.town_name, unit.village) == ("430991100", "西镇", "")


def test_zones__missing_layer_is_unknown_never_zero():
    refs = land.references(without=("YJJBNTBHTB", "STBHHX", "CZKFBJ"))
    (unit,) = check(
        land.patches(("P1", at(50, 50, 40, 40), "building")), refs, [], land.CRS, land.CFG
    )
    assert unit.areas.basic_farmland is None
    assert unit.areas.red_line is None
    assert unit.areas.outside_town is None
    assert unit.areas.unapproved_basic_farmland is None
    facts = {p.basic_farmland for p in unit.pieces} | {p.red_line for p in unit.pieces}
    assert facts == {Verdict.UNKNOWN}


def test_zones__layer_of_another_county_is_unknown():
    refs = land.references()
    only_b = tuple(
        replace(found, covers=(land.B,)) if found.name == "YJJBNTBHTB" else found
        for found in refs.manifests
    )
    (unit,) = check(
        land.patches(("P1", at(50, 50, 40, 40), "building")),
        replace(refs, manifests=only_b), [], land.CRS, land.CFG,
    )  # fmt: skip
    assert unit.areas.basic_farmland is None
    assert unit.areas.red_line == 0.0


def test_zones__one_pixel_shift_touches_nothing_but_the_raw_area_is_kept():
    (unit,) = check(
        land.patches(("P1", at(198, 50, 60, 60), "building")),
        land.references(), [], land.CRS, land.CFG,
    )  # fmt: skip
    assert unit.areas.basic_farmland == 0.0
    assert unit.areas.raw["basic_farmland"] == pytest.approx(120, abs=1e-2)


def test_zones__a_lane_thinner_than_the_error_keeps_what_it_takes_of_basic_farmland():
    """2.4 m wide, 40 of its 100 m inside; a rim of 0.5 m along another lane is an error all the same."""
    crossing = ("P1", at(160, 50, 100, 2.4), "road")
    beside = ("P2", at(199.5, 50, 2.4, 100), "road")
    across, along = check(
        land.patches(crossing, beside), land.references(), [], land.CRS, land.CFG
    )  # fmt: skip
    assert across.areas.basic_farmland == pytest.approx(40 * 2.4, abs=0.01)
    assert along.areas.basic_farmland == 0.0
    assert along.areas.raw["basic_farmland"] == pytest.approx(50, abs=0.01)


def test_split__at_a_county_border_both_parts_know_one_another(repository):
    units = land.one(repository, at(980, 500, 50, 40), "building")
    assert [unit.unit_id for unit in units] == ["P1-430991", "P1-430992"]
    assert units[0].siblings == ("P1-430992",)
    assert units[1].siblings == ("P1-430991",)
    assert [round(unit.area_m2) for unit in units] == [800, 1200]
    assert [unit.district_name for unit in units] == ["甲县", "乙县"]


def test_split__a_border_makes_no_change_small(repository):
    """A hall of 300 m², half on each side: above the minimum of 200 m² of theme 02."""
    hall = land.one(repository, at(990, 500, 20, 15), "building", codes=("02",))
    assert [unit.area_m2 for unit in hall] == pytest.approx([150, 150], abs=0.01)
    assert [unit.findings[0].below_minimum for unit in hall] == [False, False]
    hut = land.one(repository, at(990, 500, 20, 9), "building", codes=("02",))
    assert [unit.area_m2 for unit in hut] == pytest.approx([90, 90], abs=0.01)
    assert [unit.findings[0].below_minimum for unit in hut] == [True, True]


def test_split__a_strip_across_the_border_stays_with_the_larger_part(repository):
    (unit,) = land.one(repository, at(960, 500, 40.3, 40), "building")
    assert (unit.unit_id, unit.district, unit.siblings) == ("P1", land.A, ())


def test_split__outside_every_county_is_kept_and_unknown(repository):
    units = land.one(repository, at(980, -20, 40, 40), "building")
    assert [unit.district for unit in units] == ["", land.A, land.B]
    outside = units[0]
    assert {finding.verdict for finding in outside.findings} == {Verdict.UNKNOWN}
    assert all("XZQ" in finding.missing[0] for finding in outside.findings)
    assert sum(unit.area_m2 for unit in units) == pytest.approx(1600, abs=0.01)


def test_overlapping_parcels__ground_counts_once():
    refs = land.references()
    doubled = pd.concat([refs.parcels, refs.parcels.assign(parcel_id="Z", land_class="0601")])
    refs = replace(refs, parcels=gpd.GeoDataFrame(doubled, crs=land.CRS))
    (unit,) = check(
        land.patches(("P1", at(250, 50, 40, 40), "building")), refs, [], land.CRS, land.CFG
    )
    assert unit.areas.cropland == pytest.approx(1600, abs=0.01)
    assert unit.areas.construction == 0.0


def test_survey_later_than_the_change__can_not_tell_what_was_there_before(repository):
    """A survey that already shows the hall as works must not acquit it."""
    shape = at(50, 450, 40, 40)
    for surveyed, verdict in ((land.BEFORE, Verdict.NO), (land.AFTER, Verdict.UNKNOWN)):
        refs = land.references(surveyed=surveyed)
        (unit,) = land.one(repository, shape, "building", codes=("02",), refs=refs)
        assert unit.findings[0].verdict is verdict
    assert "DLTB" in unit.findings[0].missing[0]


# --- approvals -----------------------------------------------------------------------------------


def record(approved, valid_to=None, valid_from=None):
    return Record("NZY", "R1", "", "", approved, valid_to, "", "", 1.0, valid_from)


day = st.dates(date(2025, 1, 1), date(2025, 12, 31))


@given(
    approved=day, valid_from=st.none() | day, valid_to=st.none() | day, before=day,
    length=st.integers(1, 90),
)  # fmt: skip
def test_time_code__agrees_with_the_days_on_which_work_may_have_begun(
    approved, valid_from, valid_to, before, length
):
    """Naive twin: try each day of the bracket as the day of the change."""
    after = before + timedelta(days=length)
    days = [before + timedelta(days=k) for k in range(1, length + 1)]
    begins = approved if valid_from is None else max(approved, valid_from)
    good = [begins <= d and (valid_to is None or d <= valid_to) for d in days]
    code, undecided = time_code(record(approved, valid_to, valid_from), before, after, land.CFG)
    if undecided:
        assert code is TimeCode.BEFORE
    elif code is TimeCode.BEFORE:
        assert all(good)
    else:
        assert not any(good)
    if any(good) and not all(good):
        assert undecided or begins == days[0]


def test_time_code__an_approval_holds_from_its_first_day_of_validity():
    """Approved in January, valid from July: work in May and June was not covered."""
    bracket = (date(2025, 5, 1), date(2025, 6, 1))
    early = record(date(2025, 1, 10), valid_from=date(2025, 7, 1))
    assert time_code(early, *bracket, land.CFG) == (TimeCode.LATER, False)
    inside = record(date(2025, 1, 10), valid_from=date(2025, 5, 20))
    assert time_code(inside, *bracket, land.CFG) == (TimeCode.BEFORE, True)
    earlier = record(date(2025, 1, 10), valid_from=date(2024, 12, 1))
    assert time_code(earlier, *bracket, land.CFG) == (TimeCode.BEFORE, False)


def test_time_code__reading_inside_the_bracket_is_configuration():
    bracket = (date(2025, 5, 1), date(2025, 6, 1))
    inside = record(date(2025, 5, 10))
    readings = {
        name: time_code(inside, *bracket, CrosscheckSection(inside_bracket=name))[0]
        for name in ("before", "later", "unknown")
    }
    assert readings == {
        "before": TimeCode.BEFORE, "later": TimeCode.LATER, "unknown": TimeCode.LAYER_MISSING,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reading", "verdict", "suggestion"),
    [
        ("before", Verdict.UNKNOWN, "12"),
        ("later", Verdict.YES, "21"),
        ("unknown", Verdict.UNKNOWN, "01"),
    ],
)
def test_approval_inside_the_bracket__no_reading_excuses(repository, reading, verdict, suggestion):
    field = at(250, 50, 40, 40)
    refs = land.references([("NZY", field, date(2025, 5, 15), None)])
    cfg = CrosscheckSection(inside_bracket=reading)
    (unit,) = land.one(repository, field, "building", codes=("02",), refs=refs, cfg=cfg)
    assert (unit.findings[0].verdict, unit.findings[0].suggestion) == (verdict, suggestion)
    assert unit.time_code is not TimeCode.BEFORE
    assert unit.approvals[0].time_code is not TimeCode.BEFORE
    assert "先后不能判定" in unit.approvals[0].reason
    assert "有效，" not in unit.approvals[0].reason


def test_union__never_exceeds_the_patch_while_the_sum_may(repository):
    field = at(250, 50, 40, 40)
    records = [("NZY", field, EARLY, None), ("GY", field, EARLY, None), ("NZY", field, EARLY, None)]
    (unit,) = land.one(repository, field, "building", refs=land.references(records))
    assert unit.areas.approved == pytest.approx({"GY": 1600.0, "NZY": 1600.0}, abs=0.01)
    assert unit.areas.approved_union == pytest.approx(1600, abs=0.01)
    assert unit.areas.unapproved == 0.0
    assert unit.remainder.is_empty
    assert len(unit.approvals) == 3
    assert all(overlap.used and overlap.share == pytest.approx(1.0) for overlap in unit.approvals)


def test_remainder__and_its_parts_by_hand(repository):
    """Paddy patch of 60 × 40, of which 40 × 40 lie in PBF; the eastern 20 × 40 are approved."""
    patch = at(160, 50, 60, 40)
    records = [("NZY", at(200, 50, 20, 40), EARLY, None)]
    (unit,) = land.one(repository, patch, "building", refs=land.references(records))
    assert unit.areas.unapproved == pytest.approx(1600, abs=0.01)
    assert unit.areas.unapproved_cropland == pytest.approx(1600, abs=0.01)
    assert unit.areas.unapproved_basic_farmland == pytest.approx(1600, abs=0.01)
    assert unit.areas.approved_union == pytest.approx(800, abs=0.01)
    assert area_m2(unit.remainder, land.CRS) == pytest.approx(unit.areas.unapproved, abs=1e-6)
    assert unit.time_code is TimeCode.BEYOND
    assert unit.approvals[0].time_code is TimeCode.BEYOND
    assert "湘政地〔2025〕1号" in unit.approvals[0].reason


def test_remainder__rim_of_one_metre_around_an_approval_is_kept_raw_only(repository):
    records = [("NZY", at(251, 51, 38, 38), EARLY, None)]
    (unit,) = land.one(repository, at(250, 50, 40, 40), "building", refs=land.references(records))
    assert unit.areas.unapproved == 0.0
    assert unit.areas.raw["unapproved"] == pytest.approx(1600 - 38 * 38, abs=0.01)


def test_overlaps__say_why_a_record_does_not_count(repository):
    field = at(250, 50, 40, 40)
    records = [
        ("LS", field, EARLY, date(2026, 1, 1)),
        ("NZY", field, date(2025, 8, 1), None),
    ]
    (unit,) = land.one(repository, field, "building", refs=land.references(records))
    by_kind = {overlap.kind: overlap for overlap in unit.approvals}
    assert not by_kind["LS"].used
    assert unit.areas.approved == {"LS": pytest.approx(1600, abs=0.01)}
    assert unit.areas.unapproved == pytest.approx(1600, abs=0.01)
    assert "不适用" in by_kind["LS"].reason
    assert by_kind["NZY"].time_code is TimeCode.LATER
    assert "后补" in by_kind["NZY"].reason
    assert unit.areas.approved_union == 0.0


# --- what must not change the answer -------------------------------------------------------------

RECORDS = [
    ("NZY", at(240, 40, 40, 60), EARLY, None),
    ("GY", at(260, 40, 60, 60), EARLY, None),
    ("LS", at(200, 0, 100, 100), date(2020, 1, 1), date(2021, 1, 1)),
    ("ZJD", at(600, 100, 50, 50), date(2025, 5, 20), None),
]
PLACES = [
    ("P1", at(250, 50, 40, 40), "building"),
    ("P2", at(560, 180, 60, 60), "building"),
    ("P3", at(970, 300, 60, 40), "hard_surface"),
    ("P4", at(180, 380, 50, 50), "earthwork"),
]


@settings(max_examples=12)
@given(order=st.permutations(range(4)), rows=st.permutations(range(9)))
def test_order_of_records_and_patches__changes_nothing(repository, order, rows):
    refs = land.references(RECORDS)
    mixed = replace(
        refs,
        approvals=refs.approvals.iloc[list(order)],
        parcels=refs.parcels.iloc[list(rows)],
        manifests=refs.manifests[::-1],
        red_line=refs.red_line.iloc[::-1],
    )
    plain = check(land.patches(*PLACES), refs, themes(repository), land.CRS, land.CFG)
    other = check(
        land.patches(*[PLACES[k] for k in order]),
        mixed, themes(repository)[::-1], land.CRS, land.CFG,
    )  # fmt: skip
    assert plain == other


@settings(max_examples=12)
@given(cut=st.integers(1, 39))
def test_splitting_a_record_in_two__changes_no_finding(repository, cut):
    whole = [("NZY", at(240, 40, 40, 60), EARLY, None)]
    parts = [
        ("NZY", at(240, 40, cut, 60), EARLY, None),
        ("NZY", at(240 + cut, 40, 40 - cut, 60), EARLY, None),
    ]
    shape = at(250, 50, 40, 40)
    (one,) = land.one(repository, shape, "building", refs=land.references(whole))
    (two,) = land.one(repository, shape, "building", refs=land.references(parts))
    assert one.findings == two.findings
    assert one.areas.unapproved == pytest.approx(two.areas.unapproved, abs=1e-6)
    assert one.time_code is two.time_code


@settings(max_examples=12)
@given(cut=st.integers(1, 399))
def test_splitting_a_parcel_in_two__changes_no_area(cut):
    refs = land.references()
    halves = refs.parcels.iloc[[0, 0]].copy()
    halves["parcel_id"] = ["P01a", "P01b"]
    halves["geometry"] = [at(0, 0, cut, 400), at(cut, 0, 400 - cut, 400)]
    split = pd.concat([halves, refs.parcels.iloc[1:]])
    split = replace(refs, parcels=gpd.GeoDataFrame(split, crs=land.CRS))
    patches = land.patches(("P1", at(180, 380, 60, 60), "building"))
    (one,) = check(patches, refs, [], land.CRS, land.CFG)
    (two,) = check(patches, split, [], land.CRS, land.CFG)
    assert len(one.pieces) == len(two.pieces)
    assert one.areas.cropland == pytest.approx(two.areas.cropland, abs=1e-5)
    assert one.areas.basic_farmland == pytest.approx(two.areas.basic_farmland, abs=1e-5)


@settings(max_examples=12)
@given(x=st.integers(1100, 1800), y=st.integers(0, 800))
def test_unrelated_record__changes_nothing(repository, x, y):
    more = [*RECORDS, ("NZY", at(x, y, 50, 50), EARLY, None)]
    args = (themes(repository), land.CRS, land.CFG)
    plain = check(land.patches(*PLACES), land.references(RECORDS), *args)
    other = check(land.patches(*PLACES), land.references(more), *args)
    assert told(plain) == told(other)


def test_reprojecting_everything__changes_no_finding(repository):
    """The same ground in the neighbouring system with a zone prefix in its eastings."""
    target = "EPSG:4526"
    refs = land.references(RECORDS)
    moved = replace(
        refs,
        **{
            name: table.set_geometry([reproject(g, land.CRS, target) for g in table.geometry])
            .set_crs(target, allow_override=True)
            for name, table in (
                (name, getattr(refs, name))
                for name in ("parcels", "basic_farmland", "red_line", "town_boundary",
                             "districts", "towns", "approvals")
            )
        },
        villages=refs.villages.set_crs(target, allow_override=True),
        zones={
            name: table.set_geometry([reproject(g, land.CRS, target) for g in table.geometry])
            .set_crs(target, allow_override=True)
            for name, table in refs.zones.items()
        },
    )  # fmt: skip
    patches = land.patches(*PLACES)
    there = patches.set_geometry([reproject(g, land.CRS, target) for g in patches.geometry])
    there = there.set_crs(target, allow_override=True)
    plain = check(patches, refs, themes(repository), land.CRS, land.CFG)
    other = check(there, moved, themes(repository), target, land.CFG)
    for one, two in zip(plain, other, strict=True):
        assert (one.unit_id, one.time_code) == (two.unit_id, two.time_code)
        assert [(f.verdict, f.suggestion, f.severity) for f in one.findings] == [
            (f.verdict, f.suggestion, f.severity) for f in two.findings
        ]
        assert one.area_m2 == pytest.approx(two.area_m2, rel=1e-6)
        assert one.areas.cropland == pytest.approx(two.areas.cropland, abs=0.05)


@pytest.mark.parametrize("gone", ["NZY", "GY", "ZJD", "DLTB", "STBHHX"])
def test_layer_removed__never_turns_unknown_ground_into_suspicion(repository, gone):
    """Whatever was suspected without the layer was suspected with it too."""
    args = (themes(repository), land.CRS, land.CFG)
    full = check(land.patches(*PLACES), land.references(RECORDS), *args)
    kept = [row for row in RECORDS if row[0] != gone]
    less = check(land.patches(*PLACES), land.references(kept, without=(gone,)), *args)
    for one, two in zip(full, less, strict=True):
        for before, after in zip(one.findings, two.findings, strict=True):
            if after.verdict is Verdict.YES:
                assert before.verdict is Verdict.YES


# --- refusals ------------------------------------------------------------------------------------


def test_refuses_a_layer_in_another_system():
    refs = land.references()
    wrong = refs.parcels.set_crs("EPSG:4548", allow_override=True)
    with pytest.raises(GridError, match="DLTB"):
        check(land.patches(*PLACES), replace(refs, parcels=wrong), [], land.CRS, land.CFG)


def test_refuses_unclassified_patches():
    bare = land.patches(*PLACES).drop(columns=["family"])
    with pytest.raises(LayerError, match="family"):
        check(bare, land.references(), [], land.CRS, land.CFG)


def test_no_patches__no_units():
    none = land.patches(*PLACES).iloc[:0]
    assert check(none, land.references(), [], land.CRS, land.CFG) == ()


def test_inputs_are_not_changed(repository):
    refs, patches = land.references(RECORDS), land.patches(*PLACES)
    copies = refs.parcels.copy(deep=True), patches.copy(deep=True)
    check(patches, refs, themes(repository), land.CRS, land.CFG)
    pd.testing.assert_frame_equal(pd.DataFrame(refs.parcels), pd.DataFrame(copies[0]))
    pd.testing.assert_frame_equal(pd.DataFrame(patches), pd.DataFrame(copies[1]))


# --- small parts ---------------------------------------------------------------------------------


@given(width=st.floats(0.2, 2.9), length=st.floats(20, 80))
def test_slivers__thin_rims_vanish(width, length):
    rim = shapely.box(0, 0, length, width)
    assert without_slivers(rim, 1e6, 3.0, land.CFG).is_empty


@given(width=st.floats(4, 40), length=st.floats(4, 80))
def test_slivers__what_is_wide_stays_whole(width, length):
    body = shapely.box(0, 0, length, width)
    kept = without_slivers(body, 1e6, 3.0, land.CFG)
    assert kept.area == pytest.approx(body.area, rel=1e-9)


@pytest.mark.parametrize("width", [4.0, 6.0, 8.0, 12.0])
def test_strip_width__of_a_staircase_at_45_degrees(width):
    """A slanting road on 2 m pixels, as patches are outlined."""
    road = shapely.LineString([(0, 0), (120, 120)]).buffer(width / 2, cap_style="flat")
    cells = [
        shapely.box(x, y, x + 2, y + 2)
        for x in range(-12, 134, 2)
        for y in range(-12, 134, 2)
        if road.contains(shapely.Point(x + 1, y + 1))
    ]
    assert strip_width_m(shapely.union_all(cells), 2.0) == pytest.approx(width, abs=1.5)


@settings(max_examples=25)
@given(turn=st.floats(0, 90), x=st.floats(60, 960), y=st.floats(60, 940), side=st.floats(10, 110))
def test_slanting_patches_over_touching_edges__never_break_the_overlay(turn, x, y, side):
    """Collections with lines and points, where edges touch, once failed in the next overlay."""
    square = shapely.affinity.rotate(at(x, y, side, side / 2), turn)
    corners = [
        shapely.box(px, py, px + 2, py + 2)
        for px in range(int(square.bounds[0]) // 2 * 2, int(square.bounds[2]) + 2, 2)
        for py in range(int(square.bounds[1]) // 2 * 2, int(square.bounds[3]) + 2, 2)
        if square.contains(shapely.Point(px + 1, py + 1))
    ]
    patch = shapely.union_all(corners)
    refs = land.references(RECORDS)
    units = check(land.patches(("P1", patch, "building")), refs, [], land.CRS, land.CFG)
    assert sum(u.area_m2 for u in units) == pytest.approx(area_m2(patch, land.CRS), abs=1e-6)
    for unit in units:
        assert all(piece.geometry.geom_type.endswith("Polygon") for piece in unit.pieces)
        assert unit.remainder.geom_type.endswith("Polygon")
        total = sum(piece.area_m2 for piece in unit.pieces)
        assert total == pytest.approx(unit.area_m2, abs=1e-6)


def test_slivers__many_at_once_are_those_of_each():
    bodies = np.array(
        [
            shapely.box(0, 0, 30, 20),
            shapely.box(0, 0, 300, 1),
            shapely.union_all([shapely.box(0, 0, 30, 20), shapely.box(30, 9, 90, 10)]),
            shapely.MultiPolygon(),
        ],
        dtype=object,
    )
    ground_m2, width_m = np.array([1e6, 1e6, 1e6, 1e6]), np.array([3.0, 3.0, 4.0, 2.0])
    found = without_slivers_many(bodies, ground_m2, width_m, land.CFG)
    alone = [
        without_slivers(body, *given, land.CFG)
        for body, *given in zip(bodies, ground_m2.tolist(), width_m.tolist(), strict=True)
    ]
    assert [shape.wkb for shape in found] == [shape.wkb for shape in alone]
    assert [shape.is_empty for shape in found] == [False, True, False, True]

"""Scores of a run: what the county reads of a patch, why a change was lost, what is refused."""

from dataclasses import replace
from datetime import date

import geopandas as gpd
import pytest
import shapely

from changedetect.errors import InputError
from changedetect.pipeline.judging import evaluation
from changedetect.pipeline.judging.evaluation import Fate, Reading, evaluate, reading_of
from changedetect.records import Case, Finding, TimeCode, Unit, UnitAreas, Verdict

YES, NO, UNKNOWN = Verdict
DISPATCHING = frozenset({"02", "03", "07"})
GROUND = shapely.box(0, 0, 40, 40)


def finding(theme, verdict, suggestion="38"):
    return Finding("P1", theme, verdict, suggestion, 3, False, (), (), ())


def unit(*findings, unit_id="P1", district="430991", at=GROUND):
    return Unit(
        unit_id=unit_id, patch_id=unit_id, district=district, district_name="青禾县", town="", town_name="",
        village="", village_name="", siblings=(), geometry=at, area_m2=at.area, perimeter_m=160, area_sd_m2=40,
        before_date=date(2025, 5, 20), after_date=date(2025, 6, 20), before_scene="b", after_scene="a",
        before_gsd_m=2, after_gsd_m=2, sources=("optical",), family="building", family_probability=0.9,
        change_probability=0.95, areas=UnitAreas(1600, 1600, 0, 0, 0, 0, 0, None, None, None, 0), pieces=(),
        approvals=(), remainder=at, time_code=TimeCode.NONE, findings=findings,
    )  # fmt: skip


def case(suggestion="21", **changes):
    whole = Case(
        number="43099102250600001C", unit_id="P1", district="430991", themes=("02",), main_theme="02",
        suggestion=suggestion, severity=3, state="10", month="2025-06", first_found=date(2025, 6, 20),
        last_confirmed=date(2025, 6, 20), county_due=date(2025, 7, 20), clear_due=date(2025, 7, 31),
        geometry=GROUND, area_m2=1600,
    )  # fmt: skip
    return replace(whole, **changes)


@pytest.mark.parametrize(
    ("findings", "known", "expected"),
    [
        ([finding("01", YES), finding("02", YES)], case(), Reading("case", "yes")),
        ([finding("01", YES), finding("02", NO), finding("07", YES)], case("28"), Reading("case", "yes")),
        ([finding("02", YES)], case(pooled=True), Reading("pooled", "yes")),
        ([finding("01", YES), finding("02", UNKNOWN)], case("01"), Reading("case", "unknown")),
        ([finding("02", UNKNOWN)], case("23"), Reading("case", "yes")),
        ([finding("01", YES), finding("02", NO)], case("11", record_only=True), Reading("recorded", "no")),
        ([finding("02", NO)], None, Reading("excused", "no")),
    ],
)  # fmt: skip
def test_reading_of__is_what_the_county_reads(findings, known, expected):
    assert reading_of(unit(*findings), known, DISPATCHING) == expected


def test_reading_of__outside_every_county_nobody_is_shown_it():
    assert reading_of(unit(district=""), None, DISPATCHING) == Reading("outside", "")


def truth(*shapes):
    return gpd.GeoDataFrame(
        {
            "truth_id": [f"T{i}" for i in range(len(shapes))],
            "family": "building",
            "area_m2": [shape.area for shape in shapes],
            "legality": "illegal",
            "situation": "none",
        },
        geometry=list(shapes),
    )


def test_fates__rejected_is_what_was_rejected_and_the_rest_is_missed():
    corner = unit(finding("02", YES), unit_id="P1", at=shapely.box(38, 38, 100, 100))
    pseudo = unit(finding("02", NO, "34"), unit_id="P2", at=shapely.box(200, 0, 240, 40))
    beside = unit(finding("02", NO, "34"), unit_id="P3", at=shapely.box(340, 0, 380, 40))
    table = truth(GROUND, shapely.box(200, 0, 240, 40), shapely.box(300, 0, 340, 40))
    readings = {one.unit_id: Reading("case", "yes") for one in (corner, pseudo, beside)}
    fates = evaluation._fates(table, [corner, pseudo, beside], readings, [])
    assert [fate.fate for fate in fates] == ["missed", "rejected", "missed"]


def fate(name, legality="illegal", verdict="yes"):
    return Fate("T", "building", 1.0, legality, "none", name, 1.0, verdict, "building")


def test_scores__unknown_disagrees_and_is_reported_and_hidden_ground_is_told_apart():
    fates = [
        fate("case"),
        fate("case", verdict="unknown"),
        fate("recorded", "legal", "no"),
        fate("case", "legal", "unknown"),
        fate("not_observed", verdict=""),
        fate("missed", verdict=""),
    ]
    scores = evaluation._scores(fates, [], truth(GROUND))
    assert (scores["legality_agreement"].value, scores["legality_agreement"].n) == (0.5, 4)
    assert (scores["legality_unknown"].value, scores["legality_unknown"].n) == (0.5, 4)
    assert scores["recall_05mu"].value == pytest.approx(4 / 6)
    assert scores["recall_observed_05mu"].value == pytest.approx(4 / 5)


def test_evaluate__a_mistyped_path_is_refused_and_not_made(tmp_path):
    with pytest.raises(InputError, match="no folder of a run"):
        evaluate(tmp_path / "runs" / "2025-60", tmp_path / "truth.gpkg")
    assert list(tmp_path.iterdir()) == []

"""Findings become cases: numbers, pool, deadlines, the same ground found again."""

from dataclasses import replace
from datetime import date

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedetect.codes import is_case_number
from changedetect.config.job import DeadlinesSection
from changedetect.records import Finding, TimeCode, Unit, UnitAreas, Verdict
from changedetect.stages import cases

RHYTHMS = {"01": "quarter", "02": "month", "06": "urgent", "07": "month"}


def finding(theme="02", verdict=Verdict.YES, severity=3, *, below=False, suggestion="21"):
    return Finding(
        "", theme, verdict, suggestion, severity, below, (f"理由{theme}",), (f"R{theme}",), ()
    )


def unit(unit_id="P1", *findings, at=(0, 0, 10, 10), district="430991", seen=date(2025, 6, 20)):
    geometry = shapely.MultiPolygon([shapely.box(*at)])
    areas = UnitAreas(100, 100, 100, 0, 0, 0, 0, None, None, None, 0)
    return Unit(
        unit_id=unit_id, patch_id=unit_id, district=district, district_name="青禾县", town="", town_name="",
        village="", village_name="", siblings=(), geometry=geometry, area_m2=geometry.area, perimeter_m=40,
        area_sd_m2=40, before_date=date(2025, 5, 20), after_date=seen, before_scene="b", after_scene="a",
        before_gsd_m=2, after_gsd_m=2, sources=("optical",), family="building", family_probability=0.9,
        change_probability=0.95, areas=areas, pieces=(), approvals=(), remainder=geometry,
        time_code=TimeCode.NONE, findings=findings or (finding(),),
    )  # fmt: skip


def decide(units, known=(), month="2025-06"):
    return cases.decide(
        units,
        {case.number: case for case in known},
        month=month,
        rhythms=RHYTHMS,
        deadlines=DeadlinesSection(),
    )


def test_decide__numbers_count_by_county_theme_and_month():
    found = decide(
        [unit("P1"), unit("P2", at=(20, 0, 30, 10)), unit("P3", finding("07"), at=(40, 0, 50, 10))]
    )
    assert [d.case.number[:17] for d in found] == [
        "43099102250600001", "43099102250600002", "43099107250600001",
    ]  # fmt: skip
    assert all(is_case_number(d.case.number) and d.event == "found" for d in found)


def test_decide__what_every_theme_denies_is_no_case():
    assert decide([unit("P1", finding(verdict=Verdict.NO))]) == ()


def test_decide__unknown_is_a_case_not_a_silence():
    (decision,) = decide([unit("P1", finding(verdict=Verdict.UNKNOWN, suggestion="01"))])
    assert decision.case.suggestion == "01"
    assert not decision.case.pooled


def test_decide__small_findings_are_pooled_with_a_number():
    (decision,) = decide([unit("P1", finding(below=True))])
    assert decision.case.pooled
    assert is_case_number(decision.case.number)


def test_decide__main_theme_is_the_gravest_and_01_comes_last():
    (decision,) = decide(
        [unit("P1", finding("01", severity=3), finding("02"), finding("07", severity=4))]
    )
    assert decision.case.main_theme == "07"
    assert decision.case.themes == ("01", "02", "07")
    (tie,) = decide([unit("P1", finding("01", severity=3), finding("02", severity=3))])
    assert tie.case.main_theme == "02"


@pytest.mark.parametrize(
    ("theme", "month", "county", "clear"),
    [
        ("02", "2025-06", date(2025, 7, 20), date(2025, 7, 31)),
        ("02", "2025-12", date(2026, 1, 20), date(2026, 1, 31)),
        ("02", "2024-01", date(2024, 2, 20), date(2024, 2, 29)),
        ("06", "2025-06", date(2025, 7, 5), date(2025, 7, 31)),
        ("01", "2025-04", date(2025, 7, 20), date(2025, 7, 31)),
        ("01", "2025-06", date(2025, 7, 20), date(2025, 7, 31)),
        ("01", "2025-11", date(2026, 1, 20), date(2026, 1, 31)),
    ],
)
def test_decide__deadlines_by_rhythm(theme, month, county, clear):
    (decision,) = decide([unit("P1", finding(theme))], month=month)
    assert (decision.case.county_due, decision.case.clear_due) == (county, clear)


def test_decide__same_ground_next_month_keeps_number_state_and_deadlines():
    (first,) = decide([unit("P1")])
    live = replace(first.case, state="30")
    (again,) = decide([unit("P9", at=(2, 0, 14, 10), seen=date(2025, 7, 18))], [live], "2025-07")
    assert again.event == "confirmed"
    assert again.case.number == first.case.number
    assert again.case.state == "30"
    assert again.case.county_due == first.case.county_due
    assert (again.case.first_found, again.case.last_confirmed) == (
        date(2025, 6, 20),
        date(2025, 7, 18),
    )
    assert again.case.area_m2 == 120


def test_decide__touching_ground_is_other_ground():
    (first,) = decide([unit("P1")])
    (other,) = decide([unit("P2", at=(10, 0, 20, 10))], [first.case], "2025-07")
    assert other.event == "found"


def test_decide__grown_over_two_cases_continues_the_larger_and_names_the_other():
    small, large = (d.case for d in decide([unit("P1"), unit("P2", at=(10, 0, 40, 10))]))
    (joined,) = decide([unit("P3", at=(0, 0, 40, 10))], [small, large], "2025-07")
    assert joined.case.number == large.number
    assert joined.earlier == (small.number,)


def test_decide__a_split_gives_one_number_to_one_part_only():
    (whole,) = decide([unit("P1", at=(0, 0, 40, 10))])
    parts = decide(
        [unit("P1", at=(0, 0, 30, 10)), unit("P2", at=(32, 0, 40, 10))], [whole.case], "2025-07"
    )
    assert sorted(d.event for d in parts) == ["confirmed", "found"]
    assert len({d.case.number for d in parts}) == 2


def test_decide__the_same_month_again_is_restated_not_doubled():
    first = decide([unit("P1"), unit("P2", at=(20, 0, 30, 10))])
    again = decide([unit("P1"), unit("P2", at=(20, 0, 30, 10))], [d.case for d in first])
    assert [d.case for d in again] == [d.case for d in first]
    assert {d.event for d in again} == {"restated"}


def test_decide__a_number_is_never_used_twice_even_after_withdrawal():
    (first,) = decide([unit("P1")])
    (second,) = decide([unit("P1")], [replace(first.case, state="99")])
    assert second.event == "found"
    assert second.case.number != first.case.number


def test_decide__ground_of_another_county_is_another_case():
    (first,) = decide([unit("P1")])
    (other,) = decide([unit("P1", district="430992")], [first.case])
    assert other.event == "found"


@given(st.permutations(range(5)))
def test_decide__order_of_units_changes_nothing(order):
    units = [unit(f"P{i}", at=(20 * i, 0, 20 * i + 10, 10)) for i in range(5)]
    assert decide([units[i] for i in order]) == decide(units)

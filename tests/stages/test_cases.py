"""Findings become cases: numbers, pool, deadlines, the same ground found again."""

from dataclasses import replace
from datetime import date

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedetect.codes import is_case_number
from changedetect.config.job import CasesSection, DeadlinesSection
from changedetect.records import Finding, TimeCode, Unit, UnitAreas, Verdict
from changedetect.stages import cases

THEMES = {
    "01": cases.ThemeTerms("quarter", dispatch=False),
    "02": cases.ThemeTerms("month", dispatch=True),
    "03": cases.ThemeTerms("quarter", dispatch=True),
    "06": cases.ThemeTerms("urgent", dispatch=True),
    "07": cases.ThemeTerms("month", dispatch=True),
}
YES, NO, UNKNOWN = Verdict


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
        cases.Terms(month, THEMES, DeadlinesSection()),
        CasesSection(),
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
    assert joined.case.related == (small.number,)


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


def test_decide__what_the_program_withdrew_is_found_anew_under_a_new_number():
    (first,) = decide([unit("P1")])
    (gone,) = decide([], [first.case])
    (second,) = decide([unit("P1")], [gone.case])
    assert second.event == "found"
    assert second.case.number != first.case.number


@pytest.mark.parametrize("state", ["70", "90", "98", "99"])
def test_decide__the_same_month_again_does_not_double_what_people_closed(state):
    (first,) = decide([unit("P1")])
    closed = replace(first.case, state=state)
    (again,) = decide([unit("P1")], [closed])
    assert (again.event, again.case) == ("restated", closed)


@pytest.mark.parametrize("state", ["70", "90", "98", "99"])
def test_decide__a_later_month_again_does_not_double_what_people_closed_since(state):
    (first,) = decide([unit("P1")])
    (july,) = decide([unit("P1", seen=date(2025, 7, 18))], [first.case], "2025-07")
    closed = replace(july.case, state=state)
    (again,) = decide([unit("P1", seen=date(2025, 7, 18))], [closed], "2025-07")
    assert (again.event, again.case) == ("confirmed", closed)


def test_decide__a_cleared_case_found_later_recurs_with_its_number_and_new_deadlines():
    (first,) = decide([unit("P1")])
    cleared = replace(first.case, state="90")
    (again,) = decide([unit("P7", seen=date(2025, 9, 18))], [cleared], "2025-09")
    assert (again.event, again.case.state) == ("recurred", "10")
    assert again.case.number == first.case.number
    assert again.case.county_due == date(2025, 10, 20)
    (repeat,) = decide([unit("P7", seen=date(2025, 9, 18))], [again.case], "2025-09")
    assert repeat.case == again.case


def test_decide__what_a_recomputed_month_shows_no_more_is_withdrawn_or_told():
    waiting, working = (d.case for d in decide([unit("P1"), unit("P2", at=(20, 0, 30, 10))]))
    working = replace(working, state="30")
    gone, told = decide([], [waiting, working])
    assert (gone.event, gone.case.state, gone.listed) == ("withdrawn", "99", False)
    assert cases.GONE in gone.case.reasons
    assert (told.event, told.case, told.listed) == ("unconfirmed", working, False)
    assert decide([], [gone.case]) == ()


def test_decide__another_month_without_it_withdraws_nothing():
    (first,) = decide([unit("P1")])
    assert decide([], [first.case], "2025-07") == ()
    (july,) = decide([unit("P1", seen=date(2025, 7, 18))], [first.case], "2025-07")
    assert decide([], [july.case], "2025-06") == ()


def test_decide__june_again_after_july_leaves_what_july_said_in_the_ledger():
    (june,) = decide([unit("P1")])
    grown = unit("P9", at=(0, 0, 20, 10), seen=date(2025, 7, 18))
    (july,) = decide([grown], [june.case], "2025-07")
    (again,) = decide([unit("P1")], [july.case], "2025-06")
    assert again.kept == july.case
    assert (again.case.unit_id, again.case.area_m2) == ("P1", 100)
    assert again.case.number == june.case.number


def test_decide__one_shared_pixel_is_other_ground():
    (old,) = decide([unit("P1", at=(0, 0, 100, 100))])
    corner = unit("A", at=(98, 98, 198, 198), seen=date(2025, 7, 9))
    same = unit("B", at=(0, 0, 100, 100), seen=date(2025, 7, 9))
    for units in ([corner, same], [corner]):
        found = {d.case.unit_id: d for d in decide(units, [old.case], "2025-07")}
        assert found["A"].event == "found"
        assert found["A"].case.related == (old.case.number,)
    assert decide([corner, same], [old.case], "2025-07")[0].case.unit_id == "B"


def test_decide__the_largest_common_ground_decides_not_the_name():
    (old,) = decide([unit("P1", at=(0, 0, 100, 10))])
    parts = [unit("A", at=(0, 0, 30, 10)), unit("B", at=(30, 0, 100, 10))]
    found = {d.case.unit_id: d for d in decide(parts, [old.case], "2025-07")}
    assert found["B"].case.number == old.case.number
    assert found["A"].event == "found"
    again = decide(parts, [d.case for d in found.values()], "2025-07")
    assert {d.case for d in again} == {d.case for d in found.values()}


def test_decide__missing_evidence_is_not_hidden_by_the_recording_theme():
    found = finding("01", severity=1, suggestion="38")
    asked = finding("02", UNKNOWN, 2, suggestion="01")
    (decision,) = decide([unit("P1", found, asked)])
    assert (decision.case.main_theme, decision.case.suggestion) == ("02", "01")
    assert not decision.case.record_only


def test_decide__what_is_approved_is_recorded_not_dispatched():
    findings = (
        finding("01", severity=1, suggestion="38"),
        finding("02", NO, 1, suggestion="11"),
        finding("07", NO, 1, suggestion="38"),
    )
    (decision,) = decide([unit("P1", *findings)])
    case = decision.case
    assert (case.record_only, case.pooled, case.suggestion) == (True, False, "11")
    assert (case.main_theme, case.themes) == ("01", ("01",))
    assert case.reasons == ("理由02", "理由01")
    assert is_case_number(case.number)


def test_decide__a_recorded_change_without_excuse_keeps_what_the_recorder_suggests():
    findings = (finding("01", suggestion="36"), finding("02", NO, 1, suggestion="38"))
    (decision,) = decide([unit("P1", *findings)])
    assert (decision.case.record_only, decision.case.suggestion) == (True, "36")


def test_decide__what_leaves_the_pool_or_the_record_gets_fresh_deadlines():
    for idle in (finding(below=True), finding("01")):
        (first,) = decide([unit("P1", idle)], month="2025-06")
        (grown,) = decide([unit("P1", seen=date(2025, 10, 9))], [first.case], "2025-10")
        assert (grown.case.pooled, grown.case.record_only) == (False, False)
        assert grown.case.county_due == date(2025, 11, 20)
        assert grown.case.number == first.case.number


def test_decide__deadlines_never_move_back_and_the_main_theme_is_the_latest():
    (first,) = decide([unit("P1", finding("03"))], month="2025-04")
    assert first.case.county_due == date(2025, 7, 20)
    (again,) = decide([unit("P1", seen=date(2025, 5, 9))], [first.case], "2025-05")
    assert again.case.county_due == date(2025, 6, 20)
    assert (again.case.main_theme, again.case.number) == ("02", first.case.number)
    (later,) = decide([unit("P1", seen=date(2025, 8, 9))], [again.case], "2025-08")
    assert later.case.county_due == date(2025, 6, 20)


def test_decide__the_earliest_deadline_among_large_enough_findings_counts():
    (both,) = decide([unit("P1", finding("03", severity=5), finding("02"))], month="2025-04")
    assert (both.case.main_theme, both.case.county_due) == ("03", date(2025, 5, 20))
    small = decide([unit("P1", finding("03"), finding("02", below=True))], month="2025-04")
    assert small[0].case.county_due == date(2025, 7, 20)


def test_decide__outside_every_county_there_is_no_case():
    assert decide([unit("P1", district="")]) == ()


def test_decide__ground_of_another_county_is_another_case():
    (first,) = decide([unit("P1")])
    (other,) = decide([unit("P1", district="430992")], [first.case], "2025-07")
    assert other.event == "found"


@given(st.permutations(range(5)))
def test_decide__order_of_units_changes_nothing(order):
    units = [unit(f"P{i}", at=(20 * i, 0, 20 * i + 10, 10)) for i in range(5)]
    assert decide([units[i] for i in order]) == decide(units)

"""Clues on unapproved ground, sums of twelve months, and the remainder as a case of its own."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.clues import CluesSection
from changedetect.config.job import CasesSection, DeadlinesSection
from changedetect.measure import M2_PER_MU
from changedetect.stages import cases
from changedetect.stages.cases.clues import SUBJECT, clue, takings, with_clues
from changedetect.stages.crosscheck import check
from tests.stages import crosscheck_land as land

at = land.at
EARLY = date(2025, 3, 1)
LIMITS = CluesSection()
TERMS = {
    code: cases.ThemeTerms("month", code != "01") for code in (f"{n:02d}" for n in range(1, 17))
}


def decide(repository, patches, records=(), known=None, month="2025-06", without=(), **facts):
    themes = [land.theme(repository, code) for code in ("01", "02", "03", "06", "07")]
    refs = land.references(records, without)
    units = check(land.patches(*patches, **facts), refs, themes, land.CRS, land.CFG)
    known = known or {}
    terms = cases.Terms(month, TERMS, DeadlinesSection())
    found = cases.decide(units, known, terms, CasesSection())
    return units, cases.told(cases.with_takings(found, units, LIMITS), known.values(), LIMITS)


def flags(
    repository, side_m, place=(220, 50), family="building", sd_m2=50.0, records=(), without=()
):
    shape = at(*place, side_m, side_m)
    _, (found, *_) = decide(
        repository, [("P1", shape, family)], records, without=without, area_sd_m2=sd_m2
    )
    clues = found.case.clues
    return None if clues is None else (clues.public_interest, clues.criminal, clues.large)


@pytest.mark.parametrize(
    ("side_m", "place", "sd_m2", "expected"),
    [
        (70, (220, 50), 50.0, ("0", "0", "0")),  # 7.35 mu of paddy
        (84, (220, 50), 50.0, ("1", "1", "0")),  # 10.58 mu
        (84, (220, 50), 500.0, ("2", "2", "0")),  # 10.58 ± 0.75 mu
        (80, (220, 50), 400.0, ("2", "2", "0")),  # 9.6 ± 0.6 mu
        (60, (20, 20), 50.0, ("1", "1", "0")),  # 5.4 mu of PBF
        (60, (20, 20), 300.0, ("2", "2", "0")),  # 5.4 ± 0.45 mu of PBF
        (50, (20, 20), 50.0, ("0", "0", "0")),  # 3.75 mu of PBF
        (190, (1100, 100), 50.0, ("1", "1", "1")),  # 54 mu of dry land
        (182, (1100, 100), 400.0, ("1", "1", "2")),  # 49.7 ± 0.6 mu
        (90, (450, 250), 50.0, ("0", "1", "0")),  # 12 mu of wood: forest counts for art. 342 only
        (70, (450, 250), 50.0, ("0", None, "0")),  # 7.35 mu: enough if it is special forest, not told
        (50, (450, 250), 50.0, ("0", "0", "0")),  # 3.75 mu: not enough, whatever forest it is
    ],
)  # fmt: skip
def test_flags__by_hand(repository, side_m, place, sd_m2, expected):
    assert flags(repository, side_m, place, sd_m2=sd_m2) == expected


def test_forest_between_the_limits__asks_for_its_kind(repository):
    _, (found, *_) = decide(repository, [("P1", at(450, 250, 70, 70), "building")])
    assert found.case.clues.criminal is None
    assert any("特种用途林" in name for name in found.case.missing)


def test_flags__look_at_unapproved_ground_only(repository):
    """11 mu of paddy, of which 6 are converted."""
    records = [("NZY", at(220, 50, 48, 85), EARLY, None)]
    assert flags(repository, 85) == ("1", "1", "0")
    assert flags(repository, 85, records=records)[0] == "0"


def test_flags__missing_layers_leave_them_unknown(repository):
    assert flags(repository, 84, without=("NZY",)) is None
    assert flags(repository, 60, (20, 20), without=("YJJBNTBHTB",)) == (None, None, "0")
    assert flags(repository, 84, without=("YJJBNTBHTB",))[0] == "1"


def test_mixed_ground__counts_in_parts_of_its_limits(repository):
    """3.6 mu of PBF (72%) and 3.6 mu of other paddy (36%) reach art. 342 together."""
    _, (found, *_) = decide(repository, [("P1", at(170, 50, 60, 80), "building")])
    clues = found.case.clues
    assert (clues.public_interest, clues.criminal) == ("0", "1")
    assert "三百四十二" in "".join(clues.reasons)


def test_subject__is_asked_of_the_county(repository):
    _, (found, *_) = decide(repository, [("P1", at(220, 50, 84, 84), "building")])
    assert SUBJECT in found.case.missing
    assert any("主体由县核实" in reason for reason in found.case.clues.reasons)
    assert not any("违法" in reason for reason in found.case.clues.reasons)


def test_small_and_adjacent_takings__add_up_with_the_pool(repository):
    """Six sheds of 1.5 mu and two of 150 m² (pooled), 40 m apart: 9.45 mu; one far away stays out."""
    sheds = [
        (f"P{k}", at(220 + 70 * (k % 2), 20 + 60 * (k // 2), 25, 40), "building") for k in range(6)
    ]
    small = [(f"Q{k}", at(300 + 30 * k, 200, 15, 10), "building") for k in range(2)]
    far = [("Z", at(1500, 500, 25, 40), "building")]
    _, found = decide(repository, [*sheds, *small, *far])
    by_unit = {one.case.unit_id: one.case for one in found}
    assert by_unit["Q0"].pooled
    total = (6 * 1000 + 2 * 150) / M2_PER_MU
    for name in ("P0", "Q1"):
        assert by_unit[name].clues.accumulated_m2 / M2_PER_MU == pytest.approx(total, abs=0.01)
        assert len(by_unit[name].clues.members) == 7
    assert by_unit["Z"].clues.accumulated_m2 == pytest.approx(1000, abs=1)
    assert by_unit["Z"].clues.members == ()


def test_row_of_takings__is_no_single_act(repository):
    """Four sheds of 800 m², steps of 75 m of field between them: each counts with its neighbours only."""
    places = {"A": (1100, 100), "B": (1195, 100), "C": (1195, 215), "D": (1290, 215)}
    sheds = [(name, at(*place, 20, 40), "building") for name, place in places.items()]
    _, found = decide(repository, sheds)
    by_unit = {one.case.unit_id: one.case for one in found}
    number = {name: case.number for name, case in by_unit.items()}
    assert by_unit["A"].clues.members == (number["B"],)
    assert set(by_unit["B"].clues.members) == {number["A"], number["C"]}
    assert by_unit["B"].clues.accumulated_m2 == pytest.approx(2400, abs=3)


def test_site__counts_what_lies_near_any_part_of_it(repository):
    """Five sheds 20 m apart are one site of 225 m; what lies near one end counts for the other."""
    sheds = [(f"P{k}", at(220 + 45 * k, 20, 25, 40), "building") for k in range(5)]
    end = [("Q", at(220 + 45 * 4 + 25 + 80, 20, 25, 40), "building")]
    _, found = decide(repository, [*sheds, *end])
    by_unit = {one.case.unit_id: one.case for one in found}
    assert by_unit["P0"].clues.accumulated_m2 == pytest.approx(6000, abs=6)
    assert by_unit["Q"].clues.accumulated_m2 == by_unit["P0"].clues.accumulated_m2


@pytest.mark.parametrize(
    ("state", "found_on", "members"),
    [("10", date(2025, 1, 5), 1), ("90", date(2025, 1, 5), 0), ("10", date(2024, 5, 1), 0)],
)
def test_twelve_months__leave_out_what_is_handled_or_older(repository, state, found_on, members):
    _, (old, *_) = decide(repository, [("A", at(300, 50, 40, 40), "building")], month="2025-01")
    past = replace(old.case, state=state, first_found=found_on, last_confirmed=found_on)
    _, found = decide(
        repository, [("B", at(220, 50, 40, 40), "building")], known={past.number: past}
    )
    (new,) = [one.case for one in found if one.case.unit_id == "B"]
    assert len(new.clues.members) == members
    assert new.clues.accumulated_m2 == pytest.approx(1600 * (1 + members), abs=2)


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0, 20))
def test_clue__is_yes_no_or_inside_the_band(value, limit, error):
    found = clue(value, limit + 0.1, error)
    if found == "1":
        assert value >= limit + 0.1
    if found == "0":
        assert value < limit + 0.1
    if found == "2":
        assert abs(value - limit - 0.1) <= error


def test_order_of_cases__changes_no_clue(repository):
    patches = [(f"P{k}", at(220 + 60 * k, 50, 40, 40), "building") for k in range(3)]
    units, found = decide(repository, patches)
    by_id = {unit.unit_id: unit for unit in units}
    listed = [replace(one.case, clues=None, taking=None) for one in found]
    plain = with_clues(takings(listed, by_id, LIMITS), [], LIMITS)
    turned = with_clues(takings(listed[::-1], by_id, LIMITS), [], LIMITS)
    assert plain == turned[::-1]


# --- the remainder as a case ---------------------------------------------------------------------

HALF = [("NZY", at(220, 50, 30, 60), EARLY, None)]
WHOLE = ("P1", at(220, 50, 60, 60), "building")


def test_remainder__is_a_case_of_its_own_and_the_whole_is_not_sent(repository):
    units, found = decide(repository, [WHOLE], HALF)
    parent, child = (one.case for one in found)
    assert (parent.unit_id, child.unit_id) == ("P1", "P1-R")
    assert child.parent == parent.number
    assert parent.record_only
    assert not child.record_only
    assert child.area_m2 == pytest.approx(1800, abs=0.1)
    assert child.suggestion == "23"
    assert not parent.taking.counted
    assert child.clues.accumulated_m2 == pytest.approx(1800, abs=0.1)
    rest = units[1]
    assert rest.areas.cropland == pytest.approx(rest.area_m2, abs=1e-6)
    assert sum(piece.area_m2 for piece in rest.pieces) == pytest.approx(rest.area_m2, abs=1e-6)


def test_remainder__that_is_small_makes_no_case(repository):
    records = [("NZY", at(220, 50, 57, 60), EARLY, None)]  # 180 m² left
    units, found = decide(repository, [WHOLE], records)
    assert len(units) == len(found) == 1


def test_remainder__found_again_keeps_both_numbers(repository):
    _, first = decide(repository, [WHOLE], HALF)
    known = {one.case.number: one.case for one in first}
    _, again = decide(repository, [WHOLE], HALF, known=known)
    assert {one.case.number for one in again} == set(known)
    assert [one.event for one in again] == ["restated", "restated"]
    assert [one.case.parent for one in again] == [one.case.parent for one in first]


def test_remainder__of_a_case_at_work_stays_with_it(repository):
    _, (first, *_) = decide(repository, [WHOLE])
    known = {first.case.number: replace(first.case, state="30")}
    _, again = decide(repository, [WHOLE], HALF, known=known, month="2025-07")
    (one,) = again
    assert one.case.number == first.case.number
    assert not one.case.record_only


def test_adjacent_takings__a_sum_of_many_names_the_first_and_tells_how_many(repository):
    """Facts do not grow with the ground that is taken around a case."""
    row = [
        (f"P{k:03d}", at(220 + 16 * (k % 10), 20 + 24 * (k // 10), 15, 20), "building")
        for k in range(60)
    ]
    _, found = decide(repository, row)
    cases = [one.case for one in found]
    numbers = sorted(case.number for case in cases)
    for case in cases:
        others = [number for number in numbers if number != case.number]
        assert case.clues.members == tuple(others[:50])
        assert case.clues.others == 59
        assert case.clues.accumulated_m2 == pytest.approx(60 * 300, abs=2)
        assert any("另有59件" in reason for reason in case.clues.reasons)

"""What a return changes: the states it may move, and that order changes nothing."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedetect.codes import STATES, case_number
from changedetect.config.returns import ReturnsSection
from changedetect.stages import ledger
from changedetect.stages.returns import Known, Place, Row, decide

CRS = "EPSG:4547"
GROUND = shapely.MultiPolygon([shapely.box(500_000, 3_100_000, 500_080, 3_100_060)])
CASES = [case_number("430991", "02", "2025-06", number) for number in range(1, 6)]
SECTION = ReturnsSection()
AREA_M2 = 2000.0 / 3.0 * 3  # three mu
COUNTY_MAY_REACH = {"30", "40", "80", "85"}


def known(state, number=CASES[0], **claims):
    return Known(number, state, AREA_M2, GROUND, CRS, claims)


def row(form, number=CASES[0], line=2, *, closing=False, file="a.gpkg", **values):
    return Row(form, number, values, closing, None, CRS, Place(file, form, line), file * 8)


def decided(rows, *cases):
    return decide(rows, {case.number: case for case in cases}, "430991", [], SECTION)


def moves(rows, case):
    outcome = decided(rows, case)
    return [(step.event, step.to_state) for change in outcome.changes for step in change.steps]


@pytest.mark.parametrize(
    ("state", "rows", "expected"),
    [
        ("20", [row("HC_JL", HCJG="2")], [("filed", "40")]),
        ("30", [row("HC_JL", HCJG="2")], [("filed", "40")]),
        ("65", [row("HC_JL", HCJG="2")], [("filed", "40")]),
        ("40", [row("HC_JL", HCJG="2")], [("claimed", "40")]),
        ("20", [row("HC_JL", HCR="赵", HCJG="")], [("started", "30")]),
        ("30", [row("HC_JL", HCR="赵", HCJG="")], [("claimed", "30")]),
        ("20", [row("HC_JL", closing=True)], [("filed", "40")]),
        ("71", [row("AJTB", closing=True)], [("claimed", "71")]),
        ("70", [row("AJTB", closing=True)], [("close_proposed", "70")]),
        ("71", [row("ZG_JL", CCMJ="1")], [("claimed", "71")]),
        ("75", [row("ZG_JL", CCMJ="1")], [("rectifying", "80")]),
        ("75", [row("ZG_JL", CCMJ="3")], [("rectifying", "80"), ("rectified", "85")]),
        ("95", [row("ZG_JL", CCMJ="1")], [("rectifying", "80")]),
        ("80", [row("ZG_JL", CCMJ="1")], [("claimed", "80")]),
        ("80", [row("ZG_JL", CCMJ="2"), row("ZG_JL", line=3, FGMJ="1")], [("rectified", "85")]),
        ("85", [row("ZG_JL", CCMJ="1")], [("rectifying", "80")]),
        ("80", [row("ZG_JL", CCMJ="3"), row("AJTB", closing=True)], [("rectified", "85"), ("close_proposed", "85")]),
    ],
)  # fmt: skip
def test_moves__of_one_case(state, rows, expected):
    assert moves(rows, known(state)) == expected


@given(
    state=st.sampled_from(sorted(STATES)), verdict=st.sampled_from(["", "1", "2"]), closing=st.booleans(),
    done=st.sampled_from(["", "1", "3"]),
)  # fmt: skip
def test_moves__never_further_than_a_county_may(state, verdict, closing, done):
    """Whatever a county writes: no state beyond its own, and every step is one that the ledger allows."""
    rows = [row("HC_JL", HCJG=verdict, closing=closing)] + (
        [row("ZG_JL", CCMJ=done)] if done else []
    )
    outcome = decided(rows, known(state))
    assert bool(outcome.changes) or bool(outcome.faults) or bool(outcome.unchanged)
    before = state
    for change in outcome.changes:
        for step in change.steps:
            assert step.to_state in COUNTY_MAY_REACH | {state}
            rule = ledger.EVENTS[step.event]
            assert not rule.moves or (before, step.to_state) in rule.moves
            assert rule.moves or before == step.to_state
            assert "county" in rule.roles
            before = step.to_state
    if state in {"10", "90", "98", "99"}:
        assert not outcome.changes


values = st.dictionaries(
    st.sampled_from(["HCJG", "HCR", "HCQK"]), st.sampled_from(["1", "2", "3"]), min_size=1
)
rows_of_county = st.lists(
    st.builds(
        lambda form, number, given, closing: (form, number, given, closing),
        st.sampled_from(["HC_JL", "HC_ZP", "AJTB"]), st.sampled_from(CASES), values, st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@given(drawn=rows_of_county, order=st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(drawn, order):
    rows = [
        row(form, number, line, closing=closing, file=f"{line % 3}.gpkg", **given)
        for line, (form, number, given, closing) in enumerate(drawn, 2)
    ]
    cases = [
        known(state, number)
        for state, number in zip(["20", "40", "45", "71", "85"], CASES, strict=True)
    ]
    expected = decided(rows, *cases)
    order.shuffle(rows)
    assert decided(rows, *cases) == expected


@given(drawn=rows_of_county)
def test_what_was_entered_once_changes_nothing_when_it_comes_again(drawn):
    rows = [
        row(form, number, line, **given) for line, (form, number, given, _) in enumerate(drawn, 2)
    ]
    cases = {number: known("20", number) for number in CASES}
    first = decided(rows, *cases.values())
    for change in first.changes:
        claims = {name: text for step in change.steps for name, text in step.claims.items()}
        cases[change.case] = known(change.to_state, change.case, **claims)
    again = decided(rows, *cases.values())
    assert again.changes == ()


def test_claims__an_emptied_cell_is_a_change_and_a_missing_column_is_none():
    case = known("40", HCJG="2", HCR="赵")
    (change,) = decided([row("HC_JL", HCJG="2", HCR="")], case).changes
    assert change.differences == (("HCR", "赵", ""),)
    assert decided([row("HC_JL", HCJG="2")], case).unchanged == (CASES[0],)


def test_claims__list_and_check_that_contradict_are_refused():
    outcome = decided([row("HC_JL", HCJG="2"), row("AJTB", RDJG="1")], known("20"))
    assert outcome.changes == ()
    assert "differs from" in outcome.faults[0].message


def test_decide__a_case_that_waits_again_is_not_asked_what_it_said_before():
    """Half a month came, a case of it was closed and found again; then the whole month comes."""
    told = row("HC_JL", HCJG="1", HCR="赵")
    outcome = decided([told], known("10", HCJG="1", HCR="赵"))
    assert (outcome.unchanged, outcome.faults, outcome.changes) == ((CASES[0],), (), ())
    outcome = decided([told], known("10", HCJG="2", HCR="赵"))
    assert not outcome.changes
    assert "尚未下发" in outcome.faults[0].message


@pytest.mark.parametrize(
    ("list_says", "form_says", "expected"),
    [
        ({"RDJG": "3", "RDEJ": "34"}, {}, {"HCJG": "3", "RDEJ": "34"}),
        ({"RDEJ": "21"}, {"HCJG": "2"}, {"HCJG": "2", "RDEJ": "21"}),
        ({"RDJG": "0", "RDEJ": "02"}, {}, {"HCJG": "0", "RDEJ": "02"}),
        ({"RDEJ": "34"}, {}, "without 认定结果"),
        ({"RDJG": "1", "RDEJ": "21"}, {}, "does not go with"),
        ({"RDEJ": "34"}, {"HCJG": "2"}, "does not go with"),
    ],
)
def test_decide__the_kind_of_the_result_is_a_claim_that_goes_with_the_result(
    list_says, form_says, expected
):
    rows = [row("AJTB", **list_says)] + ([row("HC_JL", **form_says)] if form_says else [])
    outcome = decided(rows, known("20"))
    if isinstance(expected, str):
        assert expected in outcome.faults[0].message
        assert not outcome.changes
    else:
        assert dict(outcome.changes[0].steps[0].claims) == expected

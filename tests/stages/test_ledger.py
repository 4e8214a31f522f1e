"""The ledger's rules: chain, moves, projection; every kind of tampering is found."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import shapely

from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.records import Case
from changedetect.stages import ledger

NOW = datetime(2025, 7, 1, tzinfo=UTC)
ROLES = {"found": "program", "dispatched": "province", "x": "province"}


def a_case(number="43099102250600001C", state="10"):
    return Case(
        number=number,
        unit_id="P000001000002",
        district="430991",
        themes=("01", "02"),
        main_theme="02",
        suggestion="21",
        severity=3,
        state=state,
        month="2025-06",
        first_found=date(2025, 6, 20),
        last_confirmed=date(2025, 6, 20),
        county_due=date(2025, 7, 20),
        clear_due=date(2025, 7, 31),
        geometry=shapely.MultiPolygon([shapely.box(0.1, 0, 10, 10)]),
        area_m2=99.000000000000001,
        reasons=("疑似", "理由"),
    )


def an_entry(case, event, origin, target):
    return Entry(
        case.number,
        event,
        origin,
        target,
        "tester",
        NOW,
        "why",
        "0" * 64,
        ledger.payload_of(case),
        ROLES[event],
    )


def three_entries():
    first, second = a_case(), a_case("43099102250600002B")
    return ledger.chain(
        [
            an_entry(first, "found", "", "10"),
            an_entry(second, "found", "", "10"),
            an_entry(replace(first, state="20"), "dispatched", "10", "20"),
        ],
        None,
    )


def test_payload__comes_back_exact():
    case = a_case()
    back = ledger.case_of(ledger.payload_of(case))
    assert back == case
    assert back.geometry.wkb == case.geometry.wkb


def test_chain__continues_behind_the_head():
    whole = three_entries()
    parts = ledger.chain([item.entry for item in whole[:1]], None)
    parts += ledger.chain([item.entry for item in whole[1:]], parts[-1])
    assert parts == whole
    ledger.verify(whole)


def test_project__is_the_last_word_about_each_case():
    cases = ledger.project(three_entries())
    assert {number: case.state for number, case in cases.items()} == {
        "43099102250600001C": "20",
        "43099102250600002B": "10",
    }


def tamper(items, place, **changes):
    items[place] = replace(items[place], entry=replace(items[place].entry, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"case": "x"}, {"event": "x"}, {"from_state": "x"}, {"to_state": "x"}, {"actor": "x"},
        {"time": datetime(2025, 7, 2, tzinfo=UTC)}, {"reason": "x"}, {"source_sha256": "x"}, {"payload": "{}"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_verify__finds_every_altered_field(place, changes):
    items = list(three_entries())
    tamper(items, place, **changes)
    with pytest.raises(LedgerError, match=f"entry {place + 1} "):
        ledger.verify(items)


@pytest.mark.parametrize("order", [[0, 2], [1, 2], [1, 0, 2], [0, 0, 1, 2], [0, 2, 1]])
def test_verify__finds_removed_repeated_and_moved_entries(order):
    items = three_entries()
    with pytest.raises(LedgerError):
        ledger.verify([items[i] for i in order])


def test_verify__a_rewritten_chain_needs_an_outside_head():
    """The limit of a hash chain, stated: rewriting everything passes, unless a head is held elsewhere."""
    items = list(three_entries())
    rewritten = ledger.chain([replace(item.entry, reason="other") for item in items], None)
    ledger.verify(rewritten)
    assert rewritten[-1].digest != items[-1].digest


@pytest.mark.parametrize(
    ("origin", "target"), [("", "20"), ("10", "90"), ("10", "71"), ("99", "10")]
)
def test_check_move__refuses_illegal_moves(origin, target):
    with pytest.raises(LedgerError, match="not a legal move"):
        ledger.check_move(an_entry(a_case(), "x", origin, target), ledger.Trail(origin))


def test_check_move__refuses_a_stale_start():
    with pytest.raises(LedgerError, match="is in state 20"):
        ledger.check_move(an_entry(a_case(), "x", "10", "20"), ledger.Trail("20"))


def bare(event, origin, target, **changes):
    return replace(an_entry(a_case(), event, origin, target), payload="", **changes)


def test_project__the_state_is_where_the_last_entry_led_even_without_facts():
    items = ledger.chain(
        [an_entry(a_case(), "found", "", "10"), bare("dispatched", "10", "20")], None
    )
    ledger.verify(items)
    assert ledger.project(items) == {a_case().number: a_case(state="20")}


@pytest.mark.parametrize(
    "wrong",
    [
        bare("found", "", "10"),
        an_entry(a_case(), "dispatched", "", "10"),
        an_entry(a_case(state="20"), "found", "", "10"),
        replace(an_entry(a_case(), "found", "", "10"), case="43099102250600002B"),
        replace(an_entry(a_case(), "found", "", "10"), payload="{}"),
        replace(an_entry(a_case(), "found", "", "10"), payload="[]"),
        replace(an_entry(a_case(), "found", "", "10"), payload="x"),
    ],
)
def test_verify__facts_fit_the_entry_and_a_case_begins_with_found(wrong):
    with pytest.raises(LedgerError, match=r"first entry|facts"):
        ledger.verify(ledger.chain([wrong], None))


def test_check_moves__follows_the_entries_and_refuses_the_first_that_does_not_fit():
    found, sent = (
        an_entry(a_case(), "found", "", "10"),
        an_entry(a_case(state="20"), "dispatched", "10", "20"),
    )
    ledger.check_moves([found, sent], {})
    with pytest.raises(LedgerError, match="is in state 20"):
        ledger.check_moves([sent, sent], {found.case: ledger.Trail("10")})


def test_moves__every_state_is_known_and_reachable():
    from changedetect.codes import STATES

    assert set(ledger.MOVES) - {""} == set(STATES)
    reached, frontier = set(), {""}
    while frontier:
        reached |= frontier
        frontier = set().union(*(ledger.MOVES[state] for state in frontier)) - reached
    assert reached - {""} == set(STATES)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 21])
def test_path_in__leads_every_entry_to_the_root(count):
    digests = [f"{number:064x}" for number in range(count)]
    levels = ledger.merkle_levels(digests)
    root = ledger.merkle_root(digests)
    paths = [ledger.path_in(levels, place) for place in range(count)]
    assert [ledger.root_of_path(d, path) for d, path in zip(digests, paths, strict=True)] == [
        root
    ] * count
    if count > 1:
        assert ledger.root_of_path(digests[0], paths[1]) != root

"""What the ledger knew before a month: closed as lawful is not rectified; later words are left out."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from changedetect.entries import Entry
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.steps.known import Past, before
from changedetect.stages import ledger
from tests.pipeline.test_month_loop import QIAN, SUN, ZHAO, ZHOU, Clock, a_case, do, find

JULY, AUGUST, SEPTEMBER = date(2025, 7, 1), date(2025, 8, 1), date(2025, 9, 1)
LEGAL = (("filed", ZHAO), ("submitted", QIAN), ("passed", QIAN), ("judged_legal", SUN))
ILLEGAL = (
    *LEGAL[:3], ("judged_illegal", SUN), ("docketed", SUN), ("rectifying", ZHAO), ("rectified", ZHAO),
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    return open_ledger(tmp_path / "l.sqlite")


@pytest.fixture
def clock():
    return Clock()


def lead(store, clock, number, steps, paper):
    do(store, clock, [number], "dispatched", SUN)
    for event, who in steps:
        do(store, clock, [number], event, who)
    do(store, clock, [number], "close_proposed", SUN)
    do(store, clock, [number], "closed", ZHOU, source=paper)


@pytest.fixture
def paper(tmp_path):
    file = tmp_path / "paper.pdf"
    file.write_bytes(b"%PDF")
    return file


def test_known__a_case_closed_as_lawful_is_not_looked_at_again(store, clock, paper):
    lawful, rectified = find(store, clock, a_case(1), a_case(2))
    lead(store, clock, lawful, LEGAL, paper)
    lead(store, clock, rectified, ILLEGAL, paper)
    known = {one.case.number: one for one in before(store.entries(), AUGUST)}
    assert known[lawful].case.state == known[rectified].case.state == "90"
    assert (known[lawful].closed_on, known[rectified].closed_on) == (None, clock().date())


def test_known__what_a_month_said_and_what_followed_is_left_out(store, clock, paper):
    """August re-opens the case and people send it out: before August it stood closed, after it is out."""
    case = a_case(1)
    (number,) = find(store, clock, case)
    lead(store, clock, number, ILLEGAL, paper)
    again = replace(case, state="10", last_confirmed=date(2025, 8, 17))
    entry = Entry(
        number, "recurred", "90", "10", "cd", datetime(2025, 9, 1, tzinfo=UTC), "复发", "b" * 64,
        ledger.payload_of(again), ledger.PROGRAM,
    )  # fmt: skip
    enter(store, lambda _: [entry])
    do(store, clock, [number], "dispatched", SUN)
    (then,) = before(store.entries(), AUGUST)
    (now,) = before(store.entries(), SEPTEMBER)
    assert (then.case.state, then.closed_on) == ("90", clock().date())
    assert (now.case.state, now.closed_on) == ("20", None)


def test_known__the_last_image_check_before_the_month_counts(store, clock):
    (number,) = find(store, clock, a_case(1))
    do(store, clock, [number], "dispatched", SUN)
    for event, who in ILLEGAL:
        do(store, clock, [number], event, who)

    def checked(day, standing):
        claims = {"YXFHH": day, "YXFHWC": standing}
        enter(
            store,
            lambda _: [
                Entry(
                    number,
                    "image_checked",
                    "85",
                    "85",
                    ledger.PROGRAM,
                    clock(),
                    "影像复核",
                    "c" * 64,
                    ledger.claims_payload(claims),
                    ledger.PROGRAM,
                )
            ],
        )

    checked("20250716", "0.250-1.000")
    checked("20250817", "0.100-0.300")
    seen = [before(store.entries(), day)[0].checked for day in (JULY, AUGUST, SEPTEMBER)]
    assert seen == [None, (0.25, date(2025, 7, 16)), (0.1, date(2025, 8, 17))]


@dataclass(frozen=True)
class Month:
    """What `Past` asks of the context of a month."""

    ledger_place: Path
    span: tuple[date, date]


EVERYWHERE = (-1e9, -1e9, 1e9, 1e9)


def test_past__gives_near_a_place_what_the_whole_ledger_says(store, clock, paper):
    first, second, third = find(store, clock, a_case(1), a_case(2), a_case(3))
    lead(store, clock, first, ILLEGAL, paper)
    do(store, clock, [second, third], "dispatched", SUN)
    past = Past(Month(store.path, (AUGUST, SEPTEMBER)))
    every = before(store.entries(), AUGUST)
    assert past.near(EVERYWHERE) == every
    for one in every:
        assert past.near(one.case.geometry.bounds) == tuple(
            other for other in every if other.case.geometry.intersects(one.case.geometry.envelope)
        )
    assert Past(Month(store.path, (JULY, AUGUST))).near(EVERYWHERE) == before(store.entries(), JULY)


def test_past__sees_nothing_that_is_entered_after_it_was_made(store, clock):
    (number,) = find(store, clock, a_case(1))
    month = Month(store.path, (AUGUST, SEPTEMBER))
    past = Past(month)
    do(store, clock, [number], "dispatched", SUN)
    assert [one.case.state for one in past.near(EVERYWHERE)] == ["10"]
    find(store, clock, a_case(2))
    assert len(past.near(EVERYWHERE)) == 1
    assert len(Past(month).near(EVERYWHERE)) == 2
    assert Past(month).digest != past.digest


def test_past__what_people_do_does_not_change_what_the_watch_rests_on(store, clock):
    (number,) = find(store, clock, a_case(1))
    month = Month(store.path, (AUGUST, SEPTEMBER))
    digest = Past(month).digest
    do(store, clock, [number], "dispatched", SUN)
    assert Past(month).digest == digest
    assert Past(Month(store.path.parent / "none.sqlite", month.span)).near(EVERYWHERE) == ()

"""月发现、月处置、月清零: open, screen, dispatch, status, remind, close, restate."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import shapely

from changedetect.codes import case_number
from changedetect.config.job import LedgerSection
from changedetect.entries import Entry
from changedetect.errors import InputError, LedgerError
from changedetect.pipeline.ledger import actions, books
from changedetect.pipeline.ledger.actions import Actor, Deed
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.loop import monthloop
from changedetect.records import Case
from changedetect.stages import ledger

SUN, ZHOU = Actor("sun", "province"), Actor("zhou", "province")
WANG, ZHAO, QIAN = Actor("wang", "interpreter"), Actor("zhao", "county"), Actor("qian", "city")


class Clock:
    now = datetime(2025, 7, 1, 8, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def a_case(sequence, month="2025-06", district="430991", **more):
    day = date.fromisoformat(f"{month}-20")
    box = shapely.MultiPolygon([shapely.box(sequence * 20, 0, sequence * 20 + 10, 10)])
    return Case(
        case_number(district, "02", month, sequence), f"P{sequence}", district, ("02",), "02", "21", 3, "10",
        month, day, day, date(2025, 7, 20), date(2025, 7, 31), box, 100.0, **more,
    )  # fmt: skip


def find(store, clock, *cases):
    enter(
        store,
        lambda _: [
            Entry(
                c.number,
                "found",
                "",
                "10",
                "cd",
                clock(),
                "监测",
                "a" * 64,
                ledger.payload_of(c),
                "program",
            )
            for c in cases
        ],
    )
    return [case.number for case in cases]


@pytest.fixture
def store(tmp_path):
    return open_ledger(tmp_path / "l.sqlite")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "2025-06"
    folder.mkdir()
    files = {
        f"packages/{c}_202506/{c}_202506_AJ.gpkg": c.ljust(64, "f") for c in ("430991", "430992")
    }
    record = {
        "name": "deliver", "key": "k", "state": "done", "outputs": files, "facts": {}, "problems": [], "stale": False,
    }  # fmt: skip
    for name in files:
        (folder / name).parent.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"format": 1, "steps": [record]}))
    return folder


def do(store, clock, numbers, event, who, **more):
    return actions.act(store, numbers, Deed(event, "理由", **more), who, clock)


def test_month__goes_from_found_to_cleared(store, run, clock, tmp_path):
    one, two, pooled, record = find(
        store, clock, a_case(1), a_case(2), a_case(3, pooled=True), a_case(4, record_only=True)
    )
    assert monthloop.open_month(store, "2025-06", SUN, clock).facts()["carried_over"] == 0
    do(store, clock, [one], "accepted", WANG)
    sent = monthloop.dispatch(store, run, "2025-06", SUN, clock, unscreened=False)
    assert (sent.facts()["dispatched"], sent.facts()["left"], sent.exit_code) == (1, [two], 3)
    do(store, clock, [two], "rejected", WANG)
    with store.reading() as reader:
        assert next(reader.entries(case=one)).entry.event == "found"
        assert [item.entry.source_sha256 for item in reader.entries(case=one)][
            -1
        ] == "430991".ljust(64, "f")
    for event, who in [
        ("filed", ZHAO),
        ("submitted", QIAN),
        ("passed", QIAN),
        ("judged_legal", SUN),
    ]:
        do(store, clock, [one], event, who)
    left = monthloop.status(store, "2025-06", clock).facts()
    assert left["left"] == {"待销号": {"month": 1, "carried_over": 0}}
    do(store, clock, [one], "close_proposed", SUN)
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"%PDF")
    with pytest.raises(LedgerError, match="another person"):
        do(store, clock, [one], "closed", SUN, source=paper)
    with pytest.raises(LedgerError, match="no proof"):
        do(store, clock, [one], "closed", ZHOU)
    do(store, clock, [one], "closed", ZHOU, source=paper)
    done = monthloop.status(store, "2025-06", clock)
    assert done.facts()["left"] == {}
    assert done.facts()["cleared_share"] == 1.0
    assert "已清零" in done.lines()[-1]
    totals = done.facts()["totals"]
    assert (totals["found"], totals["pooled"], totals["recorded"], totals["listed"]) == (4, 1, 1, 2)
    assert (totals["cleared"], totals["dropped"], totals["open"]) == (1, 1, 0)
    with store.reading() as reader:
        assert {reader.row(number).state for number in (pooled, record)} == {"10"}


def test_dispatch__takes_what_the_month_found_again_but_not_what_it_did_not(store, run, clock):
    june, again, left = find(store, clock, a_case(1), a_case(2), a_case(3))
    do(store, clock, [june], "rejected", WANG)
    july = run.with_name("2025-07")
    run.rename(july)
    seen = replace(a_case(2), last_confirmed=date(2025, 7, 20))
    entry = Entry(
        again, "confirmed", "10", "10", "cd", clock(), "监测", "a" * 64, ledger.payload_of(seen), "program"
    )  # fmt: skip
    enter(store, lambda _: [entry])
    do(store, clock, [again, left], "accepted", WANG)
    sent = monthloop.dispatch(store, july, "2025-07", SUN, clock, unscreened=False)
    assert (sent.facts(), sent.exit_code) == ({"dispatched": 1, "left": []}, 0)
    with store.reading() as reader:
        assert [reader.row(number).state for number in (june, again, left)] == ["99", "20", "10"]


def test_month__figures_of_a_closed_month_are_restated_when_they_change(store, run, clock):
    one, _ = find(store, clock, a_case(1), a_case(2))
    first = monthloop.close(store, run, "2025-06", SUN, clock).facts()
    assert (first["totals"]["open"], first["restated"], first["carried_over"]) == (2, {}, 2)
    with pytest.raises(InputError, match="closed before"):
        monthloop.close(store, run, "2025-06", SUN, clock)
    do(store, clock, [one], "rejected", WANG)
    assert monthloop.open_month(store, "2025-07", SUN, clock).facts()["carried_over"] == 1
    july = run.with_name("2025-07")
    run.rename(july)
    second = monthloop.close(store, july, "2025-07", SUN, clock)
    assert second.facts()["restated"] == {"2025-06": {"dropped": (0, 1), "open": (2, 1)}}
    assert any("2025-06" in line and "open 2 → 1" in line for line in second.lines())
    assert books.check(store).facts()["months_closed"].keys() == {"2025-06", "2025-07"}
    assert monthloop.status(store, "2025-07", clock).facts()["left"]["待判读下发"] == {
        "month": 0,
        "carried_over": 1,
    }


def test_remind__overdue_cases_once_a_day(store, run, clock):
    (one,) = find(store, clock, a_case(1))
    monthloop.dispatch(store, run, "2025-06", SUN, clock, unscreened=True)
    assert monthloop.remind(store, clock).facts() == {"reminded": 0}
    clock.now = datetime(2025, 7, 21, tzinfo=UTC)
    assert monthloop.status(store, "2025-06", clock).facts()["totals"]["overdue"] == 1
    assert [monthloop.remind(store, clock).facts()["reminded"] for _ in range(2)] == [1, 0]
    clock.now = datetime(2025, 7, 22, tzinfo=UTC)
    assert monthloop.remind(store, clock).facts() == {"reminded": 1}
    with store.reading() as reader:
        assert reader.row(one).state == "20"


def test_act__refuses_what_it_can_not_enter(store, clock):
    (one,) = find(store, clock, a_case(1))
    wrong = one[:-2] + "9" + one[-1]
    for numbers, deed, says in [
        ([wrong], Deed("accepted", "r"), "check letter"),
        ([case_number("430991", "02", "2025-06", 77)], Deed("accepted", "r"), "not in this ledger"),
        ([one], Deed("acepted", "r"), "one of"),
        ([one], Deed("accepted", " "), "--reason"),
        ([], Deed("accepted", "r"), "at least one"),
    ]:
        with pytest.raises(InputError, match=says):
            actions.act(store, numbers, deed, WANG, clock)
    assert len(store.entries()) == 1


def test_act__all_or_nothing(store, clock):
    one, two = find(store, clock, a_case(1), a_case(2))
    do(store, clock, [two], "rejected", WANG)
    with pytest.raises(LedgerError, match=two):
        do(store, clock, [one, two], "accepted", WANG)
    with store.reading() as reader:
        assert reader.row(one).screened == ""


def test_act__claims_stand_beside_the_facts(store, clock):
    (one,) = find(store, clock, a_case(1))
    with store.reading() as reader:
        before = reader.facts([one])
    do(store, clock, [one], "attached", SUN, claims={"WBBH": "BW2025-17", "WBLY": "部级"})
    do(store, clock, [one], "claimed", ZHAO, claims={"WBBH": "BW2025-18"})
    with store.reading() as reader:
        assert json.loads(reader.row(one).claims) == {"WBBH": "BW2025-18", "WBLY": "部级"}
        assert reader.facts([one]) == before
    shown = actions.history(store, one)
    assert [line.split()[2] for line in shown.lines()[1:]] == ["发现", "挂接外部编号", "填报信息"]


@pytest.mark.parametrize(
    ("people", "wanted", "event", "role"),
    [
        ({}, "county", "filed", "county"),
        ({}, None, "filed", "county"),
        ({"sun": ("province", "reviewer")}, None, "judged_legal", "province"),
        ({"sun": ("province", "reviewer")}, "reviewer", "closed", "reviewer"),
    ],
)
def test_role_of__finds_the_role(people, wanted, event, role):
    assert actions.role_of("sun", wanted, event, LedgerSection(people=people)) == Actor("sun", role)


@pytest.mark.parametrize(
    ("people", "wanted", "event", "says"),
    [
        ({"sun": ("county",)}, "province", "judged_legal", "is county, not province"),
        ({"sun": ("county",)}, None, "judged_legal", "name the role"),
        ({"li": ("county",)}, None, "filed", "no role"),
        ({}, None, "closed", "province, reviewer"),
    ],
)
def test_role_of__refuses(people, wanted, event, says):
    with pytest.raises(InputError, match=says):
        actions.role_of("sun", wanted, event, LedgerSection(people=people))


def test_target__asks_where_several_ends_fit(store, clock, run):
    (one,) = find(store, clock, a_case(1))
    monthloop.dispatch(store, run, "2025-06", SUN, clock, unscreened=True)
    do(store, clock, [one], "objected", ZHAO)
    with pytest.raises(InputError, match="--to"):
        do(store, clock, [one], "resolved", SUN)
    do(store, clock, [one], "resolved", SUN, to_state="40")
    with store.reading() as reader:
        assert reader.row(one).state == "40"

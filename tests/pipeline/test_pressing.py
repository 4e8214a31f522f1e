"""What presses: soon, late in calendar and in working days, transferred with and without receipt, raised."""

from datetime import date

import pytest

from changedetect.errors import InputError
from changedetect.pipeline.ledger import actions
from changedetect.pipeline.ledger.actions import Actor, Deed
from changedetect.pipeline.ledger.ledgerwork import open_ledger
from changedetect.pipeline.ledger.pressing import pressing
from changedetect.pipeline.loop import monthloop
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_calendar
from tests.pipeline.test_month_loop import SUN, ZHAO, Clock, a_case, find

CITY = Actor("qian", "city")


def do(store, numbers, event, actor, **more):
    to = more.pop("to", None)
    return actions.act(store, numbers, Deed(event, "理由", to, more.get("claims")), actor, Clock())


@pytest.fixture
def sent(tmp_path):
    store = open_ledger(tmp_path / "l.sqlite")
    numbers = find(store, Clock(), *(a_case(i) for i in range(1, 7)))
    do(store, numbers, "dispatched", SUN)
    return store, numbers


def look(store, day, calendar=None):
    with store.reading() as reader:
        return pressing(reader, date.fromisoformat(day), calendar, 3)


def test_due__soon_and_late_by_every_day_and_by_working_days(sent):
    """The deadline is Sunday, 20 July 2025: on Wednesday two working days are left."""
    store, numbers = sent
    china = read_calendar(SHARED_CONFIG, "china")
    assert look(store, "2025-07-16").soon == 0
    assert look(store, "2025-07-16", china).soon == 6
    assert look(store, "2025-07-17").soon == 6
    assert look(store, "2025-07-20").overdue == ()
    assert dict(look(store, "2025-07-23").overdue) == dict.fromkeys(numbers, 3)
    assert dict(look(store, "2025-07-22", china).overdue) == dict.fromkeys(numbers, 2)
    assert dict(look(store, "2025-07-21", china).overdue) == dict.fromkeys(numbers, 1)


def test_status__names_departments_receipts_and_levels(sent):
    store, numbers = sent
    do(store, numbers[:2], "transferred", SUN, claims={"YSBM": "公安"})
    do(store, numbers[2:3], "transferred", CITY)
    do(store, numbers[:1], "claimed", SUN, claims={"YSHZ": "公安〔2025〕3号"})
    do(store, numbers[3:5], "escalated", SUN, claims={"TJJB": "省级直接立案"})
    report = monthloop.status(store, "2025-06", Clock())
    assert report.facts()["transferred"] == {"公安": [2, 1], "（未注明部门）": [1, 1]}
    assert report.facts()["escalated"] == {"省级直接立案": 2}
    text = "\n".join(report.lines())
    assert "移送公安 2，未取得回执 1" in text
    assert "省级直接立案 2" in text


def test_act__an_unknown_department_or_level_enters_nothing(sent):
    store, numbers = sent
    before = len(store.entries())
    with pytest.raises(InputError, match="纪检监察、检察"):
        do(store, numbers, "transferred", SUN, claims={"YSBM": "派出所"})
    with pytest.raises(InputError, match="提级立案"):
        do(store, numbers, "escalated", SUN, claims={"TJJB": "国家"})
    assert len(store.entries()) == before


def test_act__the_county_can_neither_transfer_nor_raise(sent):
    store, numbers = sent
    for event in ("transferred", "escalated"):
        with pytest.raises(Exception, match="entered by zhao as county"):
            do(store, numbers, event, ZHAO)


def test_what_is_left_open_on_a_transfer_comes_back_with_a_named_state(sent):
    store, numbers = sent
    do(store, numbers[:1], "transferred", SUN, claims={"YSBM": "纪检监察"})
    with pytest.raises(InputError, match="name one with --to"):
        do(store, numbers[:1], "resumed", SUN)
    do(store, numbers[:1], "resumed", SUN, to="30")
    assert look(store, "2025-07-01").transferred == {}

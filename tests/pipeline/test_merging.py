"""A merged case names the one that takes it up; where it went in the end is shown."""

import pytest

from changedetect.errors import InputError
from changedetect.pipeline.ledger import actions, merging
from changedetect.pipeline.ledger.ledgerwork import open_ledger
from tests.pipeline.test_month_loop import SUN, WANG, Clock, a_case, do, find


@pytest.fixture
def store(tmp_path):
    return open_ledger(tmp_path / "l.sqlite")


@pytest.fixture
def clock():
    return Clock()


def merge(store, clock, numbers, into):
    return do(store, clock, numbers, "merged", WANG, claims={merging.TARGET: into})


@pytest.mark.parametrize(
    ("into", "said"),
    [
        (None, "--into"),
        ("", "--into"),
        ("43099102250600001D", "案件编号校验不符"),
        ("self", "不能并入自身"),
        ("other of the same command", "不能并入自身"),
        ("unknown", "台账无此案件"),
        ("rejected", "须未结"),
    ],
)
def test_merged__into_nothing_or_what_can_not_take_it_up_is_refused(store, clock, into, said):
    one, two, rejected = find(store, clock, a_case(1), a_case(2), a_case(3))
    do(store, clock, [rejected], "rejected", WANG)
    named = {
        "self": one, "other of the same command": two, "unknown": a_case(9).number, "rejected": rejected,
    }  # fmt: skip
    count = len(store.entries())
    claims = None if into is None else {merging.TARGET: named.get(into, into)}
    with pytest.raises(InputError, match=said):
        do(store, clock, [one, two], "merged", WANG, claims=claims)
    assert len(store.entries()) == count


def test_merged__a_chain_is_followed_to_its_end(store, clock):
    one, two, three = find(store, clock, a_case(1), a_case(2), a_case(3))
    merge(store, clock, [one], two)
    merge(store, clock, [two], three)
    with pytest.raises(InputError, match=f"merged into {three}; name a case that is open"):
        merge(store, clock, [three], one)
    shown = actions.history(store, one)
    assert shown.facts()["merged_into"] == [two, three]
    assert f"  并入 {two} → {three}" in shown.lines()
    assert actions.history(store, two).facts()["merged_here"] == [one]
    assert f"  已并入本案：{two}" in actions.history(store, three).lines()
    listed = {case["case"]: case for case in actions.listing(store, (), (), None).facts()["cases"]}
    assert listed[one]["merged_into"] == listed[two]["merged_into"] == three
    assert "merged_into" not in listed[three]


def test_merged__another_event_takes_no_target(store, clock):
    one, two = find(store, clock, a_case(1), a_case(2))
    with pytest.raises(InputError, match="only 'merged' takes it"):
        do(store, clock, [one], "dispatched", SUN, claims={merging.TARGET: two})


def test_merged__an_old_ledger_without_targets_is_still_shown(store, clock, monkeypatch):
    (one,) = find(store, clock, a_case(1))
    monkeypatch.setattr(merging, "check_target", lambda *_: None)
    do(store, clock, [one], "merged", WANG)
    assert actions.history(store, one).facts()["merged_into"] == []

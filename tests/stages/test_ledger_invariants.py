"""I1 to I8, by name: kept by a ledger as it should be, and seen where a fault was planted."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import shapely

from changedetect.codes import case_number
from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.stages import ledger
from changedetect.stages.ledger import moves
from tests import promises, tampering
from tests.stages.test_ledger_machine import facts

ROAD = (
    *tampering.ROAD, ("passed", "50", "60", "city"), ("judged_legal", "60", "70", "province"),
    ("close_proposed", "70", "70", "province"),
)  # fmt: skip


class Held:
    """A ledger, and what a second office keeps of it: numbers given out, digests of what was found."""

    def __init__(self, path):
        self.path = path
        self.store, self.numbers = tampering.make_ledger(path)
        for hour, step in enumerate(ROAD):
            if hour >= len(tampering.ROAD):  # what comes before it went through already
                self.enter(tampering.walked(self.numbers[4], step, 60 + hour))
        entries, _ = promises.read(path)
        self.kept = promises.finding_digests(entries)

    def enter(self, *entries):
        enter(self.store, lambda _: list(entries))

    def wrong(self):
        entries, rows = promises.read(self.path)
        found = [
            *promises.i1_one_state(entries, rows), *promises.i2_legal_events(entries),
            *promises.i3_numbers(entries, rows, self.kept), *promises.i4_projection(entries, rows),
            *promises.i5_chain(entries), *promises.i6_areas(entries, rows),
            *promises.i7_record(entries, self.kept), *promises.i8_closing(entries),
        ]  # fmt: skip
        return {line.split()[0] for line in found}

    def close(self, actor, source="ef" * 32):
        step = tampering.walked(self.numbers[4], ("closed", "70", "90", "province"), 90)
        self.enter(replace(step, actor=actor, source_sha256=source))

    def sql(self, *statements, again=False):
        """Change the file past its triggers; again = and write the whole chain anew, with care."""
        with closing(sqlite3.connect(self.path)) as base:
            for name in ("no_update", "no_delete", "no_replace"):
                base.execute(f"DROP TRIGGER {name}")
            for text, *values in statements:
                base.execute(text, values)
            base.commit()
        if again:
            items = LedgerStore(self.path).entries()
            fresh = ledger.chain([item.entry for item in items], None)
            with closing(sqlite3.connect(self.path)) as base:
                for old, new in zip(items, fresh, strict=True):
                    base.execute(
                        "UPDATE entries SET sequence = ?, previous = ?, digest = ? WHERE sequence = ?",
                        (new.sequence, new.previous, new.digest, old.sequence),
                    )
                base.commit()


@pytest.fixture
def held(tmp_path):
    return Held(tmp_path / "l.sqlite")


def test_promises__are_kept_by_a_sound_ledger(held):
    assert held.wrong() == set()
    held.close("sun")
    assert held.wrong() == set()


def test_i1__a_case_in_no_state_or_without_its_row(held):
    held.sql(("UPDATE cases SET state = '97' WHERE number = ?", held.numbers[0]))
    assert "I1" in held.wrong()


def test_i1__a_row_that_is_gone(held):
    held.sql(("DELETE FROM cases WHERE number = ?", held.numbers[1]))
    assert "I1" in held.wrong()


def test_i2__a_move_that_the_schema_does_not_know_is_refused_and_seen(held, monkeypatch):
    """Closed from the county's hands, behind a chain that is right: the door lets it in only when it is broken."""
    leap = tampering.walked(held.numbers[2], ("closed", "20", "90", "province"), 80)
    with pytest.raises(LedgerError, match="not a legal move"):
        held.enter(leap)
    assert held.wrong() == set()
    for name in ("_check_path", "_check_event", "_check_closing"):
        monkeypatch.setattr(moves, name, lambda *_: None)
    held.enter(leap)
    assert {"I2", "I8"} <= held.wrong()
    assert "I5" not in held.wrong()


@pytest.mark.parametrize("event", ["claimed", "reminded", "accepted", "restated"])
def test_i2__an_event_that_moves_a_case_it_may_not_move(held, monkeypatch, event):
    monkeypatch.setattr(moves, "_check_event", lambda *_: None)
    held.enter(tampering.walked(held.numbers[0], (event, "20", "30", "province"), 80))
    assert held.wrong() == {"I2"}


def test_i3__a_case_that_vanished_though_the_chain_is_made_again(held):
    number = held.numbers[3]
    held.sql(
        ("DELETE FROM entries WHERE case_number = ?", number),
        ("DELETE FROM cases WHERE number = ?", number),
        again=True,
    )
    assert {"I3", "I7"} <= held.wrong()


def test_i3__a_number_that_was_given_out_twice(held):
    columns = ", ".join(["previous", "digest", *promises.SAID, "form"])
    text = f"INSERT INTO entries (sequence, {columns}) SELECT (SELECT max(sequence) + 1 FROM entries), {columns} FROM entries WHERE case_number = ? AND event = 'found'"  # noqa: S608 - our own names
    held.sql((text, held.numbers[5]))
    assert "I3" in held.wrong()


def test_i4__a_row_that_says_another_state_or_proposer(held):
    held.sql(("UPDATE cases SET state = '20' WHERE number = ?", held.numbers[4]))
    assert held.wrong() == {"I4"}


def test_i4__a_row_that_says_another_proposer(held):
    held.sql(("UPDATE cases SET proposer = 'zhou' WHERE number = ?", held.numbers[4]))
    assert held.wrong() == {"I4"}


def test_i5__an_entry_that_was_altered(held):
    held.sql(("UPDATE entries SET reason = '别的理由' WHERE sequence = 3",))
    assert held.wrong() == {"I5"}


def test_i5__a_root_that_no_longer_is_that_of_its_month(held):
    held.sql(("UPDATE entries SET reason = '别的理由' WHERE sequence = 3",), again=True)
    assert held.wrong() == {"I5"}


def test_i6__ground_that_two_live_cases_of_a_month_share(held):
    """The neighbour begins at 20; this one reaches 5 m into it."""
    number = case_number(tampering.DISTRICT, "02", tampering.MONTH, 99)
    case = facts(number, "10", tampering.MONTH, 15)
    entry = Entry(number, "found", "", "10", "cd", tampering.START + timedelta(hours=90), "监测", "ab" * 32, ledger.payload_of(case), "program")  # fmt: skip
    held.enter(entry)
    held.kept = promises.finding_digests(promises.read(held.path)[0])
    assert held.wrong() == {"I6"}


def test_i6__a_child_on_its_parents_ground_and_a_rejected_case_are_no_overlap(held):
    numbers = [case_number(tampering.DISTRICT, "02", tampering.MONTH, n) for n in (97, 98)]
    child = replace(facts(numbers[0], "10", tampering.MONTH, 15), parent=held.numbers[1])
    other = facts(numbers[1], "10", tampering.MONTH, 300)
    time = tampering.START + timedelta(hours=90)
    for case in (child, replace(other, geometry=shapely.MultiPolygon([shapely.box(30, 0, 41, 10)]))):  # fmt: skip
        held.enter(Entry(case.number, "found", "", "10", "cd", time, "监测", "ab" * 32, ledger.payload_of(case), "program"))  # fmt: skip
    held.kept = promises.finding_digests(promises.read(held.path)[0])
    assert held.wrong() == {"I6"}
    held.enter(tampering.walked(numbers[1], ("rejected", "10", "99", "interpreter"), 95))
    assert held.wrong() == set()


@pytest.mark.parametrize("column", ["payload", "source_sha256"])
def test_i7__an_outline_or_image_of_record_that_was_changed_though_the_chain_is_made_again(
    held, column
):
    old = {"payload": "0000000000002440", "source_sha256": "ab" * 32}[column]
    new = {"payload": "0000000000002640", "source_sha256": "cd" * 32}[column]
    place = "SELECT min(sequence) FROM entries WHERE case_number = ?"
    text = f"UPDATE entries SET {column} = replace({column}, '{old}', '{new}') WHERE sequence = ({place})"  # noqa: S608 - our own names
    held.sql((text, held.numbers[6]), again=True)
    assert "I7" in held.wrong()


@pytest.mark.parametrize(("actor", "source"), [("wang", "ef" * 32), ("sun", ""), ("sun", "0" * 64)])
def test_i8__closed_by_its_proposer_or_without_proof_is_refused_and_seen(
    held, monkeypatch, actor, source
):
    with pytest.raises(LedgerError):
        held.close(actor, source)
    assert held.wrong() == set()
    monkeypatch.setattr(moves, "_check_closing", lambda *_: None)
    held.close(actor, source)
    assert held.wrong() == {"I8"}

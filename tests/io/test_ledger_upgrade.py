"""A ledger of the first version opens: its entries keep their digests, its rows are made anew."""

import hashlib
import json
import sqlite3
from datetime import UTC, date, datetime

import pytest
import shapely

from changedetect.entries import Entry
from changedetect.errors import LedgerError
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger.books import check
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.records import Case
from changedetect.stages import ledger

# As the first version made it, copied by hand: this text must never follow the code.
FIRST = """
CREATE TABLE entries (
 sequence INTEGER NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL, case_number TEXT NOT NULL,
 event TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL, actor TEXT NOT NULL,
 time TEXT NOT NULL, reason TEXT NOT NULL, source_sha256 TEXT NOT NULL, payload TEXT NOT NULL,
 PRIMARY KEY (sequence)) STRICT;
CREATE TRIGGER no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END;
PRAGMA application_id = 1128549447;
PRAGMA user_version = 1;
"""
NUMBER = "43099102250600001C"


def facts(state):
    day = date(2025, 6, 20)
    return Case(
        NUMBER, "P1", "430991", ("02",), "02", "21", 3, state, "2025-06", day, day, day, day,
        shapely.MultiPolygon([shapely.box(0, 0, 10, 10)]), 100.0,
    )  # fmt: skip


@pytest.fixture
def first(tmp_path):
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST)
    previous = "0" * 64
    for number, (event, start, end, payload) in enumerate(
        [("found", "", "10", ledger.payload_of(facts("10"))), ("sent", "10", "20", "")], 1
    ):
        said = [
            number, previous, NUMBER, event, start, end, "old", "2025-07-01T00:00:00+00:00", "r", "s", payload,
        ]  # fmt: skip
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        connection.execute(
            "INSERT INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [number, previous, digest, *said[2:]],
        )
        previous = digest
    connection.commit()
    connection.close()
    return path, previous


def test_upgrade__keeps_digests_and_makes_rows(first):
    path, head = first
    store = open_ledger(path)
    report = check(store, f"2:{head}").facts()
    assert (report["entries"], report["cases"]) == (2, 1)
    with store.reading() as reader:
        assert reader.row(NUMBER).state == "20"
    new = Entry(
        NUMBER, "filed", "20", "40", "zhao", datetime(2025, 7, 2, tzinfo=UTC), "r", "", "", "county"
    )
    enter(store, lambda _: [new])
    assert check(open_ledger(path), f"2:{head}").facts()["entries"] == 3


def test_upgrade__keeps_the_old_file_and_leaves_no_temporary_one(first):
    path, _ = first
    before = sqlite3.connect(path).execute("SELECT * FROM entries").fetchall()
    open_ledger(path)
    kept = path.with_name("ledger.sqlite.schema1")
    assert sqlite3.connect(kept).execute("SELECT * FROM entries").fetchall() == before
    assert {p.name for p in path.parent.iterdir()} == {"ledger.sqlite", "ledger.sqlite.schema1"}


def test_upgrade__killed_on_the_way_leaves_the_old_ledger(first, monkeypatch):
    path, _ = first
    before = path.read_bytes()
    monkeypatch.setattr(
        "changedetect.io.ledger.store.check_file",
        lambda _path: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        LedgerStore(path)
    assert path.read_bytes() == before


def test_upgrade__what_was_altered_before_is_found_after(first):
    path, _ = first
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER no_update")
    connection.execute("UPDATE entries SET actor = 'nobody' WHERE sequence = 2")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match=r"entry 2 .*altered"):
        open_ledger(path)

"""The ledger's file: nothing acknowledged is lost, nothing is changed, two writers do not mix."""

import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from changedetect.entries import Entry
from changedetect.errors import LedgerError, LockedError, ResourceError
from changedetect.io.ledger import LedgerStore
from changedetect.io.ledger import store as ledger_store
from changedetect.stages import ledger


def note(text):
    return Entry("", "note", "", "", "tester", datetime(2025, 7, 1, tzinfo=UTC), text, "0" * 64, "")


def adding(*texts):
    def build(reader):
        return [
            (item, None) for item in ledger.chain([note(text) for text in texts], reader.head())
        ]

    return build


def test_append__comes_back_in_order_after_reopening(tmp_path):
    path = tmp_path / "books" / "ledger.sqlite"
    LedgerStore(path).append(adding("a", "b"))
    LedgerStore(path).append(adding("c"))
    entries = LedgerStore(path).entries()
    assert [item.entry.reason for item in entries] == ["a", "b", "c"]
    ledger.verify(entries)


def test_append__an_error_leaves_the_ledger_as_it_was(tmp_path):
    store = LedgerStore(tmp_path / "l.sqlite")
    store.append(adding("a"))

    def fail(_entries):
        raise LedgerError("no")

    with pytest.raises(LedgerError):
        store.append(fail)
    assert len(store.entries()) == 1


@pytest.mark.parametrize("statement", ["UPDATE entries SET reason = 'x'", "DELETE FROM entries"])
def test_entries__can_not_be_changed_through_sql(tmp_path, statement):
    path = tmp_path / "l.sqlite"
    LedgerStore(path).append(adding("a"))
    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changed"),
    ):
        connection.execute(statement)
    connection.close()


REPLACING = (
    "INSERT OR REPLACE INTO entries SELECT 1, previous, digest, case_number, event, from_state, "
    "to_state, actor, time, 'x', source_sha256, payload, role, source_row, form FROM entries"
)


def test_entries__can_not_be_replaced_by_an_insert_either(tmp_path):
    path = tmp_path / "l.sqlite"
    LedgerStore(path).append(adding("a"))
    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="never changed"),
    ):
        connection.execute(REPLACING)
    connection.close()
    with pytest.raises(LedgerError, match="never changed"):
        LedgerStore(path).append(lambda _: [(ledger.chain([note("other")], None)[0], None)])
    assert [item.entry.reason for item in LedgerStore(path).entries()] == ["a"]


def test_append__a_full_disk_is_no_lock(tmp_path):
    store = LedgerStore(tmp_path / "l.sqlite")

    def cramped(connection, _record):
        connection.execute("PRAGMA max_page_count = 20").close()

    ledger_store.sa.event.listen(store._engine, "connect", cramped)
    with pytest.raises(ResourceError, match=r"full.*make room"):
        store.append(adding("x" * 100_000))
    assert LedgerStore(store.path).entries() == ()


def test_append__a_ledger_that_may_not_be_written_is_no_lock(tmp_path):
    store = LedgerStore(tmp_path / "l.sqlite")

    def forbidding(connection, _record):
        connection.execute("PRAGMA query_only = ON").close()

    ledger_store.sa.event.listen(store._engine, "connect", forbidding)
    with pytest.raises(ResourceError, match=r"readonly.*allow writing"):
        store.append(adding("a"))


def test_append__another_writer_is_a_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger_store, "BUSY_TIMEOUT_S", 0.05)
    store = LedgerStore(tmp_path / "l.sqlite")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LockedError, match="another run"):
        store.append(adding("a"))
    with pytest.raises(LockedError, match=r"read.*another run"):
        store.entries()
    other.close()


def test_entries__damage_inside_the_file_is_told_as_damage(tmp_path):
    store = LedgerStore(tmp_path / "l.sqlite")
    store.append(adding(*("a" * 3000 for _ in range(20))))
    data = bytearray(store.path.read_bytes())
    data[4096 * 3 :] = b"\xff" * (len(data) - 4096 * 3)
    store.path.write_bytes(data)
    with pytest.raises(LedgerError, match="damaged"):
        store.entries()
    with pytest.raises(LedgerError, match="damaged"):
        store.append(adding("b"))


def test_open__settings_are_durable(tmp_path):
    path = tmp_path / "l.sqlite"
    LedgerStore(path).append(adding("a"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT strict FROM pragma_table_list('entries')").fetchone() == (
            1,
        )
    connection.close()


def test_open__refuses_other_databases_damage_and_newer_schemas(tmp_path):
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(LedgerError, match="no ledger"):
        LedgerStore(other)
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerError, match="damaged"):
        LedgerStore(damaged)
    newer = tmp_path / "newer.sqlite"
    LedgerStore(newer)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError, match="schema 99"):
        LedgerStore(newer)


def test_append__writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / "l.sqlite"
    LedgerStore(path)

    def write(name):
        store = LedgerStore(path)
        for turn in range(5):
            store.append(adding(f"{name}{turn}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = LedgerStore(path).entries()
    assert len(entries) == 20
    ledger.verify(entries)

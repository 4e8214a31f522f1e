"""The same promises wherever the ledger lies: in a file, or on a PostgreSQL server."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa

from changedetect.entries import Entry
from changedetect.errors import InputError, LedgerError, LockedError, ResourceError
from changedetect.io.ledger import LedgerStore
from changedetect.io.ledger import store as ledger_store
from changedetect.pipeline.ledger.books import check, show_head
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger, rebuild
from changedetect.stages import ledger
from tests import postgres
from tests.stages.test_ledger import a_case, an_entry
from tests.stages.test_ledger_machine import LedgerMachine


@pytest.fixture(scope="module")
def databases():
    with postgres.server() as database:
        yield database


@pytest.fixture(params=["file", "server"])
def place(request, tmp_path):
    if request.param == "file":
        return tmp_path / "l.sqlite"
    return request.getfixturevalue("databases")()


def note(text):
    return Entry("", "note", "", "", "t", datetime(2025, 7, 1, tzinfo=UTC), text, "", "")


def found(number="43099102250600001C"):
    return an_entry(a_case(number), "found", "", "10")


@pytest.mark.parametrize("algorithm", ledger.ALGORITHMS)
def test_ledger__comes_back_and_fits(place, algorithm):
    store = open_ledger(place, algorithm=algorithm)
    sent = an_entry(a_case(state="20"), "dispatched", "10", "20")
    items = enter(store, lambda _: [found(), sent, note("说明 ’“ \u2028 \U0002000b")])
    again = open_ledger(place)
    assert again.entries() == items
    report = check(again, show_head(again).facts()["head"]).facts()
    assert (report["entries"], report["cases"], report["algorithm"]) == (3, 1, algorithm)
    with again.reading() as reader:
        row = reader.row("43099102250600001C")
        assert (row.state, row.area_m2, row.pooled) == ("20", 99.000000000000001, False)
        assert ledger.case_of(reader.facts([row.number])[row.number]) == a_case(state="20")
        assert reader.last_numbers(["430991022506"]) == {"430991022506": 1}
        assert reader.work_list(["430991"], ["20"]) == (row,)
        assert reader.boxes(["430991"]).boxes.tolist() == [[0.1, 0, 10, 10]]


def test_ledger__an_illegal_move_enters_nothing(place):
    store = open_ledger(place)
    enter(store, lambda _: [found()])
    with pytest.raises(LedgerError, match="not a legal move"):
        enter(store, lambda _: [note("a"), an_entry(a_case(state="90"), "x", "10", "90")])
    assert len(store.entries()) == 1


def test_ledger__entries_can_not_be_changed(place):
    store = open_ledger(place)
    enter(store, lambda _: [found()])
    for statement in ("UPDATE entries SET reason = 'x'", "DELETE FROM entries"):
        with (
            store._engine.connect() as connection,
            pytest.raises(sa.exc.DBAPIError, match="never changed"),
        ):
            connection.exec_driver_sql(statement)


def test_ledger__rows_that_somebody_changed_are_found_and_made_again(place):
    store = open_ledger(place)
    enter(store, lambda _: [found()])
    with store._engine.connect() as connection:
        connection.exec_driver_sql("UPDATE cases SET state = '90', area_m2 = 1")
        connection.commit()
    with pytest.raises(LedgerError, match=r"state is '90', the entries say '10'.*area_m2"):
        check(store)
    assert rebuild(store) == 1
    assert check(store).facts()["cases"] == 1


def test_ledger__an_outside_head_tells_removal_and_rewriting(place, tmp_path):
    store = open_ledger(place)
    enter(store, lambda _: [note("a"), note("b")])
    head = show_head(store, tmp_path / "head.json").facts()["head"]
    assert head in (tmp_path / "head.json").read_text()
    other = open_ledger(tmp_path / "other.sqlite")
    enter(other, lambda _: [note("a")])
    with pytest.raises(LedgerError, match="entries were removed"):
        check(other, head)
    enter(other, lambda _: [note("c")])
    with pytest.raises(LedgerError, match="the past was rewritten"):
        check(other, head)


def test_ledger__writers_at_once_lose_nothing(place):
    open_ledger(place)

    def write(name):
        store = open_ledger(place)
        for turn in range(5):
            enter(store, lambda _, turn=turn: [note(f"{name}{turn}")])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = open_ledger(place).entries()
    assert len({item.entry.reason for item in entries}) == 20
    ledger.verify(entries)


def test_server__another_writer_is_a_lock(databases, monkeypatch):
    address = databases()
    store = open_ledger(address)
    monkeypatch.setattr(ledger_store, "BUSY_TIMEOUT_S", 1)
    with psycopg.connect(address.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE entries IN EXCLUSIVE MODE")
        with pytest.raises(LockedError, match="another run"):
            enter(store, lambda _: [note("a")])
    assert store.entries() == ()


def test_server__that_does_not_answer_is_a_resource():
    with pytest.raises(ResourceError, match="start the server"):
        LedgerStore("postgresql+psycopg://ledger:secret@/none?host=/nowhere")
    with pytest.raises(ResourceError) as caught:
        LedgerStore("postgresql+psycopg://ledger:secret@/none?host=/nowhere")
    assert "secret" not in str(caught.value)


def test_server__a_lost_connection_enters_all_or_nothing(databases):
    address = databases()
    store = open_ledger(address)

    def build(_reader):
        with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return [note("a")]

    with pytest.raises(ResourceError):
        enter(store, build)
    assert open_ledger(address).entries() == ()


def test_server__agrees_with_the_model(databases):
    from hypothesis import settings
    from hypothesis.stateful import run_state_machine_as_test

    machine = type(
        "ServerMachine", (LedgerMachine,), {"new_place": lambda self: self.address, "address": None}
    )

    def begin(self):
        self.address = databases()
        self.store = LedgerStore(self.address)

    machine.setup = begin
    run_state_machine_as_test(
        machine, settings=settings(max_examples=5, stateful_step_count=20, deadline=None)
    )


def test_server__shows_its_cases_on_a_map(databases):
    address = databases()
    store = open_ledger(address)
    enter(store, lambda _: [found(), an_entry(a_case(state="20"), "dispatched", "10", "20")])
    with psycopg.connect(address.replace("+psycopg", "")) as other:
        known = other.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'"
        ).fetchone()
    if known is None:
        pytest.skip("PostGIS is not installed (Debian: apt-get install postgresql-15-postgis-3)")
    for _ in range(2):
        store.make_map(4547)
    with psycopg.connect(address.replace("+psycopg", "")) as other:
        line = other.execute(
            "SELECT number, state, ST_SRID(geom), round(ST_Area(geom)::numeric, 3) FROM cases_map"
        ).fetchone()
    assert (line[0], line[1], line[2], float(line[3])) == ("43099102250600001C", "20", 4547, 99.0)


def test_file__is_never_opened_by_gis_software(tmp_path):
    with pytest.raises(InputError, match="never opened by GIS"):
        open_ledger(tmp_path / "l.sqlite").make_map(4547)

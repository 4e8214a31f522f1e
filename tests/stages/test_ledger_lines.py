"""The fast check of stored lines against the plain one, and the growing tree against the whole one."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.errors import LedgerError
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger import books, ledgercheck
from changedetect.stages import ledger
from tests import tampering


def digests(count):
    return [f"{i:064x}" for i in range(1, count + 1)]


@given(
    count=st.one_of(st.integers(0, 70), st.sampled_from([4095, 4096, 4097, 9000, 12_288])),
    cut=st.integers(0, 9000),
)
def test_mountains__is_the_root_of_the_whole(count, cut):
    every = digests(count)
    tree = ledger.Mountains()
    tree.add(every[:cut])
    tree.add(every[cut:])
    assert tree.root() == ledger.merkle_root(every)


@pytest.fixture
def made(tmp_path):
    return tampering.make_ledger(tmp_path / "l.sqlite", cases=10)[0]


def plain(store):
    with store.reading() as reader:
        found = ledger.verify(reader.entries(), reader.algorithm)
        return found, ledger.differences(found.rows, reader.all_rows())


def test_check__says_what_the_plain_one_says(made):
    found, wrong = plain(made)
    with made.reading() as reader:
        fast = ledgercheck.check_ledger(made, reader)
        assert (fast.entries, fast.cases, fast.head, fast.months, fast.wrong) == (
            found.count, len(found.rows), found.head, found.months, wrong,
        )  # fmt: skip
        assert {row.number: row for row in ledgercheck.rows_of(reader)} == found.rows


def test_check__in_parts_and_processes_says_the_same(made, monkeypatch):
    whole = books.check(made).facts()
    monkeypatch.setattr(ledgercheck, "PART", 7)
    assert books.check(made).facts() == whole
    with made.reading() as reader:
        assert len(reader.bulk().ranges(7)) > 3
    monkeypatch.setattr(ledgercheck, "ALONE", 0)
    assert books.check(made).facts() == whole


def test_check__refuses_whatever_the_plain_one_refuses(made, tmp_path):
    """And names differences of rows alike, where entries are whole."""
    agreed = 0
    for seed in range(120):
        place = tmp_path / "t.sqlite"
        place.write_bytes(made.path.read_bytes())
        tampering.tamper_ledger(np.random.default_rng(seed), place)
        store = LedgerStore(place)
        try:
            _, wrong = plain(store)
            refused = bool(wrong)
        except (LedgerError, ValueError):
            refused = True
        try:
            books.check(store)
            fast = False
        except LedgerError:
            fast = True
        assert fast or not refused, seed
        agreed += fast == refused
    assert agreed >= 118  # the fast one looks at the stored text, so that it may refuse more


def test_check__forbidden_moves_are_found_behind_right_digests(tmp_path):
    """A chain that somebody wrote anew, digests and all, still has to follow the rules."""
    store, (number, *_) = tampering.make_ledger(tmp_path / "l.sqlite", cases=2)
    with store.reading() as reader:
        entries = [item.entry for item in reader.entries()]
    wrong = tampering.walked(number, ("closed", "20", "90", "province"), 60)
    items = ledger.chain([*entries, wrong], None)
    with closing(sqlite3.connect(store.path)) as base:
        for name in ("no_update", "no_delete", "no_replace"):
            base.execute(f"DROP TRIGGER {name}")
        base.execute("DELETE FROM entries")
        base.commit()
    store.append(lambda _: [(item, None) for item in items])
    with pytest.raises(LedgerError, match=f"{number}.*20 -> 90 is not a legal move"):
        books.check(store)

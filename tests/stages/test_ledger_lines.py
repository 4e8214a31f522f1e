"""The fast check of stored lines against the plain one, and the growing tree against the whole one."""

import sqlite3
from contextlib import closing
from dataclasses import replace

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


@given(count=st.integers(1, 40), order=st.randoms(use_true_random=False), cut=st.integers(0, 40))
def test_chain_book__joins_links_that_come_in_any_order(count, order, cut):
    every = digests(count)
    lines = list(zip(range(1, count + 1), [ledger.GENESIS, *every[:-1]], every, strict=True))
    order.shuffle(lines)
    book = ledger.ChainBook(count)
    for part in (lines[:cut], lines[cut:]):
        book.put(linked(part))
    assert book.whole(ledger.GENESIS)
    assert book.head(ledger.GENESIS) == every[-1]
    assert ledger.root_over(book.between(1, count), "sha256") == ledger.merkle_root(every)


def linked(lines):
    links = ledger.Links()
    for half in (lines[::2], lines[1::2]):
        if half:
            numbers, previous, own = zip(*half, strict=True)
            links.take(numbers, previous, bytes.fromhex("".join(own)))
    return links


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:3], (9, *lines[3][1:]), *lines[4:]],
        lambda lines: [*lines[:3], (0, *lines[3][1:]), *lines[4:]],
        lambda lines: [*lines[:3], (4, "f" * 64, lines[3][2]), *lines[4:]],
        lambda lines: [*lines[:3], (4, lines[3][1].upper(), lines[3][2]), *lines[4:]],
        lambda lines: [*lines[:3], (4, lines[3][1] + " ", lines[3][2]), *lines[4:]],
        lambda lines: [(1, "1" * 64, lines[0][2]), *lines[1:]],
    ],
    ids=["cut", "beyond", "before", "another", "capitals", "space", "no genesis"],
)
def test_chain_book__a_gap_or_another_link_is_seen(spoil):
    every = [f"{i:062x}ab" for i in range(8)]
    lines = list(zip(range(1, 9), [ledger.GENESIS, *every[:-1]], every, strict=True))
    sound, spoilt = ledger.ChainBook(8), ledger.ChainBook(8)
    sound.put(linked(lines))
    spoilt.put(linked(spoil(lines)))
    assert sound.whole(ledger.GENESIS)
    assert not spoilt.whole(ledger.GENESIS)


def test_check__a_link_that_was_written_anew_with_its_digest_is_named(made):
    """The digest of the entry is right for what it says: only that it follows another one is wrong."""
    with made.reading() as reader:
        items = list(reader.entries())
    place = len(items) // 2
    item = items[place]
    forged = ledger.digest_of(item.entry, item.sequence, "f" * 64)
    with closing(sqlite3.connect(made.path)) as base:
        for name in ("no_update", "no_delete", "no_replace"):
            base.execute(f"DROP TRIGGER {name}")
        base.execute(
            "UPDATE entries SET previous = ?, digest = ? WHERE sequence = ?",
            ("f" * 64, forged, item.sequence),
        )
        base.commit()
    with pytest.raises(LedgerError, match=f"entry {item.sequence}: it follows ffff"):
        books.check(made)


def test_check__a_root_that_was_recorded_wrong_is_named(tmp_path):
    store, _ = tampering.make_ledger(tmp_path / "l.sqlite", cases=3)
    with store.reading() as reader:
        items = list(reader.entries())
    entries = [item.entry for item in items]
    (at,) = (i for i, entry in enumerate(entries) if entry.event == ledger.MONTH_CLOSED)
    said = {"month": tampering.MONTH, "entries": at, "root": "ab" * 32}
    entries[at] = replace(entries[at], payload=ledger.canonical(said))
    with closing(sqlite3.connect(store.path)) as base:
        for name in ("no_update", "no_delete", "no_replace"):
            base.execute(f"DROP TRIGGER {name}")
        base.execute("DELETE FROM entries")
        base.commit()
    store.append(lambda _: [(item, None) for item in ledger.chain(entries, None)])
    with pytest.raises(LedgerError, match=f"entry {at + 1}: the month .* has root"):
        books.check(store)

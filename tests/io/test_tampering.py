"""Random single changes of a ledger or a package: every one is found, and its row is named.

A few hundred here; ten thousand with ``pytest --run-slow tests/io/test_tampering.py``.
"""

import pytest

from changedetect.errors import ChangeDetectError
from changedetect.io import seal
from changedetect.io.ledger import LedgerStore
from changedetect.pipeline.ledger import books, ledgercheck
from tests import tampering

FEW, MANY = 300, 10_000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A ledger, its head as a second office keeps it, and a package; all as they should be."""
    folder = tmp_path_factory.mktemp("whole")
    store, _ = tampering.make_ledger(folder / "l.sqlite")
    package = tampering.make_package(folder, store)
    head = books.show_head(store).facts()["head"]
    assert books.check(store, head).facts()["cases"] == 8
    assert seal.verify(package)[0] == []
    return folder / "l.sqlite", head, package


def said_of_ledger(head):
    def find(place):
        try:
            books.check(LedgerStore(place), head)
        except ChangeDetectError as error:
            return str(error)
        return ""

    return find


def said_of_package(place):
    return "; ".join(seal.verify(place)[0])


def slipped(made, folder, seeds):
    ledger, head, package = made
    find = said_of_ledger(head)
    for seed in seeds:
        yield (
            tampering.trial(seed, "package", package, folder / "p", said_of_package)
            if seed % 4 == 0
            else tampering.trial(seed, "ledger", ledger, folder / "l.sqlite", find)
        )


def test_tampering__every_change_is_found_and_named(made, tmp_path):
    assert [line for line in slipped(made, tmp_path, range(FEW)) if line] == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_tampering__ten_thousand_changes(made, tmp_path):
    assert [
        line for line in slipped(made, tmp_path, range(1_000_000, 1_000_000 + MANY)) if line
    ] == []


def test_tampering__without_rows_or_digests_changes_slip_through(made, tmp_path):
    """Negative control: a check that leaves out rows, or only follows the links, misses many."""

    def links_only(place):
        store = LedgerStore(place)
        try:
            with store.reading() as reader:
                for stretch in ledgercheck.stretches([], reader.bulk().count()):
                    ledgercheck._check_stretch(reader.bulk(), "sha256", stretch)
        except ChangeDetectError as error:
            return str(error)
        return ""

    def no_rows(place):
        store = LedgerStore(place)
        try:
            with store.reading() as reader:
                ledgercheck.check_ledger(store, reader, rows=False)
        except ChangeDetectError as error:
            return str(error)
        return ""

    missed = {
        check.__name__: sum(
            tampering.trial(seed, "ledger", made[0], tmp_path / "l.sqlite", check) is not None
            for seed in range(60)
        )
        for check in (links_only, no_rows)
    }
    assert missed["links_only"] > missed["no_rows"] > 5

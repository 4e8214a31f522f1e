"""Check a whole ledger in parts that fit in memory, on several processors where it is large.

All parts see the same moment: on SQLite the caller's transaction lets no writer commit, on a server
they share its snapshot.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from changedetect.entries import CaseRow
from changedetect.errors import LedgerError, ResourceError
from changedetect.io.ledger import BulkReader, LedgerReader, LedgerStore
from changedetect.stages import ledger
from changedetect.stages.ledger import Part, Stretch, check_links, check_part, replay

PART = 50_000
"""Entries checked at once by one process. [entries]"""
ALONE = 100_000
"""Up to so many entries, one process does it all. [entries]"""
NAMED = 20
"""So many rows that differ are named."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What a check found: entries, cases, head, months with their roots, and rows that differ."""

    entries: int
    cases: int
    head: str
    months: dict[str, str]
    wrong: tuple[str, ...]


def check_ledger(store: LedgerStore, reader: LedgerReader, *, rows: bool = True) -> Sound:
    """Verify every entry, every move, every month's root and, if asked, every row.

    Parameters
    ----------
    store, reader
        The ledger, and an open transaction of it.
    rows
        Whether rows are compared too.

    Raises
    ------
    LedgerError
        Names an entry that does not fit, and how: broken links before altered contents before
        forbidden moves.
    """
    bulk, algorithm = reader.bulk(ledger.FACTS), reader.algorithm
    said = ledger.months_said(reader.of_event(ledger.MONTH_CLOSED))
    count = bulk.count()
    at = (store.address, reader.snapshot())
    with _workers(count) as each:
        ask = partial(_links, at, algorithm)
        heads = list(each(ask, stretches(said, count)))
        parts = each(partial(_part, at, algorithm, rows), bulk.ranges(PART))
        total = _added(parts)
    if total.entries != count:
        msg = f"the ledger has {count} numbers and {total.entries} entries; its index is damaged: restore a backup"
        raise LedgerError(msg)
    months = {str(what.get("month")): str(what.get("root")) for _, what in said}
    return Sound(count, total.cases, heads[-1] if heads else ledger.GENESIS, months, total.wrong)


def _added(found: Iterable[Part]) -> Part:
    entries, cases, parts = 0, 0, list(found)
    wrong: list[str] = []
    for refusal in (*(part.altered for part in parts), *(part.refused for part in parts)):
        if refusal:
            raise LedgerError(refusal)
    for part in parts:
        entries, cases = entries + part.entries, cases + part.cases
        wrong += part.wrong[: NAMED + 1 - len(wrong)]
    lines = (*wrong[:NAMED], "…") if len(wrong) > NAMED else tuple(wrong)
    return Part(entries, cases, lines)


def stretches(said: Iterable[tuple[int, dict[str, Any]]], count: int) -> list[Stretch]:
    """Cut the entries at the closings of months; what no month closed yet into equal parts.

    Parameters
    ----------
    said
        Entry number of every closing, and what it records.
    count
        Entries of the ledger.

    Raises
    ------
    LedgerError
        A closing records no number of entries or no root.
    """
    first, found = 1, []
    for closing, what in said:
        root, entries, month = what.get("root"), what.get("entries"), what.get("month")
        if not (isinstance(root, str) and isinstance(entries, int) and isinstance(month, str)):
            msg = f"entry {closing}: it closes a month without telling its root and entries; restore a backup"
            raise LedgerError(msg)
        found.append(Stretch(first, closing - 1, month, root, entries, closing))
        first = closing
    found += [
        Stretch(start, min(start + PART * 4 - 1, count))
        for start in range(first, count + 1, PART * 4)
    ]
    return found


def rows_of(reader: LedgerReader) -> Iterator[CaseRow]:
    """Check every entry and give the rows of all cases, in constant memory.

    Raises
    ------
    LedgerError
        As `check_ledger`.
    """
    bulk, algorithm = reader.bulk(ledger.FACTS), reader.algorithm
    said = ledger.months_said(reader.of_event(ledger.MONTH_CLOSED))
    for stretch in stretches(said, bulk.count()):
        _check_stretch(bulk, algorithm, stretch)
    for _, row in replay(bulk.entries((None, None)), algorithm):
        if row is not None:
            yield CaseRow(*row)


def _links(at: tuple[Any, str], algorithm: str, stretch: Stretch) -> str:
    with LedgerStore.at(*at) as reader:
        return _check_stretch(reader.bulk(), algorithm, stretch)


def _check_stretch(bulk: BulkReader, algorithm: str, stretch: Stretch) -> str:
    before = bulk.digest(stretch.first - 1) if stretch.first > 1 else ledger.GENESIS
    if before is None:
        msg = f"entry {stretch.first - 1} is missing; an entry was removed"
        raise LedgerError(msg)
    links = bulk.links(stretch.first, stretch.last)
    return check_links(links, before, stretch, algorithm)


def _part(
    at: tuple[Any, str], algorithm: str, rows: bool, within: tuple[str | None, str | None]
) -> Part:
    with LedgerStore.at(*at) as reader:
        bulk = reader.bulk(ledger.FACTS)
        stored = bulk.rows(within) if rows else None
        return check_part(bulk.entries(within), stored, algorithm, NAMED + 1)


@contextmanager
def _workers(entries: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Give a map over parts: in this process for a small ledger, else one process a processor.

    Lines make no cycles, so that looking for them would only cost time.
    """
    count = len(os.sched_getaffinity(0))
    if entries <= ALONE or count == 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=gc.disable) as pool:
        try:
            yield pool.map
        except BrokenProcessPool as error:
            msg = "a process that checks the ledger was ended from outside; free memory, check the disk, then run again"
            raise ResourceError(msg) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

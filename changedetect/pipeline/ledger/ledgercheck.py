"""Check a whole ledger in parts that fit in memory, on several processors where it is large.

All parts see the same moment: on SQLite the caller's transaction lets no writer commit, on a server
they share its snapshot.
"""

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from changedetect.entries import CaseRow
from changedetect.errors import LedgerError, ResourceError
from changedetect.io import cores
from changedetect.io.ledger import BulkReader, LedgerReader, LedgerStore
from changedetect.stages import ledger
from changedetect.stages.ledger import ChainBook, Part, Stretch, check_links, check_part, replay

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
    pieces = stretches(said, count)
    if bulk.held() != count:
        _name_break(bulk, algorithm, pieces)
    book, found = ChainBook(count), _Found()
    at = (store.address, reader.snapshot())
    with _workers(count) as each:
        for part in each(partial(_part, at, algorithm, rows), bulk.ranges(PART)):
            found.add(part, book)
        sound = not found.refusals and book.whole(ledger.GENESIS)
        sound = sound and _roots_fit(book, pieces, algorithm, each)
    if not sound:
        _name_break(bulk, algorithm, pieces, found)
    if found.entries != count:
        msg = f"the ledger has {count} numbers and {found.entries} entries; its index is damaged: restore a backup"
        raise LedgerError(msg)
    months = {str(what.get("month")): str(what.get("root")) for _, what in said}
    return Sound(count, found.cases, book.head(ledger.GENESIS), months, found.told())


@dataclass(slots=True)
class _Found:
    """What the parts add up to; refusals in the order in which they are told."""

    entries: int = 0
    cases: int = 0
    wrong: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, part: Part, book: ChainBook) -> None:
        self.entries, self.cases = self.entries + part.entries, self.cases + part.cases
        self.wrong += part.wrong[: NAMED + 1 - len(self.wrong)]
        self.altered += [part.altered] if part.altered else []
        self.refused += [part.refused] if part.refused else []
        if part.links is not None:
            book.put(part.links)

    @property
    def refusals(self) -> list[str]:
        return self.altered + self.refused

    def told(self) -> tuple[str, ...]:
        return (*self.wrong[:NAMED], "…") if len(self.wrong) > NAMED else tuple(self.wrong)


def _roots_fit(
    book: ChainBook, pieces: Iterable[Stretch], algorithm: str, each: Callable[..., Iterable[Any]]
) -> bool:
    """Tell whether every closed month has the root, and the number of entries, that it recorded."""
    closed = [piece for piece in pieces if piece.month]
    grounds = (book.between(piece.first, piece.last) for piece in closed)
    roots = each(partial(ledger.root_over, algorithm=algorithm), grounds)
    return all(
        (root, piece.last - piece.first + 1) == (piece.root, piece.entries)
        for root, piece in zip(roots, closed, strict=True)
    )


def _name_break(
    bulk: BulkReader, algorithm: str, pieces: Iterable[Stretch], found: _Found | None = None
) -> NoReturn:
    """Name what does not fit: the first broken link or root, else what the parts refused."""
    for piece in pieces:
        _check_stretch(bulk, algorithm, piece)
    for refusal in found.refusals if found else []:
        raise LedgerError(refusal)
    msg = "the ledger's entries do not join by case as they do by number; its index is damaged: restore a backup"
    raise LedgerError(msg)


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
    count = cores.usable()
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

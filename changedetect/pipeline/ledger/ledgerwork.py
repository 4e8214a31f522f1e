"""The one way into the ledger: check the moves, chain the entries, keep the rows, in one transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from changedetect.entries import CaseRow, ChainedEntry, Entry
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.pipeline.ledger.ledgercheck import rows_of
from changedetect.stages import ledger


def open_ledger(place: Path | str, *, algorithm: str = "sha256") -> LedgerStore:
    """Open a ledger; rows that an upgrade left stale are made again from the entries.

    Raises
    ------
    LedgerError, LockedError, ResourceError
        As `LedgerStore`.
    """
    store = LedgerStore(place, algorithm=algorithm)
    with store.reading() as reader:
        stale = reader.meta("rows") == "stale"
    if stale:
        rebuild(store)
    return store


def rebuild(store: LedgerStore) -> int:
    """Verify every entry and make the rows of all cases again from them; return how many.

    Raises
    ------
    LedgerError
        An entry does not fit; nothing is changed.
    """
    return store.replace_rows(rows_of)


def enter(
    store: LedgerStore, build: Callable[[LedgerReader], Sequence[Entry]]
) -> tuple[ChainedEntry, ...]:
    """Enter what happened, all of it or nothing.

    Parameters
    ----------
    store
        The ledger.
    build
        Asks the ledger as it is now and returns the new entries in the order in which they happened.

    Raises
    ------
    LedgerError
        A move that the rules forbid; nothing was entered.
    LockedError, ResourceError
        As `LedgerStore.append`.
    """

    def chained(reader: LedgerReader) -> list[tuple[ChainedEntry, CaseRow | None]]:
        entries = build(reader)
        known = reader.rows(entry.case for entry in entries if entry.case)
        ledger.check_moves(entries, known)
        items = ledger.chain(entries, reader.head(), reader.algorithm)
        return list(_with_rows(items, known))

    return store.append(chained)


def _with_rows(
    items: Iterable[ChainedEntry], known: dict[str, CaseRow]
) -> Iterator[tuple[ChainedEntry, CaseRow | None]]:
    rows = dict(known)
    for item in items:
        row = rows.get(item.entry.case)
        if item.entry.case:
            row = rows[item.entry.case] = ledger.advance(row, item)
        yield item, row


def is_handed_out(row: CaseRow, month: str) -> bool:
    """Tell whether the packages of a month hand out a case: one found in it, or found in it again."""
    return row.month == month or row.month < month == row.last_confirmed[:7]

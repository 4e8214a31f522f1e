"""What can be asked of a ledger inside one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import sqlalchemy as sa

from changedetect.entries import CaseRow, ChainedEntry, SummaryLine
from changedetect.io.ledger.bulk import BulkReader
from changedetect.io.ledger.tables import CASES, ENTRIES, ENTRY_COLUMNS, META, entry_of, row_of

BATCH = 5_000
"""Lines fetched at once. [rows]"""
_NAMES_AT_ONCE = 500
"""Case numbers in one question: databases limit the number of bound values."""
_BOX = ("number", "month", "west", "south", "east", "north")


@dataclass(frozen=True, slots=True)
class CaseBoxes:
    """Where known cases lie: case numbers, months, and ``(case, 4)`` float64 boxes in the job's CRS."""

    numbers: tuple[str, ...]
    months: tuple[str, ...]
    boxes: np.ndarray


class LedgerReader:
    """Questions to an open ledger; all see the same moment.

    Parameters
    ----------
    connection
        Of a transaction that its owner ends.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def bulk(self, facts: Sequence[str] = ()) -> BulkReader:
        """Return the same moment of the ledger, for questions about the whole of it.

        Parameters
        ----------
        facts
            As `BulkReader` takes them.
        """
        return BulkReader(self._connection, facts)

    def snapshot(self) -> str:
        """Return the name under which other connections can see this moment; empty for a file."""
        if self._connection.dialect.name == "sqlite":
            return ""
        return str(self._connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())

    @property
    def algorithm(self) -> str:
        """Digest that the ledger is chained with."""
        return self.meta("algorithm") or "sha256"

    def meta(self, key: str) -> str | None:
        """Return a note about the ledger itself; None = not noted."""
        return self._connection.execute(
            sa.select(META.c.value).where(META.c.key == key)
        ).scalar_one_or_none()

    def head(self) -> ChainedEntry | None:
        """Return the last entry; None for an empty ledger."""
        query = sa.select(*ENTRY_COLUMNS).order_by(ENTRIES.c.sequence.desc()).limit(1)
        line = self._connection.execute(query).first()
        return entry_of(line) if line else None

    def entries(self, after: int = 0, case: str | None = None) -> Iterator[ChainedEntry]:
        """Read entries in order, a batch at a time.

        Parameters
        ----------
        after
            Only those behind this number.
        case
            Only those of one case.
        """
        query = sa.select(*ENTRY_COLUMNS).where(ENTRIES.c.sequence > after)
        if case is not None:
            query = query.where(ENTRIES.c.case_number == case)
        ordered = query.order_by(ENTRIES.c.sequence).execution_options(yield_per=BATCH)
        result = self._connection.execute(ordered)
        for line in result:
            yield entry_of(line)

    def by_case(self, numbers: Iterable[str] | None = None) -> Iterator[ChainedEntry]:
        """Read entries case after case, each case's in order; those about no case are left out.

        Parameters
        ----------
        numbers
            Only of these cases; None = of all.
        """
        query = sa.select(*ENTRY_COLUMNS).where(ENTRIES.c.case_number != "")
        order = (ENTRIES.c.case_number, ENTRIES.c.sequence)
        if numbers is None:
            result = self._connection.execute(
                query.order_by(*order).execution_options(yield_per=BATCH)
            )
            yield from map(entry_of, result)
            return
        for names in _groups(numbers):
            some = query.where(ENTRIES.c.case_number.in_(names)).order_by(*order)
            yield from map(entry_of, self._connection.execute(some))

    def digests(self, after: int = 0) -> tuple[str, ...]:
        """Return the digests of the entries behind a number, in order."""
        query = sa.select(ENTRIES.c.digest).where(ENTRIES.c.sequence > after)
        return tuple(self._connection.execute(query.order_by(ENTRIES.c.sequence)).scalars())

    def of_event(self, event: str) -> tuple[ChainedEntry, ...]:
        """Return the entries of an event, in order."""
        query = sa.select(*ENTRY_COLUMNS).where(ENTRIES.c.event == event)
        lines = self._connection.execute(query.order_by(ENTRIES.c.sequence))
        return tuple(entry_of(line) for line in lines)

    def last_of(self, event: str) -> ChainedEntry | None:
        """Return the last entry of an event; None = it never happened."""
        query = sa.select(*ENTRY_COLUMNS).where(ENTRIES.c.event == event)
        line = self._connection.execute(query.order_by(ENTRIES.c.sequence.desc()).limit(1)).first()
        return entry_of(line) if line else None

    def from_source(self, source_sha256: str) -> tuple[ChainedEntry, ...]:
        """Return the entries that rest on one source, in order."""
        query = sa.select(*ENTRY_COLUMNS).where(ENTRIES.c.source_sha256 == source_sha256)
        lines = self._connection.execute(query.order_by(ENTRIES.c.sequence))
        return tuple(entry_of(line) for line in lines)

    def row(self, number: str) -> CaseRow | None:
        """Return what is known of a case; None = there is none of this number."""
        query = sa.select(CASES).where(CASES.c.number == number)
        line = self._connection.execute(query).first()
        return row_of(line) if line else None

    def rows(self, numbers: Iterable[str]) -> dict[str, CaseRow]:
        """Return what is known of several cases; unknown numbers are left out."""
        found: dict[str, CaseRow] = {}
        for names in _groups(numbers):
            lines = self._connection.execute(sa.select(CASES).where(CASES.c.number.in_(names)))
            found |= {line[0]: row_of(line) for line in lines}
        return found

    def all_rows(self) -> Iterator[CaseRow]:
        """Read every row by number, a batch at a time."""
        query = sa.select(CASES).order_by(CASES.c.number).execution_options(yield_per=BATCH)
        result = self._connection.execute(query)
        for line in result:
            yield row_of(line)

    def work_list(
        self, districts: Sequence[str] = (), states: Sequence[str] = (), month: str | None = None
    ) -> tuple[CaseRow, ...]:
        """Return the cases of some counties in some states, the most urgent first.

        Parameters
        ----------
        districts, states
            Empty = all.
        month
            Only those found in it; None = all.
        """
        query = sa.select(CASES)
        if districts:
            query = query.where(CASES.c.district.in_(districts))
        if states:
            query = query.where(CASES.c.state.in_(states))
        if month:
            query = query.where(CASES.c.month == month)
        order = query.order_by(CASES.c.county_due, CASES.c.severity.desc(), CASES.c.number)
        return tuple(row_of(line) for line in self._connection.execute(order))

    def courses(self, months: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return every state that the cases found in some months were led to, in order.

        Parameters
        ----------
        months
            ``YYYY-MM``.
        """
        query = (
            sa.select(ENTRIES.c.case_number, ENTRIES.c.to_state)
            .join(CASES, CASES.c.number == ENTRIES.c.case_number)
            .where(CASES.c.month.in_(months), ENTRIES.c.from_state != ENTRIES.c.to_state)
            .order_by(ENTRIES.c.sequence)
        )
        found: dict[str, list[str]] = {}
        for number, state in self._connection.execute(query):
            found.setdefault(str(number), []).append(str(state))
        return {number: tuple(states) for number, states in found.items()}

    def reasons(self, months: Sequence[str], words: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return case and reason of the entries whose reason holds one of some words.

        Parameters
        ----------
        months
            Only of cases found in them, ``YYYY-MM``.
        words
            Looked for as they are.

        Returns
        -------
        tuple
            By case, each case's in order; a reason that a case was told twice stands once.
        """
        told = sa.or_(*(ENTRIES.c.reason.contains(word, autoescape=True) for word in words))
        query = (
            sa.select(ENTRIES.c.case_number, ENTRIES.c.reason)
            .join(CASES, CASES.c.number == ENTRIES.c.case_number)
            .where(CASES.c.month.in_(months), told)
            .order_by(ENTRIES.c.case_number, ENTRIES.c.sequence)
        )
        lines = self._connection.execute(query)
        return tuple(dict.fromkeys((str(number), str(reason)) for number, reason in lines))

    def facts(self, numbers: Iterable[str]) -> dict[str, str]:
        """Return the newest facts of cases, as stored (JSON text)."""
        found: dict[str, str] = {}
        for names in _groups(numbers):
            query = (
                sa.select(CASES.c.number, ENTRIES.c.payload)
                .join(ENTRIES, ENTRIES.c.sequence == CASES.c.facts_sequence)
                .where(CASES.c.number.in_(names))
            )
            found |= {str(number): str(text) for number, text in self._connection.execute(query)}
        return found

    def boxes(self, districts: Sequence[str]) -> CaseBoxes:
        """Return where the cases of some counties lie, whatever their state."""
        columns = [CASES.c[name] for name in _BOX]
        query = sa.select(*columns).where(CASES.c.district.in_(districts))
        lines = self._connection.execute(query.order_by(CASES.c.number)).all()
        return CaseBoxes(
            tuple(str(line[0]) for line in lines),
            tuple(str(line[1]) for line in lines),
            np.array([line[2:] for line in lines], np.float64).reshape(-1, 4),
        )

    def last_numbers(self, prefixes: Iterable[str]) -> dict[str, int]:
        """Return the highest running number behind each prefix (county, theme, month); 0 = none.

        Parameters
        ----------
        prefixes
            The first 12 digits of case numbers.
        """
        found = {}
        for prefix in sorted(set(prefixes)):
            query = sa.select(sa.func.max(CASES.c.number)).where(
                CASES.c.number >= prefix, CASES.c.number < prefix + "~"
            )
            last = self._connection.execute(query).scalar_one_or_none()
            found[prefix] = int(last[len(prefix) : len(prefix) + 5]) if last else 0
        return found

    def summary(self, day: str) -> tuple[SummaryLine, ...]:
        """Count cases by month, county, theme, state and kind.

        Parameters
        ----------
        day
            ISO date; cases that are not closed and were due before it are overdue.
        """
        c = CASES.c
        keys = (c.month, c.district, c.main_theme, c.state, c.pooled, c.record_only)
        late = sa.case((c.county_due < day, 1), else_=0)
        query = sa.select(*keys, sa.func.count(), sa.func.sum(c.area_m2), sa.func.sum(late))
        lines = self._connection.execute(query.group_by(*keys).order_by(*keys))
        return tuple(
            SummaryLine(m, d, t, s, bool(p), bool(r), n, float(a), int(o))
            for m, d, t, s, p, r, n, a, o in lines
        )


def _groups(values: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(sorted(set(values)))
    while group := list(islice(rest, _NAMES_AT_ONCE)):
        yield group

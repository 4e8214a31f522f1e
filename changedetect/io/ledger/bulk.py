"""Many lines of a ledger at once, as plain tuples straight from the database's driver."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

import sqlalchemy as sa

from changedetect.io.ledger.tables import CASES, ENTRIES

BATCH = 5_000
"""Lines fetched at once. [rows]"""
_SAMPLES = 1_000
"""Entries asked for their case, to cut the ledger into parts of like size."""

_SAID = (
    "sequence", "previous", "case_number", "event", "from_state", "to_state", "actor", "time",
    "reason", "source_sha256", "payload", "role", "source_row", "form",
)  # fmt: skip
_FIRST_FORM = 11
"""So many of them stood in entries of form 1."""

_HELD = "CASE WHEN payload = '' OR NOT json_valid(payload) THEN payload WHEN json_type(payload, '$.claims') IS NULL THEN json_extract(payload, {facts}) ELSE payload END"
_IN_SQL = (
    "SELECT sequence, previous, digest, CAST(CASE form WHEN 1 THEN json_array({first}) ELSE json_array({said}) END AS BLOB), "
    "case_number, json_array(event, from_state, to_state, role, form, actor <> '' AND reason <> ''), "
    "actor, substr(time, 1, 10), {held} FROM entries{bounds} ORDER BY case_number, sequence"
)
"""SQLite writes JSON as the digests have it, and reads it six times as fast as Python does."""
_CASE_NAMES = ", ".join(column.name for column in CASES.c)
Line = tuple[Any, ...]
Range = tuple[str | None, str | None]
"""Case numbers from the first (with it) to the second (without it); None = no bound."""


class BulkReader:
    """Questions about the whole of an open ledger; every answer comes in batches.

    Parameters
    ----------
    connection
        Of a transaction that its owner ends.
    facts
        Names in a payload's facts that are wanted of them, the number of the case first.
    """

    __slots__ = ("_connection", "_facts", "_sqlite")

    def __init__(self, connection: sa.Connection, facts: Sequence[str]) -> None:
        self._connection = connection
        self._facts = tuple(facts)
        self._sqlite = connection.dialect.name == "sqlite"
        if self._sqlite:
            connection.exec_driver_sql("PRAGMA cache_size = -65536")  # [KiB]

    def links(self, first: int, last: int) -> Iterator[list[tuple[int, str, str]]]:
        """Return number, previous digest and digest of the entries between two numbers, in order."""
        text = (
            "SELECT sequence, previous, digest FROM entries "
            "WHERE sequence >= {sign} AND sequence <= {sign} ORDER BY sequence"
        )
        return self._batches(text, (first, last))

    def entries(self, within: Range) -> Iterator[list[Line]]:
        """Return the entries of a range of cases, those of a case together and in order.

        Yields
        ------
        list of tuple
            Some at once: sequence, digest before, digest, the bytes that it covers, case, kind,
            actor, day, and what the payload holds (see `stages.ledger.lines.Line`).
        """
        bounds, values = _bounds("case_number", within)
        if self._sqlite:
            paths = ", ".join(f"'$.{name}'" for name in self._facts)
            text = _IN_SQL.format(
                first=", ".join(_SAID[:_FIRST_FORM]),
                said=", ".join(_SAID),
                held=_HELD.format(facts=paths),
                bounds=bounds,
            )
        else:
            names = ", ".join(("digest", *_SAID))
            text = f"SELECT {names} FROM entries{bounds} ORDER BY case_number, sequence"  # noqa: S608 - our own names
        for batch in self._batches(text, values):
            yield batch if self._sqlite else list(map(_reduced, batch))

    def rows(self, within: Range) -> dict[str, Line]:
        """Return the rows of a range of cases, by number."""
        bounds, values = _bounds("number", within)
        text = f"SELECT {_CASE_NAMES} FROM cases{bounds}"  # noqa: S608 - our own names
        return {line[0]: line for batch in self._batches(text, values) for line in batch}

    def count(self) -> int:
        """Return the number of the last entry; 0 = there is none."""
        last = self._connection.execute(sa.select(sa.func.max(ENTRIES.c.sequence))).scalar()
        return int(last or 0)

    def held(self) -> int:
        """Return how many entries there are, whatever their numbers."""
        return int(
            self._connection.execute(sa.select(sa.func.count()).select_from(ENTRIES)).scalar_one()
        )

    def digest(self, sequence: int) -> str | None:
        """Return the digest of an entry; None = there is none of this number."""
        query = sa.select(ENTRIES.c.digest).where(ENTRIES.c.sequence == sequence)
        return self._connection.execute(query).scalar_one_or_none()

    def ranges(self, entries: int) -> list[Range]:
        """Cut the case numbers into ranges with about so many entries each."""
        count = self.count()
        parts = -(-count // entries)
        if parts <= 1:
            return [(None, None)]
        step = max(count // (_SAMPLES), 1)
        query = (
            sa.select(ENTRIES.c.case_number)
            .where(ENTRIES.c.sequence.in_(range(1, count + 1, step)), ENTRIES.c.case_number != "")
            .order_by(ENTRIES.c.case_number)
        )
        names = list(self._connection.execute(query).scalars())
        cuts = list(dict.fromkeys(names[len(names) * i // parts] for i in range(1, parts)))
        return list(zip([None, *cuts], [*cuts, None], strict=True))

    def _batches(self, text: str, values: tuple[Any, ...]) -> Iterator[list[Any]]:
        with self._cursor() as cursor:
            cursor.execute(text.replace("{sign}", "?" if self._sqlite else "%s"), values)
            while batch := cursor.fetchmany(BATCH):
                yield batch

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """Give a cursor of the driver: one that keeps its lines on the server, where there is one."""
        driver: Any = self._connection.connection.driver_connection
        if self._sqlite:
            yield driver.cursor()
            return
        with driver.cursor(name="changedetect_bulk") as cursor:
            yield cursor


def write_entries(connection: sa.Connection, lines: Iterable[Sequence[object]]) -> None:
    """Write entries in the order of the table's columns."""
    columns = tuple(column.name for column in ENTRIES.c)
    sign = "?" if connection.dialect.name == "sqlite" else "%s"
    signs = ", ".join([sign] * len(columns))
    text = f"INSERT INTO entries ({', '.join(columns)}) VALUES ({signs})"  # noqa: S608 - our own names
    driver: Any = connection.connection.driver_connection
    driver.cursor().executemany(text, lines)


def _bounds(column: str, within: Range) -> tuple[str, tuple[str, ...]]:
    parts = [
        f"{column} {comparison} {{sign}}"
        for comparison, value in zip((">=", "<"), within, strict=True)
        if value is not None
    ]
    where = " WHERE " + " AND ".join(parts) if parts else ""
    return where, tuple(value for value in within if value is not None)


@lru_cache(maxsize=1000)
def _kind(*said: str | bool) -> str:
    """Write a kind of entry as SQLite does; there are few of them."""
    return json.dumps(said, ensure_ascii=False)


def _reduced(line: Line) -> Line:
    """Make of a whole line what SQLite makes of it itself."""
    digest, sequence, *texts, form = line
    said = texts if form > 1 else texts[: _FIRST_FORM - 1]
    end = f",{form}]" if form > 1 else "]"
    text = f"[{sequence}," + ",".join(map(encode_basestring, said)) + end
    previous, case, event, start, end_state, actor, time, reason, _, payload, role, _ = texts
    kind = _kind(event, start, end_state, role, form, bool(actor and reason))
    data = text.encode("utf-8", "surrogatepass")
    return sequence, previous, digest, data, case, kind, actor, time[:10], payload

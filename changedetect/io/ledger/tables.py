"""The tables of a ledger, and how entries and rows become lines of them.

The tables are made by the migrations (`migrations/`), never from these definitions.
"""

from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from changedetect.entries import CaseRow, ChainedEntry, Entry
from changedetect.errors import LedgerError

METADATA = sa.MetaData()

_TEXTS = (
    "previous", "digest", "case_number", "event", "from_state", "to_state",
    "actor", "time", "reason", "source_sha256", "payload", "role", "source_row",
)  # fmt: skip
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
    sa.Column("form", sa.BigInteger, nullable=False),
)
_KINDS = {str: sa.Text, int: sa.BigInteger, bool: sa.BigInteger, float: sa.Double}
CASES = sa.Table(
    "cases",
    METADATA,
    *(
        sa.Column(part.name, _KINDS[part.type], primary_key=part.name == "number", nullable=False)  # type: ignore[index]
        for part in fields(CaseRow)
    ),
)
META = sa.Table(
    "meta",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

ENTRY_COLUMNS = tuple(ENTRIES.c)
_NAMES = tuple(part.name for part in fields(CaseRow))
_VALUES = attrgetter(*_NAMES)
_FLAG = _NAMES.index("pooled")
"""Place of the two columns that are flags; one stands behind the other."""
_FLAGS = tuple(part.name for part in fields(CaseRow) if part.type is bool)


def entry_line(item: ChainedEntry) -> dict[str, object]:
    """Turn an entry into a line of the table."""
    entry = item.entry
    return {
        "sequence": item.sequence,
        "previous": item.previous,
        "digest": item.digest,
        "case_number": entry.case,
        "event": entry.event,
        "from_state": entry.from_state,
        "to_state": entry.to_state,
        "actor": entry.actor,
        "time": entry.time.astimezone(UTC).isoformat(),
        "reason": entry.reason,
        "source_sha256": entry.source_sha256,
        "payload": entry.payload,
        "role": entry.role,
        "source_row": entry.source_row,
        "form": item.form,
    }


def entry_of(line: Any) -> ChainedEntry:  # noqa: ANN401 - a row of SQLAlchemy
    """Turn a line of the table, in the order of `ENTRY_COLUMNS`, into an entry.

    Raises
    ------
    LedgerError
        Its time is none any more.
    """
    (
        sequence, previous, digest, case, event, from_state, to_state,
        actor, time, reason, source, payload, role, row, form,
    ) = line  # fmt: skip
    try:
        when = datetime.fromisoformat(time)
    except ValueError as error:
        msg = f"entry {sequence} (case {case or '-'}): its time {time!r} is none; it was altered: restore a backup"
        raise LedgerError(msg) from error
    entry = Entry(
        case, event, from_state, to_state, actor, when, reason, source, payload, role, row
    )
    return ChainedEntry(sequence, previous, digest, entry, form)


def case_line(row: CaseRow) -> dict[str, object]:
    """Turn a row into a line of the table; flags are stored as 0 and 1."""
    values = dict(zip(_NAMES, _VALUES(row), strict=True))
    return values | {name: int(values[name]) for name in _FLAGS}


def row_of(line: Any) -> CaseRow:  # noqa: ANN401 - a row of SQLAlchemy
    """Turn a line of the table, in the order of its columns, into a row."""
    values: list[Any] = list(line)
    values[_FLAG : _FLAG + 2] = map(bool, values[_FLAG : _FLAG + 2])
    return CaseRow(*values)

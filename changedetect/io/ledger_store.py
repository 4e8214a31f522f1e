"""The ledger's file: a private SQLite database that only this module opens.

Journal DELETE and synchronous EXTRA, since write-ahead logging loses acknowledged commits on the
SQLite that many Pythons ship; triggers forbid changing or deleting an entry. The file is never
opened by GDAL, and never with plain ``open`` while it is in use: both drop SQLite's locks.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from changedetect.errors import ChangeDetectError, LedgerError, LockedError, ResourceError
from changedetect.records import ChainedEntry, Entry

APPLICATION_ID = 0x43444C47
"""Written into the file's header ("CDLG"), so that no other database is taken for a ledger."""

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30
"""How long a writer waits for another before it gives up. [s]"""

_METADATA = sa.MetaData()
_ENTRIES = sa.Table(
    "entries",
    _METADATA,
    sa.Column("sequence", sa.INTEGER, primary_key=True),
    *(
        sa.Column(name, sa.TEXT, nullable=False)
        for name in (
            "previous", "digest", "case_number", "event", "from_state", "to_state",
            "actor", "time", "reason", "source_sha256", "payload",
        )
    ),
    sqlite_strict=True,
)  # fmt: skip
_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS no_{name} BEFORE {when} "
    f"BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END"
    for name, when in {
        "update": "UPDATE ON entries",
        "delete": "DELETE ON entries",
        "replace": "INSERT ON entries "
        "WHEN EXISTS (SELECT 1 FROM entries WHERE sequence = NEW.sequence)",
    }.items()
)
"""INSERT OR REPLACE deletes without firing the trigger against deletion, hence the third."""

_WAITED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM = frozenset(
    {
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
    }
)  # fmt: skip
_PRIMARY_CODE = 0xFF
"""Mask: SQLite's extended error codes hold the primary one in their low byte."""


class LedgerStore:
    """An open ledger file.

    Parameters
    ----------
    path
        The file; made with its folder if absent.

    Raises
    ------
    LedgerError
        The file is no ledger, is damaged, or was written by a newer version.
    LockedError, ResourceError
        It is held by another writer, or its disk fails.
    """

    __slots__ = ("_engine", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(
            f"sqlite:///{path}", poolclass=sa.NullPool, connect_args={"timeout": BUSY_TIMEOUT_S}
        )
        sa.event.listen(self._engine, "connect", _on_connect)
        self._prepare()

    def entries(self) -> tuple[ChainedEntry, ...]:
        """Read every entry in order.

        Raises
        ------
        LedgerError, LockedError, ResourceError
            It is damaged, held by another writer, or its disk fails.
        """
        with self._told("read"), self._engine.connect() as connection:
            return _all(connection)

    def append(
        self, build: Callable[[Sequence[ChainedEntry]], Sequence[ChainedEntry]]
    ) -> tuple[ChainedEntry, ...]:
        """Append entries in one transaction that holds the write lock from its first read.

        Parameters
        ----------
        build
            Gets all entries up to now, returns the new ones, chained. An error in it leaves the
            ledger as it was.

        Raises
        ------
        LockedError
            Another writer holds the ledger.
        ResourceError
            The disk is full, read-only or failing.
        LedgerError
            The file is damaged, or an entry would replace another.
        """
        with self._told("written"), self._writing() as connection:
            new = tuple(build(_all(connection)))
            if new:
                connection.execute(sa.insert(_ENTRIES), [_row(item) for item in new])
        return new

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn an error of SQLite into the one of ours that tells what to do."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise _error(self.path, what, error.orig) from error
        except sqlite3.Error as error:
            raise _error(self.path, what, error) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _prepare(self) -> None:
        with self._told("opened"), self._writing() as connection:
            self._identify(connection)
            _METADATA.create_all(connection)
            for trigger in _TRIGGERS:
                connection.exec_driver_sql(trigger)

    def _identify(self, connection: sa.Connection) -> None:
        """Tell a new file from a ledger from anything else."""
        found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
        if found == 0 and tables == 0:
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
            return
        if found != APPLICATION_ID:
            msg = f"{self.path} is an SQLite file but no ledger (application id {found})"
            raise LedgerError(msg)
        if version > SCHEMA_VERSION:
            msg = (
                f"{self.path} has schema {version}, this program knows {SCHEMA_VERSION}; update it"
            )
            raise LedgerError(msg)


def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection
    connection.isolation_level = None
    for pragma in (
        "journal_mode=DELETE",
        "synchronous=EXTRA",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _error(path: Path, what: str, error: object) -> ChangeDetectError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY_CODE
    said = f"{path}: the ledger could not be {what} ({error})"
    if primary in _WAITED:
        return LockedError(f"{said}; another run is using it: wait for it, then run again")
    if primary in _NO_ROOM:
        return ResourceError(
            f"{said}; nothing was entered: make room on the disk or allow writing, then run again"
        )
    return LedgerError(f"{said}; it is damaged or no ledger: restore a backup")


def _all(connection: sa.Connection) -> tuple[ChainedEntry, ...]:
    rows = connection.execute(sa.select(_ENTRIES).order_by(_ENTRIES.c.sequence))
    return tuple(_entry(row) for row in rows.mappings())


def _row(item: ChainedEntry) -> dict[str, object]:
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
    }


def _entry(row: sa.RowMapping) -> ChainedEntry:
    entry = Entry(
        case=row["case_number"],
        event=row["event"],
        from_state=row["from_state"],
        to_state=row["to_state"],
        actor=row["actor"],
        time=datetime.fromisoformat(row["time"]),
        reason=row["reason"],
        source_sha256=row["source_sha256"],
        payload=row["payload"],
    )
    return ChainedEntry(row["sequence"], row["previous"], row["digest"], entry)

"""The ledger's file: a private SQLite database that only this module opens.

Journal DELETE and synchronous EXTRA, since write-ahead logging loses acknowledged commits on the
SQLite that many Pythons ship; triggers forbid changing or deleting an entry. The file is never
opened by GDAL, and never with plain ``open`` while it is in use: both drop SQLite's locks.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from changedetect.errors import LedgerError, LockedError
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
    f"CREATE TRIGGER IF NOT EXISTS no_{verb.lower()} BEFORE {verb} ON entries "
    f"BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END"
    for verb in ("UPDATE", "DELETE")
)


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
        """Read every entry in order."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_ENTRIES).order_by(_ENTRIES.c.sequence))
            return tuple(_entry(row) for row in rows.mappings())

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
        """
        try:
            with self._writing() as connection:
                rows = connection.execute(sa.select(_ENTRIES).order_by(_ENTRIES.c.sequence))
                new = tuple(build(tuple(_entry(row) for row in rows.mappings())))
                if new:
                    connection.execute(sa.insert(_ENTRIES), [_row(item) for item in new])
        except sa.exc.OperationalError as error:
            msg = (
                f"ledger {self.path} could not be written ({error.orig}); is another run using it?"
            )
            raise LockedError(msg) from error
        return new

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    def _prepare(self) -> None:
        try:
            with self._writing() as connection:
                self._identify(connection)
                _METADATA.create_all(connection)
                for trigger in _TRIGGERS:
                    connection.exec_driver_sql(trigger)
        except sa.exc.OperationalError as error:
            msg = f"ledger {self.path} could not be opened ({error.orig}); is another run using it?"
            raise LockedError(msg) from error
        except sa.exc.DatabaseError as error:
            msg = f"{self.path} is not a ledger or is damaged ({error.orig}); restore a backup"
            raise LedgerError(msg) from error

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

"""The ledger's database: a private SQLite file, or PostgreSQL for several people at once.

SQLite: journal DELETE and synchronous EXTRA, since write-ahead logging loses acknowledged commits on
the SQLite that many Pythons ship; triggers forbid changing or deleting an entry. The file is never
opened by GDAL, and never with plain ``open`` while it is in use: both drop SQLite's locks.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from changedetect.entries import CaseRow, ChainedEntry
from changedetect.errors import InputError, LedgerError
from changedetect.io.ledger.bulk import BATCH
from changedetect.io.ledger.faults import told
from changedetect.io.ledger.reader import LedgerReader
from changedetect.io.ledger.tables import CASES, ENTRIES, META, case_line, entry_line
from changedetect.io.ledger.upgrade import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    stamp_first,
    upgrade_to,
    version_of,
)
from changedetect.io.publish import publish

BUSY_TIMEOUT_S = 30
"""How long a writer waits for another before it gives up. [s]"""

ROWS = "rows"
"""Note about the rows: ``stale`` where they must be made again from the entries."""

_MAP = """
CREATE VIEW cases_map AS
SELECT c.*, ST_SetSRID(ST_GeomFromWKB(decode(e.payload::json->>'geometry', 'hex')), {srid}) AS geom
FROM cases c JOIN entries e ON e.sequence = c.facts_sequence
"""

New = Sequence[tuple[ChainedEntry, CaseRow | None]]
"""Entries to append, each with the row of its case afterwards; None for entries about no case."""


class LedgerStore:
    """An open ledger.

    Parameters
    ----------
    place
        An SQLite file, made with its folder if absent, or a ``postgresql+psycopg://`` address.
    algorithm
        Digest of a new ledger (sha256 or sm3); an existing one keeps its own.

    Raises
    ------
    LedgerError
        The file is no ledger, is damaged, or was written by a newer version.
    LockedError, ResourceError
        It is held by another writer, its disk fails, or its server does not answer.
    """

    __slots__ = ("_engine", "path", "place")

    def __init__(self, place: Path | str, *, algorithm: str = "sha256") -> None:
        self.path = place if isinstance(place, Path) else None
        if self.path is not None:
            self.place = str(place)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            url = sa.URL.create("sqlite", database=str(place))
            given: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S}
        else:
            url = sa.make_url(str(place))
            self.place = url.render_as_string(hide_password=True)
            given = {"connect_timeout": BUSY_TIMEOUT_S}
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=given)
        if self.path is not None:
            sa.event.listen(self._engine, "connect", _on_connect)
        self._prepare(algorithm)

    @property
    def address(self) -> Path | str:
        """Where the ledger is, as the constructor takes it."""
        return self.path or self._engine.url.render_as_string(hide_password=False)

    @classmethod
    @contextmanager
    def at(cls, place: Path | str, snapshot: str) -> Iterator[LedgerReader]:
        """Ask a ledger as another connection sees it (`LedgerReader.snapshot`)."""
        with cls(place).reading(snapshot) as reader:
            yield reader

    @contextmanager
    def reading(self, snapshot: str = "") -> Iterator[LedgerReader]:
        """Ask the ledger; everything asked inside sees the same moment, or that of a snapshot."""
        with told(self.place, "read"), self._engine.connect() as connection:
            if self.path is not None:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                if snapshot:
                    connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield LedgerReader(connection)

    def entries(self) -> tuple[ChainedEntry, ...]:
        """Read every entry in order; for ledgers that fit in memory."""
        with self.reading() as reader:
            return tuple(reader.entries())

    def append(self, build: Callable[[LedgerReader], New]) -> tuple[ChainedEntry, ...]:
        """Append entries in one transaction that holds the write lock from its first read.

        Parameters
        ----------
        build
            Asks the ledger as it is now and returns the new entries, chained, with their rows. An
            error in it leaves the ledger as it was.

        Raises
        ------
        LockedError
            Another writer holds the ledger.
        ResourceError
            The disk is full, read-only or failing, or the server went away.
        LedgerError
            The file is damaged, or an entry would replace another.
        """
        with told(self.place, "written"), self._writing() as connection:
            new = tuple(build(LedgerReader(connection)))
            if new:
                connection.execute(sa.insert(ENTRIES), [entry_line(item) for item, _ in new])
                _put(connection, (row for _, row in new if row is not None))
        return tuple(item for item, _ in new)

    def replace_rows(self, build: Callable[[LedgerReader], Iterable[CaseRow]]) -> int:
        """Make the rows of all cases again, in one transaction; return how many there are.

        Parameters
        ----------
        build
            Gives every row once; an error in it leaves the rows as they were.
        """
        with told(self.place, "written"), self._writing() as connection:
            connection.execute(sa.delete(CASES))
            count, rows = 0, iter(build(LedgerReader(connection)))
            while batch := [case_line(row) for row in islice(rows, BATCH)]:
                connection.execute(sa.insert(CASES), batch)
                count += len(batch)
            connection.execute(sa.delete(META).where(META.c.key == ROWS))
        return count

    def make_map(self, srid: int) -> None:
        """Make the read-only view ``cases_map`` of all cases with their outlines, for QGIS (PostGIS).

        Parameters
        ----------
        srid
            EPSG code of the job's coordinate system.

        Raises
        ------
        InputError
            The ledger is a file: GIS software must never open it; its packages are the exports.
        ResourceError, LedgerError
            PostGIS is not installed on the server, or this user may not enable it.
        """
        if self.path is not None:
            msg = f"{self.place}: a ledger file is never opened by GIS software; open the packages, or keep the ledger on a PostgreSQL server (ledger.server)"
            raise InputError(msg)
        with told(self.place, "shown as a map"), self._engine.connect() as connection:
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis")
            connection.exec_driver_sql("DROP VIEW IF EXISTS cases_map")
            connection.exec_driver_sql(_MAP.format(srid=int(srid)))
            connection.commit()

    def backup(self, target: Path, *, overwrite: bool = False) -> None:
        """Copy an SQLite ledger as of one moment, while others may be writing.

        Raises
        ------
        InputError
            The ledger is on a server: that one has its own tools (pg_dump).
        LedgerError
            The copy is damaged.
        """
        source = self.path
        if source is None:
            msg = (
                f"{self.place}: a ledger on a server is copied by the server's own tools (pg_dump)"
            )
            raise InputError(msg)

        def write(temp: Path) -> None:
            with (
                told(self.place, "copied"),
                closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_S)) as old,
                closing(sqlite3.connect(temp)) as new,
            ):
                old.backup(new)

        publish(target, write, check_file, overwrite=overwrite)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            if self.path is not None:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_S}s'")
                connection.exec_driver_sql("LOCK TABLE entries IN EXCLUSIVE MODE")
            yield connection
            connection.commit()

    def _prepare(self, algorithm: str) -> None:
        with told(self.place, "opened"):
            found = self._found_version()
            if found > SCHEMA_VERSION:
                msg = f"{self.place} has schema {found}, this program knows {SCHEMA_VERSION}; update it"
                raise LedgerError(msg)
            if found == 0:
                self._create(algorithm)
            elif found < SCHEMA_VERSION:
                self._migrate(found)

    def _found_version(self) -> int:
        """Tell a new place (0) from a ledger from anything else."""
        with self._engine.connect() as connection:
            if self.path is None:
                return version_of(connection)
            found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one()
        if found == 0 and tables == 0:
            return 0
        if found != APPLICATION_ID:
            msg = f"{self.place} is an SQLite file but no ledger (application id {found})"
            raise LedgerError(msg)
        return int(version)

    def _create(self, algorithm: str) -> None:
        with self._engine.connect() as connection:
            if self.path is not None:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                if connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar_one():
                    return  # another process was faster
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
                if version_of(connection):
                    return
            upgrade_to(connection)
            connection.execute(sa.insert(META), {"key": "algorithm", "value": algorithm})
            connection.commit()

    def _migrate(self, found: int) -> None:
        """Upgrade an older ledger: SQLite on a copy that takes its place, the old one kept."""
        if self.path is None:
            with self._engine.connect() as connection:
                _steps(connection, found)
            return
        old = self.path.with_name(f"{self.path.name}.schema{found}")
        self.backup(old, overwrite=True)
        copy = self.path.with_name(f".{self.path.name}.changedetect-{os.getpid()}.tmp")
        shutil.copyfile(old, copy)
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(copy)), poolclass=sa.NullPool
        )
        sa.event.listen(engine, "connect", _on_connect)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _steps(connection, found)
        check_file(copy)
        copy.replace(self.path)


def check_file(path: Path) -> None:
    """Check that a file is a whole SQLite ledger.

    Raises
    ------
    LedgerError
        It is damaged, or something else.
    """
    with told(str(path), "read"), closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        if found != APPLICATION_ID:
            msg = f"{path} is no ledger (application id {found})"
            raise LedgerError(msg)
        said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        msg = f"{path}: the ledger is damaged ({said}); restore a backup"
        raise LedgerError(msg)


def _steps(connection: sa.Connection, found: int) -> None:
    if found == 1 and version_of(connection) == 0:
        stamp_first(connection)
    upgrade_to(connection)
    notes = [{"key": "algorithm", "value": "sha256"}, {"key": ROWS, "value": "stale"}]
    connection.execute(sa.insert(META), notes)
    connection.commit()


def _put(connection: sa.Connection, rows: Iterable[CaseRow]) -> None:
    """Write rows, the last one of each case, in place of those that are there."""
    newest = {row.number: row for row in rows}
    if not newest:
        return
    names = list(newest)
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        connection.execute(sa.delete(CASES).where(CASES.c.number.in_(part)))
    connection.execute(sa.insert(CASES), [case_line(row) for row in newest.values()])


def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DB-API connection
    connection.isolation_level = None
    for pragma in (
        "journal_mode=DELETE",
        "synchronous=EXTRA",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()

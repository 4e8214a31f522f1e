"""What a database refuses, as errors of ours that tell what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from changedetect.errors import ChangeDetectError, LedgerError, LockedError, ResourceError

_WAITED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ROOM = frozenset(
    {
        sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
    }
)  # fmt: skip
_PRIMARY_CODE = 0xFF
"""Mask: SQLite's extended error codes hold the primary one in their low byte."""

_PG_WAITED = ("55P03", "40001", "40P01", "57014")
"""SQLSTATE: lock not available, serialization failure, deadlock, query cancelled."""
_PG_RESOURCES = ("08", "53", "57", "58", "28")
"""SQLSTATE classes: connection, resources, operator intervention, system, authorization."""


@contextmanager
def told(place: str, what: str) -> Iterator[None]:
    """Turn an error of the database into the one of ours that tells what to do.

    Parameters
    ----------
    place
        File or server, without password.
    what
        What was tried: read, written, opened.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _error(place, what, error.orig) from error
    except sqlite3.Error as error:
        raise _error(place, what, error) from error


def _error(place: str, what: str, error: object) -> ChangeDetectError:
    said = f"{place}: the ledger could not be {what} ({error})"
    waited, no_room = _kind(error)
    if waited:
        return LockedError(f"{said}; another run is using it: wait for it, then run again")
    if no_room:
        return ResourceError(
            f"{said}; nothing was entered: make room on the disk, allow writing or start the "
            "server, then run again"
        )
    return LedgerError(f"{said}; it is damaged or no ledger: restore a backup")


def _kind(error: object) -> tuple[bool, bool]:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY_CODE in _WAITED, code & _PRIMARY_CODE in _NO_ROOM
    if not type(error).__module__.startswith("psycopg"):
        return False, False
    state = getattr(error, "sqlstate", None) or ""
    lost = not state and type(error).__name__ == "OperationalError"
    return state in _PG_WAITED, lost or state[:2] in _PG_RESOURCES

"""Bring the tables of a ledger to the version of this program, by Alembic's steps."""

import importlib
import threading
from importlib import resources

import sqlalchemy as sa

APPLICATION_ID = 0x43444C47
"""Written into an SQLite file's header ("CDLG"), so that no other database is taken for a ledger."""

SCHEMA_VERSION = 2
"""Number of the newest step; an SQLite file carries it in its header as well."""

_ALEMBIC = threading.Lock()
"""Alembic keeps what it is doing in a global: one upgrade a process at a time."""


def upgrade_to(connection: sa.Connection, version: int = SCHEMA_VERSION) -> None:
    """Run the steps that are missing, inside the caller's transaction.

    Alembic is read in only here: a ledger that is up to date is opened in half the time without.
    """
    command = importlib.import_module("alembic.command")
    with (
        _ALEMBIC,
        resources.as_file(resources.files("changedetect.io.ledger") / "migrations") as folder,
    ):
        config = importlib.import_module("alembic.config").Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, f"{version:04d}")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def stamp_first(connection: sa.Connection) -> None:
    """Tell Alembic that a ledger of the first version, which knew no Alembic, is at step 1."""
    connection.exec_driver_sql(
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
    )
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")


def version_of(connection: sa.Connection) -> int:
    """Return the version of a PostgreSQL ledger; 0 = it has no tables yet."""
    if "alembic_version" not in sa.inspect(connection).get_table_names():
        return 0
    found = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar_one_or_none()
    return int(found or 0)

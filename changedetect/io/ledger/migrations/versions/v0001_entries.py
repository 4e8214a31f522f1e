"""Entries, which nothing may change: the ledger of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

_TEXTS = (
    "previous", "digest", "case_number", "event", "from_state", "to_state",
    "actor", "time", "reason", "source_sha256", "payload",
)  # fmt: skip
_SAYS = "an entry of the ledger is never changed"
_SQLITE = (
    *(
        f"CREATE TRIGGER IF NOT EXISTS no_{name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        for name, when in {
            "update": "UPDATE ON entries",
            "delete": "DELETE ON entries",
            "replace": "INSERT ON entries "
            "WHEN EXISTS (SELECT 1 FROM entries WHERE sequence = NEW.sequence)",
        }.items()
    ),
)
"""INSERT OR REPLACE deletes without firing the trigger against deletion, hence the third."""

_POSTGRESQL = (
    f"CREATE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$",
    "CREATE TRIGGER no_update BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION never_changed()",
    "CREATE TRIGGER no_truncate BEFORE TRUNCATE ON entries EXECUTE FUNCTION never_changed()",
)


def upgrade() -> None:
    """Make the table and the triggers that guard it."""
    op.create_table(
        "entries",
        sa.Column(
            "sequence", sa.Integer().with_variant(sa.BigInteger, "postgresql"), primary_key=True
        ),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sqlite_strict=True,
    )
    own = _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL
    for statement in own:
        op.execute(statement)

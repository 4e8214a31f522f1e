"""Roles and rows of entries; the projection of every case; notes about the ledger itself.

Entries of the first form keep their digests: what is new in them is empty, and form 1 says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXTS = (
    "number", "parent", "district", "main_theme", "themes", "month", "state", "since",
    "suggestion", "first_found", "last_confirmed", "county_due", "clear_due", "screened",
    "proposer", "claims",
)  # fmt: skip
_COUNTS = ("pooled", "record_only", "severity", "facts_sequence", "last_sequence")
_MEASURES = ("area_m2", "west", "south", "east", "north")


def upgrade() -> None:
    """Add the columns and the two tables."""
    for name in ("role", "source_row"):
        op.add_column("entries", sa.Column(name, sa.Text, nullable=False, server_default=""))
    integer = sa.Integer().with_variant(sa.BigInteger, "postgresql")
    op.add_column("entries", sa.Column("form", integer, nullable=False, server_default="1"))
    op.create_index("entries_case", "entries", ["case_number", "sequence"])
    op.create_index("entries_source", "entries", ["source_sha256", "sequence"])
    op.create_index("entries_event", "entries", ["event", "sequence"])
    real: sa.types.TypeEngine[float] = sa.REAL().with_variant(sa.Double, "postgresql")
    op.create_table(
        "cases",
        *(
            sa.Column(name, sa.Text, primary_key=name == "number", nullable=False)
            for name in _TEXTS
        ),
        *(sa.Column(name, integer, nullable=False) for name in _COUNTS),
        *(sa.Column(name, real, nullable=False) for name in _MEASURES),
        sqlite_strict=True,
    )
    op.create_index("cases_work", "cases", ["district", "state", "county_due"])
    summary = [
        "month",
        "district",
        "main_theme",
        "state",
        "pooled",
        "record_only",
        "area_m2",
        "county_due",
    ]
    op.create_index("cases_summary", "cases", summary)
    box = ["district", "number", "month", "west", "south", "east", "north"]
    op.create_index("cases_box", "cases", box)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_strict=True,
    )

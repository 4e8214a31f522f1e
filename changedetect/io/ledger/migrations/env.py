"""Run by Alembic for each upgrade; the connection is handed in by `changedetect.io.ledger.upgrade`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()

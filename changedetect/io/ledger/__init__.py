"""The ledger's database: only these modules open it."""

from changedetect.io.ledger.bulk import BulkReader
from changedetect.io.ledger.reader import LedgerReader
from changedetect.io.ledger.store import LedgerStore

__all__ = ["BulkReader", "LedgerReader", "LedgerStore"]

"""The ways into the ledger, and what leaves it: moves, care, sheets, sealed packages."""

"""Stage ``ledger``: case events -> numbered, chained entries, and what they add up to.

Pure: storing is the business of ``io``.
"""

from changedetect.stages.ledger.chain import ALGORITHMS, GENESIS, chain, digest_of
from changedetect.stages.ledger.facts import canonical, case_of, claims_payload, payload_of
from changedetect.stages.ledger.merkle import merkle_path, merkle_root, root_of_path
from changedetect.stages.ledger.moves import (
    EVENTS,
    MOVES,
    PROGRAM,
    ROLES,
    Trail,
    check_move,
    check_moves,
)
from changedetect.stages.ledger.projection import advance, project
from changedetect.stages.ledger.verify import MONTH_CLOSED, Verifier, differences, verify

__all__ = [
    "ALGORITHMS",
    "EVENTS",
    "GENESIS",
    "MONTH_CLOSED",
    "MOVES",
    "PROGRAM",
    "ROLES",
    "Trail",
    "Verifier",
    "advance",
    "canonical",
    "case_of",
    "chain",
    "check_move",
    "check_moves",
    "claims_payload",
    "differences",
    "digest_of",
    "merkle_path",
    "merkle_root",
    "payload_of",
    "project",
    "root_of_path",
    "verify",
]

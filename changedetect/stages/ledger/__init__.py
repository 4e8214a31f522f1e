"""Stage ``ledger``: case events -> numbered, chained entries, and what they add up to.

Pure: storing is the business of ``io``.
"""

from changedetect.stages.ledger.chain import ALGORITHMS, GENESIS, chain, digest_of, said_of
from changedetect.stages.ledger.facts import (
    CLAIMS,
    canonical,
    case_of,
    claims_payload,
    holds_facts,
    payload_of,
)
from changedetect.stages.ledger.merkle import merkle_levels, merkle_root, path_in, root_of_path
from changedetect.stages.ledger.moves import (
    EVENTS,
    MOVES,
    PROGRAM,
    ROLES,
    Trail,
    check_move,
    check_moves,
    event_name,
)
from changedetect.stages.ledger.projection import advance, project
from changedetect.stages.ledger.totals import (
    HOLDERS,
    MonthTotals,
    holders,
    month_totals,
    restated,
)
from changedetect.stages.ledger.verify import MONTH_CLOSED, Verifier, differences, verify

__all__ = [
    "ALGORITHMS",
    "CLAIMS",
    "EVENTS",
    "GENESIS",
    "HOLDERS",
    "MONTH_CLOSED",
    "MOVES",
    "PROGRAM",
    "ROLES",
    "MonthTotals",
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
    "event_name",
    "holders",
    "holds_facts",
    "merkle_levels",
    "merkle_root",
    "month_totals",
    "path_in",
    "payload_of",
    "project",
    "restated",
    "root_of_path",
    "said_of",
    "verify",
]

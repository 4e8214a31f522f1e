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
    read_payload,
)
from changedetect.stages.ledger.lines import FACTS, Line, Part, check_part, months_said, replay
from changedetect.stages.ledger.links import ChainBook, Links, Stretch, check_links, root_over
from changedetect.stages.ledger.merkle import (
    Mountains,
    merkle_levels,
    merkle_root,
    path_in,
    root_of_path,
)
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
    "FACTS",
    "GENESIS",
    "HOLDERS",
    "MONTH_CLOSED",
    "MOVES",
    "PROGRAM",
    "ROLES",
    "ChainBook",
    "Line",
    "Links",
    "MonthTotals",
    "Mountains",
    "Part",
    "Stretch",
    "Trail",
    "Verifier",
    "advance",
    "canonical",
    "case_of",
    "chain",
    "check_links",
    "check_move",
    "check_moves",
    "check_part",
    "claims_payload",
    "differences",
    "digest_of",
    "event_name",
    "holders",
    "holds_facts",
    "merkle_levels",
    "merkle_root",
    "month_totals",
    "months_said",
    "path_in",
    "payload_of",
    "project",
    "read_payload",
    "replay",
    "restated",
    "root_of_path",
    "root_over",
    "said_of",
    "verify",
]

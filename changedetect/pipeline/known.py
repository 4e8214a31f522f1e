"""What the ledger knew before a month: the cases that its watch and its sums rest on.

What the month itself writes is left out, so that doing the month again gives the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from changedetect.entries import ChainedEntry
from changedetect.pipeline.context import MonthContext
from changedetect.pipeline.ledgerwork import open_ledger
from changedetect.records import Case
from changedetect.stages import ledger

RECTIFIED = frozenset({"80", "85", "90"})
"""States of a case whose ground is looked at again: rectified, waiting for an image, closed."""


@dataclass(frozen=True, slots=True)
class Known:
    """A case as it stood before a month; ``closed_on`` is the day on which it came to be rectified."""

    case: Case
    closed_on: date | None


def known_before(context: MonthContext) -> tuple[Known, ...]:
    """Return the cases of earlier months, by number, as they stood before this one."""
    place = context.ledger_place
    if isinstance(place, Path) and not place.is_file():
        return ()
    return before(open_ledger(place).entries(), context.span[0])


def before(entries: Sequence[ChainedEntry], first_day: date) -> tuple[Known, ...]:
    """Replay a ledger without what a month, or a later one, found.

    Parameters
    ----------
    entries
        The whole ledger.
    first_day
        Of the month.
    """
    old = [
        item
        for item in entries
        if not ledger.holds_facts(item.entry)
        or ledger.case_of(item.entry.payload).last_confirmed < first_day
    ]
    closed: dict[str, date] = {}
    for item in old:
        entry = item.entry
        if entry.to_state in RECTIFIED and entry.from_state not in RECTIFIED:
            closed[entry.case] = entry.time.date()
    cases = ledger.project(old)
    return tuple(
        Known(case, closed.get(number) if case.state in RECTIFIED else None)
        for number, case in sorted(cases.items())
    )

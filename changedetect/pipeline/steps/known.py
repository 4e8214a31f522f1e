"""What the ledger knew before a month: the cases that its watch and its sums rest on.

What the month itself writes is left out, so that doing the month again gives the same.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from changedetect.entries import ChainedEntry
from changedetect.pipeline.ledger.ledgerwork import open_ledger
from changedetect.pipeline.runs.context import MonthContext
from changedetect.records import Case
from changedetect.stages import ledger

RECTIFIED = frozenset({"80", "85", "90"})
"""States of a case whose ground is looked at again: rectified, waiting for an image, closed."""

CHECKED = "image_checked"
"""Event by which the ledger keeps what an image said of a rectified case."""

LEGAL = "70"
"""State from which a case is closed because its change is lawful: nothing was to be rectified."""


@dataclass(frozen=True, slots=True)
class Known:
    """A case as it stood before a month; ``closed_on`` is the day on which it came to be rectified.

    It is None for a case that is not, and for one that was closed as lawful. ``checked`` is what the
    last image check left standing at least, and the day of its image.
    """

    case: Case
    closed_on: date | None
    checked: tuple[float, date] | None = None


def known_before(context: MonthContext) -> tuple[Known, ...]:
    """Return the cases of earlier months, by number, as they stood before this one."""
    place = context.ledger_place
    if isinstance(place, Path) and not place.is_file():
        return ()
    with open_ledger(place).reading() as reader:
        return before(reader.entries(), context.span[0])


def before(entries: Iterable[ChainedEntry], first_day: date) -> tuple[Known, ...]:
    """Replay a ledger without what a month, or a later one, found, and what people did on it.

    Parameters
    ----------
    entries
        The whole ledger, in order; it is read once.
    first_day
        Of the month.
    """
    old: list[ChainedEntry] = []
    gone_on: set[str] = set()
    for item in entries:
        if item.entry.case in gone_on or _speaks_of(item) >= first_day:
            gone_on.add(item.entry.case)
        else:
            old.append(item)
    closed: dict[str, date] = {}
    for item in old:
        entry = item.entry
        if entry.from_state == LEGAL:
            closed.pop(entry.case, None)
        elif entry.to_state in RECTIFIED and entry.from_state not in RECTIFIED:
            closed[entry.case] = entry.time.date()
    cases = ledger.project(old)
    checked = _checked(old)
    return tuple(
        Known(case, closed.get(number) if case.state in RECTIFIED else None, checked.get(number))
        for number, case in sorted(cases.items())
    )


def _speaks_of(item: ChainedEntry) -> date:
    """Return the day of the image that an entry rests on; the first of all days where it rests on none."""
    if item.entry.event == CHECKED:
        said = said_of_check(item)
        return date.min if said is None else said[1]
    if item.entry.case and ledger.holds_facts(item.entry):
        return ledger.case_of(item.entry.payload).last_confirmed
    return date.min


def said_of_check(item: ChainedEntry) -> tuple[float, date] | None:
    """Return what an image check left standing at least, and the day of its image.

    None for one that a person entered without these columns.
    """
    claims = json.loads(item.entry.payload or "{}").get(ledger.CLAIMS, {})
    day, standing = claims.get("YXFHH", ""), claims.get("YXFHWC", "")
    if not day or not standing:
        return None
    return float(standing.split("-")[0]), date(int(day[:4]), int(day[4:6]), int(day[6:]))


def _checked(entries: Sequence[ChainedEntry]) -> dict[str, tuple[float, date]]:
    """Return the last image check of each case."""
    return {
        item.entry.case: said
        for item in entries
        if item.entry.event == CHECKED and (said := said_of_check(item)) is not None
    }

"""What the ledger holds: entries that are never changed, and what they say of a case today."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

FORM = 2
"""Form of an entry that is written now: 1 had neither role nor row."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what happened to a case; never changed, never deleted.

    Attributes
    ----------
    case
        Case number; empty for entries about a whole month.
    event
        ``found``, ``confirmed``, ``dispatched``, ``filed`` … (see `stages.ledger.moves`).
    from_state, to_state
        codes.STATES; equal where the state does not change.
    actor, time, reason
        Who, when (aware, UTC), why.
    source_sha256
        Digest of what the entry rests on (run inputs, returned file).
    payload
        JSON text with sorted keys: the facts of the case, or what people claim of it.
    role
        In which role the actor acted (`stages.ledger.people`); empty in entries of form 1.
    source_row
        Where in the source it stands (layer, sheet, row), for people who look it up.
    """

    case: str
    event: str
    from_state: str
    to_state: str
    actor: str
    time: datetime
    reason: str
    source_sha256: str
    payload: str
    role: str = ""
    source_row: str = ""


@dataclass(frozen=True, slots=True)
class ChainedEntry:
    """An entry in its place: number in the ledger, digest of the entry before, and its own."""

    sequence: int
    previous: str
    digest: str
    entry: Entry
    form: int = FORM


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What the entries say of a case today: the projection that work lists and totals read.

    Attributes
    ----------
    number, parent, district, main_theme, themes, month
        Of the case; themes joined by commas.
    state, since
        Where the last entry led, and the day it came there (ISO text).
    pooled, record_only, severity, suggestion, area_m2
        From its newest facts.
    first_found, last_confirmed, county_due, clear_due
        ISO text.
    west, south, east, north
        Box of its outline, in the job's CRS.
    screened
        ``accepted`` by an interpreter, or empty.
    proposer
        Who proposed to close it in this state; empty = nobody.
    claims
        JSON text: column of the case package -> what people wrote last.
    facts_sequence, last_sequence
        Entry with its newest facts, and its last entry.
    """

    number: str
    parent: str
    district: str
    main_theme: str
    themes: str
    month: str
    state: str
    since: str
    pooled: bool
    record_only: bool
    severity: int
    suggestion: str
    area_m2: float
    first_found: str
    last_confirmed: str
    county_due: str
    clear_due: str
    west: float
    south: float
    east: float
    north: float
    screened: str
    proposer: str
    claims: str
    facts_sequence: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """Cases that are alike in month, county, theme, state and kind.

    ``area_m2`` is their sum; ``overdue`` those whose county deadline lies before the day asked.
    """

    month: str
    district: str
    main_theme: str
    state: str
    pooled: bool
    record_only: bool
    cases: int
    area_m2: float
    overdue: int


Rechecked = Literal["拆除", "复耕", "部分", "未改", "重建", "未观测", "不能判定"]
"""What an image says of the ground of a rectified case: structure gone, gone and green, gone in part,
still there, built again, not observed, observed but not told."""


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """What the month's images say of the ground of a rectified or closed case.

    Attributes
    ----------
    case, unit_id
        Its number, and the watched unit that holds its pictures.
    result
        One word; the shares are what it rests on.
    standing, rebuilt
        Least and greatest share of the ground under the structure, and under one that was found
        after the case was rectified. [0-1]
    green
        Share that was green in a clear image of the season since then; None = too few images. [0-1]
    unseen
        Share not observed this month. [0-1]
    before, after
        Days of the month's pair.
    since
        Day on which the case came to be rectified.
    unbroken
        Whether every image since the structure was last seen was checked: else it may have gone
        unnoticed in between.
    """

    case: str
    unit_id: str
    result: Rechecked
    standing: tuple[float, float]
    rebuilt: tuple[float, float]
    green: float | None
    unseen: float
    before: date
    after: date
    since: date
    unbroken: bool

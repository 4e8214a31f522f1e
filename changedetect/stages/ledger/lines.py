"""A whole ledger checked by its stored lines, case by case: the rules of `verify`, without objects.

The digest is taken over the text as it is stored, and only what is unusual is asked of the rules
one entry at a time; so a ledger of a million cases is checked in constant memory, in as many parts
as there are processors. `verify.Verifier` says the same in plain words, and is its twin in tests.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import shapely

from changedetect.entries import CaseRow, ChainedEntry, Entry
from changedetect.errors import LedgerError
from changedetect.stages.ledger.chain import hasher
from changedetect.stages.ledger.facts import CLAIMS, canonical, read_payload
from changedetect.stages.ledger.links import Links, are_digests
from changedetect.stages.ledger.moves import CLOSED, PROPOSED, Trail, check_move
from changedetect.stages.ledger.projection import SCREENED

Line = tuple[Any, ...]
"""An entry as `io.ledger.bulk` reads it: sequence, digest before, digest, the bytes that it covers,
case, kind, actor, day, and what its payload holds.

The kind is the JSON list of event, from_state, to_state, role, form, and whether actor and reason
are there. The payload is empty text, a JSON list of `FACTS`, or the JSON object of claims.
"""

FACTS = (
    "number", "state", "parent", "district", "main_theme", "themes", "month", "pooled", "record_only",
    "severity", "suggestion", "area_m2", "first_found", "last_confirmed", "county_due", "clear_due",
    "geometry",
)  # fmt: skip
"""What a row needs of the facts in a payload."""

_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""Reads JSON that has no spaces around it, without looking for them."""

_MARKS = SCREENED | {PROPOSED, "recurred"}
_ROW = tuple(part.name for part in fields(CaseRow))
_SAID, _CASE = itemgetter(3), itemgetter(4)
_BATCH = 2_000
"""Cases whose outlines are read at once."""


class AlteredEntryError(LedgerError):
    """The contents of an entry are not those that its digest was taken over."""


def replay(
    batches: Iterable[Sequence[Line]], algorithm: str, links: Links | None = None
) -> Iterator[tuple[int, Line | None]]:
    """Check entries, and tell what they say of each case.

    Parameters
    ----------
    batches
        All entries of some cases, those of a case together and in order, some at once; entries
        about no case may be among them.
    algorithm
        Digest of the ledger.
    links
        Takes the links of all entries; None = they are checked elsewhere.

    Yields
    ------
    tuple
        How many entries were read, and the row of their case in the order of `CaseRow`; None for
        entries about no case.

    Raises
    ------
    LedgerError
        Names the entry that does not fit, and how.
    """
    groups = _courses(chain.from_iterable(_whole(batches, algorithm, links)))
    while batch := list(islice(groups, _BATCH)):
        heads = [course.measured() if course else None for _, course in batch]
        outlines = [bytes.fromhex(head[1]) for head in heads if head]
        boxes = iter(shapely.bounds(shapely.from_wkb(np.array(outlines, object))).tolist())
        for (count, course), head in zip(batch, heads, strict=True):
            row = (*head[0], *next(boxes), *course.ended()) if head and course else None
            yield count, row


def _whole(
    batches: Iterable[Sequence[Line]], algorithm: str, links: Links | None
) -> Iterator[Sequence[Line]]:
    """Give the entries whose contents are those that their digests were taken over."""
    new = hasher(algorithm)
    for batch in batches:
        made = b"".join([new(said).digest() for said in map(_SAID, batch)])
        said = [line[2] for line in batch]
        if not are_digests(said, made):
            raise AlteredEntryError(_first_altered(batch, algorithm))
        if links is not None:
            links.take([line[0] for line in batch], [line[1] for line in batch], made)
        yield batch


def _first_altered(lines: Iterable[Line], algorithm: str) -> str:
    new = hasher(algorithm)
    return next((_altered(line) for line in lines if new(line[3]).hexdigest() != line[2]), "")


def _altered(line: Line) -> str:
    return f"entry {line[0]} (case {line[4] or '-'}): its contents differ from its digest {line[2][:12]}…; it was altered"


def _courses(lines: Iterable[Line]) -> "Iterator[tuple[int, _Course | None]]":
    kinds: dict[str, _Kind] = {}
    for number, group in groupby(lines, _CASE):
        course = _Course(number, kinds) if number else None
        count = 0
        for line in group:
            count += 1
            if course:
                course.take(line)
        yield count, course


def entry_of_said(said: bytes) -> Entry:
    """Read an entry back from the bytes that its digest covers."""
    (_, _, case, event, start, end, actor, time, reason, source, payload, *rest) = json.loads(said)
    when = datetime.fromisoformat(time)
    return Entry(case, event, start, end, actor, when, reason, source, payload, *rest[:2])


class _Kind(NamedTuple):
    """A kind of entry that the rules allowed before.

    ``usual`` = nothing but its case's state is to be asked of another one; ``marks`` = it says more
    of a case than where it stands.
    """

    event: str
    start: str
    end: str
    usual: bool
    marks: bool


class _Course:
    """What the entries of one case say, taken in order."""

    __slots__ = (
        "claims", "facts", "facts_at", "kinds", "last", "number", "proposer", "screened", "since", "state",
    )  # fmt: skip

    def __init__(self, number: str, kinds: dict[str, _Kind]) -> None:
        self.number = number
        self.kinds = kinds
        self.state = self.since = self.proposer = self.screened = ""
        self.facts: list[Any] = []
        self.facts_at = self.last = 0
        self.claims: dict[str, str] = {}

    def take(self, line: Line) -> None:
        """Let one more entry change what is known."""
        sequence, _, _, _, _, text, actor, day, holds = line
        held = self._read(line) if holds else None
        kind = self.kinds.get(text)
        if kind is None or not kind.usual or kind.start != self.state or not self._fits(kind, held):
            kind = self._asked(line)
        if kind.end != kind.start:
            self.since, self.proposer = day, ""
        if kind.marks:
            self._mark(kind.event, actor)
        if isinstance(held, list):
            self.facts, self.facts_at = held, sequence
        elif held is not None:
            self.claims.update(held[CLAIMS])
        self.state, self.last = kind.end, sequence

    def _asked(self, line: Line) -> _Kind:
        """Ask the rules about an entry that is not like one that they allowed before."""
        event, start, end, _, form, complete = json.loads(line[5])
        trail = Trail(self.state, self.proposer) if self.state else None
        check_move(entry_of_said(line[3]), trail, form)
        closes = end == CLOSED and start != CLOSED
        kind = _Kind(event, start, end, bool(complete) and not closes, event in _MARKS)
        self.kinds[line[5]] = kind
        return kind

    def _fits(self, kind: _Kind, held: object) -> bool:
        """Tell whether the facts are those of the case, where it stands; only the first entry must hold some."""
        if isinstance(held, list):
            return bool(held[0] == self.number and held[1] == kind.end)
        return bool(kind.start)

    def _mark(self, event: str, actor: str) -> None:
        if event == PROPOSED:
            self.proposer = actor
        else:
            self.screened = "accepted" if event in SCREENED else ""

    def _read(self, line: Line) -> "list[Any] | Mapping[str, Any]":
        text = line[8]
        if text[0] == "[":
            with suppress(ValueError, StopIteration):
                found: list[Any] = _SCAN(text, 0)[0]
                if len(found) == len(FACTS) and None not in found:
                    return found
            text = entry_of_said(line[3]).payload
        where = f"entry {line[0]} (case {self.number})"
        held = read_payload(text, where)
        if CLAIMS in held:
            return held
        lacking = ", ".join(name for name in FACTS if held.get(name) is None)
        if lacking:
            msg = f"{where}: its facts lack {lacking}; restore a backup"
            raise LedgerError(msg)
        return [held[name] for name in FACTS]

    def measured(self) -> tuple[Line, str]:
        """Return the row before its box, and the outline (WKB as hexadecimal text)."""
        facts = self.facts
        number, _, parent, district, theme, themes, month = facts[:7]
        named = (number, parent, district, theme, ",".join(themes), month, self.state, self.since)
        return (*named, *facts[7:16]), facts[16]

    def ended(self) -> Line:
        """Return the row behind its box."""
        claims = canonical(self.claims) if self.claims else "{}"
        return self.screened, self.proposer, claims, self.facts_at, self.last


@dataclass(frozen=True, slots=True)
class Part:
    """What the check of some cases found.

    Attributes
    ----------
    entries, cases
        Read.
    wrong
        Rows that differ from what the entries say.
    altered, refused
        The first entry that is not as it was written, and the first that the rules forbid; empty =
        none. An altered entry can make others seem forbidden, so it is looked for to the end.
    links
        Of all entries that were read; None where an entry does not fit.
    """

    entries: int
    cases: int
    wrong: tuple[str, ...] = ()
    altered: str = ""
    refused: str = ""
    links: Links | None = None


def check_part(
    batches: Iterable[Sequence[Line]],
    stored: Mapping[str, Line] | None,
    algorithm: str,
    limit: int = 21,
) -> Part:
    """Check all entries of some cases, and their rows.

    Parameters
    ----------
    batches
        As for `replay`.
    stored
        Case number -> its row as stored, in the order of `CaseRow`; None = rows are not compared.
    algorithm
        Digest of the ledger.
    limit
        How many differences are named at most.
    """
    entries, seen, rest, links = 0, set(), iter(batches), Links()
    wrong: list[str] = []
    try:
        for count, row in replay(rest, algorithm, links):
            entries += count
            if row is None:
                continue
            seen.add(row[0])
            if stored is not None and stored.get(row[0]) != row and len(wrong) < limit:
                wrong += _differences(row, stored.get(row[0]))
    except AlteredEntryError as error:
        return Part(entries, len(seen), altered=str(error))
    except LedgerError as error:
        altered = _first_altered(chain.from_iterable(rest), algorithm)
        return Part(entries, len(seen), altered=altered, refused=str(error))
    extra = sorted(set(stored) - seen) if stored is not None else []
    wrong += [f"case {number}: a row without entries" for number in extra[:limit]]
    return Part(entries, len(seen), tuple(wrong[:limit]), links=links)


def _differences(truth: Line, row: Line | None) -> list[str]:
    if row is None:
        return [f"case {truth[0]}: its row is gone"]
    return [
        f"case {truth[0]}: {name} is {found!r}, the entries say {said!r}"
        for name, found, said in zip(_ROW, row, truth, strict=True)
        if found != said
    ]


def months_said(closings: Iterable[ChainedEntry]) -> list[tuple[int, dict[str, Any]]]:
    """Return the entry numbers of closed months, and what they say of them.

    Raises
    ------
    LedgerError
        What one says can not be read.
    """
    return [
        (item.sequence, read_payload(item.entry.payload, f"entry {item.sequence}"))
        for item in closings
    ]

"""What the ledger knew before a month: the cases that its watch and its sums rest on.

What the month itself writes is left out, so that doing the month again gives the same. The ledger is
walked case by case; of all cases only number and box are kept, and the cases near a county are read
again when it is looked at.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely

from changedetect.entries import ChainedEntry
from changedetect.pipeline.ledger.ledgerwork import open_ledger
from changedetect.records import Case
from changedetect.stages import ledger

RECTIFIED = frozenset({"80", "85", "90"})
"""States of a case whose ground is looked at again: rectified, waiting for an image, closed."""

DROPPED = frozenset({"98", "99"})
"""States of a case that was none."""

CHECKED = "image_checked"
"""Event by which the ledger keeps what an image said of a rectified case."""

LEGAL = "70"
"""State from which a case is closed because its change is lawful: nothing was to be rectified."""

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Known:
    """A case as it stood before a month; ``closed_on`` is the day on which it came to be rectified.

    It is None for a case that is not, and for one that was closed as lawful. ``checked`` is what the
    last image check left standing at least, and the day of its image.
    """

    case: Case
    closed_on: date | None
    checked: tuple[float, date] | None = None


@dataclass(frozen=True)
class Stood:
    """A case before a month as the ledger's text has it; the case itself is read only where it is wanted."""

    number: str
    state: str
    facts: str
    closed_on: date | None
    checked: tuple[float, date] | None

    @cached_property
    def said(self) -> Mapping[str, Any]:
        """The facts by name."""
        return ledger.read_payload(self.facts, f"case {self.number}")

    def known(self) -> Known:
        """Return it with the case that its facts are of."""
        case = replace(ledger.case_of(self.facts), state=self.state)
        return Known(case, self.closed_on, self.checked)


class OfMonth(Protocol):
    """What is asked of a month: where its ledger is, and its first and last day."""

    @property
    def ledger_place(self) -> Path | str:
        """A file, or the address of a server."""

    @property
    def span(self) -> tuple[date, date]:
        """First and last day."""


@dataclass(frozen=True, slots=True)
class LedgerBefore:
    """The ledger as it stood before a month: where it is, and up to where it is read.

    Attributes
    ----------
    place
        A file, which need not be there, or the address of a server.
    first_day
        Of the month.
    upto
        Only what was entered up to this number; None = all.
    """

    place: Path | str
    first_day: date
    upto: int | None = None

    def stood(self, numbers: Sequence[str] | None = None) -> Iterator[Stood]:
        """Give the cases of earlier months, by number; only some of them, or None = all."""
        if isinstance(self.place, Path) and not self.place.is_file():
            return
        with open_ledger(self.place).reading() as reader:
            entries = reader.by_case(numbers)
            yield from _walk(
                (one for one in entries if self.upto is None or one.sequence <= self.upto),
                self.first_day,
            )

    def near(self, numbers: Sequence[str], bounds: Bounds) -> tuple[Known, ...]:
        """Return those of some cases whose ground meets a box, by number."""
        place = shapely.box(*bounds)
        found = (one.known() for one in self.stood(numbers)) if numbers else ()
        return tuple(one for one in found if place.intersects(one.case.geometry))


class Past:
    """Cases as they stood before a month; those near a place are read when they are asked for.

    Parameters
    ----------
    month
        The month. What is entered after this was made is not seen by it.

    Attributes
    ----------
    ledger
        From which they are read.
    digest
        SHA-256 of all that the watch rests on.
    """

    __slots__ = ("_boxes", "_numbers", "digest", "ledger")

    def __init__(self, month: OfMonth) -> None:
        hashed, numbers, boxes = hashlib.sha256(), [], []
        self.ledger = LedgerBefore(month.ledger_place, month.span[0], _head(month))
        for one in self.ledger.stood():
            hashed.update(repr(_of_watch(one)).encode())
            numbers.append(one.number)
            boxes.append(shapely.from_wkb(one.said["geometry"]).bounds)
        self.digest = hashed.hexdigest()
        self._numbers = numbers
        self._boxes = np.array(boxes, np.float64).reshape(-1, 4)

    def numbers_near(self, bounds: Bounds) -> tuple[str, ...]:
        """Return the numbers of the cases whose box meets another (west, south, east, north)."""
        west, south, east, north = self._boxes.T
        meets = (west <= bounds[2]) & (east >= bounds[0]) & (south <= bounds[3]) & (north >= bounds[1])  # fmt: skip
        return tuple(self._numbers[i] for i in np.flatnonzero(meets))

    def near(self, bounds: Bounds) -> tuple[Known, ...]:
        """Return the cases whose ground meets a box (west, south, east, north), by number."""
        return self.ledger.near(self.numbers_near(bounds), bounds)


def stood_before(month: OfMonth) -> Iterator[Stood]:
    """Give the cases of earlier months, by number, as they stood before this one."""
    yield from LedgerBefore(month.ledger_place, month.span[0]).stood()


def _head(month: OfMonth) -> int:
    place = month.ledger_place
    if isinstance(place, Path) and not place.is_file():
        return 0
    with open_ledger(place).reading() as reader:
        head = reader.head()
    return head.sequence if head else 0


def _of_watch(one: Stood) -> tuple[str, ...]:
    """Return what of a case the watch rests on, as text."""
    names = ("family", "watch", "first_found", "last_confirmed", "geometry")
    said = (str(one.said.get(name)) for name in names)
    dropped = one.state if one.state in DROPPED else ""
    return one.number, str(one.closed_on), str(one.checked), dropped, *said


def before(entries: Iterable[ChainedEntry], first_day: date) -> tuple[Known, ...]:
    """Replay a ledger without what a month, or a later one, found, and what people did on it.

    Parameters
    ----------
    entries
        The whole ledger, in order.
    first_day
        Of the month.
    """
    ordered = sorted((one for one in entries if one.entry.case), key=lambda one: one.entry.case)
    return tuple(one.known() for one in _walk(ordered, first_day))


def _walk(entries: Iterable[ChainedEntry], first_day: date) -> Iterator[Stood]:
    """Take entries case by case, each case's in order."""
    for number, group in groupby(entries, lambda one: one.entry.case):
        stood = _stood(number, group, first_day)
        if stood is not None:
            yield stood


def _stood(number: str, items: Iterable[ChainedEntry], first_day: date) -> Stood | None:
    """Follow one case up to the first entry that rests on an image of the month, or of a later one."""
    state = facts = ""
    closed: date | None = None
    checked: tuple[float, date] | None = None
    for item in items:
        entry, held = item.entry, _held(item)
        said = _check_said(held) if entry.event == CHECKED else None
        if max(_confirmed(held), said[1] if said else date.min) >= first_day:
            break
        closed = _closed(item, closed)
        checked = said or checked
        state = entry.to_state
        if held and ledger.CLAIMS not in held:
            facts = entry.payload
    if not facts:
        return None
    return Stood(number, state, facts, closed if state in RECTIFIED else None, checked)


def _held(item: ChainedEntry) -> Mapping[str, Any]:
    return ledger.read_payload(item.entry.payload, f"entry {item.sequence}")


def _confirmed(held: Mapping[str, Any]) -> date:
    """Return the day of the image that facts rest on; the first of all days where there are none."""
    if not held or ledger.CLAIMS in held:
        return date.min
    return date.fromisoformat(held["last_confirmed"])


def _closed(item: ChainedEntry, closed: date | None) -> date | None:
    entry = item.entry
    if entry.from_state == LEGAL:
        return None
    if entry.to_state in RECTIFIED and entry.from_state not in RECTIFIED:
        return entry.time.date()
    return closed


def said_of_check(item: ChainedEntry) -> tuple[float, date] | None:
    """Return what an image check left standing at least, and the day of its image.

    None for one that a person entered without these columns.
    """
    return _check_said(_held(item))


def _check_said(held: Mapping[str, Any]) -> tuple[float, date] | None:
    claims = held.get(ledger.CLAIMS, {})
    day, standing = claims.get("YXFHH", ""), claims.get("YXFHWC", "")
    if not day or not standing:
        return None
    return float(standing.split("-")[0]), date(int(day[:4]), int(day[4:6]), int(day[6:]))

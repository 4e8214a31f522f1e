"""Returns of counties: kept, read, compared with the ledger, shown, and entered in one transaction."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from changedetect.casepackage.returned import PhotoFacts
from changedetect.config.returns import ReturnsSection
from changedetect.entries import Entry
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.pipeline.ledger.actions import Actor
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.returns.returned_files import Brought, bring
from changedetect.pipeline.returns.returned_report import Sight, TakenFile, report_of
from changedetect.stages import ledger, returns
from changedetect.stages.returns import EarlierPhoto, Fault, Known, Outcome, PhotoCase, Place

RECEIVED = "received"
"""Event of the ledger, about no single case: a file of a county was taken."""

_AT_COUNTY = ("20", "30", "45", "55", "65")

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a return is taken.

    Attributes
    ----------
    month
        Month of the package that comes back.
    county
        Whose it is; None = as the names of files and the case numbers say.
    partial
        Good rows are entered although others are wrong.
    anyway
        A file older than one that was taken before is taken too.
    dry
        Nothing is entered.
    """

    month: str
    county: str | None = None
    partial: bool = False
    anyway: bool = False
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits, and the CRS of the job in which cases are outlined."""

    section: ReturnsSection
    crs: str


def import_returns(
    store: LedgerStore,
    folder: Path,
    places: Sequence[Path],
    wanted: Wanted,
    rules: Rules,
    who: tuple[Actor, Clock],
) -> Report:
    """Take what counties sent back: all of it or nothing, or with ``partial`` what is right.

    Parameters
    ----------
    store, folder
        The ledger, and where raw bytes are kept.
    places
        Files and folders that came back.
    wanted
        How they are taken.
    rules
        Limits and CRS.
    who
        Who takes them, and what tells the time.

    Raises
    ------
    InputError
        A place that is not there or can not be a return.
    LedgerError
        A move that the rules forbid; nothing was entered.
    """
    actor, clock = who
    now = clock()
    with tempfile.TemporaryDirectory(prefix="changedetect-") as scratch:
        kept = Path(scratch) if wanted.dry else folder
        brought = bring(places, kept, wanted.county, rules.section, now.date())
    seen: list[Sight] = []

    def build(reader: LedgerReader) -> list[Entry]:
        sight = _look(reader, brought, wanted, rules, now)
        seen[:] = [sight]
        if sight.faults and not wanted.partial:
            return []
        return _entries(sight, wanted, actor, now)

    if wanted.dry:
        with store.reading() as reader:
            build(reader)
        entered = 0
    else:
        entered = len(enter(store, build))
    return report_of(seen[0], wanted.month, dry=wanted.dry, partial=wanted.partial, entered=entered)


def _look(
    reader: LedgerReader, brought: Brought, wanted: Wanted, rules: Rules, now: datetime
) -> Sight:
    taken = _taken(reader)
    notes = [*brought.notes, *(note for file in brought.files for note in file.reading.notes)]
    faults = list(brought.faults)
    fresh: list[TakenFile] = []
    beside: list[returns.Row] = []
    for given in brought.files:
        file = _not_ahead(given, now, notes)
        fault = _too_old(file, taken, wanted)
        if not file.reading.faults and not any(map(returns.speaks, file.reading.rows)):
            notes.append(f"{file.name}: nothing is filled in (未填报)")
        elif file.digest in taken:
            notes.append(f"{file.name}: it was taken before; nothing new (重复文件，无新内容)")
            beside += [row for row in file.reading.rows if row.form == "HC_ZP" and not fault]
        elif fault:
            faults.append(fault)
        else:
            fresh.append(file)
            faults += file.reading.faults
    photos = _new_photos(brought.photos, taken, notes)
    outcomes, doubts = {}, []
    for county in sorted({file.county for file in brought.files} | set(photos)):
        shots = tuple(photo for photo in brought.photos if photo.case[:6] == county)
        rows = [row for file in fresh if file.county == county for row in file.reading.rows]
        rows += [row for row in beside if row.case[:6] == county]
        outcome, about = _decide(reader, county, rows, shots, (wanted, rules, now, taken))
        outcomes[county] = outcome
        doubts += about
        faults += outcome.faults
        notes += outcome.notes
    return Sight(
        tuple(fresh), photos, outcomes, tuple(doubts), tuple(sorted(set(faults))), tuple(sorted(set(notes)))
    )  # fmt: skip


def _new_photos(
    photos: Iterable[PhotoFacts], taken: dict[str, dict[str, Any]], notes: list[str]
) -> dict[str, tuple[PhotoFacts, ...]]:
    """County -> its photos, where they are not the very set that was taken before."""
    groups: dict[str, list[PhotoFacts]] = {}
    for photo in photos:
        groups.setdefault(photo.case[:6], []).append(photo)
    new = {}
    for county, shots in sorted(groups.items()):
        if _set_digest(shots) in taken:
            notes.append(f"photos of {county}: they were taken before; nothing new (照片无新内容)")
        else:
            new[county] = tuple(shots)
    return new


def _not_ahead(file: TakenFile, now: datetime, notes: list[str]) -> TakenFile:
    """Bring a time that lies in the future to now: else one wrong clock refuses all that comes after."""
    today = now.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()
    if file.reading.stamp <= today:
        return file
    notes.append(
        f"{file.name}: its clock runs ahead ({file.reading.stamp}); {today} is entered (文件时间晚于当前)"
    )
    return replace(file, reading=replace(file.reading, stamp=today))


def _too_old(file: TakenFile, taken: dict[str, dict[str, Any]], wanted: Wanted) -> Fault | None:
    newest: str = max(
        (
            said["stamp"]
            for said in taken.values()
            if (said["county"], said["month"]) == (file.county, wanted.month)
        ),
        default="",
    )
    if file.reading.stamp >= newest or wanted.anyway:
        return None
    when = file.reading.stamp or "at a time that it does not tell"
    message = (
        f"last changed {when}, but a return of {file.county} for {wanted.month} last changed {newest} was "
        "taken before; --anyway takes it (早于已收的最新回传)"
    )
    return Fault(Place(file.name), "", message)


def _taken(reader: LedgerReader) -> dict[str, dict[str, Any]]:
    """Digest -> what was entered when the file was taken."""
    return {
        item.entry.source_sha256: json.loads(item.entry.payload)
        for item in reader.of_event(RECEIVED)
    }


def _decide(
    reader: LedgerReader,
    county: str,
    rows: list[returns.Row],
    shots: Sequence[PhotoFacts],
    context: tuple[Wanted, Rules, datetime, dict[str, dict[str, Any]]],
) -> tuple[Outcome, list[returns.PhotoDoubts]]:
    wanted, rules, now, taken = context
    waiting = [row.number for row in reader.work_list([county], _AT_COUNTY, wanted.month)]
    numbers = {*waiting, *(row.case for row in rows), *(shot.case for shot in shots)}
    known = known_cases(reader, numbers, rules.crs)
    doubts = returns.judge_photos(
        shots,
        _photo_cases(reader, known, {shot.case for shot in shots}, rules.section),
        returns.missing_photos(rows, shots),
        rules.section,
        earlier=_earlier(taken),
        latest=_local(now, rules.section),
    )
    every = [*rows, *returns.photo_rows(shots, doubts)]
    return returns.decide(every, known, county, waiting, rules.section), list(doubts)


def known_cases(reader: LedgerReader, numbers: Iterable[str], crs: str) -> dict[str, Known]:
    """Ask the ledger what it knows of cases; unknown numbers are left out."""
    names = set(numbers)
    rows, facts = reader.rows(names), reader.facts(names)
    return {
        number: Known(
            number, row.state, row.area_m2, ledger.case_of(facts[number]).geometry, crs, json.loads(row.claims)
        )
        for number, row in rows.items()
    }  # fmt: skip


def _photo_cases(
    reader: LedgerReader, known: dict[str, Known], numbers: Iterable[str], section: ReturnsSection
) -> dict[str, PhotoCase]:
    found = {}
    for number in sorted(set(numbers) & set(known)):
        sent = [
            _local(item.entry.time, section)[:10]
            for item in reader.entries(case=number)
            if item.entry.event == "dispatched"
        ]
        found[number] = PhotoCase(known[number].geometry, known[number].crs, min(sent, default=""))
    return found


def _local(when: datetime, section: ReturnsSection) -> str:
    moved = when + timedelta(hours=section.utc_offset_h) - (when.utcoffset() or timedelta())
    return moved.replace(tzinfo=None, microsecond=0).isoformat()


def _earlier(taken: dict[str, dict[str, Any]]) -> list[EarlierPhoto]:
    return [
        EarlierPhoto(case, sha256, dhash)
        for said in taken.values()
        for case, sha256, dhash in said.get("photos", ())
    ]


def _set_digest(photos: Iterable[PhotoFacts]) -> str:
    """Return one digest for a set of photos: of the lines ``digest  path``, sorted by path."""
    lines = sorted(f"{photo.path}\0{photo.sha256}" for photo in photos)
    text = "".join("{1}  {0}\n".format(*line.split("\0")) for line in lines)
    return hashlib.sha256(text.encode()).hexdigest()


def _entries(sight: Sight, wanted: Wanted, actor: Actor, now: datetime) -> list[Entry]:
    base = Entry("", RECEIVED, "", "", actor.name, now, "收到县级回传", "", "", actor.role)
    entries = [
        replace(base, source_sha256=file.digest, payload=_received(file, sight, wanted.month))
        for file in sight.files
    ]
    entries += [
        replace(base, source_sha256=_set_digest(shots), payload=_received_photos(county, shots, wanted.month))
        for county, shots in sight.photos.items()
    ]  # fmt: skip
    for change in sight.changes:
        state = change.state
        for step in change.steps:
            entries.append(_entry(change.case, state, step, wanted, (actor, now)))
            state = step.to_state
    return entries


def _entry(
    case: str, state: str, step: returns.Step, wanted: Wanted, who: tuple[Actor, datetime]
) -> Entry:
    actor, now = who
    payload: dict[str, Any] = {"claims": dict(step.claims)}
    if step.outline is not None:
        payload["outline"] = {
            "wkb": step.outline.wkb.hex(),
            "area_m2": round(step.outline.area_m2, 2),
            "difference_m2": round(step.outline.difference_m2, 2),
        }
    return Entry(
        case, step.event, state, step.to_state, actor.name, now, f"{wanted.month} 县级回传", step.digest,
        ledger.canonical(payload), actor.role, "; ".join(step.places),
    )  # fmt: skip


def _received(file: TakenFile, sight: Sight, month: str) -> str:
    said = {
        "county": file.county,
        "month": month,
        "name": file.name,
        "stamp": file.reading.stamp,
        "rows": len(file.reading.rows),
        "refused": sum(fault.place.file == file.name for fault in sight.faults),
    }
    return ledger.canonical(said)


def _received_photos(county: str, shots: Iterable[PhotoFacts], month: str) -> str:
    facts = [[photo.case, photo.sha256, photo.dhash] for photo in shots if photo.dhash]
    said = {"county": county, "month": month, "name": "photos", "stamp": "", "photos": facts}
    return ledger.canonical(said)

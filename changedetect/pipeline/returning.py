"""Returns of counties: kept, read, compared with the ledger, shown, and entered in one transaction."""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from changedetect.codes import STATES
from changedetect.config.returns import ReturnsSection
from changedetect.entries import Entry
from changedetect.errors import InputError
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.io.returned import find_returned, keep, read_returned
from changedetect.pipeline.actions import Actor
from changedetect.pipeline.books import Report
from changedetect.pipeline.ledgerwork import enter
from changedetect.stages import ledger, returns
from changedetect.stages.returns import Fault, Known, Outcome, Place, Reading

RECEIVED = "received"
"""Event of the ledger, about no single case: a file of a county was taken."""

PARTIAL, STOPPED = 3, 4
_AT_COUNTY = ("20", "30", "45", "55", "65")
_NAMED = re.compile(r"(?<!\d)(\d{6})(?!\d)")

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
class _File:
    """A file that was read: name, digest, county, rows."""

    name: str
    digest: str
    county: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a return amounts to against one moment of the ledger."""

    files: tuple[_File, ...]
    outcomes: dict[str, Outcome]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def import_returns(
    store: LedgerStore,
    folder: Path,
    places: Sequence[Path],
    wanted: Wanted,
    settings: tuple[ReturnsSection, str],
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
    settings
        Limits, and the CRS of the job in which cases are outlined.
    who
        Who takes them, and what tells the time.

    Raises
    ------
    InputError
        A place that is not there.
    LedgerError
        A move that the rules forbid; nothing was entered.
    """
    section, crs = settings
    actor, clock = who
    with tempfile.TemporaryDirectory(prefix="changedetect-") as scratch:
        files, faults = _read(
            places, Path(scratch) if wanted.dry else folder, wanted, section, clock
        )
    seen: list[_Sight] = []

    def build(reader: LedgerReader) -> list[Entry]:
        sight = _look(reader, files, wanted, section, crs)
        sight = replace(sight, faults=tuple(sorted({*faults, *sight.faults})))
        seen[:] = [sight]
        if sight.faults and not wanted.partial:
            return []
        return _entries(sight, wanted, actor, clock())

    if wanted.dry:
        with store.reading() as reader:
            build(reader)
        return _report(seen[0], wanted, entered=0)
    items = enter(store, build)
    return _report(seen[0], wanted, entered=len(items))


def _read(
    places: Sequence[Path], folder: Path, wanted: Wanted, section: ReturnsSection, clock: Clock
) -> tuple[list[_File], list[Fault]]:
    found, _ = find_returned(places)
    files: dict[str, _File] = {}
    faults = []
    for returned in found:
        try:
            kept = keep(folder, returned, section.file_max_mb)
            if kept.digest in files:
                continue
            reading = returns.read_rows(read_returned(kept, section), clock().date())
            county = wanted.county or county_of(kept.name, reading)
        except InputError as error:
            faults.append(Fault(Place(returned.path.name), "", str(error)))
            continue
        files[kept.digest] = _File(kept.name, kept.digest, county, reading)
    return sorted(files.values(), key=lambda file: (file.name, file.digest)), faults


def county_of(name: str, reading: Reading) -> str:
    """Tell whose return a file is: by the county code in its name, else by most of its case numbers.

    Raises
    ------
    InputError
        Neither tells it.
    """
    named = {code for code in _NAMED.findall(name) if not code.startswith("20")}
    counts = Counter(row.case[:6] for row in reading.rows)
    if len(named) == 1:
        return named.pop()
    best = counts.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        msg = f"{name}: whose return it is can not be told; name the county with --county (无法判断所属县)"
        raise InputError(msg)
    return str(best[0][0])


def _look(
    reader: LedgerReader,
    files: Sequence[_File],
    wanted: Wanted,
    section: ReturnsSection,
    crs: str,
) -> _Sight:
    taken = _taken(reader)
    notes = [note for file in files for note in file.reading.notes]
    faults: list[Fault] = []
    fresh: list[_File] = []
    for file in files:
        newest: str = max(
            (
                said["stamp"]
                for said in taken.values()
                if (said["county"], said["month"]) == (file.county, wanted.month)
            ),
            default="",
        )
        if file.digest in taken:
            notes.append(f"{file.name}: it was taken before; nothing new (重复文件，无新内容)")
        elif file.reading.stamp < newest and not wanted.anyway:
            when = file.reading.stamp or "it tells no time"
            faults.append(
                Fault(
                    Place(file.name),
                    "",
                    f"last changed {when}, but a return of {file.county} for {wanted.month} last changed {newest} was taken before; --anyway takes it (早于已收的最新回传)",
                )
            )
        else:
            fresh.append(file)
            faults += file.reading.faults
    outcomes = {
        county: _decide(
            reader, county, [file for file in fresh if file.county == county], wanted, section, crs
        )
        for county in sorted({file.county for file in fresh})
    }
    faults += [fault for outcome in outcomes.values() for fault in outcome.faults]
    notes += [note for outcome in outcomes.values() for note in outcome.notes]
    return _Sight(tuple(fresh), outcomes, tuple(faults), tuple(sorted(set(notes))))


def _taken(reader: LedgerReader) -> dict[str, dict[str, Any]]:
    """Digest -> what was entered when the file was taken."""
    return {
        item.entry.source_sha256: json.loads(item.entry.payload)
        for item in reader.of_event(RECEIVED)
    }


def _decide(
    reader: LedgerReader,
    county: str,
    files: Sequence[_File],
    wanted: Wanted,
    section: ReturnsSection,
    crs: str,
) -> Outcome:
    rows = [row for file in files for row in file.reading.rows]
    waiting = [row.number for row in reader.work_list([county], _AT_COUNTY, wanted.month)]
    known = known_cases(reader, {*waiting, *(row.case for row in rows)}, crs)
    return returns.decide(rows, known, county, waiting, section)


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


def _entries(sight: _Sight, wanted: Wanted, actor: Actor, now: datetime) -> list[Entry]:
    entries = [_received(file, sight, wanted, actor, now) for file in sight.files]
    for outcome in sight.outcomes.values():
        for change in outcome.changes:
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


def _received(file: _File, sight: _Sight, wanted: Wanted, actor: Actor, now: datetime) -> Entry:
    said = {
        "county": file.county,
        "month": wanted.month,
        "name": file.name,
        "stamp": file.reading.stamp,
        "rows": len(file.reading.rows),
        "refused": sum(fault.place.file == file.name for fault in sight.faults),
    }
    return Entry(
        "",
        RECEIVED,
        "",
        "",
        actor.name,
        now,
        "收到县级回传",
        file.digest,
        ledger.canonical(said),
        actor.role,
    )


def _report(sight: _Sight, wanted: Wanted, entered: int) -> Report:
    changes = [change for outcome in sight.outcomes.values() for change in outcome.changes]
    unchanged = [number for outcome in sight.outcomes.values() for number in outcome.unchanged]
    silent = [number for outcome in sight.outcomes.values() for number in outcome.silent]
    stopped = bool(sight.faults) and not wanted.partial and not wanted.dry
    text = [_headline(wanted, entered, stopped=stopped, files=len(sight.files))]
    for change in changes:
        text.append(
            f"{change.case}: {STATES[change.state]} → {STATES[change.to_state]}（{'、'.join(ledger.event_name(step.event) for step in change.steps)}）"
        )
        text += [
            f"    {name}: {old or '—'} → {new or '—'}" for name, old, new in change.differences
        ]
    text.append(
        f"{len(changes)} case(s) change, {len(unchanged)} unchanged, {len(silent)} without reply / 变更{len(changes)}，未变{len(unchanged)}，未回复{len(silent)}"
    )
    text += [f"no reply 未回复: {number}" for number in silent]
    text += [f"note 说明: {note}" for note in sight.notes]
    text += [f"wrong 有误: {fault}" for fault in sight.faults]
    values = {
        "month": wanted.month,
        "dry_run": wanted.dry,
        "entries": entered,
        "stopped": stopped,
        "files": [
            {
                "name": file.name,
                "sha256": file.digest,
                "county": file.county,
                "stamp": file.reading.stamp,
            }
            for file in sight.files
        ],
        "changes": [_change_values(change) for change in changes],
        "unchanged": unchanged,
        "no_reply": silent,
        "notes": list(sight.notes),
        "wrong": [_fault_values(fault) for fault in sight.faults],
    }
    code = STOPPED if stopped else PARTIAL if sight.faults else 0
    return Report(values, tuple(text), code)


def _headline(wanted: Wanted, entered: int, *, stopped: bool, files: int) -> str:
    if wanted.dry:
        return (
            f"{wanted.month}: {files} file(s) read, nothing is entered (dry run) / 试运行，未登记"
        )
    if stopped:
        return f"{wanted.month}: nothing was entered: rows are wrong; mend them, or enter the others with --partial / 有误，未登记"
    return f"{wanted.month}: {files} file(s) taken, {entered} entries / 已登记"


def _change_values(change: returns.Change) -> dict[str, Any]:
    return {
        "case": change.case,
        "from": change.state,
        "to": change.to_state,
        "events": [step.event for step in change.steps],
        "fields": [
            {"field": name, "old": old, "new": new} for name, old, new in change.differences
        ],
    }


def _fault_values(fault: Fault) -> dict[str, Any]:
    place = fault.place
    return {
        "file": place.file,
        "table": place.table,
        "row": place.row,
        "column": place.column,
        "case": fault.case,
        "message": fault.message,
    }

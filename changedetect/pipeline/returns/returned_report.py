"""What a return amounts to, in words and as values."""

from dataclasses import dataclass
from typing import Any

from changedetect.casepackage.returned import PhotoFacts
from changedetect.codes import STATES
from changedetect.pipeline.ledger.books import Report
from changedetect.stages import ledger
from changedetect.stages.returns import Change, Fault, Outcome, PhotoDoubts, Reading

PARTIAL, STOPPED = 3, 4


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that was read: name, digest, county, rows."""

    name: str
    digest: str
    county: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Sight:
    """What a return amounts to against one moment of the ledger.

    Attributes
    ----------
    files
        That are new.
    photos
        County -> photos that are new to it.
    outcomes
        County -> what is to be entered.
    doubts
        About photos.
    faults, notes
        What is wrong; what else is to be said.
    """

    files: tuple[TakenFile, ...]
    photos: dict[str, tuple[PhotoFacts, ...]]
    outcomes: dict[str, Outcome]
    doubts: tuple[PhotoDoubts, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]

    @property
    def changes(self) -> list[Change]:
        """Of all counties."""
        return [change for outcome in self.outcomes.values() for change in outcome.changes]


def report_of(sight: Sight, month: str, *, dry: bool, partial: bool, entered: int) -> Report:
    """Tell what a return amounts to.

    Parameters
    ----------
    sight
        What was found.
    month
        Of the package that came back.
    dry, partial
        How it was taken.
    entered
        Entries that the ledger has more.
    """
    stopped = bool(sight.faults) and not partial and not dry
    unchanged = [number for outcome in sight.outcomes.values() for number in outcome.unchanged]
    silent = [number for outcome in sight.outcomes.values() for number in outcome.silent]
    head = _headline(dry=dry, stopped=stopped, files=len(sight.files), entered=entered)
    text = [f"{month}: {head}"]
    for change in sight.changes:
        text += _change_lines(change)
    text.append(
        f"{len(sight.changes)} case(s) change, {len(unchanged)} unchanged, {len(silent)} without reply"
        f" / 变更{len(sight.changes)}，未变{len(unchanged)}，未回复{len(silent)}"
    )
    text += [f"no reply 未回复: {number}" for number in silent]
    text += [f"photo 照片存疑: {line}" for doubt in sight.doubts for line in doubt.lines()]
    text += [f"note 说明: {note}" for note in sight.notes]
    text += [f"wrong 有误: {fault}" for fault in sight.faults]
    values = {
        "month": month,
        "dry_run": dry,
        "entries": entered,
        "stopped": stopped,
        "files": [_file_values(file) for file in sight.files],
        "changes": [_change_values(change) for change in sight.changes],
        "unchanged": unchanged,
        "no_reply": silent,
        "photos": [_doubt_values(doubt) for doubt in sight.doubts],
        "notes": list(sight.notes),
        "wrong": [_fault_values(fault) for fault in sight.faults],
    }
    return Report(values, tuple(text), STOPPED if stopped else PARTIAL if sight.faults else 0)


def _headline(*, dry: bool, stopped: bool, files: int, entered: int) -> str:
    if dry:
        return f"{files} new file(s), nothing is entered (dry run) / 试运行，未登记"
    if stopped:
        return "nothing was entered: rows are wrong; mend them, or enter the others with --partial / 有误，未登记"
    return f"{files} new file(s) taken, {entered} entries / 已登记"


def _change_lines(change: Change) -> list[str]:
    events = "、".join(ledger.event_name(step.event) for step in change.steps)
    head = f"{change.case}: {STATES[change.state]} → {STATES[change.to_state]}（{events}）"
    return [
        head,
        *(f"    {name}: {old or '—'} → {new or '—'}" for name, old, new in change.differences),
    ]


def _file_values(file: TakenFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "sha256": file.digest,
        "county": file.county,
        "stamp": file.reading.stamp,
        "rows": len(file.reading.rows),
    }


def _change_values(change: Change) -> dict[str, Any]:
    return {
        "case": change.case,
        "from": change.state,
        "to": change.to_state,
        "events": [step.event for step in change.steps],
        "fields": [
            {"field": name, "old": old, "new": new} for name, old, new in change.differences
        ],
    }


def _doubt_values(doubt: PhotoDoubts) -> dict[str, Any]:
    return {
        "path": doubt.path,
        "case": doubt.case,
        "codes": sorted(doubt.found),
        "distance_m": doubt.distance_m,
        "found": dict(sorted(doubt.found.items())),
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

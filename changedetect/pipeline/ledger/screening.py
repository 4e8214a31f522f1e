"""Decisions of an interpreter from a sheet, entered in one transaction."""

from datetime import datetime
from pathlib import Path

from changedetect.config.returns import ReturnsSection
from changedetect.entries import Entry
from changedetect.errors import InputError
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.io.returned.keep import find_returned, keep
from changedetect.io.returned.parent import read_returned
from changedetect.pipeline.ledger.actions import Actor
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.stages import returns
from changedetect.stages.returns import Fault

PARTIAL, STOPPED = 3, 4


def screen(
    store: LedgerStore,
    sheet: Path,
    folder: Path,
    section: ReturnsSection,
    who: tuple[Actor, datetime],
    *,
    partial: bool,
) -> Report:
    """Enter what an interpreter decided of many cases.

    Parameters
    ----------
    store, folder
        The ledger, and where the sheet's raw bytes are kept.
    sheet
        .xlsx or .csv with 案件编号, 判读结论, 理由.
    section
        Limits of reading.
    who
        Who decided, and the time.
    partial
        Good rows are entered although others are wrong.

    Raises
    ------
    InputError
        The sheet can not be read.
    """
    (returned,), _ = find_returned([sheet]) if sheet.is_file() else ((None,), ())
    if returned is None:
        msg = f"{sheet}: no file; a sheet (.xlsx or .csv) was expected"
        raise InputError(msg)
    kept = keep(folder, returned, section.file_max_mb)
    decisions, wrong = returns.read_decisions(read_returned(kept, section))
    faults: list[Fault] = list(wrong)
    same: list[str] = []

    def build(reader: LedgerReader) -> list[Entry]:
        rows = reader.rows(one.case for one in decisions)
        states = {number: (row.state, row.screened) for number, row in rows.items()}
        new, known, late = returns.fitting(decisions, states)
        faults.extend(late)
        same.extend(known)
        if faults and not partial:
            return []
        return [_entry(one, who) for one in new]

    items = enter(store, build)
    return _report([item.entry for item in items], same, faults, partial=partial)


def _entry(one: returns.Decision, who: tuple[Actor, datetime]) -> Entry:
    actor, now = who
    end = "10" if one.event == "accepted" else "99"
    place = f"{one.place.file}#{one.place.table}:{one.place.row}"
    return Entry(
        one.case, one.event, "10", end, actor.name, now, one.reason, one.digest, "", actor.role, place
    )  # fmt: skip


def _report(entries: list[Entry], same: list[str], faults: list[Fault], *, partial: bool) -> Report:
    accepted = sum(entry.event == "accepted" for entry in entries)
    stopped = bool(faults) and not partial
    head = "nothing was entered: rows are wrong; mend them, or enter the others with --partial / 有误，未登记"
    done = f"{accepted} accepted, {len(entries) - accepted} rejected, {len(same)} known before / 通过{accepted}，剔除{len(entries) - accepted}，此前已登记{len(same)}"
    text = [head if stopped else done, *(f"wrong 有误: {fault}" for fault in faults)]
    values = {
        "accepted": [entry.case for entry in entries if entry.event == "accepted"],
        "rejected": [entry.case for entry in entries if entry.event == "rejected"],
        "known": same,
        "wrong": [
            {"place": str(fault.place), "case": fault.case, "message": fault.message}
            for fault in faults
        ],
    }
    return Report(values, tuple(text), STOPPED if stopped else PARTIAL if faults else 0)

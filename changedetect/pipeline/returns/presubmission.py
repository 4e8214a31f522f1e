"""What would be sent back, told to a county before it sends anything: no job, no ledger, only the package."""

import re
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from changedetect.casepackage.sheets import Column, Sheet, WorkbookContent
from changedetect.config.returns import ReturnsSection
from changedetect.errors import InputError
from changedetect.io.list_page import write_list_page
from changedetect.io.publish import publish, publish_bytes
from changedetect.io.workbook import verify_workbook, write_workbook
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.returns.returned_files import bring
from changedetect.stages import ledger, returns
from changedetect.stages.returns import Fault, PhotoCase, Reason, Row

PARTIAL = 3
_ANY = "000000"
"""Whose the files are matters only where they are entered."""
TITLE = "报送前自查：可能被退回的案件"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COLUMNS = ("案件编号", "退回原因", "说明", "位置")


def check(
    places: Sequence[Path], package: Path | None, section: ReturnsSection, now: datetime
) -> Report:
    """Check files against the reviewers' reasons.

    Parameters
    ----------
    places
        Files and folders that are to be sent.
    package
        Folder of the package as it was dispatched; None = the list of cases inside the files.
    section
        Limits.
    now
        The time.

    Raises
    ------
    InputError
        No list of cases is at hand.
    """
    with tempfile.TemporaryDirectory(prefix="changedetect-") as scratch:
        brought = bring(places, Path(scratch), _ANY, section, now.date())
        own = [row for file in brought.files for row in file.reading.rows]
        basis = own if package is None else _package_rows(package, Path(scratch), section, now)
    cases = returns.dispatched_cases(basis)
    if not cases:
        msg = "the cases as dispatched are not at hand; name the folder of the package with --package (请用 --package 指定下发的案件包)"
        raise InputError(msg)
    photo_cases = {
        row.case: PhotoCase(cases[row.case].geometry, row.crs, row.values.get("XFRQ", "")[:10])
        for row in basis
        if row.form == "AJTB" and row.case in cases
    }
    later = (now + timedelta(hours=section.utc_offset_h)).replace(tzinfo=None, microsecond=0)
    doubts = returns.judge_photos(
        brought.photos, photo_cases, returns.missing_photos(own, brought.photos), section, latest=later.isoformat()
    )  # fmt: skip
    rows = [*own, *returns.photo_rows(brought.photos, doubts)]
    reasons = returns.sent_back(rows, cases, doubts, section)
    faults = [*brought.faults, *(fault for file in brought.files for fault in file.reading.faults)]
    faults += returns.strangers(rows, cases)
    notes = [*brought.notes, *(note for file in brought.files for note in file.reading.notes)]
    return _report(reasons, sorted(set(faults)), notes, (cases, rows))


def _package_rows(package: Path, folder: Path, section: ReturnsSection, now: datetime) -> list[Row]:
    found = sorted(package.glob("*_AJ.gpkg"))
    if len(found) != 1:
        msg = f"{package}: one *_AJ.gpkg was expected, {len(found)} are there (案件包目录不对)"
        raise InputError(msg)
    brought = bring(found, folder, _ANY, section, now.date())
    if brought.faults:
        raise InputError(str(brought.faults[0]))
    return [row for file in brought.files for row in file.reading.rows]


def _report(
    reasons: Sequence[Reason],
    faults: Sequence[Fault],
    notes: Sequence[str],
    context: tuple[dict[str, Any], Sequence[Row]],
) -> Report:
    cases, rows = context
    filled = {row.case for row in rows if row.values.get("HCJG") or row.values.get("RDJG")} & set(
        cases
    )
    back = sorted({reason.case for reason in reasons})
    text = [
        f"已填报{len(filled)}件，可能被退回{len(back)}件，未填报{len(cases) - len(filled)}件，有误{len(faults)}处"
    ]
    for number in back:
        text.append(number)
        text += [
            f"    {one.reason}：{one.message}（{one.place}）"
            for one in reasons
            if one.case == number
        ]
    text += [f"有误 wrong: {fault}" for fault in faults]
    text += [f"说明 note: {note}" for note in notes]
    values = {
        "filled": len(filled),
        "not_filled": sorted(set(cases) - filled),
        "sent_back": [
            {
                "case": one.case,
                "reason": one.reason,
                "message": one.message,
                "place": str(one.place),
            }
            for one in reasons
        ],
        "wrong": [
            {"place": str(fault.place), "case": fault.case, "message": fault.message}
            for fault in faults
        ],
        "notes": list(notes),
    }
    return Report(values, tuple(text), PARTIAL if reasons or faults else 0)


def write_list(report: Report, target: Path, now: datetime) -> None:
    """Write what would be sent back as a list: .xlsx, .html or .json by the ending.

    Raises
    ------
    InputError
        Another ending, or the file is there already.
    """
    found = [
        (one["case"], one["reason"], one["message"], one["place"])
        for one in report.values["sent_back"]
    ]
    found += [(one["case"], "有误", one["message"], one["place"]) for one in report.values["wrong"]]
    lines = [tuple(_CONTROL.sub(" ", text) for text in line) for line in found]
    ending = target.suffix.lower()
    if ending == ".json":
        publish_bytes(target, (ledger.canonical(report.facts()) + "\n").encode())
    elif ending == ".html":
        write_list_page(target, TITLE, report.text[0], _COLUMNS, lines)
    elif ending == ".xlsx":
        columns = tuple(
            Column(name, width=width, wrap=True)
            for name, width in zip(_COLUMNS, (21, 26, 70, 50), strict=True)
        )
        sheet = Sheet("自查", TITLE, (report.text[0],), columns, tuple(lines), frozen_columns=1)
        content = WorkbookContent(target.name, TITLE, now, (sheet,))
        publish(
            target,
            lambda path: write_workbook(path, content),
            lambda path: verify_workbook(path, content),
        )
    else:
        msg = f"{target}: a list is written as .xlsx, .html or .json"
        raise InputError(msg)

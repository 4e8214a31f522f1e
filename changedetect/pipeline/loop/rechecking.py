"""Enter what a month's images say of rectified cases, with their pictures; nothing is closed here."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from changedetect.codes import STATES
from changedetect.entries import CaseRow, Entry, ImageCheck
from changedetect.errors import InputError, IntegrityError
from changedetect.io import chips, record_files
from changedetect.io.digest import sha256_file
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.io.publish import publish_bytes
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import enter
from changedetect.pipeline.loop.monthloop import Clock
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import RECHECKS, SCENES, UNITS
from changedetect.pipeline.runs.runstore import finished_outputs
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.steps.known import CHECKED, said_of_check
from changedetect.pipeline.steps.picturing import case_images
from changedetect.records import Scene, Unit
from changedetect.stages import ledger

FOLDER = "rechecks"
"""Where the pictures lie, inside the folder of the month's run."""

WAITING_FOR_IMAGE, RECTIFYING = "85", "80"
NOT_RECTIFIED = frozenset({"未改", "重建"})
"""Results with which a case goes back from waiting for an image to being rectified, where every image
was checked; a structure that is gone in part waits for a person."""

_VIEWS = ("Q", "H", "T")


def recheck(store: LedgerStore, job: Job, run: Path, clock: Clock) -> Report:
    """Enter the image checks of a month; a second time adds nothing.

    A case that waits for an image and is not rectified goes back to being rectified. One that is
    stays: a person proposes to close it, another one closes it. What was not observed still waits.

    Parameters
    ----------
    store, job
        The ledger, and the job that it belongs to.
    run
        Folder of the month's run.
    clock
        Tells the time, aware.

    Raises
    ------
    InputError
        The month was not checked yet.
    IntegrityError
        Its list of checks is not what the run wrote.
    """
    source = _source(run)
    looked = record_files.read_records(run / RECHECKS, ImageCheck)
    pictures = _pictures(job, run, looked)
    told: list[ImageCheck] = []

    def build(reader: LedgerReader) -> list[Entry]:
        rows = reader.rows(check.case for check in looked)
        entries: list[Entry] = []
        for check in looked:
            row = rows.get(check.case)
            claims = _claims(check, pictures.get(check.case, ""))
            if row is None or not _is_new(reader, row, check, claims):
                continue
            told.append(check)
            entries += _entries(row, check, claims, source, clock)
        return entries

    items = enter(store, build)
    back = sum(item.entry.event == "rectifying" for item in items)
    counts = {word: sum(check.result == word for check in looked) for word in _words(looked)}
    text = [
        f"{len(looked)} rectified or closed case(s) looked at, {len(told)} entered / 影像复核登记",
        *(f"  {word} {count}" for word, count in counts.items()),
    ]
    if back:
        text.append(f"{back} case(s) go back to being rectified / 退回整改")
    values = {"looked_at": len(looked), "entered": len(told), "back": back, "results": counts}
    return Report(values, tuple(text))


def _words(looked: Sequence[ImageCheck]) -> list[str]:
    return sorted({check.result for check in looked})


def _source(run: Path) -> str:
    """Return the digest of the list of checks, as the run recorded it."""
    digest = finished_outputs(run, "check").get(RECHECKS)
    if digest is None or not (run / RECHECKS).is_file():
        msg = f"{run}: the month was not checked yet; run it first (changedetect run)"
        raise InputError(msg)
    if sha256_file(run / RECHECKS) != digest:
        msg = f"{run / RECHECKS}: it is not what the run wrote; run the month again"
        raise IntegrityError(msg)
    return digest


def _pictures(job: Job, run: Path, looked: Sequence[ImageCheck]) -> dict[str, str]:
    """Write before, after and overlay of every case; return their paths and digests by case."""
    if not looked:
        return {}
    units = {unit.unit_id: unit for unit in record_files.read_records(run / UNITS, Unit)}
    scenes = {s.scene_id: s for s in record_files.read_records(run / SCENES, Scene)}
    grid, reader = read_territory(job).grid, RasterReader(job.scenes_folder)
    section = job.config.deliver
    (run / FOLDER).mkdir(exist_ok=True)
    written: dict[str, str] = {}
    for check in looked:
        if check.unit_id not in units:
            continue
        said = []
        drawn = case_images(reader, scenes, units[check.unit_id], grid, section)
        for view, chip in zip(_VIEWS, drawn, strict=True):
            name = f"{FOLDER}/{check.case}_{view}.jpg"
            data = chips.render_chip(chip, section.chip_side_px)
            publish_bytes(run / name, data, overwrite=True)
            said.append(f"{name}={sha256_file(run / name)}")
        written[check.case] = ";".join(said)
    return written


def _claims(check: ImageCheck, pictures: str) -> dict[str, str]:
    green = "" if check.green is None else f"{check.green:.3f}"
    return {
        "YXFH": check.result,
        "YXFHQ": f"{check.before:%Y%m%d}",
        "YXFHH": f"{check.after:%Y%m%d}",
        "YXFHWC": _span(check.standing),
        "YXFHLZ": green,
        "YXFHCJ": _span(check.rebuilt),
        "YXFHWJ": f"{check.unseen:.3f}",
        "YXFHTP": pictures,
    }


def _span(share: tuple[float, float]) -> str:
    return f"{share[0]:.3f}-{share[1]:.3f}"


def _is_new(reader: LedgerReader, row: CaseRow, check: ImageCheck, claims: dict[str, str]) -> bool:
    """Tell whether the ledger lacks this check, and no later image has spoken."""
    if (row.state, row.state) not in ledger.EVENTS[CHECKED].moves:
        return False
    earlier = [item for item in reader.entries(case=row.number) if item.entry.event == CHECKED]
    days = [said[1] for item in earlier if (said := said_of_check(item)) is not None]
    payload = ledger.claims_payload(claims)
    return all(item.entry.payload != payload for item in earlier) and all(
        day <= check.after for day in days
    )


def _entries(
    row: CaseRow, check: ImageCheck, claims: dict[str, str], source: str, clock: Clock
) -> Iterator[Entry]:
    reason = _reason(check)
    yield Entry(
        check.case, CHECKED, row.state, row.state, ledger.PROGRAM, clock(), reason, source,
        ledger.claims_payload(claims), ledger.PROGRAM, check.unit_id,
    )  # fmt: skip
    sure = check.unbroken or check.result == "重建"
    if row.state == WAITING_FOR_IMAGE and check.result in NOT_RECTIFIED and sure:
        yield Entry(
            check.case, "rectifying", row.state, RECTIFYING, ledger.PROGRAM, clock(),
            f"{reason}，退回{STATES[RECTIFYING]}", source, "", ledger.PROGRAM, check.unit_id,
        )  # fmt: skip


def _reason(check: ImageCheck) -> str:
    green = "无整季影像" if check.green is None else f"见绿{check.green:.0%}"
    return (
        f"影像复核（{check.before}至{check.after}）：{check.result}；建筑仍存{_percent(check.standing)}，"
        f"再次建设{_percent(check.rebuilt)}，{green}，未监测{check.unseen:.0%}"
        f"{'' if check.unbroken else '，其间影像未连续复核'}"
    )


def _percent(share: tuple[float, float]) -> str:
    low, high = f"{share[0]:.0%}", f"{share[1]:.0%}"
    return low if low == high else f"{low}至{high}"

"""Care of the ledger: verify, rebuild, head, backup, restore. Nothing here changes an entry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from changedetect.errors import InputError, LedgerError
from changedetect.io.ledger import BulkReader, LedgerStore
from changedetect.io.publish import RunLock, publish_bytes
from changedetect.pipeline.ledger.ledgercheck import check_ledger
from changedetect.pipeline.ledger.ledgerwork import open_ledger, rebuild
from changedetect.pipeline.runs.context import ledger_place
from changedetect.pipeline.runs.job import Job
from changedetect.stages import ledger


@dataclass(frozen=True, slots=True)
class Report:
    """What was found or done, for people and for machines."""

    values: Mapping[str, Any]
    text: tuple[str, ...]
    exit_code: int = 0

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return dict(self.values)

    def lines(self) -> list[str]:
        """Return the report for people."""
        return list(self.text)


def open_books(job: Job, out: Path | None) -> LedgerStore:
    """Open the ledger of a job that has one.

    Raises
    ------
    InputError
        There is none yet.
    """
    place = ledger_place(job, out or Path("runs") / job.config.name)
    if isinstance(place, Path) and not place.is_file():
        msg = f"{place}: there is no ledger yet; run a month first (changedetect run), or give its folder with --out"
        raise InputError(msg)
    return open_ledger(place, algorithm=job.config.ledger.algorithm)


def check(store: LedgerStore, head: str | None = None) -> Report:
    """Verify every entry, every month's root, and every row; compare with a head held elsewhere.

    Parameters
    ----------
    store
        The ledger.
    head
        ``sequence:digest`` as printed or exported earlier; None = none is at hand.

    Raises
    ------
    LedgerError
        An entry does not fit, rows differ, or the head was never part of this ledger.
    """
    with store.reading() as reader:
        found = check_ledger(store, reader)
        if head is not None:
            _check_head(head, reader.bulk())
        algorithm = reader.algorithm
    if found.wrong:
        msg = (
            "rows differ from what the entries say: "
            + "; ".join(found.wrong)
            + " (changedetect ledger rebuild makes them again)"
        )
        raise LedgerError(msg)
    values = {
        "entries": found.entries,
        "cases": found.cases,
        "months_closed": found.months,
        "algorithm": algorithm,
        "head": f"{found.entries}:{found.head}",
        "outside_head": "the same" if head else "none given",
    }
    text = (
        f"{found.entries} entries, {found.cases} cases, {len(found.months)} closed months: all fit / 台账校验通过",
        f"head 链头: {found.entries}:{found.head} ({algorithm})",
        ""
        if head
        else "a chain proves no rewriting of everything: keep this head with a second office / 请将链头交第二单位留存",
    )
    return Report(values, tuple(line for line in text if line))


def _check_head(head: str, bulk: BulkReader) -> None:
    number, _, digest = head.partition(":")
    if not number.isdigit() or int(number) < 1 or not digest:
        msg = f"head {head!r}: NUMBER:DIGEST was expected, as `ledger head` prints it"
        raise InputError(msg)
    count, found = bulk.count(), bulk.digest(int(number))
    if found is None:
        msg = f"the ledger has {count} entries, the head held elsewhere is number {number}: entries were removed"
        raise LedgerError(msg)
    if found != digest:
        msg = f"entry {number} has digest {found[:12]}…, the head held elsewhere says {digest[:12]}…: the past was rewritten"
        raise LedgerError(msg)


def make_rows(store: LedgerStore) -> Report:
    """Make the rows of all cases again from the entries."""
    count = rebuild(store)
    return Report(
        {"cases": count}, (f"rows of {count} cases made again from the entries / 已重建",)
    )


def show_head(store: LedgerStore, target: Path | None = None) -> Report:
    """Print the head, and write it to a file that a second office keeps.

    Raises
    ------
    InputError
        The file is there already.
    """
    with store.reading() as reader:
        last = reader.head()
        closed = reader.last_of(ledger.MONTH_CLOSED)
        algorithm = reader.algorithm
    values: dict[str, Any] = {
        "head": f"{last.sequence}:{last.digest}" if last else f"0:{ledger.GENESIS}",
        "time": last.entry.time.isoformat() if last else "",
        "algorithm": algorithm,
        "last_month": json.loads(closed.entry.payload) if closed else None,
    }
    if target is not None:
        publish_bytes(target, (ledger.canonical(values) + "\n").encode())
    return Report(values, (f"head 链头: {values['head']} ({algorithm})",))


def make_map(store: LedgerStore, job: Job) -> Report:
    """Make the view of all cases that QGIS shows live, on a PostgreSQL server with PostGIS.

    Raises
    ------
    InputError, ResourceError, LedgerError
        As `LedgerStore.make_map`.
    """
    srid = int(job.config.grid.crs.removeprefix("EPSG:"))
    store.make_map(srid)
    return Report(
        {"view": "cases_map", "srid": srid}, (f"view cases_map (EPSG:{srid}) / 已建立案件地图视图",)
    )


def back_up(store: LedgerStore, target: Path) -> Report:
    """Copy the ledger as of one moment, and verify the copy.

    Raises
    ------
    InputError
        The file is there already, or the ledger is on a server.
    LedgerError
        The copy does not hold what it should.
    """
    store.backup(target)
    found = check(LedgerStore(target)).facts()
    return Report(
        {**found, "file": str(target)}, (f"{found['entries']} entries copied to {target}",)
    )


def restore(source: Path, place: Path) -> Report:
    """Put a verified backup in the place of a ledger; the one that is there is kept beside it.

    Raises
    ------
    LedgerError
        The backup is damaged or does not fit, or the ledger in place holds entries that the backup lacks
        (they would be lost).
    LockedError
        A run is using the ledger.
    """
    found = check(LedgerStore(source)).facts()
    with RunLock(place.parent / ".ledger.lock"):
        kept = _set_aside(source, place) if place.exists() else None
        LedgerStore(source).backup(place, overwrite=True)
    values = {**found, "file": str(place), "kept": str(kept) if kept else None}
    text = [f"{found['entries']} entries restored to {place}"]
    if kept:
        text.append(f"the former ledger was kept as {kept} / 原台账已另存")
    return Report(values, tuple(text))


def _set_aside(source: Path, place: Path) -> Path:
    """Move what is in the place aside; a whole one that has gone further is not replaced."""
    try:
        newer = _entries_behind(LedgerStore(source), LedgerStore(place))
    except LedgerError:
        newer = 0
    if newer:
        msg = f"{place} holds {newer} entries that {source} lacks; they would be lost: move it away by hand if that is meant"
        raise LedgerError(msg)
    number = 1
    while (kept := place.with_name(f"{place.name}.before-restore-{number}")).exists():
        number += 1
    place.rename(kept)
    return kept


def _entries_behind(backup: LedgerStore, live: LedgerStore) -> int:
    """Count entries of the live ledger behind the backup's head, if that is part of it."""
    with backup.reading() as reader:
        last = reader.head()
    with live.reading() as reader:
        digests = reader.digests(after=last.sequence - 1 if last else 0)
    if last is None:
        return len(digests)
    return len(digests) - 1 if digests and digests[0] == last.digest else 0


def file_of(job: Job, out: Path | None) -> Path:
    """Return the ledger file of a job, there or not.

    Raises
    ------
    InputError
        Its ledger is on a server.
    """
    place = ledger_place(job, out or Path("runs") / job.config.name)
    if not isinstance(place, Path):
        msg = f"{place.rpartition('@')[2]}: a ledger on a server is restored by the server's own tools (pg_restore)"
        raise InputError(msg)
    return place

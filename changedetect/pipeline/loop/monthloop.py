"""月发现、月处置、月清零: open a month, dispatch its cases, see what is left, close it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from changedetect.config.job import DeadlinesSection
from changedetect.entries import CaseRow, Entry, SummaryLine
from changedetect.errors import InputError
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.pipeline.ledger.actions import NO_SOURCE, Actor
from changedetect.pipeline.ledger.books import Report
from changedetect.pipeline.ledger.ledgerwork import enter, is_handed_out
from changedetect.pipeline.ledger.packages import write_chains
from changedetect.pipeline.ledger.pressing import pressing
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.runstore import finished_outputs
from changedetect.stages import ledger

OPENED = "month_opened"
PARTIAL = 3

Clock = Callable[[], datetime]


def open_month(store: LedgerStore, month: str, actor: Actor, clock: Clock) -> Report:
    """Enter that the work on a month begins; what is carried over is counted.

    Raises
    ------
    InputError
        It was opened or closed before.
    """
    before = _said_of(store, OPENED).get(month)
    if before or month in _closed(store):
        msg = f"month {month} was opened before; see `month status`"
        raise InputError(msg)
    lines = _summary(store, clock)
    carried = sum(old for _, old in ledger.holders(lines, month).values())
    payload = {"month": month, "carried_over": carried}
    enter(store, lambda _: [_month_entry(OPENED, payload, "开始本月工作", actor, clock)])
    return Report(payload, (f"{month} opened; {carried} case(s) carried over / 结转{carried}件",))


def dispatch(
    store: LedgerStore, run: Path, month: str, actor: Actor, clock: Clock, *, unscreened: bool
) -> Report:
    """Enter that the packages of a month went out: its accepted cases move to 20.

    Cases of earlier months that it found again (recurred, or grown out of the pool) go out with it.

    Parameters
    ----------
    store, run
        The ledger, and the folder of the month's run with its packages.
    month, actor, clock
        Which month, who, when.
    unscreened
        Cases that no interpreter has looked at go out too, and their entry says so.

    Raises
    ------
    InputError
        The month has no packages.
    """
    packages = _packages(run)
    left: list[CaseRow] = []

    def build(reader: LedgerReader) -> list[Entry]:
        waiting = [row for row in reader.work_list(states=["10"]) if is_handed_out(row, month)]
        due = [row for row in waiting if not (row.pooled or row.record_only)]
        ready = [row for row in due if (row.screened or unscreened) and row.district in packages]
        left.extend(row for row in due if row not in ready)
        return [
            Entry(
                case=row.number,
                event="dispatched",
                from_state=row.state,
                to_state="20",
                actor=actor.name,
                time=clock(),
                reason=f"{month} 下发" if row.screened else f"{month} 下发（未经判读）",
                source_sha256=packages[row.district],
                payload="",
                role=actor.role,
            )
            for row in ready
        ]

    items = enter(store, build)
    write_chains(store, run, month)
    values = {"dispatched": len(items), "left": [row.number for row in left]}
    text = [
        f"{len(items)} case(s) dispatched to {len({i.entry.case[:6] for i in items})} counties / 已下发"
    ]
    if left:
        text.append(
            f"{len(left)} case(s) stay: nobody has screened them (case enter accepted …), or their county has no package / 未下发"
        )
    return Report(values, tuple(text), PARTIAL if left else 0)


def status(store: LedgerStore, month: str, clock: Clock, job: Job | None = None) -> Report:
    """Tell what stands between now and 月清零.

    Parameters
    ----------
    store, month, clock
        The ledger, which month, what time it is.
    job
        By whose deadlines and holidays soon and late are counted; None = by the usual ones.
    """
    terms = job.config.deadlines if job else DeadlinesSection()
    calendar = job.calendar if job else None
    lines = _summary(store, clock)
    totals = ledger.month_totals(lines)
    own = totals.get(month)
    left = ledger.holders(lines, month)
    with store.reading() as reader:
        waiting = [row for row in reader.work_list(states=["10"]) if is_handed_out(row, month)]
        checked = _image_results(reader)
        urgent = pressing(reader, clock().date(), calendar, terms.soon_days)
    unscreened = sum(not (row.screened or row.pooled or row.record_only) for row in waiting)
    closed = month in _closed(store)
    values: dict[str, Any] = {
        "month": month,
        "closed": closed,
        "totals": own.figures() if own else None,
        "cleared_share": own.cleared_share if own else None,
        "unscreened": unscreened,
        "image_checks": checked,
        **urgent.facts(),
        "left": {name: {"month": mine, "carried_over": old} for name, (mine, old) in left.items()},
    }
    text = [f"{month}{'（已关闭）' if closed else ''}"]
    if own is None:
        text.append("no case was found in this month / 本月无案件")
    else:
        share = own.cleared_share
        text.append(
            f"发现{own.found}（入池{own.pooled}、留痕{own.recorded}），应清{own.listed - own.merged - own.dropped}，"
            f"已销号{own.cleared}，未清{own.open}，超期{own.overdue}，月清率{'—' if share is None else f'{share:.1%}'}"
        )
    if unscreened:
        text.append(f"  待判读 {unscreened}")
    text += [
        f"  {name} {mine}" + (f"，以前月份结转 {old}" if old else "")
        for name, (mine, old) in left.items()
    ]
    if checked:
        words = "，".join(f"{word} {count}" for word, count in checked.items())
        text.append(f"  待影像复核案件的最近一次影像：{words}")
    text += urgent.lines()
    if not left:
        text.append("nothing is left: cleared / 已清零")
    return Report(values, tuple(text))


def _image_results(reader: LedgerReader) -> dict[str, int]:
    """Count the cases that wait for an image by what the last one said of them."""
    claims = [json.loads(row.claims) for row in reader.work_list(states=["85"])]
    counts = Counter(str(one.get("YXFH", "尚无影像")) for one in claims)
    return dict(sorted(counts.items()))


def remind(store: LedgerStore, clock: Clock) -> Report:
    """Enter a reminder for every case that is overdue at its county and was not reminded today."""
    day = clock().date().isoformat()
    late = ledger.HOLDERS["县级"]

    def build(reader: LedgerReader) -> list[Entry]:
        rows = [
            row
            for row in reader.work_list(states=late)
            if row.county_due < day and f'"CBRQ":"{day}"' not in row.claims
        ]
        return [
            Entry(
                row.number, "reminded", row.state, row.state, ledger.PROGRAM, clock(),
                f"县级核查期限 {row.county_due} 已过", NO_SOURCE,
                ledger.claims_payload({"CBRQ": day}), ledger.PROGRAM,
            )
            for row in rows
        ]  # fmt: skip

    items = enter(store, build)
    return Report({"reminded": len(items)}, (f"{len(items)} case(s) reminded / 催办",))


def close(store: LedgerStore, run: Path, month: str, actor: Actor, clock: Clock) -> Report:
    """Close a month: its figures are told, earlier ones that changed are restated, a root is set.

    Raises
    ------
    InputError
        It was closed before, or has no packages yet.
    """
    _packages(run)
    if month in _closed(store):
        msg = f"month {month} was closed before; later changes are restated when the next month is closed"
        raise InputError(msg)
    told = {name: said["totals"] for name, said in _closed(store).items() if said.get("totals")}
    payload: dict[str, Any] = {}

    def build(reader: LedgerReader) -> list[Entry]:
        last = reader.last_of(ledger.MONTH_CLOSED)
        digests = reader.digests(after=last.sequence - 1 if last else 0)
        lines = reader.summary(clock().date().isoformat())
        totals = ledger.month_totals(lines)
        payload.update(
            month=month,
            entries=len(digests),
            root=ledger.merkle_root(digests, reader.algorithm),
            totals=totals[month].figures() if month in totals else None,
            restated=ledger.restated(told, totals),
            carried_over=sum(a + b for a, b in ledger.holders(lines, month).values()),
        )
        return [_month_entry(ledger.MONTH_CLOSED, payload, "本月关闭", actor, clock)]

    (item,) = enter(store, build)
    write_chains(store, run, month)
    text = [
        f"{month} closed: root {payload['root']} over {payload['entries']} entries / 本月已关闭",
        f"head 链头: {item.sequence}:{item.digest}",
        f"{payload['carried_over']} case(s) carried over / 结转",
    ]
    text += [
        f"restated 调整 {earlier}: "
        + "，".join(f"{name} {then} → {now}" for name, (then, now) in changes.items())
        for earlier, changes in payload["restated"].items()
    ]
    return Report({**payload, "head": f"{item.sequence}:{item.digest}"}, tuple(text))


def _packages(run: Path) -> dict[str, str]:
    """County -> digest of its package, of a month that was delivered."""
    outputs = finished_outputs(run, "deliver")
    found = {
        file.split("/")[1].split("_")[0]: digest
        for file, digest in outputs.items()
        if file.endswith("_AJ.gpkg")
    }
    if not found:
        msg = f"{run}: the month has no case packages yet; run it first (changedetect run)"
        raise InputError(msg)
    return found


def _summary(store: LedgerStore, clock: Clock) -> Sequence[SummaryLine]:
    with store.reading() as reader:
        return reader.summary(clock().date().isoformat())


def _said_of(store: LedgerStore, event: str) -> dict[str, dict[str, Any]]:
    """Month -> what its entries of an event say."""
    with store.reading() as reader:
        items = reader.of_event(event)
    return {said["month"]: said for said in (json.loads(item.entry.payload) for item in items)}


def _closed(store: LedgerStore) -> dict[str, dict[str, Any]]:
    return _said_of(store, ledger.MONTH_CLOSED)


def _month_entry(
    event: str, payload: dict[str, Any], reason: str, actor: Actor, clock: Clock
) -> Entry:
    return Entry(
        "", event, "", "", actor.name, clock(), reason, NO_SOURCE, ledger.canonical(payload),
        actor.role,
    )  # fmt: skip

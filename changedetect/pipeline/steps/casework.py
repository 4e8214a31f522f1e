"""Step ``cases``: findings -> cases -> entries of the ledger, in one transaction."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from changedetect.config.clues import CluesSection
from changedetect.entries import Entry
from changedetect.errors import InputError, IntegrityError
from changedetect.io import record_files
from changedetect.io.ledger import LedgerReader, LedgerStore
from changedetect.io.memory import old_left_alone
from changedetect.pipeline.ledger.ledgercheck import check_ledger
from changedetect.pipeline.ledger.ledgerwork import enter, open_ledger
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import CASES, UNITS
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.records import Case, Unit
from changedetect.stages import cases, ledger


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Turn the month's findings into cases and write them to the ledger."""
    before = context.store.record("check")
    config = context.job.config
    inputs = [
        before.result,
        config.deadlines.model_dump(),
        context.job.calendar.model_dump(mode="json") if context.job.calendar else None,
        config.cases.model_dump(),
        config.clues.model_dump(mode="json"),
        {code: [terms.rhythm, terms.dispatch] for code, terms in _themes(context).items()},
    ]
    _forget_lost(context)
    done = context.store.step("cases", inputs, lambda _key: _decide(context, before.result))
    facts = done[0].facts
    context.progress.end(
        "cases", f"{facts['cases']} cases, {facts['pooled']} pooled, {facts['recorded']} recorded"
    )
    return done


def _themes(context: MonthContext) -> dict[str, cases.ThemeTerms]:
    return {
        theme.code: cases.ThemeTerms(theme.rhythm, theme.dispatch) for theme in context.job.themes
    }


def _forget_lost(context: MonthContext) -> None:
    """Drop the list of cases if the ledger does not know one of them, so that the step is redone.

    A ledger that was deleted or restored from an older copy would otherwise never hear of cases
    that were handed out already.
    """
    path = context.folder / CASES
    if not path.is_file() or not _lost(context):
        return
    path.unlink()


def _lost(context: MonthContext) -> bool:
    try:
        context.store.record("cases")
    except (InputError, IntegrityError):
        return False
    listed = {case.number for case in record_files.read_records(context.folder / CASES, Case)}
    place = context.ledger_place
    if isinstance(place, Path) and not place.is_file():
        return bool(listed)
    with open_ledger(place).reading() as reader:
        return set(reader.rows(listed)) != listed


def _decide(context: MonthContext, source: str) -> StepResult:
    """Decide county by county, whose units alone are in memory; enter all in one transaction."""
    units = record_files.RecordIndex(context.folder / UNITS, Unit, "district")
    store = open_ledger(context.ledger_place, algorithm=context.job.config.ledger.algorithm)
    decisions: tuple[cases.Decision, ...] = ()

    def build(reader: LedgerReader) -> Sequence[Entry]:
        nonlocal decisions
        check_ledger(store, reader, rows=False)
        section = context.job.config.clues
        known = _known(reader, units, context.month, section)
        made = _by_county(context, units, known, lambda name: reader.last_numbers([name])[name])
        decisions = cases.told(made, known.values(), section)
        told = {(item.entry.case, item.entry.event) for item in reader.from_source(source)}
        return [
            _entry(decision, known.get(decision.kept.number), context, source)
            for decision in decisions
            if known.get(decision.kept.number) != decision.kept
            or (
                decision.event == "unconfirmed"
                and (decision.kept.number, decision.event) not in told
            )
        ]

    with old_left_alone():
        enter(store, build)
    # Counted from the ledger, not from this call: a run killed after the append and before its
    # manifest finds the entries there, and must report the same.
    written = _written(store, source)
    listed = [decision.case for decision in decisions if decision.listed]
    record_files.write_records(context.folder / CASES, listed, Case)
    facts = {
        "units": units.count,
        **_counts(listed),
        "outside": units.count_of(""),
        "new": sum(entry.event == "found" for entry in written),
        "withdrawn": sum(entry.event == "withdrawn" for entry in written),
        "ties": dict(
            sorted(Counter(filter(None, (cases.kind_of(e.reason) for e in written))).items())
        ),
        "ledger_entries": len(written),
        "dispatching": sorted(code for code, terms in _themes(context).items() if terms.dispatch),
    }
    return StepResult((CASES,), facts, (*_problems(decisions), *_uncounted(context, listed)))


def _written(store: LedgerStore, source: str) -> list[Entry]:
    with store.reading() as reader:
        return [item.entry for item in reader.from_source(source)]


def _by_county(
    context: MonthContext,
    units: record_files.RecordIndex[Unit],
    known: Mapping[str, Case],
    last_number: Callable[[str], int],
) -> tuple[cases.Decision, ...]:
    """Decide about the units and the known cases of each county; no number is of two counties."""
    config = context.job.config
    terms = cases.Terms(context.month, _themes(context), config.deadlines, context.job.calendar)
    cases_of: dict[str, dict[str, Case]] = {}
    for number, case in known.items():
        cases_of.setdefault(case.district, {})[number] = case
    made: list[cases.Decision] = []
    for district in sorted({*units.values, *cases_of} - {""}):
        every, old = units.read(district), cases_of.get(district, {})
        own, looked = cases.looked_again(every)
        decisions = cases.decide(own, old, terms, config.cases, last_number=last_number)
        decisions = cases.rechecked(decisions, looked, old, terms)
        made += cases.with_takings(decisions, every, config.clues)
    return tuple(sorted(made, key=lambda decision: decision.case.number))


def _known(
    reader: LedgerReader,
    units: record_files.RecordIndex[Unit],
    month: str,
    section: CluesSection,
) -> dict[str, Case]:
    """Return the cases that the month may speak of: its own, and those on or near a unit's ground.

    A site goes on from case to case, and the sites near it are added to it.
    """
    districts = [district for district in units.values if district]
    places = reader.boxes(districts)
    boxes = np.asarray(shapely.box(*places.boxes.T))
    tree = shapely.STRtree(boxes)
    own, found = (np.zeros(len(boxes), bool) for _ in range(2))
    for district in districts if len(boxes) else ():
        shapes = np.array([unit.geometry for unit in units.read(district)], object)
        own[_within(tree, shapes, section.site_gap_m)] = True
        found[_within(tree, shapes, section.near_m)] = True
    own = _chained(tree, own, section.site_gap_m)
    found[_within(tree, boxes[own], section.near_m)] = True
    found = _chained(tree, found | own, section.site_gap_m)
    numbers = {places.numbers[i] for i in np.flatnonzero(found)}
    numbers |= {row.number for row in reader.work_list(month=month)}
    rows = reader.rows(numbers)
    return {
        number: replace(ledger.case_of(text), state=rows[number].state)
        for number, text in reader.facts(numbers).items()
    }


def _chained(tree: shapely.STRtree, start: np.ndarray, gap_m: float) -> np.ndarray:
    """Go on from box to box over gaps of a site; ``(box,)`` of bool in and out."""
    found, edge = start.copy(), np.flatnonzero(start)
    while len(edge):
        reached = _within(tree, tree.geometries[edge], gap_m)
        edge = reached[~found[reached]]
        found[edge] = True
    return found


def _within(tree: shapely.STRtree, shapes: np.ndarray, distance_m: float) -> np.ndarray:
    """Return the numbers of the boxes within a distance of any shape, each once."""
    near: np.ndarray = np.unique(tree.query(shapes, predicate="dwithin", distance=distance_m)[1])
    return near


def _counts(listed: Sequence[Case]) -> Mapping[str, int]:
    """Count what is dispatched, pooled and recorded; every listed case falls in one of them."""
    return {
        "cases": sum(not (case.pooled or case.record_only) for case in listed),
        "pooled": sum(case.pooled and not case.record_only for case in listed),
        "recorded": sum(case.record_only for case in listed),
    }


def _problems(decisions: Sequence[cases.Decision]) -> tuple[str, ...]:
    return tuple(
        f"case {decision.case.number} (state {decision.case.state}) is not found any more by this "
        "month's new computation, but people are at work on it: look at it / 重算后未再发现，请人工核实"
        for decision in decisions
        if decision.event == "unconfirmed"
    )


def _uncounted(context: MonthContext, listed: Sequence[Case]) -> tuple[str, ...]:
    """Name the years of deadlines that the table of holidays does not hold."""
    calendar = context.job.calendar
    if calendar is None:
        return ()
    days = [day for case in listed for day in (case.county_due, case.clear_due)]
    years = sorted({day.year for day in days if not calendar.known(day)})
    return tuple(
        f"deadlines in {year}: holidays/{context.job.config.deadlines.calendar}.yaml has no such year, only Saturdays "
        f"and Sundays were counted as days off; add the year's notice / 节假日表缺{year}年，期限仅按周末推算"
        for year in years
    )


def _entry(
    decision: cases.Decision, known: Case | None, context: MonthContext, source: str
) -> Entry:
    case = decision.kept
    reason = f"{context.month} 监测"
    if decision.event in {"withdrawn", "unconfirmed"}:
        reason += f"：{cases.GONE}"
    elif decision.tie.reason():
        reason += f"；{decision.tie.reason()}"
    elif case.related:
        reason += f"；同地块另有在办案件 {'、'.join(case.related)}"
    return Entry(
        case=case.number,
        event=decision.event,
        from_state=known.state if known else "",
        to_state=case.state,
        actor=context.options.actor,
        time=context.clock(),
        reason=reason,
        source_sha256=source,
        payload=ledger.payload_of(case),
        role=ledger.PROGRAM,
    )

"""Step ``cases``: findings -> cases -> entries of the ledger, in one transaction."""

from collections.abc import Sequence

from changedetect.io import record_files
from changedetect.io.ledger_store import LedgerStore
from changedetect.pipeline.checking import UNITS
from changedetect.pipeline.context import MonthContext
from changedetect.pipeline.runstore import StepRecord, StepResult
from changedetect.records import Case, ChainedEntry, Entry, Unit
from changedetect.stages import cases, ledger

CASES = "cases.json"


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Turn the month's findings into cases and write them to the ledger."""
    before = context.store.record("check")
    deadlines = context.job.config.deadlines

    def work(_key: str) -> StepResult:
        return _decide(context, before.result)

    done = context.store.step("cases", [before.result, deadlines.model_dump()], work)
    context.progress.end(
        "cases", f"{done[0].facts['cases']} cases, {done[0].facts['pooled']} pooled"
    )
    return done


def _decide(context: MonthContext, source: str) -> StepResult:
    units = record_files.read_records(context.folder / UNITS, Unit)
    decisions: tuple[cases.Decision, ...] = ()

    def build(entries: Sequence[ChainedEntry]) -> tuple[ChainedEntry, ...]:
        nonlocal decisions
        ledger.verify(entries)
        known = ledger.project(entries)
        decisions = cases.decide(
            units,
            known,
            month=context.month,
            rhythms={theme.code: theme.rhythm for theme in context.job.themes},
            deadlines=context.job.config.deadlines,
        )
        new = [
            _entry(decision, known.get(decision.case.number), context, source)
            for decision in decisions
            if known.get(decision.case.number) != decision.case
        ]
        return ledger.chain(new, entries[-1] if entries else None)

    store = LedgerStore(context.ledger_path)
    store.append(build)
    # Counted from the ledger, not from this call: a run killed after the append and before its
    # manifest finds the entries there, and must report (and so hand out) the same.
    written = [item.entry for item in store.entries() if item.entry.source_sha256 == source]
    decided = [decision.case for decision in decisions]
    record_files.write_records(context.folder / CASES, decided, Case)
    facts = {
        "units": len(units),
        "cases": sum(not case.pooled for case in decided),
        "pooled": sum(case.pooled for case in decided),
        "new": sum(entry.event == "found" for entry in written),
        "ledger_entries": len(written),
    }
    return StepResult((CASES,), facts)


def _entry(
    decision: cases.Decision, known: Case | None, context: MonthContext, source: str
) -> Entry:
    earlier = f"；同地块另有在办案件 {'、'.join(decision.earlier)}" if decision.earlier else ""
    return Entry(
        case=decision.case.number,
        event=decision.event,
        from_state=known.state if known else "",
        to_state=decision.case.state,
        actor=context.options.actor,
        time=context.clock(),
        reason=f"{context.month} 监测{earlier}",
        source_sha256=source,
        payload=ledger.payload_of(decision.case),
    )

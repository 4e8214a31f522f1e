"""Rectified cases that the next image shows built again, or never restored: the same case, re-opened.

The ground of a case that is watched (theme 13) never becomes a second case. Where the answer is
YES, a closed case is re-opened under its number; one that waits is listed again with what was
seen. Where images can not tell, it waits, and a closed one stays closed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from changedetect.records import Case, Unit, Verdict
from changedetect.stages.cases.decision import Decision
from changedetect.stages.cases.facts import Terms, fresh_case

CASE = "case"
"""``Unit.watch`` of the ground of a case."""

CLOSED, WAITING, RECTIFYING = "90", "10", frozenset({"80", "85"})
_NUMBER_LENGTH = 18


def looked_again(units: Iterable[Unit]) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """Tell units apart: those of the month, and the ground of cases that is looked at again."""
    every = tuple(units)
    return (
        tuple(unit for unit in every if unit.watch != CASE),
        tuple(unit for unit in every if unit.watch == CASE),
    )


def case_of_unit(unit: Unit) -> str:
    """Return the number of the case whose ground a unit is; parts of it carry the county behind."""
    return unit.patch_id[-_NUMBER_LENGTH:]


def rechecked(
    decisions: Sequence[Decision], looked: Sequence[Unit], known: Mapping[str, Case], terms: Terms
) -> tuple[Decision, ...]:
    """Add what was seen on the ground of known cases to the decisions of a month.

    Parameters
    ----------
    decisions
        From `decide`, on the month's other units.
    looked
        Ground of cases, from `looked_again`.
    known
        Cases of the ledger by number; all of those that were looked at.
    terms
        As in `decide`.

    Returns
    -------
    tuple of Decision
        Sorted by case number; a case that a patch of the month continues keeps that decision, and
        says theme 13 beside it.
    """
    told = {decision.case.number: decision for decision in decisions}
    for unit in sorted(looked, key=lambda unit: unit.unit_id):
        number = case_of_unit(unit)
        old, fresh = known.get(number), fresh_case(unit, terms)
        if old is None or fresh is None or unit.findings[0].verdict is not Verdict.YES:
            continue
        before = told.get(number)
        if before is not None and before.listed:
            kept = before.kept if before.kept != before.case else _with(before.case, fresh)
            told[number] = replace(before, case=_with(before.case, fresh), kept=kept)
        elif old.state in {CLOSED, WAITING, *RECTIFYING}:
            told[number] = _again(old, fresh, terms.month)
    return tuple(told[number] for number in sorted(told))


def _again(old: Case, fresh: Case, month: str) -> Decision:
    last = max(old.month, old.last_confirmed.isoformat()[:7])
    recurred = old.state == CLOSED and last < month
    case = replace(
        _with(old, fresh),
        unit_id=fresh.unit_id,
        state=WAITING if recurred else old.state,
        suggestion=fresh.suggestion,
        last_confirmed=max(old.last_confirmed, fresh.last_confirmed),
        county_due=fresh.county_due if recurred else old.county_due,
        clear_due=fresh.clear_due if recurred else old.clear_due,
        pooled=False,
        record_only=False,
    )
    return Decision(case, "recurred" if recurred else "confirmed", old if last > month else case)


def _with(case: Case, fresh: Case) -> Case:
    return replace(
        case,
        themes=tuple(sorted({*case.themes, *fresh.themes})),
        severity=max(case.severity, fresh.severity),
        reasons=tuple(dict.fromkeys((*fresh.reasons, *case.reasons))),
        rule_ids=tuple(dict.fromkeys((*case.rule_ids, *fresh.rule_ids))),
        missing=tuple(dict.fromkeys((*case.missing, *fresh.missing))),
    )

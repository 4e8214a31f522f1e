"""Findings of a month -> cases: the same ground found again keeps its number; deadlines; pool.

A unit becomes a case when some theme answers YES or UNKNOWN about it and it is large enough there;
a smaller one is pooled, and one behind which only recording themes stand is recorded: both keep a
number and count, but are not dispatched. Units that every theme answers with NO (excused,
pseudo-change) stay findings, and so do units outside every county, which nobody could be sent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from changedetect.codes import case_number
from changedetect.config.clues import CluesSection
from changedetect.config.job import CasesSection
from changedetect.records import Case, Unit
from changedetect.stages.cases.clues import takings, with_clues
from changedetect.stages.cases.decision import Decision
from changedetect.stages.cases.facts import MONTHS_OF, Terms, ThemeTerms, fresh_case
from changedetect.stages.cases.ground import overlaps
from changedetect.stages.cases.rechecks import case_of_unit, looked_again, rechecked
from changedetect.stages.cases.ties import KINDS, TIE_WORDS, Tie, find_ties, kind_of
from changedetect.stages.cases.watch import charges

__all__ = [
    "GONE",
    "KINDS",
    "MONTHS_OF",
    "OPEN_STATES",
    "TIE_WORDS",
    "Decision",
    "Terms",
    "ThemeTerms",
    "Tie",
    "case_of_unit",
    "charges",
    "decide",
    "kind_of",
    "looked_again",
    "rechecked",
    "told",
    "with_takings",
]

OPEN_STATES = frozenset(
    {"10", "20", "30", "40", "45", "50", "55", "60", "65", "71", "75", "80", "85", "93", "95"}
)
"""States in which a case still waits for somebody."""

WAITING, CLEARED, DROPPED = "10", "90", frozenset({"98", "99"})
SPLIT = "未批部分另立子案件，本案不重复下发、不重复计数"
"""Why the whole is not handed out: its remainder is."""

GONE = "重算后不再成立"
"""Why the program itself withdraws a case: the month was computed again and shows it no more."""


def decide(
    units: Sequence[Unit],
    known: Mapping[str, Case],
    terms: Terms,
    section: CasesSection,
    *,
    last_number: Callable[[str], int] | None = None,
) -> tuple[Decision, ...]:
    """Turn the units of a month into decisions about cases.

    Parameters
    ----------
    units
        With their findings; any order. Those without a county are left out.
    known
        Cases of the ledger by number, whatever their state: all of the month, and all that may lie
        on the ground of a unit.
    terms
        The month of the images after, what each theme lays down, and the days of the month after.
    section
        When ground is the same ground.
    last_number
        Gives the highest running number behind a prefix in the whole ledger (numbers are never
        used again); None = `known` holds the whole ledger.

    Returns
    -------
    tuple of Decision
        Sorted by case number: one per unit that is a case, pooled or recorded, and one per case
        of this month that no unit stands behind any more.
    """
    month = terms.month
    asked = [
        (unit, case)
        for unit in sorted(units, key=_first_seen)
        if unit.district and (case := fresh_case(unit, terms))
    ]
    candidates = [case for case in known.values() if _may_continue(case, month)]
    ground = overlaps([unit for unit, _ in asked], candidates, section.same_ground_share)
    live = {number for number, case in known.items() if case.state in OPEN_STATES}
    told = find_ties(
        [unit for unit, _ in asked], {n: known[n] for n in live}, ground, month, section
    )
    numbers = _Numbers(known, month, last_number)
    parents = {unit.parent for unit, _ in asked if unit.parent}
    given: dict[str, str] = {}
    decisions = []
    for unit, case in asked:
        if unit.parent and unit.parent not in given:
            continue
        old = ground.same.get(unit.unit_id)
        number = old.number if old else numbers.next(unit.district, case.main_theme)
        others = {n for n in ground.touched.get(unit.unit_id, ()) if n in live} - {number}
        tie = told[unit.unit_id]
        others.update(tie.numbers, old.related if old else ())
        others -= {number}
        others -= {given.get(unit.parent, "")}
        fresh = replace(
            case, number=number, related=tuple(sorted(others)), parent=given.get(unit.parent, "")
        )
        if unit.unit_id in parents and not _at_work(old, month):
            fresh = replace(fresh, record_only=True, reasons=(*fresh.reasons, SPLIT))
            given[unit.unit_id] = number
        made = _continued(old, fresh, month) if old else Decision(fresh, "found", fresh)
        decisions.append(replace(made, tie=tie))
    matched = {case.number for case in ground.same.values()}
    decisions += [
        _gone(case)
        for case in known.values()
        if case.number not in matched and _should_stand(case, month)
    ]
    return tuple(sorted(decisions, key=lambda decision: decision.case.number))


def with_takings(
    decisions: Sequence[Decision], units: Sequence[Unit], section: CluesSection
) -> tuple[Decision, ...]:
    """Add to the decisions what of each unit nobody approved.

    Parameters
    ----------
    decisions
        From `decide`.
    units
        That stand behind them.
    section
        Which families take ground.
    """
    by_id = {unit.unit_id: unit for unit in units}
    listed = [decision.case for decision in decisions if decision.listed]
    taking = {case.number: case for case in takings(listed, by_id, section)}
    return tuple(_with(decision, taking.get(decision.case.number)) for decision in decisions)


def told(
    decisions: Sequence[Decision], known: Iterable[Case], section: CluesSection
) -> tuple[Decision, ...]:
    """Add clues to the decisions of a month: what nobody approved, and what it adds up to.

    Parameters
    ----------
    decisions
        From `with_takings`, of all counties.
    known
        Cases of the ledger, which may lie near.
    section
        Limits of the clues.
    """
    listed = [decision.case for decision in decisions if decision.listed]
    clued = {case.number: case for case in with_clues(listed, known, section)}
    return tuple(_with(decision, clued.get(decision.case.number)) for decision in decisions)


def _with(decision: Decision, case: Case | None) -> Decision:
    if case is None:
        return decision
    kept = case if decision.kept == decision.case else decision.kept
    return replace(decision, case=case, kept=kept)


def _may_continue(case: Case, month: str) -> bool:
    """Tell whether a unit of the month can be the same matter as a known case.

    Where the month has spoken about a case before, it is the same matter in any state: a person has
    decided about that very finding. Only what the program withdrew itself is found anew, or it
    would stay hidden.
    """
    if case.state in DROPPED and GONE in case.reasons:
        return False
    spoken = case.month <= month <= max(case.month, _last_month(case))
    return spoken or case.state in OPEN_STATES or case.state == CLEARED


def _last_month(case: Case) -> str:
    return case.last_confirmed.isoformat()[:7]


def _should_stand(case: Case, month: str) -> bool:
    """Tell whether the month has to show a case: its own, and the last word about it."""
    return case.month == month and case.state not in DROPPED and _last_month(case) <= month


def _gone(case: Case) -> Decision:
    if case.state != WAITING:
        return Decision(case, "unconfirmed", case)
    withdrawn = replace(case, state="99", reasons=(*case.reasons, GONE))
    return Decision(withdrawn, "withdrawn", withdrawn)


def _continued(old: Case, fresh: Case, month: str) -> Decision:
    """Keep number, state and first date of a known case; renew what was measured."""
    recurred = old.state == CLEARED and max(old.month, _last_month(old)) < month
    restated = old.month == month
    anew = recurred or (restated and old.state == WAITING)
    pooled = fresh.pooled if anew else fresh.pooled and old.pooled
    record_only = fresh.record_only if anew else fresh.record_only and old.record_only
    promoted = _idle(old) and not (pooled or record_only)
    first = recurred or promoted
    case = replace(
        fresh,
        parent=old.parent,
        state=WAITING if recurred else old.state,
        month=old.month,
        first_found=min(old.first_found, fresh.first_found),
        county_due=fresh.county_due if first else min(old.county_due, fresh.county_due),
        clear_due=fresh.clear_due if first else min(old.clear_due, fresh.clear_due),
        pooled=pooled,
        record_only=record_only,
    )
    event = "recurred" if recurred else "restated" if restated else "confirmed"
    return Decision(case, event, old if _last_month(old) > month else case)


def _idle(case: Case) -> bool:
    return case.pooled or case.record_only


class _Numbers:
    """The next free number of a county, theme and month."""

    __slots__ = ("_ask", "_last", "_month")

    def __init__(
        self, known: Mapping[str, Case], month: str, ask: Callable[[str], int] | None
    ) -> None:
        self._month = month
        self._ask = ask
        self._last: Counter[str] = Counter()
        for number in known if ask is None else ():
            self._last[number[:12]] = max(self._last[number[:12]], int(number[12:17]))

    def next(self, district: str, theme: str) -> str:
        prefix = f"{district}{theme}{self._month[2:4]}{self._month[5:7]}"
        if prefix not in self._last and self._ask is not None:
            self._last[prefix] = self._ask(prefix)
        self._last[prefix] += 1
        return case_number(district, theme, self._month, self._last[prefix])


def _at_work(old: Case | None, month: str) -> bool:
    """Tell whether people have a whole case in hand already, so that it is not split any more."""
    if old is None or old.record_only:
        return False
    return old.state != WAITING or old.month != month


def _first_seen(unit: Unit) -> tuple[str, str]:
    return unit.district, unit.unit_id

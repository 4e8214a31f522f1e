"""Findings of a month -> cases: the same ground found again keeps its number; deadlines; pool.

A unit becomes a case when some theme answers YES or UNKNOWN about it and it is large enough there;
a smaller one is pooled: it keeps its number and counts, but is not dispatched. Units that every
theme answers with NO (excused, pseudo-change) stay findings. Nothing is dropped.
"""

import calendar
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import shapely

from changedetect.codes import case_number
from changedetect.config.job import DeadlinesSection
from changedetect.records import Case, Finding, Unit, Verdict

OPEN_STATES = frozenset(
    {"10", "20", "30", "40", "45", "50", "55", "60", "65", "71", "75", "80", "85", "93", "95"}
)
"""States in which a case still waits for somebody."""

MONTHS_PER_YEAR = 12
MONTHS_OF = {"urgent": 1, "month": 1, "quarter": 3, "season": 3, "year": 12}
"""Months in the period after whose end a theme's findings are due."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the month's findings do to one case.

    ``event`` is ``found`` (new number), ``confirmed`` (found again in a later month) or
    ``restated`` (the same month was computed again). ``earlier`` holds numbers of other live cases
    on the same ground: a person decides whether they are merged.
    """

    case: Case
    event: str
    earlier: tuple[str, ...] = ()


def decide(
    units: Sequence[Unit],
    known: Mapping[str, Case],
    *,
    month: str,
    rhythms: Mapping[str, str],
    deadlines: DeadlinesSection,
) -> tuple[Decision, ...]:
    """Turn the units of a month into decisions about cases.

    Parameters
    ----------
    units
        With their findings; any order.
    known
        Every case of the ledger by number, whatever its state: numbers are never used again.
    month
        ``YYYY-MM`` of the images after.
    rhythms
        Theme code -> key of `MONTHS_OF`.
    deadlines
        Days of the month after.

    Returns
    -------
    tuple of Decision
        Sorted by case number. One per unit that is a case or pooled.
    """
    used = Counter(number[:12] for number in known)
    last = Counter({prefix: _last_sequence(known, prefix) for prefix in used})
    index = _Ground([case for case in known.values() if case.state in OPEN_STATES])
    taken: set[str] = set()
    decisions = []
    for unit in sorted(units, key=_first_seen):
        relevant = [f for f in unit.findings if f.verdict is not Verdict.NO]
        if not relevant:
            continue
        main = min(relevant, key=_weight)
        fresh = _fresh_case(
            unit, main, relevant, month, _due(month, rhythms[main.theme], deadlines)
        )
        matches = [number for number in index.under(unit) if number not in taken]
        if matches:
            taken.add(matches[0])
            decisions.append(_continued(known[matches[0]], fresh, month, tuple(matches[1:])))
            continue
        prefix = f"{unit.district or '000000'}{main.theme}{month[2:4]}{month[5:7]}"
        last[prefix] += 1
        number = case_number(prefix[:6], main.theme, month, last[prefix])
        decisions.append(Decision(replace(fresh, number=number), "found"))
    return tuple(sorted(decisions, key=lambda decision: decision.case.number))


class _Ground:
    """Which live cases lie under a unit: the largest common area first."""

    __slots__ = ("_cases", "_tree")

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = sorted(cases, key=lambda case: case.number)
        self._tree = shapely.STRtree([case.geometry for case in self._cases])

    def under(self, unit: Unit) -> list[str]:
        """Numbers of cases that share ground with the unit, most shared area first."""
        shared = [
            (-unit.geometry.intersection(self._cases[i].geometry).area, self._cases[i])
            for i in self._tree.query(unit.geometry, predicate="intersects")
        ]
        same = [
            (area, case.number)
            for area, case in shared
            if area < 0 and case.district == unit.district
        ]
        return [number for _, number in sorted(same)]


def _first_seen(unit: Unit) -> tuple[str, str]:
    return unit.district, unit.unit_id


def _weight(finding: Finding) -> tuple[bool, bool, int, bool, str]:
    """Order findings: large enough, YES before UNKNOWN, severe, a theme of its own before 01."""
    return (
        finding.below_minimum,
        finding.verdict is not Verdict.YES,
        -finding.severity,
        finding.theme == "01",
        finding.theme,
    )


def _fresh_case(
    unit: Unit, main: Finding, relevant: Sequence[Finding], month: str, due: tuple[date, date]
) -> Case:
    return Case(
        number="",
        unit_id=unit.unit_id,
        district=unit.district,
        themes=tuple(sorted(finding.theme for finding in relevant)),
        main_theme=main.theme,
        suggestion=main.suggestion,
        severity=max(finding.severity for finding in relevant),
        state="10",
        month=month,
        first_found=unit.after_date,
        last_confirmed=unit.after_date,
        county_due=due[0],
        clear_due=due[1],
        geometry=unit.geometry,
        area_m2=unit.area_m2,
        pooled=all(finding.below_minimum for finding in relevant),
        reasons=_distinct(reason for finding in relevant for reason in finding.reasons),
        rule_ids=_distinct(rule for finding in relevant for rule in finding.rule_ids),
        missing=_distinct(name for finding in relevant for name in finding.missing),
    )


def _continued(old: Case, fresh: Case, month: str, others: tuple[str, ...]) -> Decision:
    """Keep number, state, first date and deadlines of the live case; renew what was measured."""
    kept = replace(
        fresh,
        number=old.number,
        parent=old.parent,
        main_theme=old.main_theme,
        state=old.state,
        month=old.month,
        first_found=min(old.first_found, fresh.first_found),
        last_confirmed=max(old.last_confirmed, fresh.last_confirmed),
        county_due=old.county_due,
        clear_due=old.clear_due,
        pooled=old.pooled and fresh.pooled,
    )
    return Decision(kept, "restated" if old.month == month else "confirmed", others)


def _due(month: str, rhythm: str, deadlines: DeadlinesSection) -> tuple[date, date]:
    """Return the county's day and the day of clearing: in the month after, or after the period."""
    year, number = int(month[:4]), int(month[5:7])
    number += -number % MONTHS_OF[rhythm]
    year, number = (year, number + 1) if number < MONTHS_PER_YEAR else (year + 1, 1)
    end = calendar.monthrange(year, number)[1]
    county = deadlines.dispatch_day if rhythm == "urgent" else deadlines.county_day
    return date(year, number, county), date(year, number, end)


def _last_sequence(known: Mapping[str, Case], prefix: str) -> int:
    return max(int(number[12:17]) for number in known if number.startswith(prefix))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))

"""What a unit's findings say of its case: main theme, suggestion, pool, record, deadlines."""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from changedetect.config.holidays import WorkCalendar
from changedetect.config.job import DeadlinesSection
from changedetect.records import Case, Finding, Unit, Verdict

MONTHS_PER_YEAR = 12
MONTHS_OF = {"urgent": 1, "month": 1, "quarter": 3, "season": 3, "year": 12}
"""Months in the period after whose end a theme's findings are due."""

OTHER_THEME = "38"
"""PDJY of a finding that excuses nothing: the change is not the theme's business."""


@dataclass(frozen=True, slots=True)
class ThemeTerms:
    """How a theme's findings are handed out.

    ``rhythm`` is a key of `MONTHS_OF`; without ``dispatch`` the theme only records.
    """

    rhythm: str
    dispatch: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What the month and the themes lay down for every case."""

    month: str
    themes: Mapping[str, ThemeTerms]
    deadlines: DeadlinesSection
    calendar: WorkCalendar | None = None


def fresh_case(unit: Unit, terms: Terms) -> Case | None:
    """Return the case of a unit as this month shows it, without a number; None: no theme asks."""
    relevant = [finding for finding in unit.findings if finding.verdict is not Verdict.NO]
    if not relevant:
        return None
    serious = [finding for finding in relevant if terms.themes[finding.theme].dispatch]
    excusing = [] if serious else _excusing(unit.findings, terms)
    main = min(relevant, key=lambda finding: _weight(finding, terms))
    told = [*excusing, *relevant]
    due = _due(relevant, terms)
    return Case(
        number="",
        unit_id=unit.unit_id,
        district=unit.district,
        themes=tuple(sorted(finding.theme for finding in relevant)),
        main_theme=main.theme,
        suggestion=(excusing or [main])[0].suggestion,
        severity=max(finding.severity for finding in relevant),
        state="10",
        month=terms.month,
        first_found=unit.after_date,
        last_confirmed=unit.after_date,
        county_due=due[0],
        clear_due=due[1],
        geometry=unit.geometry,
        area_m2=unit.area_m2,
        pooled=all(finding.below_minimum for finding in serious or relevant),
        reasons=_distinct(reason for finding in told for reason in finding.reasons),
        rule_ids=_distinct(rule for finding in told for rule in finding.rule_ids),
        missing=_distinct(name for finding in relevant for name in finding.missing),
        record_only=not serious,
        family=unit.family,
        watch=unit.watch,
    )


def _excusing(findings: Sequence[Finding], terms: Terms) -> list[Finding]:
    """Return the findings by which themes that would dispatch let the change pass, by theme."""
    passed = [
        finding
        for finding in findings
        if finding.verdict is Verdict.NO
        and finding.suggestion != OTHER_THEME
        and terms.themes[finding.theme].dispatch
    ]
    return sorted(passed, key=lambda finding: finding.theme)


def _weight(finding: Finding, terms: Terms) -> tuple[bool, bool, bool, int, str]:
    """Order findings: large enough, dispatched, YES before UNKNOWN, severe.

    A theme that only records comes after missing evidence of one that dispatches: otherwise a
    certain "it changed" would hide an uncertain "it may be unlawful".
    """
    return (
        finding.below_minimum,
        not terms.themes[finding.theme].dispatch,
        finding.verdict is not Verdict.YES,
        -finding.severity,
        finding.theme,
    )


def _due(relevant: Sequence[Finding], terms: Terms) -> tuple[date, date]:
    """Return the earliest days among the findings that are handed out, or among all."""
    large = [finding for finding in relevant if not finding.below_minimum] or relevant
    serious = [finding for finding in large if terms.themes[finding.theme].dispatch] or large
    days = [_due_of(terms.themes[finding.theme].rhythm, terms) for finding in serious]
    return min(county for county, _ in days), min(clear for _, clear in days)


def _due_of(rhythm: str, terms: Terms) -> tuple[date, date]:
    """Return the county's day and the day of clearing: in the month after, or after the period.

    By a table of holidays, the first moves on to a working day, the second back to one.
    """
    year, number = int(terms.month[:4]), int(terms.month[5:7])
    number += -number % MONTHS_OF[rhythm]
    year, number = (year, number + 1) if number < MONTHS_PER_YEAR else (year + 1, 1)
    end = calendar.monthrange(year, number)[1]
    days = terms.deadlines
    county = days.dispatch_day if rhythm == "urgent" else days.county_day
    due, clear = date(year, number, county), date(year, number, end)
    if terms.calendar is None:
        return due, clear
    return terms.calendar.on_or_after(due), terms.calendar.on_or_before(clear)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))

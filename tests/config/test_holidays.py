"""Working days: the published tables against hand answers, and a count day by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.config.holidays import WorkCalendar, YearDays
from changedetect.config.job import DeadlinesSection
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_calendar
from changedetect.stages import cases
from changedetect.stages.cases.facts import _due_of

CHINA = read_calendar(SHARED_CONFIG, "china")
DAYS = st.dates(date(2024, 12, 1), date(2027, 1, 31))


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2025-01-26", True), ("2025-01-27", True), ("2025-01-28", False), ("2025-02-04", False), ("2025-02-08", True),
        ("2025-10-08", False), ("2025-10-09", True), ("2025-10-11", True), ("2025-10-12", False),
        ("2026-01-02", False), ("2026-01-04", True), ("2026-02-14", True), ("2026-02-23", False), ("2026-02-28", True),
        ("2026-05-09", True), ("2026-09-20", True), ("2026-09-25", False), ("2026-10-10", True), ("2027-01-01", True),
    ],
)  # fmt: skip
def test_china__the_days_of_the_notices(day, works):
    assert CHINA.works(date.fromisoformat(day)) is works


def test_china__a_year_has_the_working_days_of_its_notice():
    """2025: 365 days, 104 weekend days, 28 days off of which 8 are weekends, 5 make-up days."""
    for year in (2025, 2026):
        days = [date(year, 1, 1) + timedelta(days=i) for i in range(365)]
        table = CHINA.years[year]
        off = sum(table.is_off(day) for day in days)
        at_weekends = sum(table.is_off(day) and day.weekday() >= 5 for day in days)
        weekend = sum(day.weekday() >= 5 for day in days)
        expected = 365 - weekend - (off - at_weekends) + len(table.on)
        assert sum(map(CHINA.works, days)) == expected
    assert not CHINA.known(date(2027, 1, 1))


@given(first=DAYS, last=DAYS)
def test_between__counts_day_by_day(first, last):
    low, high = sorted((first, last))
    count = sum(CHINA.works(low + timedelta(days=i)) for i in range(1, (high - low).days + 1))
    assert CHINA.between(first, last) == (count if first <= last else -count)


@given(day=DAYS)
def test_shifts__land_on_a_working_day_with_none_between(day):
    after, before = CHINA.on_or_after(day), CHINA.on_or_before(day)
    assert CHINA.works(after)
    assert CHINA.works(before)
    assert CHINA.between(day - timedelta(days=1), after) == 1
    assert before <= day <= after


def test_deadlines__move_off_holidays_only_by_a_table():
    themes = {"02": cases.ThemeTerms("month", True)}
    plain = cases.Terms("2025-12", themes, DeadlinesSection(county_day=1))
    by_table = cases.Terms("2025-12", themes, DeadlinesSection(county_day=1), CHINA)
    assert _due_of("month", plain) == (date(2026, 1, 1), date(2026, 1, 31))
    assert _due_of("month", by_table) == (date(2026, 1, 4), date(2026, 1, 30))


@pytest.mark.parametrize(
    ("off", "on", "said"),
    [
        ([["2025-05-03", "2025-05-01"]], [], "end before they begin"),
        ([], ["2025-05-07"], "no weekend"),
        ([["2025-05-01", "2025-05-05"]], ["2025-05-04"], "are off"),
        ([["2026-05-01", "2026-05-05"]], [], "days of 2025 expected"),
    ],
)
def test_tables__that_contradict_themselves_are_refused(off, on, said):
    with pytest.raises(ValueError, match=said):
        WorkCalendar(name="x", years={2025: YearDays(source="s", off=off, on=on)})

"""Working days: Saturdays and Sundays off, holidays off, make-up days on, each year by its notice."""

from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, model_validator

from changedetect.config.base import Section

_SATURDAY = 5
_DAY = timedelta(days=1)


class YearDays(Section):
    """Days of one year that are otherwise than the week says."""

    source: str = Field(description="notice that sets them")
    off: tuple[tuple[date, date], ...] = Field(description="stretches off, first and last day")
    on: tuple[date, ...] = Field((), description="Saturdays and Sundays that are worked")

    @model_validator(mode="after")
    def _in_order(self) -> "YearDays":
        wrong = [f"{first}–{last}" for first, last in self.off if first > last]
        worked = [str(day) for day in self.on if day.weekday() < _SATURDAY or self.is_off(day)]
        if wrong or worked:
            msg = f"stretches that end before they begin: {wrong}; worked days that are no weekend or are off: {worked}"
            raise ValueError(msg)
        return self

    def is_off(self, day: date) -> bool:
        """Tell whether a day lies in a stretch off."""
        return any(first <= day <= last for first, last in self.off)


class WorkCalendar(Section):
    """Working days of a country.

    A year without a table is counted by the week alone; `known` tells which are.
    """

    name: str = Field(description="whose days these are")
    years: dict[Annotated[int, Field(ge=2000, le=2100)], YearDays] = Field(
        description="year -> its days"
    )

    @model_validator(mode="after")
    def _own_year(self) -> "WorkCalendar":
        for year, table in self.years.items():
            days = [*table.on, *(day for stretch in table.off for day in stretch)]
            strange = sorted(str(day) for day in days if day.year != year)
            if strange:
                msg = f"days of {year} expected, found {', '.join(strange)}"
                raise ValueError(msg)
        return self

    def known(self, day: date) -> bool:
        """Tell whether there is a table for the year of a day."""
        return day.year in self.years

    def works(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        table = self.years.get(day.year)
        if table is not None and (day in table.on or table.is_off(day)):
            return day in table.on
        return day.weekday() < _SATURDAY

    def on_or_after(self, day: date) -> date:
        """Return the first working day that is not before a day."""
        while not self.works(day):
            day += _DAY
        return day

    def on_or_before(self, day: date) -> date:
        """Return the last working day that is not after a day."""
        while not self.works(day):
            day -= _DAY
        return day

    def between(self, first: date, last: date) -> int:
        """Count the working days after the first day up to the last one; negative where it lies before."""
        if last < first:
            return -self.between(last, first)
        return sum(self.works(first + _DAY * (i + 1)) for i in range((last - first).days))

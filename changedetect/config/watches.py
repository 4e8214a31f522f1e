"""Ground that a theme watches without a patch: supplied, permitted, restored, closed.

A watch names the records whose polygons are looked at, the day from which a duty runs, and tests;
the first test that holds is the answer, and where none holds the ground is in order. What images
say is an interval: a test on ground that was not seen is undecided.
"""

from typing import Literal

from pydantic import Field

from changedetect.config.base import Section

Look = Literal["built", "never_green", "not_cropped", "mined", "rebuilt", "outflow"]
"""Shares of a watched polygon.

- built: construction on it now, by the survey and by the changes found since;
- never_green: no plant cover in any clear image of the last season (needs a series);
- not_cropped: not green and bare again in each of the last two seasons (needs a series);
- mined: pits found since the day from which the duty runs;
- rebuilt: construction found since then;
- outflow: its cropland turned into anything else this month.
"""

SERIES_LOOKS = frozenset({"never_green", "not_cropped"})
"""What only a season's series can tell."""


class WatchTest(Section):
    """One question about a watched polygon."""

    look: Look = Field(description="share that is looked at")
    below_share: float | None = Field(None, gt=0, le=1, description="holds below this share")
    above_share: float | None = Field(None, ge=0, lt=1, description="holds above this share")
    min_days: int = Field(0, ge=0, description="asked this long after the duty began [day]")
    families: tuple[str, ...] = Field((), description="changes counted; empty = construction")
    suggestion: str = Field(description="PDJY when it holds")
    severity: int = Field(ge=1, le=5, description="when it holds")
    reason: str = Field(description="in Chinese")
    asks: str = Field("", description="evidence still to be brought, in Chinese")
    rule: str = Field(description="rule id")


class Watch(Section):
    """One kind of polygon that is watched, and what is asked of it."""

    name: str = Field(description="name of such ground, in Chinese")
    source: Literal["records", "closed_cases"] = Field(
        "records", description="land records, or cases that are rectified or closed"
    )
    kinds: tuple[str, ...] = Field((), description="kinds of record; empty for cases")
    less: tuple[str, ...] = Field((), description="ground under records of these kinds is left out")
    renewed_by: tuple[str, ...] = Field(
        (), description="a record of these kinds that is valid on the day of the image excuses"
    )
    since: Literal["approved", "expired", "accepted", "start_due", "closed"] = Field(
        "approved", description="day from which the duty runs; accepted and start_due fall back to "
        "the day of approval where the record does not tell"
    )  # fmt: skip
    due_days: int = Field(0, ge=0, description="nothing is asked sooner [day]")
    tests: tuple[WatchTest, ...] = Field(min_length=1, description="the first that holds")
    in_order: str = Field(description="reason when none holds, in Chinese")
    rule: str = Field(description="rule id")

    def rule_ids(self) -> set[str]:
        """Return every rule that it names."""
        return {self.rule, *(test.rule for test in self.tests)}

    def suggestions(self) -> set[str]:
        """Return every PDJY that it can suggest."""
        return {test.suggestion for test in self.tests}

    def named_kinds(self) -> tuple[str, ...]:
        """Return every kind of record that it names."""
        return (*self.kinds, *self.less, *self.renewed_by)

    @property
    def needs_series(self) -> bool:
        """Whether a test needs the images of a season."""
        return any(test.look in SERIES_LOOKS for test in self.tests)

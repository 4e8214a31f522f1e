"""The cross-check of one county, in whichever process: what all counties share comes in, counts go out.

Imports little: a process that only checks counties has neither the detector nor the classifier.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from changedetect.entries import ImageCheck
from changedetect.io.memory import give_back, old_left_alone
from changedetect.pipeline.runs.counties import in_county
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.steps.countywise import (
    Clusters,
    PatchShelf,
    Spooled,
    checked,
    cropland_of,
    spooled,
)
from changedetect.pipeline.steps.known import LedgerBefore
from changedetect.pipeline.steps.references import Shelf
from changedetect.pipeline.steps.watch import Watch
from changedetect.pipeline.steps.watchwork import Looked, watch


@dataclass(frozen=True, slots=True)
class CountyTask:
    """A county that is to be checked: its code, and the numbers of the known cases around it."""

    code: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountyDone:
    """What a county gave.

    Attributes
    ----------
    patches, watched
        Units of its patches, and of its watched ground, on disk.
    rechecks
        What the images say of its rectified cases.
    unread
        What could not be looked at, a line each.
    cropland_m2
        Code -> cropland by the survey; empty where it is not covered. [m²]
    """

    patches: Spooled
    watched: Spooled
    rechecks: tuple[ImageCheck, ...]
    unread: tuple[str, ...]
    cropland_m2: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CountyCheck:
    """Checks one county after the other.

    Attributes
    ----------
    month, territory
        The month, and its counties.
    shelves
        Land records, classified patches and their clusters.
    keepers
        Whose the units are.
    ledger
        As it stood before the month; it is only read.
    folder
        Where units are written; the caller deletes it.
    """

    month: Looked
    territory: Territory
    shelves: tuple[Shelf, PatchShelf, Clusters]
    keepers: Watch
    ledger: LedgerBefore
    folder: Path

    def __call__(self, task: CountyTask) -> CountyDone:
        """Check a county; an error names it."""
        with in_county(task.code), old_left_alone():
            done = self._do(task)
        give_back()
        return done

    def _do(self, task: CountyTask) -> CountyDone:
        county = checked(task.code, self.month.job, self.territory, self.shelves)
        charges = self.keepers.charges(county.units)
        patches = spooled(self.folder, county.code, "patches", county.units, charges)
        near = self.ledger.near(task.known, county.bounds)
        found, looked, problems = watch(
            self.month, county.references, self.territory, county.patches, near, county.code
        )
        own = tuple(unit for unit in found if unit.district == county.code)
        watched = spooled(self.folder, county.code, "watched", own, self.keepers.charges(own))
        return CountyDone(patches, watched, looked, problems, cropland_of(county))

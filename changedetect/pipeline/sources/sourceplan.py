"""What the series and radar would add to a month, for ``run --dry-run``."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from changedetect.grid import CoarseGrid
from changedetect.io import series_store
from changedetect.io.catalogue import Catalogue
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.sources.serieswork import config_digest, states_folder
from changedetect.pipeline.sources.sourcework import (
    MonthDates,
    blocks,
    of_sensor,
    radar_profile,
    series_profile,
)
from changedetect.records import Scene

SERIES_SECONDS = 1.2
"""Time for a coarse megapixel of one date on one core: 1.15 measured, reading included. [s]"""

RADAR_SECONDS = 0.8
"""Time for a coarse megapixel of one date on one core: 17 measured with 25 dates, reading included. [s]"""

FIT_SECONDS = 3.0
"""Fit of the radar model. [s]"""

STATE_BYTES_PER_PX = 320
"""A state of greenness and four bands; one of fewer is smaller. [byte]"""

EVIDENCE_BYTES_PER_PX = 10
"""Evidence and two days of a coarse pixel, while the step is at work. [byte]"""

FUSED_BYTES_PER_PX = 60
"""Sources of a tile laid on the product grid, at once. [byte]"""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """What a source would take; sizes in bytes.

    ``images`` are read this month; ``disk_bytes`` stay, or lie there while the step is at work.
    """

    name: str
    images: int
    read_bytes: int
    disk_bytes: int
    seconds: float


def plan_sources(
    job: Job, territory: Territory, found: Catalogue, dates: MonthDates, root: Path
) -> tuple[SourcePlan, ...]:
    """Tell what each coarser source of a month would take; nothing is written.

    Parameters
    ----------
    job, territory
        The job and its ground.
    found
        The catalogue.
    dates
        Of the month.
    root
        Folder of the job: states that are there spare the images that they hold.
    """
    plans = (_series(job, territory, found, dates, root), _radar(job, territory, found, dates))
    return tuple(plan for plan in plans if plan is not None)


def _series(
    job: Job, territory: Territory, found: Catalogue, dates: MonthDates, root: Path
) -> SourcePlan | None:
    profile = series_profile(job)
    if profile is None:
        return None
    coarse = CoarseGrid.under(territory.grid, profile.gsd_m)
    folder = states_folder(root, config_digest(job, profile, coarse.grid))
    due = blocks(territory, coarse, 0)
    known = min((_stored(folder, tile.name, dates.until) for tile in due), default="")
    images = [
        scene
        for scene in of_sensor(found.scenes, profile, dates.until)
        if series_store.month_of(scene.day) > known
    ]
    pixels = sum(tile.core.height * tile.core.width for tile in due)
    return SourcePlan(
        "series",
        len(images),
        _bytes(found, images),
        pixels * (STATE_BYTES_PER_PX * series_store.KEPT_MONTHS + EVIDENCE_BYTES_PER_PX),
        len(images) * pixels / 1e6 * SERIES_SECONDS,
    )


def _stored(folder: Path, tile: str, until: date) -> str:
    """Return the newest month that is stored of a block, up to a day; empty = none."""
    months = [
        month
        for month in series_store.stored_months(folder, tile)
        if month <= series_store.month_of(until)
    ]
    return max(months, default="")


def _radar(
    job: Job, territory: Territory, found: Catalogue, dates: MonthDates
) -> SourcePlan | None:
    profile = radar_profile(job)
    if profile is None:
        return None
    coarse = CoarseGrid.under(territory.grid, profile.gsd_m)
    rules = job.config.fusion
    mine = of_sensor(found.scenes, profile, dates.until)
    before = [scene for scene in mine if scene.day <= dates.since][-rules.radar_before_dates :]
    after = [scene for scene in mine if scene.day > dates.since][-rules.radar_after_dates :]
    images = [*before, *after] if before and after else []
    pixels = sum(tile.core.height * tile.core.width for tile in blocks(territory, coarse, 0))
    return SourcePlan(
        "radar",
        len(images),
        _bytes(found, images),
        pixels * EVIDENCE_BYTES_PER_PX,
        (FIT_SECONDS + len(images) * pixels / 1e6 * RADAR_SECONDS) if images else 0.0,
    )


def _bytes(found: Catalogue, images: list[Scene]) -> int:
    return sum(found.sizes_bytes[scene.href] for scene in images)

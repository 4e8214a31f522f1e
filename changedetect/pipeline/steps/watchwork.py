"""Ground that is watched without a patch: what images and the ledger say of it, and its units."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.entries import ImageCheck
from changedetect.io import record_files
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.month_files import EVIDENCE, SCENES, UNOBSERVED
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.steps import greenness
from changedetect.pipeline.steps.doubts import doubts
from changedetect.pipeline.steps.known import DROPPED, Known
from changedetect.records import Scene, Unit, UnobservedArea
from changedetect.stages import crosscheck

PARCELS = "DLTB"


@dataclass(frozen=True, slots=True)
class Looked:
    """A month whose images are looked at.

    Attributes
    ----------
    job, folder
        The job, and the folder of the month's run.
    compared
        Names of the images of each pair, the earlier first.
    """

    job: Job
    folder: Path
    compared: Sequence[Sequence[str]]


def watch(
    month: Looked,
    references: crosscheck.References,
    territory: Territory,
    patches: gpd.GeoDataFrame,
    known: Sequence[Known],
    county: str,
) -> tuple[tuple[Unit, ...], tuple[ImageCheck, ...], tuple[str, ...]]:
    """Judge the ground that the job's themes watch.

    Parameters
    ----------
    month, references, territory
        The month, its land records, its counties.
    patches
        Classified patches of the month.
    known
        Cases as they stood before the month, of this county and around it.
    county
        Whose rectified cases are looked at.

    Returns
    -------
    tuple
        Units, what the images say of the county's rectified cases, and a line for whatever could not be looked at.
    """
    job, cfg = month.job, month.job.config.crosscheck
    themes = [theme for theme in job.themes if theme.watches]
    scenes = {s.scene_id: s for s in record_files.read_records(month.folder / SCENES, Scene)}
    if not themes or not month.compared:
        return (), (), ()
    before, after = (scenes[name] for name in month.compared[0])
    closed = [
        crosscheck.ClosedCase(
            one.case.number,
            one.closed_on,
            one.case.geometry,
            "" if one.case.watch else one.case.family,
            one.case.last_confirmed,
            one.checked,
        )
        for one in known
        if one.closed_on is not None
    ]
    crs, mine = job.config.grid.crs, {o.case.number for o in known if o.case.district == county}
    due = crosscheck.due(references, themes, closed, after.day, crs)
    watched = _of_county(due, references.districts, county, mine)
    series = greenness.series_scenes(
        list(scenes.values()),
        job.config.scenes.pair_sensor,
        after.day,
        greenness.YEAR_DAYS + cfg.season_days,
    )
    reader = RasterReader(job.scenes_folder)
    green, problems = greenness.measure(reader, series, watched, territory.grid, after.day, cfg)
    asked = [one for one in watched if one.kind == "case" and one.record_id in mine]
    unseen = record_files.read_records(month.folder / UNOBSERVED, UnobservedArea)
    manifest = references.manifest(PARCELS)
    sight = crosscheck.Sight(
        before=before.day,
        after=after.day,
        before_scene=before.scene_id,
        after_scene=after.scene_id,
        gsd_m=max(before.gsd_m, after.gsd_m),
        changes=(*_of_month(patches, cfg), *_of_ledger(known)),
        unseen=tuple(area.geometry for area in unseen),
        greenness=green,
        surveyed=None if manifest is None else manifest.as_of,
        doubts=doubts(month.folder / EVIDENCE, territory.grid, asked),
    )
    units = crosscheck.look(watched, references, themes, sight, crs, cfg)
    return units, crosscheck.recheck(closed, asked, sight, cfg), problems


def _of_county(
    due: Sequence[crosscheck.Watched], districts: gpd.GeoDataFrame, county: str, mine: set[str]
) -> list[crosscheck.Watched]:
    """Leave out ground that lies beside a county: none of its parts can come to be the county's."""
    own = districts[districts["code"].astype(str) == county]
    if own.empty:
        return list(due)
    place = shapely.union_all(own.geometry.to_numpy())
    shapely.prepare(place)
    return [
        one
        for one in due
        if place.intersects(one.geometry) or (one.kind == "case" and one.record_id in mine)
    ]


def _of_month(patches: gpd.GeoDataFrame, cfg: CrosscheckSection) -> list[crosscheck.Change]:
    return [
        crosscheck.Change(
            family=str(row["family"]),
            seen_on=pd.Timestamp(row["after_date"]).date(),
            is_sure=row["change_probability"] >= cfg.min_change_probability
            and row["family_probability"] >= cfg.min_family_probability,
            geometry=row["geometry"],
        )
        for row in patches.to_dict("records")
        if row["change_probability"] >= crosscheck.limit_of(row, cfg)
    ]


def _of_ledger(known: Sequence[Known]) -> list[crosscheck.Change]:
    return [
        crosscheck.Change(one.case.family, one.case.first_found, True, one.case.geometry)
        for one in known
        if one.case.family and not one.case.watch and one.case.state not in DROPPED
    ]

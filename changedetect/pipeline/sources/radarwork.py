"""Radar of a month: the last images before against the last of the month, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from changedetect.config.series import RadarSection
from changedetect.errors import InputError, SceneError
from changedetect.grid import CoarseGrid, Grid, Tile, Window
from changedetect.io.rasters import RasterReader
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.sources.pairwork import shared_reader
from changedetect.pipeline.sources.serieswork import SourceResult
from changedetect.pipeline.sources.sourcework import (
    CoarseLayer,
    MonthDates,
    blocks,
    of_sensor,
    radar_profile,
    run_blocks,
)
from changedetect.records import Scene, ScenePair
from changedetect.stages import pixels
from changedetect.stages.evidence import radar

SAMPLE_BLOCKS = 12
"""Blocks from which the model of a month is fitted; all their dates are held at once: 23 MB each
with 43 dates of two polarisations."""


@dataclass(frozen=True, slots=True)
class RadarWork:
    """The work of one block; it can be sent to another process.

    Attributes
    ----------
    images
        Folder of the catalogue.
    grid
        Coarse grid.
    before, after
        Images of each side, by time.
    folder
        Where blocks leave their evidence; one that is there and whole is not done again.
    """

    images: Path
    grid: Grid
    before: tuple[Scene, ...]
    after: tuple[Scene, ...]
    model: radar.RadarModel
    settings: RadarSection
    folder: Path

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Do a block and leave its file."""
        path = self.folder / f"{tile.name}.npz"
        if read_tile(path) is None:
            reader = shared_reader(self.images)
            sides = [_stack(reader, s, self.grid, tile.outer) for s in (self.before, self.after)]
            llr = radar.measure_radar(sides[0], sides[1], self.model, self.settings)
            core = llr[tile.core_in_outer.slices]
            days = [side[-1].day.toordinal() for side in (self.before, self.after)]
            dated = [np.full(core.shape, day, np.int32) for day in days]
            write_tile(path, {"llr": core, "before": dated[0], "after": dated[1]})
        return ()


def _stack(reader: RasterReader, scenes: Sequence[Scene], grid: Grid, window: Window) -> np.ndarray:
    return np.stack([reader.read(scene, grid, window) for scene in scenes])


def radar_layer(
    context: MonthContext,
    territory: Territory,
    scenes: Sequence[Scene],
    dates: MonthDates,
    folder: Path,
) -> SourceResult:
    """Compare the radar images of a month with those before.

    Parameters
    ----------
    context, territory
        The month and its ground.
    scenes
        The catalogue.
    dates
        Of the month.
    folder
        Where blocks leave their evidence.
    """
    profile = radar_profile(context.job)
    if profile is None:
        return SourceResult(None)
    config = context.job.config
    coarse = CoarseGrid.under(territory.grid, profile.gsd_m)
    mine = of_sensor(scenes, profile, dates.until)
    usable, problems = _readable(RasterReader(context.job.scenes_folder), mine, coarse.grid)
    before = [s for s in usable if s.day <= dates.since][-config.fusion.radar_before_dates :]
    after = [s for s in usable if s.day > dates.since][-config.fusion.radar_after_dates :]
    if not before or not after:
        note = f"radar: no {profile.name} image up to {dates.since} or none after it: not observed"
        return SourceResult(None, problems, (note,))
    try:
        model = _fit(context, coarse.grid, before, after)
    except InputError as error:
        return SourceResult(None, (*problems, f"radar left out: {error}"))
    folder.mkdir(parents=True, exist_ok=True)
    work = RadarWork(
        context.job.scenes_folder, coarse.grid, tuple(before), tuple(after), model,
        config.radar, folder,
    )  # fmt: skip
    due = blocks(territory, coarse, radar.radar_halo_px(config.radar))
    done, lines = run_blocks(context, "radar", due, work)
    pair = ScenePair(before[-1], after[-1])
    alarm = max(model.threshold, 1)
    rate = model.false_alarm_rate
    layer = CoarseLayer("radar", coarse, folder, done, pair, alarm, alarm, rate)
    return SourceResult(layer, (*problems, *lines))


def _readable(
    reader: RasterReader, scenes: Sequence[Scene], grid: Grid
) -> tuple[list[Scene], tuple[str, ...]]:
    """Keep the images of one set of polarisations that can be opened; name the others."""
    kept: list[Scene] = []
    problems = []
    for scene in scenes:
        try:
            reader.read(scene, grid, Window(0, 0, 1, 1))
        except SceneError as error:
            problems.append(f"radar: image left out: {error}")
            continue
        kept.append(scene)
    return kept, tuple(problems)


def _fit(
    context: MonthContext, grid: Grid, before: Sequence[Scene], after: Sequence[Scene]
) -> radar.RadarModel:
    """Learn what nothing changed looks like from the month itself, on sample blocks."""
    reader = RasterReader(context.job.scenes_folder)
    few = context.job.config.pixels.model_copy(update={"sample_blocks": SAMPLE_BLOCKS})
    samples = [
        (_stack(reader, before, grid, window), _stack(reader, after, grid, window))
        for window in pixels.sample_windows(grid, few)
    ]
    days = [scene.day for scene in before], [scene.day for scene in after]
    return radar.fit_radar(samples, context.job.config.radar, days)

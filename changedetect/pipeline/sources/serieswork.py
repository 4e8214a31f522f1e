"""The time series of a job: a state beside its months, extended by the images of each month.

History is never read again: a month absorbs the images since the last state. A state that is lost is
built again from the images that are there; one of other settings is never taken up.
"""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from changedetect.config.sensors import SensorProfile
from changedetect.config.series import FusionSection, SeriesSection
from changedetect.errors import SceneError
from changedetect.grid import CoarseGrid, Grid, Tile
from changedetect.io import series_store
from changedetect.io.series_store import SceneKey, StateOwner, StoredState
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.kernels import (
    charts,
    dating,
    harmonic,
    lanes,
    logarithm,
    one_alike,
    one_apart,
    one_charts,
    one_common,
    one_index,
    one_lanes,
    one_strips,
    one_window,
    rules,
    strips,
    whitening,
)
from changedetect.kernels import season as seasons
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.runstore import digest_of
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.sources import seriesmonth
from changedetect.pipeline.sources.pairwork import shared_reader
from changedetect.pipeline.sources.seriesstate import (
    DayRead,
    Following,
    follow_months,
    put_together,
)
from changedetect.pipeline.sources.sourcework import (
    BLOCK_PX,
    CoarseLayer,
    MonthDates,
    blocks,
    of_sensor,
    run_blocks,
    series_profile,
)
from changedetect.records import Scene, ScenePair
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages import pixels
from changedetect.stages.evidence import recent, season, series, series_rules, series_state
from changedetect.stages.evidence.series_state import SeriesState

STATES = "series"
"""Folder of the states, beside the months of a job."""


@cache
def state_digest() -> str:
    """Return a digest of the program's files on which a state rests: another program, another state."""
    kernels = (
        charts, dating, harmonic, lanes, logarithm, one_alike, one_apart, one_charts, one_common, one_index,
        one_lanes, one_strips, one_window, rules, seasons, strips, whitening,
    )  # fmt: skip
    files = [
        Path(str(module.__file__)) for module in (*kernels, series, series_rules, series_state)
    ]
    return digest_of([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])


def config_digest(job: Job, profile: SensorProfile, grid: Grid) -> str:
    """Return a digest of everything but images on which the states of a job rest."""
    return digest_of(
        state_digest(),
        job.config.series.model_dump(mode="json"),
        profile.model_dump(mode="json"),
        [repr(grid), BLOCK_PX, job.config.pixels.cloud_buffer_px],
    )


def states_folder(root: Path, digest: str) -> Path:
    """Return where the states of some settings lie, in the folder of a job."""
    return root / STATES / digest[:16]


@dataclass(frozen=True, slots=True)
class SeriesWork:
    """The work of one block; it can be sent to another process.

    Attributes
    ----------
    images
        Folder of the catalogue.
    grid
        Coarse grid.
    scenes
        Of the series, by time, up to the end of the month.
    dates
        Of the month.
    first_day
        Of the month: the state before it tells what was known already.
    states
        Folder of the states of these settings.
    folder
        Where blocks leave what their states say; one that is there and whole is not done again.
    """

    images: Path
    grid: Grid
    scenes: tuple[Scene, ...]
    dates: MonthDates
    first_day: date
    settings: SeriesSection
    rules: FusionSection
    cloud_buffer_px: int
    config_digest: str
    states: Path
    folder: Path

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Do a block, leave its file, and return what could not be read, one line each."""
        path = self.folder / f"{tile.name}.npz"
        stored = read_tile(path)
        if stored is None or len(stored["problems"]):
            before, earlier, held = self.follow(tile, self.first_day - timedelta(days=1))
            if held is not None:  # the state before is needed beside the one that goes on from it
                held = replace(held, arrays={k: a.copy() for k, a in held.arrays.items()})
            state, problems, _ = self.follow(tile, self.dates.until, held)
            month = season.SeriesMonth(self.dates.since, self.dates.after, self.dates.until)
            found = season.month_evidence(state, before, month, self.settings, self.rules)
            shift = recent.recent_shift(state, month.since, self.settings, self.rules)
            lines = tuple(dict.fromkeys((*earlier, *problems)))
            write_tile(path, seriesmonth.to_arrays(found, shift, lines))
            return lines
        return ()

    def follow(
        self, tile: Tile, until: date, held: StoredState | None = None
    ) -> tuple[SeriesState, tuple[str, ...], StoredState | None]:
        """Bring a block up to a day; what it absorbs anew is stored before it returns.

        Parameters
        ----------
        tile
            The block.
        until
            The day.
        held
            A state that lies in the store, so that it is not read again; it is used up.

        Returns
        -------
        tuple
            State after the day, what was left out on the way there, and the state as it lies in the
            store now, if one does; it shares its arrays with the first.
        """
        owner = StateOwner(
            tile.name, self.grid, tile.core, self.scenes[0].sensor, self.scenes[0].roles,
            self.config_digest,
        )  # fmt: skip
        by_key = {SceneKey.of(scene): scene for scene in self.scenes}
        found = series_store.resume(self.states, owner, tuple(by_key), until, held)
        problems = [
            f"series: {key.scene_id} came too late to be absorbed: no state from before it is kept"
            for key in found.too_late
        ]

        def read(keys: Sequence[SceneKey]) -> DayRead:
            return self._read(tile, keys, by_key)

        shape = owner.window.height, owner.window.width
        empty = Following(series.start(shape, owner.roles, self.settings))
        going = deque(follow_months(found, empty, read, self.settings), maxlen=1).pop()
        stored = found.stored
        if len(going.absorbed) > (0 if stored is None else len(stored.scenes)):
            month, arrays = series_store.month_of(until), going.state.to_arrays()
            series_store.write_state(self.states, owner, month, going.absorbed, arrays)
            stored = StoredState(month, tuple(sorted(set(going.absorbed))), arrays)
        return going.state, (*problems, *going.problems), stored

    def _read(self, tile: Tile, keys: Sequence[SceneKey], by_key: dict[SceneKey, Scene]) -> DayRead:
        """Put the images of one day together, but for those that can not be read."""
        reader = shared_reader(self.images)
        margin = tile.core.grown(self.cloud_buffer_px, self.grid.window)
        images, read, unread = [], [], []
        for key in keys:
            try:
                image, cloud = reader.read_with_cloud(by_key[key], self.grid, margin)
            except SceneError as error:
                unread.append(f"series: image left out: {error}")
                continue
            values = pixels.masked(image, cloud, self.cloud_buffer_px)
            images.append(values[:, *tile.core.relative_to(margin).slices])
            read.append(key)
        return (put_together(images) if images else None), read, unread


@dataclass(frozen=True, slots=True)
class SourceResult:
    """A source of a month: its layer if it has one, what was left out, and what is to be said.

    Problems mean that the month is partial; notes do not.
    """

    layer: CoarseLayer | None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def series_layer(
    context: MonthContext,
    territory: Territory,
    scenes: Sequence[Scene],
    dates: MonthDates,
    folder: Path,
) -> SourceResult:
    """Bring the series up to the month, and tell what it says of it.

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
    profile = series_profile(context.job)
    if profile is None:
        return SourceResult(None)
    mine = of_sensor(scenes, profile, dates.until)
    before = [scene for scene in mine if scene.day <= dates.since]
    if not before or mine[-1].day <= dates.since:
        note = (
            f"series: no {profile.name} image before {dates.since} or none after it: not observed"
        )
        return SourceResult(None, notes=(note,))
    config = context.job.config
    coarse = CoarseGrid.under(territory.grid, profile.gsd_m)
    digest = config_digest(context.job, profile, coarse.grid)
    work = SeriesWork(
        context.job.scenes_folder, coarse.grid, tuple(mine), dates, context.span[0],
        config.series, config.fusion, config.pixels.cloud_buffer_px, digest,
        states_folder(context.folder.parent, digest), folder / "states",
    )  # fmt: skip
    work.folder.mkdir(parents=True, exist_ok=True)
    done, problems = run_blocks(context, "series", blocks(territory, coarse, 0), work)
    told = seriesmonth.MonthWork(
        work.folder, folder, seriesmonth.fit_month(work.folder, done, config.fusion),
        dates.after, config.fusion,
    )  # fmt: skip
    done, lost = run_blocks(context, "series", done, told)
    problems = (*problems, *lost)
    together = round(config.fusion.together_series_llr * EVIDENCE_SCALE)
    alone = max(together, round(recent.alarm_llr(config.fusion) * EVIDENCE_SCALE))
    pair = ScenePair(before[-1], mine[-1])
    rate = config.fusion.recent_alarm_rate
    layer = CoarseLayer("series", coarse, folder, done, pair, alone, together, rate)
    return SourceResult(layer, problems, _notes(layer, mine, config.series))


def _notes(layer: CoarseLayer, scenes: Sequence[Scene], settings: SeriesSection) -> tuple[str, ...]:
    """Say once, and not block by block, that a series is too short to be judged."""
    for tile in layer.tiles:
        stored = read_tile(layer.folder / f"{tile.name}.npz")
        if stored is not None and (stored["llr"] != EVIDENCE_NODATA).any():
            return ()
    span = (scenes[-1].day - scenes[0].day).days
    note = (
        f"series: {len(scenes)} images over {span} days; {settings.min_history_days} days and "
        f"{settings.min_history_observations} clear dates are needed before anything is said: not "
        "observed, which is not the same as no change / 时序不足一年，时间序列暂不判断"
    )
    return (note,)

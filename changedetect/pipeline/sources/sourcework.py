"""What the coarser sources of a month share: their sensor, their dates, their grid, their blocks.

A source that is coarser than the product grid is measured on a grid of its own, in blocks of a fixed
size, before any tile of the product grid is worked on; tiles then read the blocks under them. So a
block is measured once, and nothing depends on how the product grid is tiled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from changedetect import schema, tiling
from changedetect.config.sensors import SensorProfile
from changedetect.config.series import FusionSection
from changedetect.errors import ConfigError
from changedetect.grid import CoarseGrid, Tile, Window
from changedetect.io.tile_files import read_tile
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.sources.tileorder import tiles_meeting
from changedetect.records import Scene, ScenePair
from changedetect.stages.evidence import fusion

BLOCK_PX = 256
"""Side of a block of a coarse source; part of the form of stored series states. [coarse px]"""

AUTO, NONE = "auto", "none"


@dataclass(frozen=True, slots=True)
class MonthDates:
    """Between which days a month looks for change.

    Attributes
    ----------
    since
        The image before of the first pair. Without a pair the last image of its sensor before the
        month, if it is not older than `gap_days`: nobody has looked since; else the last day
        before the month.
    after
        The image after of the first pair; without one, `recent_days` before the month's end.
    until
        Last day of the month.
    """

    since: date
    after: date
    until: date

    @classmethod
    def of(
        cls,
        span: tuple[date, date],
        pairs: Sequence[ScenePair],
        images: Sequence[Scene],
        cfg: FusionSection,
    ) -> "MonthDates":
        """Take the dates of a month from its pairs, or from the images of the pair's sensor."""
        if pairs:
            return cls(pairs[0].before.day, pairs[0].after.day, span[1])
        oldest = span[0] - timedelta(days=cfg.gap_days)
        last = [image.day for image in images if oldest <= image.day < span[0]]
        since = max(last, default=span[0] - timedelta(days=1))
        return cls(since, span[1] - timedelta(days=cfg.recent_days), span[1])


def _can_be_series(profile: SensorProfile) -> bool:
    return profile.kind == "optical" and {"red", "nir"} <= {band.role for band in profile.bands}


def _is_radar(profile: SensorProfile) -> bool:
    return profile.kind == "radar"


def series_profile(job: Job) -> SensorProfile | None:
    """Return the profile whose images make the series; None = the job has none."""
    scenes = job.config.scenes
    return _chosen(job, "series_sensor", scenes.series_sensor, _can_be_series)


def radar_profile(job: Job) -> SensorProfile | None:
    """Return the profile of the radar images; None = the job has none."""
    return _chosen(job, "radar_sensor", job.config.scenes.radar_sensor, _is_radar)


def _chosen(
    job: Job, key: str, asked: str, fits: Callable[[SensorProfile], bool]
) -> SensorProfile | None:
    sensors = job.config.scenes.sensors
    if asked == NONE:
        return None
    if asked == AUTO:
        others = [job.profile(name) for name in sensors if name != job.config.scenes.pair_sensor]
        return next((profile for profile in others if fits(profile)), None)
    if asked not in sensors or not fits(job.profile(asked)):
        fitting = [name for name in sensors if fits(job.profile(name))]
        msg = (
            f"{job.path}: scenes.{key} {asked!r}: {AUTO}, {NONE}, or one of scenes.sensors that fits "
            f"({', '.join(fitting) or 'there is none'}) was expected"
        )
        raise ConfigError(msg)
    return job.profile(asked)


@dataclass(frozen=True, slots=True)
class CoarseLayer:
    """The finished blocks of a coarse source; tiles read from it what lies under them.

    Attributes
    ----------
    name
        One of `fusion.SOURCES`.
    coarse
        Its grid under the product grid.
    folder
        Where the files of the blocks are.
    tiles
        Blocks that have a file.
    pair
        Scenes that stand for it on patches that only it saw.
    threshold
        Alarm from this quantised evidence on, where it observed and nothing else did.
    together
        Alarm of the sum where other coarse sources observed, too, and no optical pair; theirs
        counts if it is higher.
    false_alarm_rate
        Share of its own pixels of unchanged ground that alarm where nothing else observed, as stated;
        None = nobody says.
    """

    name: str
    coarse: CoarseGrid
    folder: Path
    tiles: tuple[Tile, ...]
    pair: ScenePair
    threshold: int
    together: int
    false_alarm_rate: float | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What a manifest says of its alarms where no pair observed."""
        return {
            "source": self.name,
            "threshold_llr": self.threshold / schema.EVIDENCE_SCALE,
            "together_threshold_llr": self.together / schema.EVIDENCE_SCALE,
            "false_alarm_rate": self.false_alarm_rate,
        }

    def over(self, window: Window) -> fusion.EvidenceLayer:
        """Return the evidence over a window of the product grid, laid on it.

        Alarms that are one coarse pixel wide are lowered (`fusion.thick`), and what it says
        against change is softened beside what it says for it (`fusion.spare_edges`); each reaches
        one coarse pixel far.
        """
        part = self.coarse.covering(window, 2)
        shape = part.height, part.width
        llr = np.full(shape, schema.EVIDENCE_NODATA, np.int16)
        before, after = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        for tile in self.tiles:
            common = _common(tile.core, part)
            if common is None:
                continue
            stored = read_tile(self.folder / f"{tile.name}.npz")
            assert stored is not None
            source, target = common.relative_to(tile.core).slices, common.relative_to(part).slices
            for values, key in ((llr, "llr"), (before, "before"), (after, "after")):
                values[target] = stored[key][source]
        if self.coarse.factor > 1:
            llr = fusion.spare_edges(fusion.thick(llr, self.together))
        layer = fusion.EvidenceLayer(self.name, llr, before, after)
        offset = self.coarse.offset(window, part)
        return fusion.lay(layer, self.coarse.factor, offset, (window.height, window.width))


def _common(one: Window, other: Window) -> Window | None:
    top, left = max(one.row, other.row), max(one.col, other.col)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.col + one.width, other.col + other.width)
    if bottom <= top or right <= left:
        return None
    return Window(top, left, bottom - top, right - left)


def blocks(territory: Territory, coarse: CoarseGrid, halo_px: int) -> list[Tile]:
    """Return the blocks of a coarse grid that meet a county."""
    counties = [tuple(row) for row in territory.districts.bounds.to_numpy()]
    return tiles_meeting(list(coarse.grid.tiles(BLOCK_PX, halo_px)), coarse.grid, counties)


def run_blocks(
    context: MonthContext, name: str, due: Sequence[Tile], work: Callable[[Tile], tuple[str, ...]]
) -> tuple[tuple[Tile, ...], tuple[str, ...]]:
    """Measure blocks; return those that are done, and what went wrong, one line each."""
    failed: set[Tile] = set()
    lines: set[str] = set()
    context.progress.begin(name, len(due))

    def done(tile: Tile, result: tuple[str, ...] | tiling.TileFailure) -> None:
        if isinstance(result, tiling.TileFailure):
            failed.add(tile)
            lines.add(f"{name}: block {tile.name} not observed: {result.error}")
        else:
            lines.update(result)
        context.progress.advance(name, tile.name)

    options = context.options
    tiling.run_tiles(
        due, work, workers=options.worker_count, scheduler=options.scheduler, done=done
    )
    context.progress.end(name, f"{len(due) - len(failed)} of {len(due)} blocks")
    return tuple(tile for tile in due if tile not in failed), tuple(sorted(lines))


def of_sensor(scenes: Sequence[Scene], profile: SensorProfile, until: date) -> list[Scene]:
    """Return the images of a sensor up to a day, by time."""
    mine = [scene for scene in scenes if scene.sensor == profile.name and scene.day <= until]
    return sorted(mine, key=lambda scene: (scene.time, scene.scene_id))

"""``detect series``: follow every pixel through a folder of dated images, report breaks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from changedetect.config.detection import PatchesSection
from changedetect.config.series import SeriesSection
from changedetect.errors import ConfigError, SceneError
from changedetect.grid import Grid, Tile
from changedetect.io import catalogue, tile_files
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.looks.look import (
    TILE_PX,
    Looked,
    LookOptions,
    LookReport,
    look_folder,
    run_tiles,
)
from changedetect.pipeline.looks.seriesplot import draw_pixel, pixel_of
from changedetect.pipeline.runs.job import SHARED_CONFIG, read_profile
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.sources.pairwork import shared_reader
from changedetect.pipeline.sources.seriesstate import Outlook, SeriesFollower, outlook
from changedetect.records import Scene, ScenePair
from changedetect.stages import patches
from changedetect.stages.evidence import series

STATES = ".states"
"""Folder of states beside the results."""


@dataclass(frozen=True, slots=True)
class SeriesWork:
    """The work of one tile: bring its state up to the last day, outline its breaks.

    Attributes
    ----------
    images
        Folder of the catalogue.
    follower
        Grid, images and settings.
    scenes
        Images at hand, and stand-ins for those that only the state has seen, by date.
    since
        Breaks first seen after this day are reported.
    folder
        Where tiles leave their file.
    """

    images: Path
    follower: SeriesFollower
    scenes: tuple[Scene, ...]
    since: date
    outlines: PatchesSection
    folder: Path

    @property
    def grid(self) -> Grid:
        """Grid of the results."""
        return self.follower.grid

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""
        return patches.halo_px(self.outlines) + self.follower.cloud_buffer_px

    @property
    def days(self) -> list[date]:
        """Days of the series, each once."""
        return sorted({scene.day for scene in self.scenes})

    def __call__(self, tile: Tile) -> str:
        """Do a tile and return the name of its file."""
        path = self.folder / f"{tile.name}.npz"
        if tile_files.read_tile(path) is None:
            evidence, runs = self.measure(tile)
            tile_files.write_tile(path, {"evidence": evidence, **runs.to_arrays()})
        return path.name

    def measure(self, tile: Tile) -> tuple[np.ndarray, patches.TileRuns]:
        """Follow the pixels of one tile; evidence of its core, and its runs."""
        settings = self.follower.settings
        state = self.follower.follow(shared_reader(self.images), tile, self.days[-1])
        found = series.evidence(state, self.since, self.days[-1], settings)
        threshold = series.alarm_threshold(state, settings)
        index = bracket_index(found.before_day, found.after_day, self.days)
        runs = patches.tile_runs(
            found.llr, tile, threshold, _no_channels, self.outlines, pair_index=index
        )
        return found.llr[tile.core_in_outer.slices], runs


def _no_channels(rows: np.ndarray, _cols: np.ndarray) -> np.ndarray:
    return np.zeros((0, len(rows)), np.int32)


def bracket_index(before: np.ndarray, after: np.ndarray, days: Sequence[date]) -> np.ndarray:
    """Give each bracket of days a number: place of the day before × days + place of the day after.

    Parameters
    ----------
    before, after
        ``(y, x)`` int32 ordinals; 0 = none.
    days
        Of the series, sorted.

    Returns
    -------
    ndarray
        ``(y, x)`` int32; -1 where there is no bracket.
    """
    ordinals = np.array([day.toordinal() for day in days])
    first, last = np.searchsorted(ordinals, before), np.searchsorted(ordinals, after)
    return np.where((before > 0) & (after > 0), first * len(days) + last, -1).astype(np.int32)


def brackets(scenes: Sequence[Scene]) -> tuple[ScenePair, ...]:
    """Return the pair of scenes behind every number that `bracket_index` gives."""
    first_of: dict[date, Scene] = {}
    for scene in scenes:
        first_of.setdefault(scene.day, scene)
    days = sorted(first_of)
    return tuple(ScenePair(first_of[before], first_of[after]) for before in days for after in days)


def look_at_series(
    folder: Path,
    options: LookOptions,
    *,
    since: str | None,
    progress: Progress,
    plots: Sequence[str] = (),
) -> LookReport:
    """Follow a series and write evidence, change mask, patches and a preview.

    The states of the last months stay in ``.states`` beside the results: the next call with the
    same folder of results goes on from there, replaces the results, and reads new images only.

    Parameters
    ----------
    folder
        Images of one sensor profile, dated.
    options
        Where results go; the profile (all that come with the program are tried if none is named).
    since
        Report breaks first seen after this day, ``YYYY-MM-DD``; None = after the first year.
    progress
        Who listens.
    plots
        Pixels whose series shall be drawn, ``ROW,COL`` or ``X,Y`` in the images' CRS with a
        decimal point; their images are all read again.

    Raises
    ------
    SceneError
        No usable image, or images of several sensors.
    ConfigError
        ``since`` is no date, or a pixel to draw is none or outside.
    IntegrityError
        The stored states are damaged, or belong to other images or settings.
    """
    scenes, problems = _scenes(folder, options.sensor)
    settings, outlines, grid = SeriesSection(), PatchesSection(), scenes[0].grid
    pixels_to_draw = [pixel_of(text, grid) for text in plots]
    follower = SeriesFollower(grid, scenes, settings, options.out / STATES)
    going_on = (options.out / STATES).is_dir()
    if going_on:
        options = replace(options, overwrite=True)
    draft = SeriesWork(folder, follower, scenes, scenes[0].day, outlines, Path())
    tile = next(iter(grid.tiles(options.tile_px or TILE_PX, draft.halo_px)))
    known = outlook(follower, tile, scenes[-1].day)
    every = tuple(sorted((*known.gone, *scenes), key=lambda scene: (scene.time, scene.scene_id)))
    first, last = every[0].day, every[-1].day
    start = _day(since) if since else first + timedelta(days=settings.min_history_days)
    notices = _notices(first, last, start, settings) + _state_notices(known)
    if last <= start:
        msg = f"{folder}: the series ends on {last}, nothing comes after {start}; {'; '.join(notices)}"
        raise SceneError(msg)
    with look_folder(options, [repr(scenes), start, repr(settings), repr(outlines)]) as place:
        work = SeriesWork(folder, follower, every, start, outlines, place)
        tiles, lost = run_tiles(work, options, progress, "series")
        outline = patches.outline(
            patches.Parts(tiles.runs().makers + tiles.lost().makers),
            grid,
            outlines,
            brackets(every),
            sources=("series",),
        )
        found = Looked(grid, tiles, outline, (scenes[0], scenes[-1]), folder)
        found.write(options.out)
        for row, col in pixels_to_draw:
            draw_pixel(options.out, RasterReader(folder), follower, (row, col))
    figures = {
        "images": len(scenes),
        "absorbed": len(known.fresh),
        "since": start.isoformat(),
        "until": last.isoformat(),
        **found.outlined(),
    }
    return LookReport(options.out, figures, notices, problems + lost)


def _state_notices(known: Outlook) -> tuple[str, ...]:
    notices = []
    if known.known:
        notices.append(
            f"going on from a stored state of {len(known.known)} images, {len(known.fresh)} are new "
            f"/ 沿用已存状态，新增影像 {len(known.fresh)} 景"
        )
    if known.too_late:
        names = ", ".join(key.scene_id for key in known.too_late)
        notices.append(
            f"left out: {names}: older than the oldest stored state; remove {STATES} and give all "
            "images to build the series again"
        )
    return tuple(notices)


def _scenes(folder: Path, sensor: str | None) -> tuple[tuple[Scene, ...], tuple[str, ...]]:
    known = sorted(path.stem for path in (SHARED_CONFIG / "sensors").glob("*.yaml"))
    names = [sensor, *(name for name in known if name != sensor)] if sensor else known
    found = catalogue.scan(folder, [read_profile(Path.cwd(), name) for name in names])
    mine = [scene for scene in found.scenes if sensor in {None, scene.sensor}]
    kinds = sorted({scene.sensor for scene in mine})
    optical = tuple(scene for scene in mine if scene.kind == "optical")
    if not optical:
        reasons = "; ".join(f"{one.href}: {one.message}" for one in found.problems[:3])
        msg = (
            f"{folder}: no optical image of {sensor or 'a known sensor'}; "
            f"{reasons or 'there is none in the folder'}"
        )
        raise SceneError(msg)
    if len(kinds) > 1:
        msg = f"{folder}: images of several sensors ({', '.join(kinds)}); name one with --sensor"
        raise SceneError(msg)
    return optical, tuple(f"{one.href}: {one.message}" for one in found.problems)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"--since {text!r}: a day like 2025-06-01 was expected"
        raise ConfigError(msg) from error


def _notices(first: date, last: date, start: date, settings: SeriesSection) -> tuple[str, ...]:
    span = (last - first).days
    notices = [f"series from {first} to {last}; breaks first seen after {start} are reported"]
    if span < settings.min_history_days:
        notices.append(
            f"{span} days are less than the {settings.min_history_days} that the season needs: nothing "
            "can be said yet, which is not the same as no change / 时序不足一年，暂不判断"
        )
    return tuple(notices)

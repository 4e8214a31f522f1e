"""What all quick looks share: options, report, folder, tiles, files and pictures."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import pandas as pd

from changedetect import schema, tiling
from changedetect.config.detection import PatchesSection
from changedetect.errors import InputError, SceneError
from changedetect.grid import Grid, Tile
from changedetect.io import raster_writer
from changedetect.io.describe_plain import NO_DATE, describe_plain
from changedetect.io.publish import RunLock
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.judging.judged import RATE_TAG, THRESHOLD_TAG
from changedetect.pipeline.looks.pictures import picture, preview, thinned
from changedetect.pipeline.runs.context import PARTIAL, RunOptions
from changedetect.pipeline.runs.job import read_profile
from changedetect.pipeline.runs.month_files import CHANGE, EVIDENCE, PATCHES
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.runstore import code_digest, digest_of, make_folder
from changedetect.pipeline.steps.outlining import write_patches
from changedetect.pipeline.steps.tileset import (
    CHANGE_FORM,
    EVIDENCE_FORM,
    TileSet,
    change_strips,
)
from changedetect.records import Scene, ScenePair
from changedetect.stages import patches

PREVIEW = "preview.png"
OUTPUTS = (EVIDENCE, CHANGE, PATCHES, PREVIEW)
TILE_PX = 2048


@dataclass(frozen=True, slots=True)
class LookOptions:
    """What the user chose; nothing but the sensor changes a result."""

    out: Path
    sensor: str | None = None
    tile_px: int | None = None
    workers: int = 0
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class LookReport:
    """What a quick look found.

    Attributes
    ----------
    folder
        Where the files are.
    figures
        Patches, areas, model figures.
    notices
        What was assumed.
    problems
        What was left out.
    files
        Names of the files in the folder.
    """

    folder: Path
    figures: dict[str, Any]
    notices: tuple[str, ...]
    problems: tuple[str, ...]
    files: tuple[str, ...] = OUTPUTS

    @property
    def exit_code(self) -> int:
        """0, or 3 where something was left out."""
        return PARTIAL if self.problems else 0

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "folder": str(self.folder),
            "files": list(self.files),
            **self.figures,
            "notices": list(self.notices),
            "problems": list(self.problems),
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        return [
            *(f"{name}: {value}" for name, value in self.figures.items()),
            *(f"notice 提示: {notice}" for notice in self.notices),
            *(f"problem 问题: {problem}" for problem in self.problems),
            *(f"{self.folder / name}" for name in self.files),
        ]


class LookWork(Protocol):
    """The work of one tile of a look: it leaves a file named after the tile in the folder."""

    @property
    def grid(self) -> Grid:
        """Grid of the results."""

    @property
    def folder(self) -> Path:
        """Where tiles leave their file."""

    @property
    def halo_px(self) -> int:
        """What a tile must read beyond its core so that cuts leave no trace. [px]"""

    def __call__(self, tile: Tile) -> object:
        """Do a tile."""


def described(before: Path, after: Path, options: LookOptions) -> tuple[ScenePair, tuple[str, ...]]:
    """Describe two images as a pair; also say what was assumed. Raises as `look_at_pair`."""
    profile = read_profile(Path.cwd(), options.sensor) if options.sensor else None
    scenes: list[Scene] = []
    notices: list[str] = []
    for path in (before, after):
        scene, said = describe_plain(path, profile)
        mask = str(path.absolute().with_name(scene.cloud_href)) if scene.cloud_href else ""
        scenes.append(replace(scene, href=str(path.absolute()), cloud_href=mask))
        notices += said
    pair = ScenePair(scenes[0], scenes[1])
    _check(pair, before, after)
    return pair, tuple(notices)


def _check(pair: ScenePair, before: Path, after: Path) -> None:
    """Refuse the same image twice, reversed dates, and images that do not lie on one another."""
    first, second = pair.before, pair.after
    if first.sha256 == second.sha256:
        msg = (
            f"{before} and {after} are the same image (sha256 {first.sha256[:12]}…); give the older and "
            "the newer image / 两期影像为同一文件"
        )
        raise SceneError(msg)
    if NO_DATE not in {first.time, second.time} and first.time > second.time:
        msg = (
            f"{before} was taken on {first.day}, after {after} ({second.day}); give the older image "
            "first / 前后时相颠倒"
        )
        raise SceneError(msg)
    if bool(first.grid.crs) != bool(second.grid.crs):
        bare = before if not first.grid.crs else after
        msg = f"{bare} has no georeference and the other image has one; georeference it first"
        raise SceneError(msg)
    same_size = (first.grid.width, first.grid.height) == (second.grid.width, second.grid.height)
    if not first.grid.crs and not same_size:
        msg = (
            f"{before} is {first.grid.width} x {first.grid.height} px, {after} is {second.grid.width} x "
            f"{second.grid.height} px; without georeference equal sizes were expected; cut them alike"
        )
        raise SceneError(msg)
    mixed = (first.kind == "radar") != (second.kind == "radar")
    if first.roles != second.roles and not mixed:
        msg = f"{before} has bands {first.roles}, {after} has {second.roles}; the same bands were expected"
        raise SceneError(msg)


@contextmanager
def look_folder(
    options: LookOptions, inputs: Sequence[object], outputs: Sequence[str] = OUTPUTS
) -> Iterator[Path]:
    """Hold the folder of results, and give a folder for tiles that is gone afterwards.

    The folder of tiles is named after everything that a tile depends on, so that tiles of other
    images, settings or programs are never taken up.

    Parameters
    ----------
    options
        Where results go, and whether earlier ones may be replaced.
    inputs
        Images (with their digests), sensor and settings.
    outputs
        Names of the results.

    Raises
    ------
    InputError
        Results are there, or a file stands where the folder should be.
    ResourceError
        The folder can not be written to.
    LockedError
        Another process works on this folder.
    """
    make_folder(options.out)
    with RunLock(options.out / ".lock"):
        there = [name for name in outputs if (options.out / name).exists()]
        if there and not options.overwrite:
            msg = f"{options.out} holds {', '.join(there)}; add --overwrite to replace them, or choose another --out"
            raise InputError(msg)
        key = digest_of(code_digest(), options.sensor, options.tile_px or TILE_PX, *inputs)
        folder = options.out / f".changedetect-work-{key[:16]}"
        try:
            folder.mkdir(exist_ok=True)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def run_tiles(
    work: LookWork, options: LookOptions, progress: Progress, name: str
) -> tuple[TileSet, tuple[str, ...]]:
    """Do the tiles of a look; return them, and one line for each that could not be done."""
    tiles = tuple(work.grid.tiles(options.tile_px or TILE_PX, work.halo_px))
    failures: list[tiling.TileFailure] = []
    progress.begin(name, len(tiles))

    def done(tile: Tile, result: object) -> None:
        if isinstance(result, tiling.TileFailure):
            failures.append(result)
        progress.advance(name, tile.name)

    workers = RunOptions(workers=options.workers).worker_count
    tiling.run_tiles(tiles, work, workers=workers, done=done)
    progress.end(name, f"{len(tiles) - len(failures)} of {len(tiles)} tiles")
    failed = {failure.tile for failure in failures}
    kept = tuple(tile for tile in tiles if tile not in failed)
    lines = sorted(f"tile {one.tile.name} not observed: {one.error}" for one in failures)
    return TileSet(work.folder, kept, (), tuple(t for t in tiles if t in failed)), tuple(lines)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found, to be written.

    Attributes
    ----------
    grid
        Grid of the results.
    tiles, outline
        Evidence, and what was outlined in it.
    shown
        First and last image, for the preview.
    images
        Folder of their files.
    tags
        What the evidence states of itself.
    """

    grid: Grid
    tiles: TileSet
    outline: patches.Outline
    shown: tuple[Scene, Scene]
    images: Path
    tags: tuple[tuple[str, str], ...] = ()

    def outlined(self) -> dict[str, Any]:
        """Count what was outlined."""
        table, planar = self.outline.patches, not self.grid.crs
        return {
            "patches": len(table),
            "area_px" if planar else "area_m2": round(float(table["area_m2"].sum()), 2),
            "observed_px": self.outline.observed_px,
            "unobserved_px": self.outline.unobserved_px,
        }

    def write(self, out: Path) -> None:
        """Write evidence, change mask, patches and a preview."""
        grid, write = self.grid, raster_writer.write_raster
        form = replace(EVIDENCE_FORM, tags=self.tags)
        write(out / EVIDENCE, grid, form, self.tiles.strips(grid), overwrite=True)
        change = change_strips(self.tiles.strips(grid), self.outline.painted)
        write(out / CHANGE, grid, CHANGE_FORM, change, overwrite=True)
        write_patches(out / PATCHES, [self.outline.patches], grid.crs)
        reader = RasterReader(self.images)
        pictures = [picture(reader, scene, grid) for scene in self.shown]
        evidence = thinned(self.tiles.strips(grid), grid)
        raster_writer.write_preview(out / PREVIEW, preview(pictures, evidence), overwrite=True)


def outlined(
    tiles: TileSet,
    grid: Grid,
    cfg: PatchesSection,
    pair: ScenePair,
    sources: tuple[str, ...],
    *,
    bordered: bool = False,
) -> patches.Outline:
    """Outline the patches of a look at a pair; dates that are not known stay empty."""
    parts = patches.Parts(tiles.runs().makers + tiles.lost().makers)
    outline = patches.outline(parts, grid, cfg, (pair,), sources=sources, bordered=bordered)
    return replace(outline, patches=without_unknown_days(outline.patches, pair))


def without_unknown_days(table: gpd.GeoDataFrame, pair: ScenePair) -> gpd.GeoDataFrame:
    """Leave the dates of a table of patches empty where an image has none."""
    scenes = {"before_date": pair.before, "after_date": pair.after}
    undated = [name for name, scene in scenes.items() if scene.time == NO_DATE]
    empty = pd.Series(None, index=table.index, dtype=object)
    return table.assign(**dict.fromkeys(undated, empty))


def stated_tags(threshold: int, false_alarm_rate: float) -> tuple[tuple[str, str], ...]:
    """Return what a pair states of its threshold, as metadata that `evaluate` reads."""
    return (
        (THRESHOLD_TAG, f"{threshold / schema.EVIDENCE_SCALE:g}"),
        (RATE_TAG, f"{false_alarm_rate:.6g}"),
    )

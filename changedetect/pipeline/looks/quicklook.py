"""``detect pair``: a quick look at two images, without a province's records."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect import schema, tiling
from changedetect.config.detection import EvidenceSection, PatchesSection, PixelsSection
from changedetect.errors import InputError, SceneError
from changedetect.grid import Grid, Tile, Window
from changedetect.io import raster_writer
from changedetect.io.describe_plain import NO_DATE, describe_plain
from changedetect.io.publish import RunLock
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.judging.judged import RATE_TAG, THRESHOLD_TAG
from changedetect.pipeline.runs.context import PARTIAL, RunOptions
from changedetect.pipeline.runs.job import read_profile
from changedetect.pipeline.runs.month_files import CHANGE, EVIDENCE, PATCHES
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.runstore import code_digest, digest_of, make_folder
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.sources.fittedpair import fit
from changedetect.pipeline.sources.pairwork import TileWork, fresh_reader
from changedetect.pipeline.steps.detection import (
    CHANGE_FORM,
    EVIDENCE_FORM,
    TileSet,
    change_strips,
    write_patches,
)
from changedetect.records import Scene, ScenePair
from changedetect.stages import patches
from changedetect.stages.evidence.pair import Model

PREVIEW = "preview.png"
PREVIEW_PX = 1200
"""Longer side of each picture of a preview. [px]"""

STRIP_PX = 256
"""Pictures are read in strips of this height: a file is opened once a strip, not once a row. [px]"""

OUTPUTS = (EVIDENCE, CHANGE, PATCHES, PREVIEW)
TILE_PX = 2048
COLOURS: tuple[str, ...] = ("red", "green", "blue")


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


def look_at_pair(
    before: Path, after: Path, options: LookOptions, *, progress: Progress
) -> LookReport:
    """Compare two images and write evidence, change mask, patches and a preview.

    The grid is that of the older image. Images without georeference are compared pixel by pixel.

    Raises
    ------
    SceneError
        An image can not be used, the two are the same image, or their dates are reversed.
    RegistrationError
        They can not be laid over one another.
    InputError
        Results are there already and may not be replaced.
    """
    pair, notices = described(before, after, options)
    settings = Settings(PixelsSection(), EvidenceSection(), PatchesSection())
    with look_folder(options, [repr(pair), repr(settings)]) as work:
        return _look(pair, work, settings, options, progress, notices)


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


def _look(
    pair: ScenePair,
    folder: Path,
    settings: Settings,
    options: LookOptions,
    progress: Progress,
    notices: Sequence[str],
) -> LookReport:
    grid = pair.before.grid
    workers = RunOptions(workers=options.workers).worker_count
    fitted = fit(fresh_reader(Path("/"), spare=folder), pair, grid, settings, workers)
    work = TileWork(Path("/"), grid, (fitted,), settings, folder)
    tiles, problems = _run(work, options, progress)
    parts = patches.Parts(tiles.runs().makers + tiles.lost().makers)
    outline = patches.outline(parts, grid, settings.patches, (pair,), bordered=True)
    outline = replace(outline, patches=without_unknown_days(outline.patches, pair))
    _write(options.out, tiles, grid, outline, pair, stated_tags(fitted.evidence))
    figures = {
        "patches": len(outline.patches),
        "area_m2" if grid.crs else "area_px": round(float(outline.patches["area_m2"].sum()), 2),
        "observed_px": outline.observed_px,
        "unobserved_px": outline.unobserved_px,
        "shift_px": [round(fitted.pixels.alignment.dy, 3), round(fitted.pixels.alignment.dx, 3)],
        "threshold_llr": fitted.evidence.threshold / schema.EVIDENCE_SCALE,
        "false_alarm_rate": fitted.evidence.false_alarm_rate,
    }
    said_all = (*dict.fromkeys(notices), *fitted.pixels.notes, *fitted.evidence.notes)
    return LookReport(options.out, figures, said_all, problems)


def without_unknown_days(table: gpd.GeoDataFrame, pair: ScenePair) -> gpd.GeoDataFrame:
    """Leave the dates of a table of patches empty where an image has none."""
    scenes = {"before_date": pair.before, "after_date": pair.after}
    undated = [name for name, scene in scenes.items() if scene.time == NO_DATE]
    empty = pd.Series(None, index=table.index, dtype=object)
    return table.assign(**dict.fromkeys(undated, empty))


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
    if first.roles != second.roles:
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


def _run(
    work: TileWork, options: LookOptions, progress: Progress
) -> tuple[TileSet, tuple[str, ...]]:
    size_px = options.tile_px or TILE_PX
    tiles = tuple(work.grid.tiles(size_px, work.settings.halo_px))
    failures: list[tiling.TileFailure] = []
    progress.begin("detect", len(tiles))

    def done(tile: Tile, result: tuple[str, ...] | tiling.TileFailure) -> None:
        if isinstance(result, tiling.TileFailure):
            failures.append(result)
        progress.advance("detect", tile.name)

    workers = RunOptions(workers=options.workers).worker_count
    tiling.run_tiles(tiles, work, workers=workers, done=done)
    progress.end("detect", f"{len(tiles) - len(failures)} of {len(tiles)} tiles")
    failed = {failure.tile for failure in failures}
    kept = tuple(tile for tile in tiles if tile not in failed)
    tile_set = TileSet(work.folder, kept, (), tuple(tile for tile in tiles if tile in failed))
    lines = sorted(f"tile {one.tile.name} not observed: {one.error}" for one in failures)
    return tile_set, tuple(lines)


def stated_tags(model: Model) -> tuple[tuple[str, str], ...]:
    """Return what a pair states of its threshold, as metadata that `evaluate` reads."""
    return (
        (THRESHOLD_TAG, f"{model.threshold / schema.EVIDENCE_SCALE:g}"),
        (RATE_TAG, f"{model.false_alarm_rate:.6g}"),
    )


def _write(
    out: Path,
    tiles: TileSet,
    grid: Grid,
    outline: patches.Outline,
    pair: ScenePair,
    tags: tuple[tuple[str, str], ...],
) -> None:
    write = raster_writer.write_raster
    form = replace(EVIDENCE_FORM, tags=tags)
    write(out / EVIDENCE, grid, form, tiles.strips(grid), overwrite=True)
    change = change_strips(tiles.strips(grid), outline)
    write(out / CHANGE, grid, CHANGE_FORM, change, overwrite=True)
    write_patches(out / PATCHES, outline.patches, grid.crs)
    reader = RasterReader(Path("/"))
    pictures = [picture(reader, scene, grid) for scene in (pair.before, pair.after)]
    raster_writer.write_preview(
        out / PREVIEW, preview(pictures, thinned(tiles.strips(grid), grid)), overwrite=True
    )


def picture_step(grid: Grid) -> int:
    """Every how many pixels a preview takes one."""
    return max(1, -(-max(grid.height, grid.width) // PREVIEW_PX))


def picture(reader: RasterReader, scene: Scene, grid: Grid) -> np.ndarray:
    """Read a thinned, stretched picture of a scene, strip by strip.

    Returns
    -------
    ndarray
        ``(y, x, 3)`` uint8; black is not observed.
    """
    step = picture_step(grid)
    seen_roles = [role for role in COLOURS if role in scene.roles] or [scene.roles[0]]
    bands = [scene.roles.index(role) for role in (seen_roles * 3)[:3]]
    strips = []
    for row in range(0, grid.height, STRIP_PX):
        window = Window(row, 0, min(STRIP_PX, grid.height - row), grid.width)
        strips.append(reader.read(scene, grid, window)[bands, -row % step :: step, ::step])
    image = np.concatenate(strips, axis=1)
    seen = np.isfinite(image)
    low, high = np.percentile(image[seen], [2, 98]) if seen.any() else (0.0, 1.0)
    scaled = (np.where(seen, image, low) - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.moveaxis(np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8), 0, 2)


def thinned(evidence: Iterator[tuple[Window, np.ndarray]], grid: Grid) -> np.ndarray:
    """Thin strips of evidence to the size of a preview."""
    step = picture_step(grid)
    parts = [strip[-window.row % step :: step, ::step] for window, strip in evidence]
    return np.concatenate(parts)


def preview(pictures: Sequence[np.ndarray], evidence: np.ndarray) -> np.ndarray:
    """Put before, after and evidence side by side.

    Parameters
    ----------
    pictures
        ``(y, x, 3)`` uint8 each.
    evidence
        schema.EVIDENCE of the same size: blue speaks against change, red for it, grey is not
        observed.
    """
    llr = np.clip(evidence.astype(np.float32) / (4 * schema.EVIDENCE_SCALE), -1, 1)
    fade = 1 - np.abs(llr)
    colour = np.stack([np.where(llr > 0, 1, fade), fade, np.where(llr > 0, fade, 1)], axis=2)
    colour[evidence == schema.EVIDENCE_NODATA] = 0.5
    return side_by_side(*pictures, np.rint(colour * 255).astype(np.uint8))


def side_by_side(first: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Put pictures of one height, ``(y, x, 3)`` uint8, into one, a white gap between them."""
    gap = np.full((len(first), 8, 3), 255, np.uint8)
    return np.concatenate([first, *(part for one in others for part in (gap, one))], axis=1)

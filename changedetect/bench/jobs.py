"""Our own work, piece by piece: the decode floor, the evidence stage, and a whole month.

Each function can be called in a process of its own and gives back small facts; what it needs is
compiled and imported before the clock starts.
"""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window as FileWindow

from changedetect import tiling
from changedetect.bench.measure import Cost, timed, watched
from changedetect.config.mad import MadSection
from changedetect.grid import Tile, Window
from changedetect.io import record_files
from changedetect.pipeline.looks.madlook import TILE_PX as MAD_TILE_PX
from changedetect.pipeline.looks.madlook import MadWork, fitted_mad
from changedetect.pipeline.month import STEPS, run_month
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.job import Job, open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.sources.fittedpair import FittedPair, fit
from changedetect.pipeline.sources.pairwork import TileWork, fresh_reader, let_go, shared_reader
from changedetect.pipeline.sources.tileorder import in_swaths
from changedetect.pipeline.sources.warming import compile_apart
from changedetect.pipeline.steps.tileset import TileSet
from changedetect.records import Scene, ScenePair
from changedetect.stages import patches

NOW = datetime(2025, 7, 1, 2, 0, tzinfo=UTC)
BLOCK_PX = 512


@dataclass(frozen=True, slots=True)
class Task:
    """What is measured: a month of a job, with so many workers."""

    config: Path
    month: str
    workers: int


def _now() -> datetime:
    return NOW


def decode(paths: Sequence[Path], windows: Sequence[Window], workers: int) -> int:
    """Read windows of files with rasterio, a handle a thread and file, and compute nothing.

    Returns
    -------
    int
        Bytes of pixels that were read.
    """

    def read(part: Sequence[Window]) -> int:
        total = 0
        for path in paths:
            with rasterio.open(path) as dataset:
                for one in part:
                    window = FileWindow(one.col, one.row, one.width, one.height)
                    total += dataset.read(window=window).nbytes
        return total

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(read, [windows[first::workers] for first in range(workers)]))


def blocks_of(height: int, width: int) -> list[Window]:
    """Cut a scene along its blocks."""
    return [
        Window(row, col, min(BLOCK_PX, height - row), min(BLOCK_PX, width - col))
        for row in range(0, height, BLOCK_PX)
        for col in range(0, width, BLOCK_PX)
    ]


def floor(task: Task) -> dict[str, Any]:
    """Decode every pixel of a pair once, along the blocks of its files."""
    with tempfile.TemporaryDirectory() as folder:
        job, _, pair = opened(task, Path(folder))
    paths = paths_of(job, pair)
    with rasterio.open(paths[0]) as dataset:
        windows = blocks_of(dataset.height, dataset.width)
    pixels = sum(window.height * window.width for window in windows)
    return {"cost": timed(partial(decode, paths, windows, task.workers)), "pixels": pixels}


def tile_floor(task: Task) -> dict[str, Any]:
    """Decode the windows of the tiles of a run, halos and all, each on its own."""
    with tempfile.TemporaryDirectory() as folder:
        job, territory, pair = opened(task, Path(folder))
    size_px = job.config.grid.tile_px
    tiles = territory.grid.tiles(size_px, settings_of(job).halo_px)
    windows = [tile.outer for tile in tiles]
    return {"cost": timed(partial(decode, paths_of(job, pair), windows, task.workers))}


def paths_of(job: Job, pair: ScenePair) -> list[Path]:
    """Return the files of a pair, the older first."""
    return [job.scenes_folder / scene.href for scene in (pair.before, pair.after)]


def settings_of(job: Job) -> Settings:
    """Return the sections on which detection rests."""
    config = job.config
    return Settings(config.pixels, config.evidence, config.patches)


def opened(task: Task, work: Path) -> tuple[Job, Territory, ScenePair]:
    """Catalogue a job's images and return the first pair of its month."""
    job = open_job(task.config)
    options = RunOptions(out=work, workers=1)
    report = run_month(job, task.month, options, only="scenes", progress=Silent(), clock=_now)
    scenes = {
        s.scene_id: s for s in record_files.read_records(report.folder / "scenes.json", Scene)
    }
    before, after = report.recorded[0].facts["candidates"][0]
    return job, read_territory(job), ScenePair(scenes[before], scenes[after])


def warm(tiles: Sequence[Tile], work: TileWork, pair: ScenePair) -> None:
    """Compile everything that a tile needs, on a small one."""
    tile = tiles[len(tiles) // 2]
    small = Window(
        tile.core.row, tile.core.col, min(96, tile.core.height), min(96, tile.core.width)
    )
    part = Tile("warm", small, small.grown(work.settings.halo_px, work.grid.window))
    _, runs, _ = work.measure(part)
    patches.outline([runs], work.grid, work.settings.patches, (pair,), bordered=True)


def evidence(task: Task) -> dict[str, Any]:
    """Fit the models of a pair, do its tiles as a run does them, and outline the patches.

    Returns
    -------
    dict
        Costs of fit, tiles, outline and of all three; patches found.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        job, territory, pair = opened(task, root / "run")
        settings = settings_of(job)
        costs: dict[str, Any] = {}
        kept: list[Any] = []
        compile_apart(job.scenes_folder, pair, territory.grid, settings)
        reader = fresh_reader(job.scenes_folder, spare=root)
        first = fit(reader, pair, territory.grid, settings)
        tiles = list(territory.grid.tiles(job.config.grid.tile_px, settings.halo_px))
        work = _tile_work(job, territory, first, root)
        warm(tiles, work, pair)
        reader.forget()  # what is measured decodes its blocks itself
        costs["fit"] = timed(
            lambda: kept.append(fit(reader, pair, territory.grid, settings, task.workers))
        )
        work = _tile_work(job, territory, kept[0], root)
        costs["tiles"] = timed(partial(_run_tiles, tiles, work, task.workers))
        costs["outline"] = timed(lambda: kept.append(_outline(tiles, work, task.workers)))
    whole = [costs[name] for name in ("fit", "tiles", "outline")]
    costs["cost"] = Cost(sum(c.wall_s for c in whole), sum(c.cpu_s for c in whole))
    return {**costs, "patches": kept[1]}


def mad(task: Task, *, steps: int, out: Path | None = None) -> dict[str, Any]:
    """Fit the MAD of a pair so many times, reweighted, and write its variates.

    As the images lie, into a plain tiled file of float32, as OTB does; ``out``: where it stays.

    Returns
    -------
    dict
        Costs of fit, tiles (writing included), and both.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        job, _, pair = opened(task, root / "run")
        cfg = MadSection(most_steps=steps, tolerance=0.0, robust_start=False)
        given = job.scenes_folder, pair, settings_of(job), cfg
        fitted = partial(fitted_mad, *given, align=False)
        small = fitted(1)
        small(next(small.grid.tiles(64, small.halo_px)))  # compiles
        shared_reader(job.scenes_folder).forget()
        kept: list[MadWork] = []
        costs = {"fit": timed(lambda: kept.append(fitted(task.workers)))}
        written = partial(_write_mad, kept[0], out or root / "mad.tif", task.workers)
        costs["tiles"] = timed(written)
    whole = Cost(*(sum(getattr(c, name) for c in costs.values()) for name in ("wall_s", "cpu_s")))
    return {**costs, "cost": whole}


def _write_mad(work: MadWork, path: Path, workers: int) -> None:
    grid, bands = work.grid, len(work.model.correlations)
    form = {"driver": "GTiff", "dtype": "float32", "tiled": True, "BIGTIFF": "IF_SAFER"}
    form["INTERLEAVE"] = "BAND"
    size = {"height": grid.height, "width": grid.width, "count": bands}
    block = {"blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "transform": Affine(*grid.transform)}
    with rasterio.open(path, "w", crs=grid.crs, **form, **size, **block) as dataset:

        def done(tile: Tile, result: np.ndarray | tiling.TileFailure) -> None:
            if isinstance(result, tiling.TileFailure):
                raise result.error
            core = tile.core
            window = FileWindow(core.col, core.row, core.width, core.height)
            dataset.write(result[:bands], window=window)

        tiles = in_swaths(list(grid.tiles(MAD_TILE_PX, work.halo_px)))
        tiling.run_tiles(tiles, work, workers=workers, done=done)
    let_go(work.images)


def _tile_work(job: Job, territory: Territory, fitted: FittedPair, root: Path) -> TileWork:
    folder = root / "tiles"
    folder.mkdir(exist_ok=True)
    return TileWork(
        job.scenes_folder, territory.grid, (fitted,), settings_of(job), folder, territory.land
    )


def _run_tiles(tiles: Sequence[Tile], work: TileWork, workers: int) -> None:
    def done(_tile: Tile, result: object) -> None:
        if isinstance(result, tiling.TileFailure):
            raise result.error

    tiling.run_tiles(in_swaths(tiles), work, workers=workers, done=done)
    let_go(work.images)


def _outline(tiles: Sequence[Tile], work: TileWork, workers: int) -> int:
    """Make the patches of all tiles as a run does, batch by batch."""
    runs = TileSet(work.folder, tuple(tiles), (), ()).runs()
    settings = work.settings.patches
    found = patches.find_patches(runs, work.grid, settings, bordered=True, workers=workers)
    return sum(len(patches.table_of(made, work.grid)) for made in found.batches())


def month(task: Task) -> dict[str, Any]:
    """Do a month, step by step; costs of each step and of all of them, each with its peak."""
    with tempfile.TemporaryDirectory() as folder:
        job = open_job(task.config)
        options = RunOptions(out=Path(folder), workers=task.workers)
        costs: dict[str, Any] = {}
        facts: dict[str, Any] = {}
        for name in STEPS:
            costs[name] = watched(partial(_step, job, task.month, options, name, facts))
    peaks = [cost.peak_mb for cost in costs.values() if cost.peak_mb is not None]
    whole = Cost(
        sum(cost.wall_s for cost in costs.values()),
        sum(cost.cpu_s for cost in costs.values()),
        max(peaks, default=None),
    )
    counts = {"patches": facts["detect"]["patches"], "cases": facts["deliver"]["cases"]}
    return {**costs, "cost": whole, **counts}


def _step(job: Job, month: str, options: RunOptions, name: str, facts: dict[str, Any]) -> None:
    report = run_month(job, month, options, only=name, progress=Silent(), clock=_now)
    facts[name] = report.recorded[-1].facts

"""``run --dry-run``: what a month would take, told before anything is done."""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from changedetect.io import catalogue
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.job import Job, month_span
from changedetect.pipeline.runs.settings import Settings
from changedetect.pipeline.runs.spread import COUNTY_BYTES
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.sources.scenes import choose_pairs, expected_pairs
from changedetect.pipeline.sources.sourceplan import FUSED_BYTES_PER_PX, SourcePlan, plan_sources
from changedetect.pipeline.sources.sourcework import MonthDates
from changedetect.pipeline.sources.tileorder import tiles_meeting

SECONDS_PER_MPX = 2.0
"""Time for a megapixel of a pair on one core, from reading to runs: 1.6 measured on the 2 m four-band
sample with compiled kernels, rounded up; it scales with the machine. [s]"""

FIXED_SECONDS = 30.0
"""Everything else, as measured on the sample: start-up, fit, cross-check, two packages. [s]"""

WORKING_ARRAYS = 24
"""Float arrays of a tile's size held at once, per band of a pair: an estimate on the safe side; with
`PROCESS_BYTES` it gives 638 MB for the sample on one worker, where 593 MB were measured."""

BYTES_PER_FLOAT = 4
PROCESS_BYTES = 450_000_000
"""What the libraries take before any tile. [byte]"""

GRID_BYTES_PER_PX = 4.7
"""Over the whole grid: evidence as it is put together (2, int16) and as a finished COG with
overviews (2.7 at most, where nothing compresses). [byte]"""

TILE_BYTES_PER_PX = 3.0
"""Tile files, until detection is finished: evidence (2), runs and sums of patches (0.75 measured where
there are 170 patches a megapixel). Decoded blocks that are laid aside meanwhile take at most a quarter of
the free disk and are not counted. [byte]"""

SLOWER = 4
"""A slow disk, other users of the machine and many cases can take this many times as long."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a month would take; sizes in bytes."""

    month: str
    pairs: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    tiles: int
    tile_px: int
    pixels: int
    read_bytes: int
    memory_bytes: int
    memory_available_bytes: int
    disk_bytes: int
    disk_free_bytes: int
    seconds: float
    sources: tuple[SourcePlan, ...] = ()
    county_processes: int = 1

    def facts(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the plan for people."""
        lines = [
            f"month {self.month}: {len(self.pairs)} pair(s)",
            *(f"  {before} -> {after}" for before, after in self.pairs),
            *(
                f"{one.name}: {one.images} image(s), {_size(one.read_bytes)}, about {one.seconds:.0f} s"
                for one in self.sources
            ),
            f"tiles 图块: {self.tiles} of {self.tile_px} px, {self.pixels / 1e6:.2f} Mpx",
            f"read 读取: {_size(self.read_bytes)}",
            f"memory 内存: about {_size(self.memory_bytes)} of {_size(self.memory_available_bytes)} available",
            f"disk 磁盘: about {_size(self.disk_bytes)} of {_size(self.disk_free_bytes)} free",
            f"time 用时: about {self.seconds:.0f} to {SLOWER * self.seconds:.0f} s, and the compilation of a first run",
            "not counted 未计: case packages (a few hundred kB a case) and the ledger",
        ]
        if self.county_processes > 1:
            lines.append(
                f"counties 分县: with thousands of patches, check and deliver take up to {self.county_processes} "
                f"processes of about {_size(COUNTY_BYTES)} each (--workers), as many as free memory allows"
            )
        if self.memory_bytes > self.memory_available_bytes:
            lines.append(
                "warning 注意: not enough memory; use --tile or --workers with smaller numbers"
            )
        if self.disk_bytes > self.disk_free_bytes:
            lines.append("warning 注意: not enough disk; choose another --out")
        return [*lines, *(f"problem 问题: {problem}" for problem in self.problems)]


def plan(
    job: Job, month: str, *, tile_px: int | None, workers: int, out: Path | None = None
) -> Plan:
    """Tell what a month would take; nothing is written.

    Parameters
    ----------
    job
        From `open_job`.
    month
        ``YYYY-MM``.
    tile_px, workers
        As for the run; None and 0 are its defaults.
    out
        Folder of the job, as for the run; its disk is the one that must have room.
    """
    config = job.config
    found = catalogue.scan(job.scenes_folder, job.profiles)
    candidates = choose_pairs(found.scenes, config, month_span(month))
    pairs = expected_pairs(candidates, config.scenes.pairs_per_month)
    territory = read_territory(job)
    settings = Settings(config.pixels, config.evidence, config.patches)
    size_px = tile_px or config.grid.tile_px
    counties = [tuple(row) for row in territory.districts.bounds.to_numpy()]
    tiles = list(territory.grid.tiles(size_px, settings.halo_px))
    place = out or Path("runs") / config.name
    mine = [scene for scene in found.scenes if scene.sensor == config.scenes.pair_sensor]
    dates = MonthDates.of(month_span(month), pairs, mine, config.fusion)
    sources = plan_sources(job, territory, found, dates, place)
    due = tiles_meeting(tiles, territory.grid, counties) if pairs or sources else []
    count = RunOptions(workers=workers).worker_count
    bands = max((len(pair.before.bands) for pair in pairs), default=0)
    pixels = sum(tile.core.height * tile.core.width for tile in due)
    outer = max((tile.outer.height * tile.outer.width for tile in due), default=0)
    used = {scene.href for pair in pairs for scene in (pair.before, pair.after)}
    cores = min(count, os.cpu_count() or 1)
    return Plan(
        month=month,
        pairs=tuple((pair.before.scene_id, pair.after.scene_id) for pair in pairs),
        problems=tuple(f"{problem.href}: {problem.message}" for problem in found.problems),
        tiles=len(due),
        tile_px=size_px,
        pixels=pixels,
        read_bytes=sum(found.sizes_bytes[href] for href in used)
        + sum(one.read_bytes for one in sources),
        memory_bytes=PROCESS_BYTES
        + count * outer * bands * BYTES_PER_FLOAT * WORKING_ARRAYS
        + (count * outer * FUSED_BYTES_PER_PX if sources else 0),
        memory_available_bytes=psutil.virtual_memory().available,
        disk_bytes=int(
            territory.grid.height * territory.grid.width * GRID_BYTES_PER_PX
            + pixels * TILE_BYTES_PER_PX
        )
        + sum(one.disk_bytes for one in sources),
        disk_free_bytes=shutil.disk_usage(_existing(place)).free,
        seconds=FIXED_SECONDS
        + len(pairs) * pixels / 1e6 * SECONDS_PER_MPX / cores
        + sum(one.seconds for one in sources) / cores,
        sources=sources,
        county_processes=min(count, territory.districts["code"].nunique()),
    )


def _existing(path: Path) -> Path:
    """Return the nearest folder that is there."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004 - decimal prefixes
            return f"{count:.0f} {unit}"
        count //= 1000
    return f"{count} GB"

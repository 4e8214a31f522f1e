"""Step ``detect``: pixels -> evidence -> patches, tile by tile, for all sources of a month."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np

from changedetect import schema, tiling
from changedetect.config.detection import PatchesSection
from changedetect.errors import InputError
from changedetect.grid import Grid, Tile, Window
from changedetect.io import raster_writer, record_files, tile_files, vector_writer
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import (
    CHANGE,
    EVIDENCE,
    MOMENTS,
    PATCHES,
    SCENES,
    UNOBSERVED,
)
from changedetect.pipeline.runs.runstore import StepRecord, StepResult, digest_of
from changedetect.pipeline.runs.shards import SHARDS, adopt
from changedetect.pipeline.runs.territory import Land, Territory, read_territory
from changedetect.pipeline.sources.fittedpair import FittedPair
from changedetect.pipeline.sources.fusedwork import PARTLY, FusedWork
from changedetect.pipeline.sources.modelwork import model_layer
from changedetect.pipeline.sources.pairfits import Prepared, fit_all, model_facts
from changedetect.pipeline.sources.pairwork import TileWork, inside_of, let_go, only_on
from changedetect.pipeline.sources.radarwork import radar_layer
from changedetect.pipeline.sources.serieswork import SourceResult, series_layer
from changedetect.pipeline.sources.sourcework import CoarseLayer, MonthDates
from changedetect.pipeline.sources.tileorder import in_swaths, tiles_meeting
from changedetect.records import Scene, ScenePair, UnobservedArea
from changedetect.stages import classify, patches
from changedetect.stages.evidence import fusion

BLOCK_PX = 512
"""Rasters are put together in strips of this height. [px]"""

EVIDENCE_FORM = raster_writer.RasterForm(
    "int16", schema.EVIDENCE_NODATA, ("log-likelihood ratio of change x 100",)
)
CHANGE_FORM = raster_writer.RasterForm(
    "uint8", schema.NOT_OBSERVED, ("0 unchanged, 1 changed, 255 not observed or not asked about",)
)
CLOUDED = "云、阴影或无影像"
FAILED = "图块处理失败"
PARTLY_SEEN = "光学未见，仅由时间序列或雷达监测"
CHANNELS = len(classify.CHANNELS)
"""Channels of the classifier come first in the moments of a patch, then what each source said."""


@dataclass(frozen=True, slots=True)
class TileSet:
    """The finished tiles of a grid.

    Attributes
    ----------
    folder
        Where their files are.
    done
        Tiles that have a file.
    untouched
        Tiles that no image meets: not observed.
    failed
        Tiles that could not be done: not observed, for another reason.
    land
        What is asked about: nothing outside counts as unobserved. None = the whole grid.
    settings
        Section `patches`.
    """

    folder: Path
    done: tuple[Tile, ...]
    untouched: tuple[Tile, ...]
    failed: tuple[Tile, ...]
    land: Land | None = None
    settings: PatchesSection = field(default_factory=PatchesSection)

    def runs(self) -> patches.Parts:
        """Return the runs of tiles that were worked on or that no image meets."""
        makers = [partial(self._stored, tile) for tile in self.done]
        empty = [partial(self._empty, tile) for tile in self.untouched]
        return patches.Parts((*makers, *empty))

    def lost(self) -> patches.Parts:
        """Return the runs of tiles that failed: all unobserved."""
        return patches.Parts(tuple(partial(self._empty, tile) for tile in self.failed))

    def partly(self) -> patches.Parts:
        """Return, as unobserved, what no optical pair observed and another source did."""
        return patches.Parts(tuple(partial(self._partly, tile) for tile in self.done))

    def _stored(self, tile: Tile) -> patches.TileRuns:
        return patches.TileRuns.from_arrays(self.arrays(tile, patches.TileRuns.names()))

    def _partly(self, tile: Tile) -> patches.TileRuns:
        arrays = self.arrays(tile, (*patches.TileRuns.names(), PARTLY))
        return replace(patches.TileRuns.from_arrays(arrays), unobserved=arrays[PARTLY])

    def _empty(self, tile: Tile) -> patches.TileRuns:
        channels = patches.judging_channels(self.settings) + CHANNELS + len(fusion.SOURCES)
        wanted = inside_of(self.land, tile.core)
        return only_on(wanted, patches.failed_tile(tile, channels), tile)

    def arrays(self, tile: Tile, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Read the arrays of a tile, all or some.

        Raises
        ------
        InputError
            Its file was taken away while the step was running.
        """
        arrays = tile_files.read_tile(self.folder / f"{tile.name}.npz", names=names)
        if arrays is None:
            msg = f"{self.folder / tile.name}.npz is gone or damaged; run the same command again"
            raise InputError(msg)
        return arrays

    def strips(self, grid: Grid) -> Iterator[tuple[Window, np.ndarray]]:
        """Put the evidence together in strips of whole rows, the same however it was tiled.

        Yields
        ------
        tuple
            Window over the full width, and schema.EVIDENCE of it.
        """
        for row in range(0, grid.height, BLOCK_PX):
            window = Window(row, 0, min(BLOCK_PX, grid.height - row), grid.width)
            strip = np.full((window.height, window.width), schema.EVIDENCE_NODATA, np.int16)
            for tile in self.done:
                core = tile.core
                top, bottom = max(core.row, row), min(core.row + core.height, row + window.height)
                if top >= bottom:
                    continue
                part = self.arrays(tile, ("evidence",))["evidence"][
                    top - core.row : bottom - core.row
                ]
                strip[top - row : bottom - row, core.col : core.col + core.width] = part
            yield window, strip


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Measure evidence and outline the patches of a month."""
    before = context.store.record("scenes")
    territory = read_territory(context.job)

    def work(key: str) -> StepResult:
        return _detect(context, territory, before.facts["candidates"], key)

    return context.store.step("detect", inputs(context, territory), work)


def inputs(context: MonthContext, territory: Territory) -> list[object]:
    """Return everything that the step rests on, for its key."""
    before = context.store.record("scenes")
    sections, config = context.settings, context.job.config
    return [
        before.result,
        territory.manifest.sha256,
        context.job.config.records.districts.model_dump(mode="json"),
        repr(territory.grid),
        context.job.config.scenes.pairs_per_month,
        *(repr(part) for part in (sections.pixels, sections.evidence, sections.patches)),
        *(repr(part) for part in (config.series, config.radar, config.fusion, config.model)),
        [config.scenes.series_sensor, config.scenes.radar_sensor],
    ]


def prepare(
    context: MonthContext, territory: Territory, compared: Sequence[Sequence[str]], key: str
) -> Prepared:
    """Fit the pairs, measure the coarser sources, and make what is done to each tile.

    Parameters
    ----------
    context, territory
        The month.
    compared
        Candidates for pairs, ids of the images before and after.
    key
        Of the step: tiles of other inputs lie in another folder.
    """
    scenes = {s.scene_id: s for s in record_files.read_records(context.folder / SCENES, Scene)}
    pairs = tuple(ScenePair(scenes[before], scenes[after]) for before, after in compared)
    fitted, refused = fit_all(context, pairs, territory.grid)
    others = _other_sources(context, territory, tuple(scenes.values()), fitted, key)
    layers = tuple(one.layer for one in others if one.layer is not None)
    left_out = tuple(line for one in others for line in one.problems)
    # A pair or an image may be refused one day only: its tiles are not those of another day.
    who = [_who(one) for one in fitted], [_blocks(layer) for layer in layers], left_out
    work = _work(context, territory, fitted, layers, digest_of(key, who))
    return Prepared(fitted, refused, others, work)


def _detect(
    context: MonthContext, territory: Territory, compared: Sequence[Sequence[str]], key: str
) -> StepResult:
    made = prepare(context, territory, compared, key)
    fitted, others, work = made.fitted, made.others, made.work
    layers = work.layers
    left_out = tuple(line for one in others for line in one.problems)
    adopt(context.folder, work.pairs.folder)
    tiles, lost = run_tiles(context, territory, work)
    outline = _outlined(context, territory.grid, tiles, work)
    settings = context.settings.patches
    unobserved = (
        patches.unobserved_areas(tiles.runs(), territory.grid, settings, reason=CLOUDED)
        + patches.unobserved_areas(tiles.partly(), territory.grid, settings, reason=PARTLY_SEEN)
        + patches.unobserved_areas(tiles.lost(), territory.grid, settings, reason=FAILED)
    )
    known = tuple(one.pair for one in fitted)
    files = _write(context.folder, tiles, territory.grid, outline, unobserved)
    notes = tuple(line for one in others for line in one.notes)
    for note in notes:
        context.progress.warn(note)
    if not lost and not left_out:
        shutil.rmtree(context.folder / "work", ignore_errors=True)
        shutil.rmtree(context.folder / SHARDS, ignore_errors=True)
    facts = {
        "patches": len(outline.patches),
        "disputed": int(outline.patches["disputed"].sum()),
        "noise_groups": outline.noise_groups,
        "observed_px": outline.observed_px,
        "unobserved_px": outline.unobserved_px,
        "compared": [_ids(one) for one in known or tuple(layer.pair for layer in layers)],
        "sources": {layer.name: _ids(layer.pair) for layer in layers},
        "notes": list(notes),
        "models": [model_facts(one) for one in fitted],
    }
    context.progress.end(
        "detect", f"{facts['patches']} patches, {facts['noise_groups']} specks left out"
    )
    return StepResult(files, facts, made.refused + left_out + lost, again=bool(lost or left_out))


def _who(fitted: FittedPair) -> list[str]:
    season = fitted.season
    return [fitted.pair.name, *([] if season is None else [season.fitted.pair.name])]


def _ids(pair: ScenePair) -> list[str]:
    return [pair.before.scene_id, pair.after.scene_id]


def _other_sources(
    context: MonthContext,
    territory: Territory,
    scenes: Sequence[Scene],
    fitted: tuple[FittedPair, ...],
    key: str,
) -> tuple[SourceResult, ...]:
    """Measure what is coarser than the product grid: the series, and radar."""
    config = context.job.config
    mine = [scene for scene in scenes if scene.sensor == config.scenes.pair_sensor]
    pairs = [one.pair for one in fitted]
    dates = MonthDates.of(context.span, pairs, mine, config.fusion)
    place = context.folder / "work" / digest_of(key, repr(dates))[:16]
    return (
        series_layer(context, territory, scenes, dates, place / "series"),
        radar_layer(context, territory, scenes, dates, place / "radar"),
        model_layer(context, territory, fitted, place / "model"),
    )


def _blocks(layer: CoarseLayer) -> list[str]:
    return [layer.name, layer.pair.name, *(tile.name for tile in layer.tiles)]


def _tile_px(context: MonthContext) -> int:
    return context.options.tile_px or context.job.config.grid.tile_px


def _work(
    context: MonthContext,
    territory: Territory,
    fitted: tuple[FittedPair, ...],
    layers: tuple[CoarseLayer, ...],
    key: str,
) -> FusedWork:
    folder = context.folder / "work" / f"{key[:16]}_{_tile_px(context)}"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = TileWork(
        context.job.scenes_folder, territory.grid, fitted, context.settings, folder, territory.land
    )
    return FusedWork(pairs, layers, context.job.config.fusion, context.span[1])


def _outlined(
    context: MonthContext, grid: Grid, tiles: TileSet, work: FusedWork
) -> patches.Outline:
    """Outline the patches, and name what stands behind each."""
    outline = patches.outline(tiles.runs(), grid, context.settings.patches, bordered=True)
    witnesses = work.witnesses
    moments = outline.moments[:, :CHANNELS]
    if not len(moments):  # no tile has a patch, so none has told how many channels there are
        moments = np.zeros((0, CHANNELS, 3), np.int64)
    if not witnesses.pairs:  # nothing was compared: an empty table, with the columns read later
        empty = outline.patches.reindex(columns=schema.PATCHES.names)
        return replace(outline, patches=empty, moments=moments)
    table = patches.attribute(
        outline.patches,
        outline.votes,
        outline.moments[:, CHANNELS:],
        witnesses,
        fusion.SOURCES,
        context.job.config.fusion.speak_llr,
    )
    return replace(outline, patches=table, moments=moments)


def run_tiles(
    context: MonthContext, territory: Territory, work: FusedWork, share: tuple[int, int] = (1, 1)
) -> tuple[TileSet, tuple[str, ...]]:
    """Work on every tile that an image and a county meet; tiles done before a kill are kept.

    ``share``: which part of how many, from 1; tiles are dealt out in turn.
    """
    tiles = list(territory.grid.tiles(_tile_px(context), context.settings.halo_px))
    counties = [tuple(row) for row in territory.districts.bounds.to_numpy()]
    wanted = tiles_meeting(tiles, territory.grid, counties)
    due = wanted[share[0] - 1 :: share[1]] if work.witnesses.pairs else []
    failures: list[tiling.TileFailure] = []
    lines: list[str] = []
    context.progress.begin("detect", len(due))

    def done(tile: Tile, result: tuple[str, ...] | tiling.TileFailure) -> None:
        if isinstance(result, tiling.TileFailure):
            failures.append(result)
            lines.append(f"tile {tile.name} not observed: {result.error}")
        else:
            lines.extend(result)
        context.progress.advance("detect", tile.name)

    options = context.options
    tiling.run_tiles(
        in_swaths(due), work, workers=options.worker_count, scheduler=options.scheduler, done=done
    )
    let_go(work.pairs.images)
    failures.sort(key=lambda failure: failure.tile.name)
    failed = tuple(failure.tile for failure in failures)
    left = set(due) - set(failed)
    tile_set = TileSet(
        work.pairs.folder,
        tuple(tile for tile in due if tile in left),
        tuple(tile for tile in wanted if not due),
        failed,
        work.pairs.land,
        work.pairs.settings.patches,
    )
    return tile_set, tuple(sorted(lines))


def _write(
    folder: Path,
    tiles: TileSet,
    grid: Grid,
    outline: patches.Outline,
    unobserved: Sequence[UnobservedArea],
) -> tuple[str, ...]:
    write = partial(raster_writer.write_raster, grid=grid, overwrite=True)
    write(folder / EVIDENCE, form=EVIDENCE_FORM, pieces=tiles.strips(grid))
    write(folder / CHANGE, form=CHANGE_FORM, pieces=change_strips(tiles.strips(grid), outline))
    write_patches(folder / PATCHES, outline.patches, grid.crs)
    tile_files.write_tile(folder / MOMENTS, {"moments": outline.moments})
    record_files.write_records(folder / UNOBSERVED, unobserved, UnobservedArea)
    return EVIDENCE, CHANGE, PATCHES, MOMENTS, UNOBSERVED


def change_strips(
    evidence: Iterator[tuple[Window, np.ndarray]], outline: patches.Outline
) -> Iterator[tuple[Window, np.ndarray]]:
    """Turn strips of evidence into strips of the change mask: exactly the outlined patches."""
    for window, strip in evidence:
        change = outline.painted(window).astype(np.uint8)
        change[strip == schema.EVIDENCE_NODATA] = schema.NOT_OBSERVED
        yield window, change


def write_patches(path: Path, table: gpd.GeoDataFrame, crs: str) -> None:
    """Write a table of patches, replacing an earlier one."""
    vector_writer.write_geopackage(
        path,
        {"patches": table},
        descriptions={"patches": "变化图斑 change patches"},
        crs=crs,
        overwrite=True,
    )

"""Step ``detect``: pixels -> evidence -> patches, tile by tile, for all sources of a month."""

import shutil
from collections.abc import Sequence

from changedetect import tiling
from changedetect.config.detection import PatchesSection
from changedetect.grid import Tile
from changedetect.io import record_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import SCENES, UNOBSERVED
from changedetect.pipeline.runs.runstore import StepRecord, StepResult, digest_of
from changedetect.pipeline.runs.shards import SHARDS, adopt
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.pipeline.sources.fittedpair import FittedPair
from changedetect.pipeline.sources.fusedwork import FusedWork
from changedetect.pipeline.sources.modelwork import model_layer
from changedetect.pipeline.sources.pairfits import Prepared, fit_all, model_facts
from changedetect.pipeline.sources.pairwork import TileWork, let_go
from changedetect.pipeline.sources.radarwork import radar_layer
from changedetect.pipeline.sources.serieswork import SourceResult, series_layer
from changedetect.pipeline.sources.sourcework import CoarseLayer, MonthDates
from changedetect.pipeline.sources.tileorder import in_swaths, tiles_meeting
from changedetect.pipeline.steps.outlining import Outlining
from changedetect.pipeline.steps.tileset import TileSet
from changedetect.records import Scene, ScenePair, UnobservedArea
from changedetect.stages import patches

CLOUDED = "云、阴影或无影像"
FAILED = "图块处理失败"
PARTLY_SEEN = "光学未见，仅由时间序列或雷达监测"


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
    found = patches.find_patches(
        tiles.runs(),
        territory.grid,
        context.settings.patches,
        bordered=True,
        workers=context.options.worker_count,
    )
    outlining = Outlining(tiles, found, work.witnesses, context.job.config.fusion)
    files, disputed = outlining.write(context.folder)
    unobserved = _unobserved(tiles, territory, context.settings.patches)
    record_files.write_records(context.folder / UNOBSERVED, unobserved, UnobservedArea)
    known = tuple(one.pair for one in fitted)
    notes = tuple(line for one in others for line in one.notes)
    for note in notes:
        context.progress.warn(note)
    if not lost and not left_out:
        shutil.rmtree(context.folder / "work", ignore_errors=True)
        shutil.rmtree(context.folder / SHARDS, ignore_errors=True)
    facts = {
        "patches": found.count,
        "disputed": disputed,
        "noise_groups": int(found.choice.counts[2]),
        "observed_px": int(found.choice.counts[0]),
        "unobserved_px": int(found.choice.counts[1]),
        "compared": [_ids(one) for one in known or tuple(layer.pair for layer in layers)],
        "sources": {layer.name: _ids(layer.pair) for layer in layers},
        "alarms_without_pair": [layer.facts for layer in layers],
        "notes": list(notes),
        "models": [model_facts(one) for one in fitted],
    }
    context.progress.end(
        "detect", f"{facts['patches']} patches, {facts['noise_groups']} specks left out"
    )
    return StepResult(
        (*files, UNOBSERVED), facts, made.refused + left_out + lost, again=bool(lost or left_out)
    )


def _unobserved(
    tiles: TileSet, territory: Territory, cfg: PatchesSection
) -> tuple[UnobservedArea, ...]:
    """List what was not observed, by reason."""
    reasons = {CLOUDED: tiles.runs(), PARTLY_SEEN: tiles.partly(), FAILED: tiles.lost()}
    return tuple(
        area
        for reason, parts in reasons.items()
        for area in patches.unobserved_areas(parts, territory.grid, cfg, reason=reason)
    )


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

"""Step ``scenes``: catalogue the images, choose which of them the month compares."""

import json
from collections.abc import Sequence
from datetime import date, timedelta

from changedetect.config.job import JobConfig
from changedetect.io import catalogue, record_files, stac
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.context import MonthContext
from changedetect.pipeline.runstore import StepRecord, StepResult
from changedetect.records import Scene, ScenePair

CATALOGUE = "catalogue.json"
SCENES = "scenes.json"
PAIRS = "pairs.json"


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Catalogue the images and choose the pairs of the month."""
    job = context.job
    context.progress.begin("scenes", 1)
    found = catalogue.scan(job.scenes_folder, job.profiles)
    known = [(scene.scene_id, scene.sha256) for scene in found.scenes]
    problems = tuple(f"{problem.href}: {problem.message}" for problem in found.problems)

    def work(_key: str) -> StepResult:
        pairs = choose_pairs(found.scenes, job.config, context.span)
        items = json.dumps(stac.to_stac(found), ensure_ascii=False, sort_keys=True, indent=1)
        publish_bytes(context.folder / CATALOGUE, items.encode() + b"\n", overwrite=True)
        record_files.write_records(context.folder / SCENES, found.scenes, Scene)
        names = [[pair.before.scene_id, pair.after.scene_id] for pair in pairs]
        text = json.dumps(names, ensure_ascii=False, indent=1) + "\n"
        publish_bytes(context.folder / PAIRS, text.encode(), overwrite=True)
        facts = {"scenes": len(found.scenes), "pairs": len(pairs), "compared": names}
        files = (CATALOGUE, SCENES, PAIRS)
        return StepResult(files, facts, problems + _silence(pairs, context))

    chosen_by = [section.model_dump(mode="json") for section in (job.config.scenes, *job.profiles)]
    done = context.store.step("scenes", [context.month, chosen_by, known, problems], work)
    context.progress.end(
        "scenes", f"{done[0].facts['scenes']} images, {done[0].facts['pairs']} pairs"
    )
    return done


def _silence(pairs: Sequence[ScenePair], context: MonthContext) -> tuple[str, ...]:
    if pairs:
        return ()
    scenes = context.job.config.scenes
    line = (
        f"{context.month}: no pair of {scenes.pair_sensor} images in {scenes.folder} (one in the month "
        f"and one up to {scenes.lookback_days} days before): nothing was observed this month, which "
        "is not the same as no change / 本月无可用影像，全部列为未监测"
    )
    return (line,)


def choose_pairs(
    scenes: Sequence[Scene], config: JobConfig, span: tuple[date, date]
) -> tuple[ScenePair, ...]:
    """Choose the pairs of a month, the most telling first.

    The newest image of the month comes first, against the newest images from before the month;
    later pairs fill what earlier ones did not observe.

    Parameters
    ----------
    scenes
        The catalogue.
    config
        Sensor, lookback, and how many images before are used for each image of the month.
    span
        First and last day of the month.

    Returns
    -------
    tuple of ScenePair
        Pairs whose images overlap, in the order in which they count.
    """
    mine = [scene for scene in scenes if scene.sensor == config.scenes.pair_sensor]
    newest_first = sorted(mine, key=lambda scene: (scene.time, scene.scene_id), reverse=True)
    oldest = span[0] - timedelta(days=config.scenes.lookback_days)
    pairs = []
    for after in newest_first:
        if not span[0] <= after.day <= span[1]:
            continue
        befores = [
            scene
            for scene in newest_first
            if oldest <= scene.day < span[0] and _overlap(scene, after)
        ]
        pairs += [ScenePair(before, after) for before in befores[: config.scenes.pairs_per_month]]
    return tuple(pairs)


def _overlap(first: Scene, second: Scene) -> bool:
    """Tell whether two footprints overlap; in other coordinate systems they may."""
    if first.grid.crs != second.grid.crs:
        return True
    west, south, east, north = first.grid.bounds
    w, s, e, n = second.grid.bounds
    return w < east and e > west and s < north and n > south

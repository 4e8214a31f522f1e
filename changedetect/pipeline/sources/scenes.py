"""Step ``scenes``: catalogue the images, choose which of them the month compares."""

import json
from collections.abc import Sequence
from datetime import date, timedelta

from changedetect.config.job import JobConfig
from changedetect.io import catalogue, record_files, stac
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.month_files import SCENES
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.records import Scene, ScenePair

CATALOGUE = "catalogue.json"
PAIRS = "pairs.json"
SMALL_PART = 0.5
"""An image that shares less than this part of what the best one shares is a neighbour's sliver: it
is compared as well, and takes no other image's place (our choice)."""


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Catalogue the images and choose the pairs of the month."""
    job = context.job
    context.progress.begin("scenes", 1)
    found = catalogue.scan(job.scenes_folder, job.profiles)
    known = [(scene.scene_id, scene.sha256) for scene in found.scenes]
    problems = tuple(f"{problem.href}: {problem.message}" for problem in found.problems)

    def work(_key: str) -> StepResult:
        candidates = choose_pairs(found.scenes, job.config, context.span)
        pairs = expected_pairs(candidates, job.config.scenes.pairs_per_month)
        items = json.dumps(stac.to_stac(found), ensure_ascii=False, sort_keys=True, indent=1)
        publish_bytes(context.folder / CATALOGUE, items.encode() + b"\n", overwrite=True)
        record_files.write_records(context.folder / SCENES, found.scenes, Scene)
        text = json.dumps(_names(candidates), ensure_ascii=False, indent=1) + "\n"
        publish_bytes(context.folder / PAIRS, text.encode(), overwrite=True)
        facts = {
            "scenes": len(found.scenes),
            "pairs": len(pairs),
            "compared": _names(pairs),
            "candidates": _names(candidates),
        }
        files = (CATALOGUE, SCENES, PAIRS)
        return StepResult(files, facts, problems + _silence(pairs, context))

    chosen_by = [section.model_dump(mode="json") for section in (job.config.scenes, *job.profiles)]
    done = context.store.step("scenes", [context.month, chosen_by, known, problems], work)
    context.progress.end(
        "scenes", f"{done[0].facts['scenes']} images, {done[0].facts['pairs']} pairs"
    )
    return done


def _names(pairs: Sequence[ScenePair]) -> list[list[str]]:
    return [[pair.before.scene_id, pair.after.scene_id] for pair in pairs]


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
    """Put the pairs that a month could compare in order, the most telling first.

    The newest image of the month comes first, against the images from before the month: newest
    first those that show most of it, then those that share a smaller part, such as neighbours.
    More pairs are named than are compared (see `is_due`), so that another can take the place of
    one that turns out useless.

    Parameters
    ----------
    scenes
        The catalogue.
    config
        Sensor and lookback.
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
    earlier = [scene for scene in newest_first if oldest <= scene.day < span[0]]
    pairs: list[ScenePair] = []
    for after in newest_first:
        if span[0] <= after.day <= span[1]:
            shares = {scene.scene_id: common_share(scene, after) for scene in earlier}
            most = max(shares.values(), default=0.0)
            known = [scene for scene in earlier if shares[scene.scene_id] > 0]
            known.sort(key=lambda scene: shares[scene.scene_id] < SMALL_PART * most)  # is stable
            pairs += [ScenePair(before, after) for before in known]
    return tuple(pairs)


def is_due(
    pair: ScenePair, done: Sequence[ScenePair], pairs: Sequence[ScenePair], limit: int
) -> bool:
    """Tell whether a pair is still to be compared, after others of the month were.

    Parameters
    ----------
    pair
        The next in order.
    done
        Pairs before it that could be used.
    pairs
        All pairs of the month, from `choose_pairs`.
    limit
        ``scenes.pairs_per_month``: so many for each image of the month, counted apart for images
        that show most of it and for those that share a small part.
    """
    shares = {
        one.name: common_share(one.before, one.after)
        for one in pairs
        if one.after.scene_id == pair.after.scene_id
    }
    least = SMALL_PART * max(shares.values())
    small = shares[pair.name] < least
    alike = [one for one in done if one.name in shares and (shares[one.name] < least) == small]
    return len(alike) < limit


def expected_pairs(pairs: Sequence[ScenePair], limit: int) -> tuple[ScenePair, ...]:
    """Return the pairs that are compared if every one of them can be used."""
    done: list[ScenePair] = []
    for pair in pairs:
        if is_due(pair, done, pairs, limit):
            done.append(pair)
    return tuple(done)


def common_share(before: Scene, after: Scene) -> float:
    """Return which share of an image's footprint another shows; 1 where systems differ.

    Footprints in other coordinate systems may overlap or not: reading them tells.
    """
    if before.grid.crs != after.grid.crs:
        return 1.0
    west, south, east, north = after.grid.bounds
    w, s, e, n = before.grid.bounds
    width, height = min(e, east) - max(w, west), min(n, north) - max(s, south)
    if width <= 0 or height <= 0:
        return 0.0
    return float(width * height / ((east - west) * (north - south)))

"""Step ``classify``: patches -> suggested after-class and probability."""

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np

from changedetect.errors import IntegrityError
from changedetect.io import model_store, record_files, tile_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import MODELS
from changedetect.pipeline.runs.month_files import CLASSIFIED, MOMENTS, PATCHES, SCENES
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.pipeline.steps.classified import read_table
from changedetect.pipeline.steps.detection import write_patches
from changedetect.pipeline.steps.promised import Marks, promise_kept, promise_of, scores_digest
from changedetect.records import Scene
from changedetect.stages import classify


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Suggest what each patch became."""
    before = context.store.record("detect")
    section = context.job.config.classify
    estimator, card = model_store.load(MODELS, section.model, classify.FEATURE_NAMES)
    scenes = record_files.read_records(context.folder / SCENES, Scene)
    gsd_m = {one.scene_id: context.job.profile(one.sensor).gsd_m for one in scenes}
    marks = Marks(card["sha256"], scores_digest(context.job))
    promised = promise_of(context, marks)
    standing = context.job.config.crosscheck.pseudo_change_probability

    def work(_key: str) -> StepResult:
        table = read_table(context.folder / PATCHES)
        moments = _moments(context.folder / MOMENTS)
        context.progress.begin("classify", 1)
        features = classify.features(seen_by_pair(table, scenes), moments)
        predicted = classify.leave_open(
            classify.predict(estimator, features, section),
            table,
            classify.seen_shares(table, moments),
            section.unseen,
        )
        classified = table.assign(
            family=predicted["family"].to_numpy(),
            family_probability=predicted["family_probability"].to_numpy(),
            change_probability=predicted["change_probability"].to_numpy(),
            is_unseen=predicted["is_unseen"].to_numpy(),
            before_gsd_m=[gsd_m[name] for name in table["before_scene"]],
            after_gsd_m=[gsd_m[name] for name in table["after_scene"]],
        )
        kept = promise_kept(context, promised, classified, before.facts["compared"])
        write_patches(context.folder / CLASSIFIED, kept.table, context.job.config.grid.crs)
        families = classified["family"].value_counts().sort_index()
        facts = {
            "patches": len(classified),
            "families": {str(k): int(v) for k, v in families.items()},
            "model_sha256": marks.model,
            "settings_sha256": marks.settings,
            "standing": standing,
            **kept.facts,
        }
        return StepResult((CLASSIFIED,), facts, kept.problems)

    inputs = [before.result, card["sha256"], section.model_dump(mode="json"), gsd_m, standing]
    if promised is not None:
        inputs.append(promised.digest)
    done = context.store.step("classify", inputs, work)
    context.progress.end("classify", f"{done[0].facts['patches']} patches classified")
    return done


def seen_by_pair(table: gpd.GeoDataFrame, scenes: Sequence[Scene]) -> gpd.GeoDataFrame:
    """Give patches the evidence and the dates of their images alone, as the classifier knows them.

    Other sources lift or lower the evidence and narrow the dates; what a patch looks like on its
    images does not change with that.
    """
    days = {one.scene_id: one.day for one in scenes}
    own = table["optical_llr"].astype(float).fillna(table["llr_mean"])
    return table.assign(
        llr_mean=own,
        llr_max=table["llr_max"] + (own - table["llr_mean"]),
        before_date=[days[name] for name in table["before_scene"]],
        after_date=[days[name] for name in table["after_scene"]],
    )


def _moments(path: Path) -> np.ndarray:
    arrays = tile_files.read_tile(path)
    if arrays is None:
        msg = f"{path}: gone or damaged; run changedetect detect month again"
        raise IntegrityError(msg)
    return arrays["moments"]

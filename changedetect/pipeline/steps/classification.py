"""Step ``classify``: patches -> suggested after-class and probability."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect.config.detection import ClassifySection
from changedetect.io import model_store, record_files, tile_files
from changedetect.pipeline.runs.context import MonthContext
from changedetect.pipeline.runs.job import MODELS
from changedetect.pipeline.runs.month_files import CLASSIFIED, MOMENTS, PATCHES, SCENES
from changedetect.pipeline.runs.runstore import StepRecord, StepResult
from changedetect.pipeline.steps.classified import PART_ROWS, walk_table
from changedetect.pipeline.steps.outlining import write_patches
from changedetect.pipeline.steps.promise_file import SHIFT_FEATURES
from changedetect.pipeline.steps.promised import Marks, promise_kept, promise_of, scores_digest
from changedetect.records import Scene
from changedetect.stages import classify

PREDICTED = ("family", "family_probability", "change_probability", "is_unseen")
"""Columns of the classifier."""


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

    classifier = Classifier(estimator, section, tuple(scenes), gsd_m)

    def work(_key: str) -> StepResult:
        context.progress.begin("classify", 1)
        classes, scores = _classes(context.folder, classifier)
        kept = promise_kept(context, promised, scores, before.facts["compared"])
        tables = _classified(context.folder / PATCHES, classes, kept.columns)
        write_patches(context.folder / CLASSIFIED, tables, context.job.config.grid.crs)
        families = classes["family"].value_counts().sort_index()
        facts = {
            "patches": len(classes),
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


@dataclass(frozen=True, slots=True)
class Classifier:
    """Suggests what patches became, each on its own.

    Attributes
    ----------
    estimator, section
        The classifier, and when it is unsure.
    scenes
        Images of the month.
    gsd_m
        Of each image, by its id. [m]
    """

    estimator: Any
    section: ClassifySection
    scenes: tuple[Scene, ...]
    gsd_m: Mapping[str, float]

    def classes(self, table: gpd.GeoDataFrame, moments: np.ndarray) -> pd.DataFrame:
        """Return the class columns of some patches."""
        features = classify.features(seen_by_pair(table, self.scenes), moments)
        predicted = classify.leave_open(
            classify.predict(self.estimator, features, self.section),
            table,
            classify.seen_shares(table, moments),
            self.section.unseen,
        )
        columns: dict[str, object] = {name: predicted[name].to_numpy() for name in PREDICTED}
        columns |= {
            f"{date}_gsd_m": [self.gsd_m[name] for name in table[f"{date}_scene"]]
            for date in ("before", "after")
        }
        return pd.DataFrame(columns)


def _classes(folder: Path, classifier: Classifier) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Classify the patches of a month, part by part; return class columns, and those of the promise."""
    classes, scores = [], []
    moments = tile_files.read_rows(folder / MOMENTS, "moments", PART_ROWS)
    for table, mine in zip(walk_table(folder / PATCHES), moments, strict=True):
        classes.append(classifier.classes(table, mine))
        plain = pd.DataFrame(table[[name for name in SHIFT_FEATURES if name in table.columns]])
        scores.append(pd.concat([plain, classes[-1]], axis=1))
    return pd.concat(classes, ignore_index=True), pd.concat(scores, ignore_index=True)


def _classified(
    path: Path, classes: pd.DataFrame, more: Mapping[str, object]
) -> Iterator[gpd.GeoDataFrame]:
    """Read the patches again, with the columns of their classes."""
    first = 0
    for table in walk_table(path):
        mine = classes.iloc[first : first + len(table)]
        first += len(table)
        yield table.assign(**{name: mine[name].to_numpy() for name in classes.columns}, **more)


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

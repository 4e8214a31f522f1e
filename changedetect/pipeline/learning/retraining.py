"""``train --from-ledger``: learn from the field, and replace the model in use only by a better one."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import changedetect
from changedetect.accuracy.paired import Paired, sign_flip
from changedetect.config.detection import ClassifySection, TrainingSection
from changedetect.errors import InputError
from changedetect.io import model_store
from changedetect.pipeline.learning import training
from changedetect.pipeline.learning.field_labels import FieldLabels, labels_of
from changedetect.pipeline.runs.context import PARTIAL
from changedetect.pipeline.runs.job import MODELS, Job
from changedetect.pipeline.runs.progress import Progress
from changedetect.stages import classify

LEVEL = 0.05
"""A gain less likely than this by chance replaces the model (our choice)."""

LEAST_COUNTIES = 5
"""With fewer no gain is less likely than that, whatever its size: 1 / 2**5 is below `LEVEL`."""


@dataclass(frozen=True, slots=True)
class RetrainingReport:
    """What the field's labels gave."""

    folder: Path | None
    comparison: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """0 where the model was replaced, else 3."""
        return 0 if self.folder else PARTIAL

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {"replaced": str(self.folder) if self.folder else None, **self.comparison}

    def lines(self) -> list[str]:
        """Return the report for people."""
        found = self.comparison
        lines = [
            (
                f"{found['labels']} labels of {found['counties']} counties ({found['pseudo']} pseudo-change), "
                f"{found['lost']} verdicts without their patch"
            ),
            (
                f"log loss of change on counties not learnt from: in use {found['loss_in_use']:.4f}, "
                f"retrained {found['loss_retrained']:.4f}; p {found['p']:.4f} (paired by county)"
            ),
        ]
        if self.folder:
            return [*lines, f"replaced 已更换: {self.folder}"]
        return [*lines, f"not replaced 未更换: {found['why']}"]


def retrain(
    job: Job, out: Path | None, model: Path, *, seeds: str, size_km: float, progress: Progress
) -> RetrainingReport:
    """Train with the field's labels and compare with the model in use.

    Parameters
    ----------
    job, out
        The job with its ledger, and its folder.
    model
        Folder of the new model, e.g. ``models/patch_classes``.
    seeds
        Simulated worlds that are learnt besides; empty = the field alone.
    size_km
        Side of each world. [km]

    Raises
    ------
    InputError
        No verdict that says anything of a patch, or only of one kind.
    """
    section = job.config.classify
    used, card = model_store.load(MODELS, section.model, classify.FEATURE_NAMES)
    field = labels_of(job, out)
    worlds = _worlds(model, seeds, size_km, progress)
    losses = _losses(used, field, worlds, section)
    comparison = {**_compared(field, losses), "in_use_sha256": card["sha256"]}
    if comparison["why"]:
        return RetrainingReport(None, comparison)
    rows, labels, groups = _joined(field, np.ones(len(field.labels), bool), worlds)
    estimator, report = classify.fit(rows, labels, TrainingSection(), seed=1, groups=groups)
    new_card = {
        "purpose": card.get("purpose", "suggests the after-class of a patch, or pseudo-change"),
        "program": changedetect.__version__,
        "features": list(classify.FEATURE_NAMES),
        "classes": [str(name) for name in estimator.classes_],
        "data": f"{len(field.labels)} verdicts of the field"
        + (f", and simulated worlds {seeds}" if seeds else ""),
        "retrain": f"changedetect train --from-ledger {job.path.name} --out {model.name} --seeds '{seeds}'",
        "training": asdict(report),
        "comparison": comparison,
    }
    model_store.save(model.parent, model.name, estimator, new_card)
    return RetrainingReport(model, comparison)


def _worlds(
    model: Path, seeds: str, size_km: float, progress: Progress
) -> training.Examples | None:
    if not seeds:
        return None
    chosen = training.seed_list(seeds)
    progress.begin("worlds", len(chosen))
    found = training.gather(chosen, size_km, model.parent / f".{model.name}.worlds", progress)
    progress.end("worlds", f"{len(found.labels)} patches")
    return found


def _joined(
    field: FieldLabels, chosen: np.ndarray, worlds: training.Examples | None
) -> tuple[pd.DataFrame, list[str], list[int]]:
    """Put labels of the field and of worlds together; counties and worlds are groups of their own."""
    numbers = {name: -1 - k for k, name in enumerate(sorted(set(field.counties)))}
    rows = [field.features[chosen]]
    labels = list(field.labels[chosen])
    groups = [numbers[name] for name in field.counties[chosen]]
    if worlds is not None:
        rows.append(worlds.features)
        labels += list(worlds.labels)
        groups += [int(world) for world in worlds.worlds]
    return pd.concat(rows, ignore_index=True), labels, groups


def _losses(
    used: Any,  # noqa: ANN401 - any estimator
    field: FieldLabels,
    worlds: training.Examples | None,
    section: ClassifySection,
) -> dict[str, tuple[float, float]]:
    """Return the loss of both models on each county, the new one trained without that county."""
    changed = field.labels != classify.PSEUDO
    if changed.all() or not changed.any():
        kind = "confirmed changes" if changed.all() else "pseudo-change"
        msg = f"all {len(changed)} verdicts are {kind}: nothing can be learnt from one kind alone"
        raise InputError(msg)
    found = {}
    for county in sorted(set(field.counties)):
        mine = field.counties == county
        rows, labels, groups = _joined(field, ~mine, worlds)
        if len(set(labels) - {""}) < len({"change", "none"}):
            continue
        estimator = classify.learn(rows, labels, TrainingSection(), seed=1, groups=groups)
        old, new = (
            classify.mean_log_loss(
                changed[mine],
                classify.predict(one, field.features[mine], section)[
                    "change_probability"
                ].to_numpy(),
                [county] * int(mine.sum()),
            )[county]
            for one in (used, estimator)
        )
        found[county] = old, new
    return found


def _compared(field: FieldLabels, losses: dict[str, tuple[float, float]]) -> dict[str, Any]:
    pairs = np.array(list(losses.values()), float).reshape(-1, 2)
    test: Paired = sign_flip(pairs[:, 0] - pairs[:, 1])
    why = ""
    if test.n < LEAST_COUNTIES:
        why = f"{test.n} counties can be compared, {LEAST_COUNTIES} are needed for a paired test"
    elif test.p >= LEVEL:
        why = f"not better beyond chance (p {test.p:.3f}, {LEVEL} is asked)"
    return {
        "labels": len(field.labels),
        "pseudo": int((field.labels == classify.PSEUDO).sum()),
        "lost": field.lost,
        "counties": len(set(field.counties)),
        "by_county": {name: {"in_use": a, "retrained": b} for name, (a, b) in losses.items()},
        "loss_in_use": float(pairs[:, 0].mean()) if len(pairs) else float("nan"),
        "loss_retrained": float(pairs[:, 1].mean()) if len(pairs) else float("nan"),
        "gain": test.gain,
        "p": test.p,
        "test": "sign flips of county means, one-sided; each county judged by a model that did not learn it",
        "why": why,
    }
